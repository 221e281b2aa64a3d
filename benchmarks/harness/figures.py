"""Rounds and what is made of them: medians, ratios, goals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, NamedTuple


class Sample(NamedTuple):
    """What one round said: seconds or bytes an operation, and CPU seconds where known."""

    value: float
    cpu: float | None = None


@dataclass(frozen=True)
class Series:
    """The rounds of one contender."""

    who: str
    samples: tuple[Sample, ...]

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(sample.value for sample in self.samples)

    @property
    def cpu(self) -> float | None:
        """The median CPU time of the rounds, if all of them know it."""
        return _median(sample.cpu for sample in self.samples)


class Figure(NamedTuple):
    """One comparison: the median over the rounds, its quartiles, and the same in CPU time."""

    value: float
    low: float
    high: float
    cpu: float | None = None


Measure = Callable[[], Sample]


def interleaved(
    contenders: Mapping[str, Measure],
    rounds: int,
    *,
    warm: bool = True,
    told: Callable[[], None] = lambda: None,
) -> dict[str, Series]:
    """Measure contenders in turn, round by round, in an order that is turned about each time.

    So whatever the machine does meanwhile, it does to all of them. Before the rounds comes one
    that does not count, unless ``warm`` is false.
    """
    if warm:
        for measure in contenders.values():
            measure()
    found: dict[str, list[Sample]] = {who: [] for who in contenders}
    for number in range(rounds):
        order = list(contenders)
        for who in order if number % 2 == 0 else reversed(order):
            found[who].append(contenders[who]())
        told()
    return {who: Series(who, tuple(samples)) for who, samples in found.items()}


# --- comparisons: each round's two figures are compared, and the median taken of that -------------


def times_as_much(ours: Series, theirs: Series) -> Figure:
    """How many times the other's cost ours is: 1.2 is a fifth dearer."""
    return _compare(lambda mine, other: mine / other, ours, theirs)


def times_as_fast(ours: Series, theirs: Series) -> Figure:
    """How many operations ours does in the time of one of the other: 0.8 is a fifth slower."""
    return _compare(lambda mine, other: other / mine, ours, theirs)


def excess(ours: Series, theirs: Series) -> Figure:
    """What ours costs on top of the other."""
    return _compare(lambda mine, other: mine - other, ours, theirs)


def alone(ours: Series) -> Figure:
    """What ours costs, compared with nothing."""
    return _figure([sample.value for sample in ours.samples], [s.cpu for s in ours.samples])


def _compare(how: Callable[[float, float], float], ours: Series, theirs: Series) -> Figure:
    pairs = list(zip(ours.samples, theirs.samples, strict=True))
    values = [how(mine.value, other.value) for mine, other in pairs]
    cpus = [how(mine.cpu, other.cpu) if mine.cpu and other.cpu else None for mine, other in pairs]
    return _figure(values, cpus)


def _figure(values: Sequence[float], cpus: Iterable[float | None]) -> Figure:
    ordered = sorted(values)
    quarter = (len(ordered) - 1) // 4
    return Figure(median(values), ordered[quarter], ordered[-1 - quarter], _median(cpus))


def _median(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if None in known or not known else median(v for v in known if v is not None)


# --- goals ----------------------------------------------------------------------------------------


class Goal(NamedTuple):
    """What a figure should be."""

    sign: Literal["≥", "≤"]
    bound: float

    def met(self, figure: float) -> bool:
        """Whether a figure is as good as that."""
        return figure >= self.bound if self.sign == "≥" else figure <= self.bound


def at_least(bound: float) -> Goal:
    """A goal that is met by this much and more."""
    return Goal("≥", bound)


def at_most(bound: float) -> Goal:
    """A goal that is met by this much and less."""
    return Goal("≤", bound)
