"""Time, handed in: one clock drives states, URL expiry, retention and rate windows."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NamedTuple

FASTEST = 1_000_000
"""Simulated seconds per real second that a clock can do: a year in half a minute."""

_LATEST = datetime(9990, 1, 1, tzinfo=UTC).timestamp()
# What follows (links, lists of the next day) must still be a date.


def _epoch(moment: float | datetime) -> float:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError(
                "a clock cannot start at a naive datetime: give it a time zone, for example "
                "datetime(2025, 10, 28, tzinfo=UTC)"
            )
        return moment.timestamp()
    return float(moment)


class Moment(NamedTuple):
    """All there is to a clock: two clocks with the same one always agree."""

    simulated: float
    """The simulated time at a real one, both in epoch seconds."""
    real: float
    speed: float
    thawed: float
    """The speed that it goes on at when it is frozen."""


class Clock:
    """The simulator's time: real by default, but it can be moved, frozen and sped up.

    Use it for a server that people talk to; for tests take `ManualClock`. Nothing in the
    process is patched: only what is given this clock follows it.

    Args:
        start: epoch seconds or an aware datetime; now, by default.
        speed: simulated seconds per real second (default 1; 60 makes a minute of a second).
    """

    def __init__(self, start: float | datetime | None = None, *, speed: float = 1.0) -> None:
        self._real = time.time()
        self._simulated = self._real if start is None else _epoch(start)
        self._speed = self._checked(speed)
        self._thawed = self._speed or 1.0

    def __repr__(self) -> str:
        at = self.datetime.isoformat(timespec="milliseconds")
        return f"<{type(self).__name__} {at} ×{self._speed:g}>"

    @staticmethod
    def _checked(speed: float) -> float:
        if not 0 <= speed <= FASTEST:
            raise ValueError(
                f"a clock's speed must be 0 (frozen) or more, to {FASTEST}, not {speed!r}"
            )
        return float(speed)

    @property
    def moment(self) -> Moment:
        """What it goes by; set it to another clock's to agree with that from then on."""
        return Moment(self._simulated, self._real, self._speed, self._thawed)

    @moment.setter
    def moment(self, moment: Moment) -> None:
        self._simulated, self._real, self._speed, self._thawed = moment

    def now(self) -> float:
        """The simulated time in epoch seconds."""
        return self._simulated + (time.time() - self._real) * self._speed

    @property
    def datetime(self) -> datetime:
        """The simulated time as an aware UTC datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    @property
    def speed(self) -> float:
        """Simulated seconds per real second; 0 while frozen. May be set at any time."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        speed = self._checked(speed)
        self._simulated, self._real = self.now(), time.time()
        self._speed, self._thawed = speed, self._speed or self._thawed

    def freeze(self) -> None:
        """Stop: from here time moves only by `advance` and `sleep`."""
        self.speed = 0.0

    def resume(self) -> None:
        """Go on at the speed it had before it was frozen; at 1, if it always was."""
        self.speed = self._speed or self._thawed

    def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> None:
        """Jump forward; everything that follows the clock is then that much later.

        Raises:
            ValueError: for a negative jump, since a simulated service cannot run backwards, or
                one past the year 9990.
        """
        step = seconds + 60 * minutes + 3600 * hours + 86_400 * days
        if step < 0:
            raise ValueError(f"a clock only goes forward, not by {step:g} s")
        if not self.now() + step < _LATEST:
            raise ValueError(f"a clock goes no further than the year 9990, not {step:g} s from now")
        self._simulated += step

    def sleep(self, seconds: float) -> None:
        """Let simulated seconds pass; a frozen clock advances by them at once."""
        if self._speed == 0:
            self.advance(max(0.0, seconds))
        elif seconds > 0:
            time.sleep(seconds / self._speed)

    async def async_sleep(self, seconds: float) -> None:
        """`sleep` for asyncio and trio."""
        import anyio  # noqa: PLC0415 - a clock is used without an event loop far more often

        if self._speed == 0:
            self.advance(max(0.0, seconds))
            await anyio.lowlevel.checkpoint()
        else:
            await anyio.sleep(max(0.0, seconds) / self._speed)


class ManualClock(Clock):
    """A clock that stands still until a test moves it.

    Args:
        start: epoch seconds or an aware datetime; the real present by default, so that an
            application which compares dates with its own clock finds nothing strange.

    Example:
        ```python
        clock = ManualClock()
        clock.advance(hours=24)
        ```
    """

    def __init__(self, start: float | datetime | None = None) -> None:
        super().__init__(start, speed=0.0)
