"""Poll etiquette: what is found, and what is not."""

from __future__ import annotations

import httpx
import pytest

from wanx_sim import Fault


@pytest.fixture
def polls(api, sim, clock):
    """Polls a task so often, so many seconds apart."""

    def poll(task_id, times, seconds=10.0):
        for _ in range(times):
            clock.advance(seconds)
            api.poll(task_id)

    return poll


def rules(sim):
    return [finding.rule for finding in sim.check_etiquette()]


def found(sim):
    (finding,) = sim.check_etiquette()
    return finding


def test_a_patient_application_does_nothing_wrong(api, sim, polls, clock):
    sim.timing = "seconds:30,55"
    task_id = api.submit(n=1, size="768*768")
    polls(task_id, 8)
    clock.advance(10)
    (picture,) = api.poll(task_id).output["results"]
    api.get(picture["url"])
    clock.advance(days=3)
    assert rules(sim) == []


def test_nothing_was_sent_and_nothing_is_wrong(sim):
    assert sim.check_etiquette() == []


# --- too fast ---------------------------------------------------------------------------------------


def test_a_task_that_is_polled_again_at_once(api, sim, polls):
    sim.timing = "manual"
    task_id = api.submit()
    polls(task_id, 2)
    polls(task_id, 3, seconds=0.5)
    finding = found(sim)
    assert (finding.task_id, finding.at, finding.tag) == (task_id, 20.5, "assumed")
    assert str(finding) == (
        f"poll-interval: task {task_id} was polled again after 0.5 s, 3 times, at +20.5 s\n"
        "  The service advises 10 s; wanx_virtual_time skips them. [assumed]"
    )


def test_many_tasks_that_are_polled_in_one_second(api, sim, clock):
    sim.timing = "manual"
    for number in range(21):
        task_id = api.submit(str(number))
        clock.advance(0.04)
        api.poll(task_id)
    finding = found(sim)
    assert (finding.rule, finding.tag) == ("query-rate", "documented")
    assert str(finding) == (
        "query-rate: more than 20 queries within a second, at +0.8 s\n"
        "  The service answers 429: poll every 10 s, in turn. [documented]"
    )


def test_twenty_queries_a_second_are_allowed(api, sim, clock):
    sim.timing = "manual"
    for number in range(60):
        clock.advance(0.051)
        api.poll(f"unknown-{number}")
    assert rules(sim) == []


def test_an_application_that_really_waits_beside_a_clock_that_stands_still(api, sim, monkeypatch):
    sim.timing = "manual"
    real = iter(range(0, 1000, 10))
    monkeypatch.setattr("wanx_sim.journal.monotonic", lambda: float(next(real)))
    task_id = api.submit()
    for _ in range(5):
        api.poll(task_id)
    assert rules(sim) == []


# --- after the end, after a 429, without end ----------------------------------------------------------


@pytest.mark.parametrize("end", ["SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"])
def test_a_task_that_is_polled_after_its_end(api, sim, polls, end):
    sim.timing = "manual"
    task_id = api.submit()
    {
        "SUCCEEDED": sim.finish,
        "FAILED": sim.fail,
        "CANCELED": api.cancel,
        "UNKNOWN": lambda _: sim.store.clear(),
    }[end](task_id)
    polls(task_id, 1)
    assert rules(sim) == []
    polls(task_id, 2)
    assert str(found(sim)) == (
        f"poll-after-end: task {task_id} was polled twice after it was {end}, at +20.0 s\n"
        "  SUCCEEDED, FAILED, CANCELED and UNKNOWN are final: stop polling there. [documented]"
    )


@pytest.mark.parametrize("on", ["query", "create"])
def test_a_429_and_the_same_again_at_once(api, sim, clock, on):
    sim.faults.add(Fault(on=on, code="Throttling.RateQuota", times=2))
    send = {"create": lambda: api.create("花"), "query": lambda: api.poll("x")}[on]
    send()
    clock.advance(0.1)
    send()
    clock.advance(2)
    send()
    finding = found(sim)
    assert finding.rule == "back-off"
    assert str(finding).split("\n")[1] == (
        "  No Retry-After comes: wait 0.5 s or more, longer each time. [assumed]"
    )
    assert "sent again 0.1 s after a 429, at +0.1 s" in str(finding)


def test_a_task_that_is_polled_for_hours(api, sim, polls):
    sim.timing = "manual"
    task_id = api.submit()
    polls(task_id, 100, seconds=100)
    assert rules(sim) == []
    polls(task_id, 20, seconds=100)
    assert str(found(sim)) == (
        f"deadline: task {task_id} was polled 120 times over 3.3 h, at +12000.0 s\n"
        "  The service gives a task up after 3 h: have a deadline. [documented]"
    )


def test_a_clock_that_a_test_moves_by_a_day_is_no_polling_for_hours(api, sim, polls):
    sim.timing = "manual"
    task_id = api.submit()
    polls(task_id, 2)
    polls(task_id, 1, seconds=86_400)
    assert rules(sim) == []


# --- money ------------------------------------------------------------------------------------------


def test_a_picture_that_was_paid_for_and_never_fetched(api, sim, clock):
    sim.timing = "instant"
    task_id = api.submit(n=1)
    clock.advance(hours=23)
    assert rules(sim) == []
    clock.advance(hours=1)
    assert str(found(sim)) == (
        f"never-downloaded: task {task_id} has 1 of 1 pictures that nobody fetched, "
        "at +86399.0 s\n"
        "  Their links are dead now: fetch at once, and keep the bytes, not the link. [documented]"
    )


def test_a_create_again_after_an_answer_that_never_came(api, sim, clock):
    with pytest.raises(httpx.RemoteProtocolError):
        api.create("[[lost-response]] 花", n=1)
    clock.advance(60)
    api.create("鸟", n=1)
    assert rules(sim) == []
    api.create("[[lost-response]] 花", n=1)
    assert str(found(sim)) == (
        "resubmit: the same create again, after one that ended in: connection lost, at +60.0 s\n"
        "  The first may exist and be billed: look for it in the list of tasks before. [documented]"
    )


@pytest.mark.parametrize(("preset", "counts"), [("gateway-html", True), ("throttle", False)])
def test_a_create_again_after_a_5xx_but_not_after_a_refusal(api, sim, clock, preset, counts):
    fault = preset if counts else Fault(on="create", code="Throttling")
    sim.faults.add(fault)
    for _ in range(2):
        api.create("花", n=1)
        clock.advance(60)
    assert rules(sim) == ["resubmit"] * counts
