"""How long to wait, and what to ask again."""

import pytest

from wanx_client import ConnectionFailedError, RateLimitError, ServiceError, WanxError
from wanx_client.effects import run
from wanx_client.polling import Deadline, backoff, may_repeat, persistently, was_not_accepted


class Clock:
    """A clock to be moved by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_pauses_grow_up_to_eight_seconds():
    assert list(backoff(6)) == [0.5, 1, 2, 4, 8, 8]


def test_a_deadline_passes_with_the_clock():
    clock = Clock()
    deadline = Deadline(5, now=clock)
    clock.now += 4.9
    assert not deadline.over
    clock.now += 0.1
    assert deadline.over


def test_a_deadline_passes_with_pauses_that_take_no_time():
    deadline = Deadline(5, now=Clock())
    slept = []
    run(deadline.pause(3), lambda effect: slept.append(effect.seconds))
    run(deadline.pause(3), lambda effect: slept.append(effect.seconds))
    assert slept == [3, 2]
    assert deadline.over


def test_clock_and_pauses_are_not_added_up():
    """A real sleep shows on the clock as well, and is not to count twice."""
    clock = Clock()
    deadline = Deadline(5, now=clock)
    for _ in deadline.pause(3):
        clock.now += 3
    assert deadline.elapsed == 3


def test_many_small_pauses_still_reach_the_limit():
    deadline = Deadline(0.3, now=Clock())
    for _ in range(3):
        list(deadline.pause(0.1))
    assert deadline.over


def test_no_limit_is_never_over():
    deadline = Deadline(None)
    list(deadline.pause(1e9))
    assert not deadline.over


def test_a_request_near_the_deadline_gets_less_time_but_a_fair_chance():
    deadline = Deadline(20, now=Clock())
    assert deadline.request_timeout(60) == 20
    list(deadline.pause(19))
    assert deadline.request_timeout(60) == 5
    assert deadline.request_timeout(2) == 2


def attempts(*outcomes, retries=4, deadline=None, worth_it=may_repeat):
    """Return how the attempts ended, and the pauses between them."""
    pauses = []
    outcomes = iter(outcomes)

    def attempt():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
        yield

    operation = persistently(
        attempt, retries=retries, deadline=deadline or Deadline(None), worth_it=worth_it
    )
    try:
        return run(operation, lambda effect: pauses.append(effect.seconds)), pauses
    except WanxError as error:
        return error, pauses


BUSY = ServiceError("busy", http_status=503)


def test_a_transient_failure_is_repeated_until_it_is_none():
    assert attempts(BUSY, BUSY, "done") == ("done", [0.5, 1])


def test_the_last_failure_is_raised_when_the_retries_are_used_up():
    assert attempts(BUSY, BUSY, BUSY, retries=2) == (BUSY, [0.5, 1])


def test_without_retries_there_is_one_attempt():
    assert attempts(BUSY, retries=0) == (BUSY, [])


def test_what_is_not_worth_it_is_not_repeated():
    refusal = WanxError("no")
    assert attempts(refusal) == (refusal, [])


def test_the_service_may_ask_for_another_pause():
    asked = RateLimitError("slow down", retry_after=3)
    assert attempts(asked, "done") == ("done", [3])


def test_nobody_makes_us_sleep_for_an_hour():
    asked = RateLimitError("slow down", retry_after=3600)
    assert attempts(asked, "done") == ("done", [60])


def test_retries_end_at_the_deadline():
    assert attempts(BUSY, BUSY, BUSY, BUSY, deadline=Deadline(1.2)) == (
        BUSY,
        [0.5, pytest.approx(0.7, abs=0.1)],
    )


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_failing_service_is_worth_asking_again(status):
    assert may_repeat(ServiceError("", http_status=status))


@pytest.mark.parametrize("status", [403, 404, 501])
def test_an_image_host_that_refuses_is_not(status):
    assert not may_repeat(ServiceError("", http_status=status))


def test_a_create_is_repeated_only_if_it_certainly_had_no_effect():
    assert was_not_accepted(ConnectionFailedError("", sent=False))
    assert was_not_accepted(RateLimitError(""))
    assert not was_not_accepted(ConnectionFailedError("", sent=True))
    assert not was_not_accepted(ServiceError("", http_status=503))
