"""What memory and disk have in common: an index in sorted sets that this process keeps.

It is kept a little late. A create only adds its task; every 64th puts those since the last one
into the index, and so does whoever asks it something. That way a create costs half, and one on
disk a third. Every 64th also lets go of the oldest tasks, if there are more than are kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable
from contextlib import AbstractContextManager
from itertools import takewhile
from math import inf, nextafter

from ..protocol.catalogue import Region
from ..protocol.lifecycle import RETENTION
from ..protocol.listing import Filter
from ..protocol.queue import NEVER, Line
from ..protocol.task import Task
from . import Page, forgotten_kept, index
from .index import Total

LATE = 64
"""How many creates go by before they are put into the index, if nobody asks it anything."""

NEW = -1
"""The stage of a task that is not in the index yet."""

_SOME = 1000

Entries = list[tuple[float, int]]
"""Tasks in a sorted set: scores and numbers."""


class Indexed(ABC):
    """The questions that are asked of an index; an engine says how its sets are kept.

    Engines call tasks by numbers, in the order in which they were added, one after the other.

    Args:
        keep: how many tasks are kept, the newest.

    Raises:
        ValueError: if it is to be none.
    """

    def __init__(self, keep: int) -> None:
        self.keep, self._keep_forgotten = keep, forgotten_kept(keep)

    # --- what an engine does ---------------------------------------------------------------------

    @abstractmethod
    def _lock(self) -> AbstractContextManager[object]:
        """A block in which nobody else changes anything, or sees half of what is changed."""

    @abstractmethod
    def _span(self) -> range:
        """The numbers of all tasks that are there."""

    @abstractmethod
    def _delete(self, numbers: range) -> None:
        """Delete the first tasks, which are no longer in the index."""

    @abstractmethod
    def _new(self) -> range:
        """The tasks that are not in the index yet."""

    @abstractmethod
    def _begin(self, numbers: range) -> None:
        """Note that these are in the index now, at their first stage."""

    @abstractmethod
    def _load(self, numbers: Iterable[int]) -> list[Task]:
        """The tasks with those numbers, in their order."""

    @abstractmethod
    def _stage(self, number: int) -> int:
        """At which stage a task stands in the index, or `NEW`."""

    @abstractmethod
    def _set_stage(self, number: int, stage: int) -> None:
        """Note at which stage it stands there."""

    @abstractmethod
    def _put(self, name: str, score: float, number: int) -> None:
        """Put a task into a sorted set."""

    @abstractmethod
    def _put_all(self, name: str, entries: Entries) -> None:
        """Put tasks into a sorted set, by scores and numbers in their order."""

    @abstractmethod
    def _take(self, name: str, score: float, number: int) -> None:
        """Take a task out of one."""

    @abstractmethod
    def _take_all(self, name: str, entries: Entries) -> None:
        """Take tasks out of one, in their order."""

    @abstractmethod
    def _due(self, now: float, most: int) -> list[int]:
        """Some of the tasks with an `index.UNTIL` up to now, or an `index.SINCE` after it."""

    @abstractmethod
    def _count(self, name: str, low: float, high: float) -> int:
        """How many scores of a list lie between two, both included."""

    @abstractmethod
    def _highest(
        self, name: str, low: float, high: float, skip: int, take: int
    ) -> list[tuple[float, int]]:
        """Scores and numbers between two scores, from the highest down, after skipping some."""

    @abstractmethod
    def _charge(self, model: str, queue: str, more: Total) -> None:
        """Add to the totals of a model and of a queue."""

    @abstractmethod
    def _totals(self) -> dict[str, Total]:
        """The totals of the models."""

    @abstractmethod
    def _images(self, queue: str) -> int:
        """The images of a queue."""

    # --- keeping the index -----------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Put the tasks into the index that are not there yet."""
        numbers = self._new()
        if not numbers:
            return
        sets: _Sets = defaultdict(list)
        charges: _Charges = defaultdict(Total)
        for number, task in zip(numbers, self._load(numbers), strict=True):
            for name, score in index.standing(task).entries(0):
                sets[name].append((score, number))
            charges[_whose(task)] = charges[_whose(task)].plus(index.bill(task))
        for name, entries in sets.items():
            self._put_all(name, sorted(entries))
        self._begin(numbers)
        self._charge_all(charges)

    def _charge_all(self, charges: _Charges) -> None:
        for (model, queue), more in charges.items():
            self._charge(model, queue, more)

    def _settle(self, now: float, most: int) -> bool:
        """Move some of the tasks whose turn has come; whether there were any."""
        due = self._due(now, most)
        for number, task in zip(due, self._load(due), strict=True):
            self._exchange(task, task, number, now)
        return bool(due)

    def _added(self, number: int, now: float) -> None:
        """What an engine calls for each task that was added."""
        if number % LATE == 0:
            self._catch_up()
            # Each task has two turns as a rule, so this keeps up with them.
            self._settle(now, 3 * LATE)
            self._let_go(now)

    def _let_go(self, now: float) -> None:
        """Let go of some of the tasks that are no longer kept; all are in the index."""
        numbers = self._outdated(now)
        if not numbers:
            return
        sets: _Sets = defaultdict(list)
        charges: _Charges = defaultdict(Total)
        for number, task in zip(numbers, self._load(numbers), strict=True):
            for name, score in index.standing(task).entries(self._stage(number)):
                sets[name].append((score, number))
            charges[_whose(task)] = charges[_whose(task)].plus(_DROPPED)
        for name, entries in sets.items():
            self._take_all(name, sorted(entries))
        self._delete(numbers)
        self._charge_all(charges)

    def _outdated(self, now: float) -> range:
        """The first tasks, as far as they are to be let go of now."""
        there = self._span()

        def outdated(number: int) -> bool:
            return number + self.keep in there or self._passed_over(number, there, now)

        # Twice as many as come, so that a store which holds too many catches up.
        return there[: sum(1 for _ in takewhile(outdated, there[: 2 * LATE]))]

    def _passed_over(self, number: int, there: range, now: float) -> bool:
        """Whether the service has forgotten a task, and as many after it as are kept."""
        later = number + self._keep_forgotten
        # A clock may have been set back: then the later one was submitted before.
        return later in there and all(
            task.plan.submitted + RETENTION <= now for task in self._load((later, number))
        )

    def _changed(self, old: Task, new: Task, number: int, now: float) -> None:
        """What an engine calls for each task that was replaced."""
        if self._stage(number) != NEW:
            self._exchange(old, new, number, now)
            self._bill(new, index.bill(new).minus(index.bill(old)))

    def _exchange(self, old: Task, new: Task, number: int, now: float) -> None:
        standing = index.standing(new)
        stage = standing.stage(now)
        before = index.standing(old).entries(self._stage(number))
        after = standing.entries(stage)
        for entry in before:
            if entry not in after:
                self._take(*entry, number)
        for entry in after:
            if entry not in before:
                self._put(*entry, number)
        self._set_stage(number, stage)

    def _bill(self, task: Task, more: Total) -> None:
        if more != Total():
            self._charge(*_whose(task), more)

    # --- asking it -------------------------------------------------------------------------------

    def page(self, region: Region, wanted: Filter, now: float) -> Page:
        """See `Store.page`."""
        name, (low, high) = index.list_of(region, wanted), wanted.span(now)
        with self._lock():
            self._catch_up()
            while self._settle(now, _SOME):
                pass
            total = self._count(name, low, high)
            rows = self._highest(name, low, high, wanted.skip, wanted.size)
            return Page(total, self._load(number for _, number in rows))

    def line(self, queue: str, places: int) -> Line:
        """See `Store.line`."""
        with self._lock():
            self._catch_up()
            start = self._highest(f"starts/{queue}", -inf, inf, 0, 1)
            turn = self._highest(f"frees/{queue}", -inf, inf, places - 1, 1)
        return Line(start[0][0] if start else NEVER, turn[0][0] if turn else NEVER)

    def holders(self, queue: str, now: float) -> list[Task]:
        """See `Store.holders`."""
        with self._lock():
            self._catch_up()
            found = self._highest(f"frees/{queue}", nextafter(now, inf), inf, 0, 2**32)
            return self._load(sorted(number for _, number in found))

    def totals(self) -> dict[str, Total]:
        """See `Store.totals`."""
        with self._lock():
            self._catch_up()
            return self._totals()

    def images(self, queue: str) -> int:
        """See `Store.images`."""
        with self._lock():
            self._catch_up()
            return self._images(queue)

    def dropped(self) -> int:
        """See `Store.dropped`."""
        return sum(total.dropped for total in self.totals().values())


_Sets = defaultdict[str, Entries]
_Charges = defaultdict[tuple[str, str], Total]

_DROPPED = Total(dropped=1)


def _whose(task: Task) -> tuple[str, str]:
    """Whose totals a task counts in: its model's and its queue's."""
    model = task.order.model
    return model, index.queue_of(task.account, model)
