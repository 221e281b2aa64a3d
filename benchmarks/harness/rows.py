"""A row of the table: what is compared with what, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .figures import Figure, Goal, Series


class Unit(StrEnum):
    """What a figure is."""

    TIMES = "x"
    MILLISECONDS = "ms"
    MEGABYTES = "MB"
    KILOBYTES = "kB"
    BYTES = "B"

    def of(self, value: float) -> float:
        """A value in seconds or bytes, in this unit."""
        return value / _SIZES[self]


_SIZES = {
    Unit.TIMES: 1.0,
    Unit.MILLISECONDS: 1e-3,
    Unit.MEGABYTES: 1e6,
    Unit.KILOBYTES: 1e3,
    Unit.BYTES: 1.0,
}

_LONGEST = 300  # of a reason; a tool's error may hold a file


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is measured, what it is held against, and the goal.

    Attributes:
        name: what ``ROWS=`` calls it.
        work: what is measured.
        against: with what it is compared; empty for a figure that stands alone.
        unit: of the figure.
        goal: what it should be, in that unit; None for a figure that has none.
    """

    name: str
    work: str
    against: str = ""
    unit: Unit = Unit.TIMES
    goal: Goal | None = None

    def result(
        self, figure: Figure, *series: Series, shown: Shown | None = None, note: str = ""
    ) -> Result:
        """The row, measured; the first series is ours, the second what it was compared with."""
        value, low, high = (self.unit.of(part) for part in figure[:3])
        cpu = None if figure.cpu is None else self.unit.of(figure.cpu)
        return Result(self, Figure(value, low, high, cpu), series, shown or Shown.TIME, note)

    def skipped(self, why: str) -> Result:
        """The row, not measured."""
        return Result(self, None, (), Shown.TIME, f"not measured: {_brief(why)}")


class Shown(StrEnum):
    """How a series is shown beside the figure."""

    TIME = "time an operation"
    RATE = "operations a second"
    SIZE = "bytes"

    def text(self, series: Series) -> str:
        """A series' median, for a person."""
        value, cpu = series.value, series.cpu
        if self is Shown.SIZE:
            return size(value)
        text = f"{1 / value:,.0f}/s" if self is Shown.RATE else duration(value)
        return text if cpu is None else f"{text}, CPU {duration(cpu)}"


@dataclass(frozen=True)
class Result:
    """A row and what came out."""

    row: Row
    figure: Figure | None
    series: Sequence[Series]
    shown: Shown
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal was met; None if there is none, or nothing was measured."""
        if self.figure is None or self.row.goal is None:
            return None
        return self.row.goal.met(self.figure.value)


def _brief(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"


def duration(seconds: float) -> str:
    """A time, in three digits."""
    for unit, in_seconds in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if abs(seconds) >= in_seconds:
            return f"{digits(seconds / in_seconds)} {unit}"
    return f"{digits(seconds * 1e9)} ns"


def size(count: float) -> str:
    """A number of bytes, in three digits."""
    for unit, in_bytes in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= in_bytes:
            return f"{digits(count / in_bytes)} {unit}"
    return f"{digits(count)} B"


def digits(value: float) -> str:
    """A number, in three digits."""
    magnitude = abs(value)
    if magnitude >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if magnitude >= 10 else f"{value:.2f}"
