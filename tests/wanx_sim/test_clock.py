"""The simulator's clock: real, scaled, frozen, manual."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import anyio
import pytest

from wanx_sim import Clock, ManualClock, clock as module

START = datetime(2025, 10, 28, tzinfo=UTC)
EPOCH = START.timestamp()


@pytest.fixture
def real(monkeypatch):
    """Real time as the clock sees it: it passes when a test says so, or the clock sleeps."""
    time = SimpleNamespace(at=5_000_000.0, slept=[])

    def sleep(seconds):
        time.slept.append(seconds)
        time.at += seconds

    fake = SimpleNamespace(time=lambda: time.at, sleep=sleep)
    monkeypatch.setattr(module, "time", fake)
    return time


# --- manual -------------------------------------------------------------------------------------


def test_a_manual_clock_stands_still(real):
    clock = ManualClock(START)
    real.at += 1000
    assert clock.now() == EPOCH


def test_a_manual_clock_begins_in_the_real_present(real):
    assert ManualClock().now() == real.at


@pytest.mark.parametrize(
    ("step", "seconds"),
    [
        ({"seconds": 1.5}, 1.5),
        ({"minutes": 2}, 120),
        ({"hours": 24}, 86_400),
        ({"days": 1, "hours": 1, "minutes": 1, "seconds": 1}, 90_061),
        ({}, 0),
    ],
)
def test_a_clock_advances(step, seconds):
    clock = ManualClock(START)
    clock.advance(**step)
    assert clock.now() == EPOCH + seconds


def test_a_clock_advances_by_plain_seconds():
    clock = ManualClock(START)
    clock.advance(90)
    assert clock.now() == EPOCH + 90


@pytest.mark.parametrize("step", [{"seconds": -1}, {"hours": 1, "minutes": -61}])
def test_a_clock_does_not_go_back(step):
    with pytest.raises(ValueError, match="a clock only goes forward, not by -"):
        ManualClock(START).advance(**step)


@pytest.mark.parametrize("start", [START, EPOCH, int(EPOCH)])
def test_a_clock_begins_at_a_datetime_or_at_epoch_seconds(start):
    assert ManualClock(start).datetime == START


def test_a_naive_datetime_is_refused():
    with pytest.raises(ValueError, match="give it a time zone"):
        ManualClock(datetime(2025, 10, 28))  # noqa: DTZ001 - that is the point


def test_sleeping_on_a_manual_clock_moves_it_and_takes_no_time(real):
    clock = ManualClock(START)
    clock.sleep(3600)
    assert (clock.now(), real.slept) == (EPOCH + 3600, [])


def test_sleeping_for_a_negative_time_is_no_sleep():
    clock = ManualClock(START)
    clock.sleep(-5)
    assert clock.now() == EPOCH


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_sleeping_asynchronously_on_a_manual_clock_moves_it(backend):
    clock = ManualClock(START)
    anyio.run(clock.async_sleep, 3600, backend=backend)
    assert clock.now() == EPOCH + 3600


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_sleeping_asynchronously_lets_others_run(backend):
    order = []

    async def sleeper(name):
        for _ in range(2):
            order.append(name)
            await ManualClock().async_sleep(1)

    async def both():
        async with anyio.create_task_group() as group:
            group.start_soon(sleeper, "a")
            group.start_soon(sleeper, "b")

    anyio.run(both, backend=backend)
    assert sorted(order[:2]) == ["a", "b"]


# --- real and scaled ----------------------------------------------------------------------------


def test_a_clock_goes_as_real_time_does(real):
    clock = Clock()
    real.at += 7
    assert clock.now() == 5_000_007.0


def test_a_clock_may_begin_elsewhere(real):
    clock = Clock(START)
    real.at += 7
    assert clock.now() == EPOCH + 7


def test_a_fast_clock_makes_a_minute_of_a_second(real):
    clock = Clock(START, speed=60)
    real.at += 2
    assert clock.now() == EPOCH + 120


def test_a_change_of_speed_does_not_jump(real):
    clock = Clock(START)
    real.at += 10
    clock.speed = 60
    assert clock.now() == EPOCH + 10
    real.at += 1
    assert clock.now() == EPOCH + 70


def test_a_frozen_clock_stands_and_can_be_thawed(real):
    clock = Clock(START)
    clock.freeze()
    real.at += 100
    assert (clock.now(), clock.speed) == (EPOCH, 0)
    clock.speed = 1
    real.at += 5
    assert clock.now() == EPOCH + 5


def test_a_running_clock_can_be_advanced(real):
    clock = Clock(START)
    clock.advance(hours=1)
    real.at += 5
    assert clock.now() == EPOCH + 3605


@pytest.mark.parametrize(("speed", "slept"), [(1, 30.0), (60, 0.5)])
def test_sleeping_takes_real_time_by_the_clocks_speed(real, speed, slept):
    clock = Clock(START, speed=speed)
    clock.sleep(30)
    assert real.slept == [slept]
    assert clock.now() == EPOCH + 30


@pytest.mark.parametrize("speed", [-1, float("inf"), float("nan")])
def test_a_speed_is_a_number_from_0(speed):
    with pytest.raises(ValueError, match="speed must be 0 \\(frozen\\) or more"):
        Clock(speed=speed)


def test_a_clock_shows_its_time_and_speed():
    assert repr(ManualClock(START)) == "<ManualClock 2025-10-28T00:00:00.000+00:00 ×0>"
