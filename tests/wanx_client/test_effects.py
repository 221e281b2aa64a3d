"""The two loops that run an operation."""

import pytest

from wanx_client.effects import Pause, Send, run, run_async


def operation():
    first = yield Pause(seconds=1)
    try:
        yield Pause(seconds=2)
    except OSError:
        second = "caught"
    return first, second


def perform(effect):
    if effect.seconds == 2:
        raise OSError
    return "sent"


def test_outcomes_are_sent_in_and_errors_thrown_in():
    assert run(operation(), perform) == ("sent", "caught")


@pytest.mark.anyio
async def test_the_async_loop_does_the_same():
    async def perform_async(effect):
        return perform(effect)

    assert await run_async(operation(), perform_async) == ("sent", "caught")


def test_an_error_that_the_operation_does_not_catch_comes_out_of_it():
    def interrupt(_effect):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(operation(), interrupt)


def test_the_operation_is_left_properly_when_it_breaks_off():
    left = []

    def careful():
        try:
            yield Pause(seconds=2)
        finally:
            left.append(True)

    with pytest.raises(OSError):
        run(careful(), perform)
    assert left == [True]


def test_a_request_does_not_show_what_could_hold_a_secret():
    request = Send(
        method="GET",
        url="https://host/?Signature=s3cret",
        headers={"Authorization": "Bearer s3cret"},
        content=b"s3cret",
        timeout=1,
    )
    assert "s3cret" not in repr(request)
