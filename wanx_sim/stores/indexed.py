"""What memory and disk have in common: an index in sorted sets that this process keeps.

It is kept a little late. A create only adds its task; every 64th puts those since the last one
into the index, and so does whoever asks it something. That way a create costs half, and one on
disk a third.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable
from contextlib import AbstractContextManager
from math import inf, nextafter

from ..protocol.catalogue import Region
from ..protocol.listing import Filter
from ..protocol.queue import NEVER, Line
from ..protocol.task import Task
from . import Page, index
from .index import Total

LATE = 64
"""How many creates go by before they are put into the index, if nobody asks it anything."""

NEW = -1
"""The stage of a task that is not in the index yet."""

_SOME = 1000


class Indexed(ABC):
    """The questions that are asked of an index; an engine says how its sets are kept.

    Engines call tasks by numbers, in the order in which they were added.
    """

    # --- what an engine does ---------------------------------------------------------------------

    @abstractmethod
    def _lock(self) -> AbstractContextManager[object]:
        """A block in which nobody else changes anything, or sees half of what is changed."""

    @abstractmethod
    def _new(self) -> Iterable[int]:
        """The tasks that are not in the index yet."""

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
    def _drop(self, name: str, score: float, number: int) -> None:
        """Take a task out of one."""

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
        numbers = list(self._new())
        charges: defaultdict[tuple[str, str], Total] = defaultdict(Total)
        for number, task in zip(numbers, self._load(numbers), strict=True):
            for entry in index.standing(task).entries(0):
                self._put(*entry, number)
            self._set_stage(number, 0)
            whose = task.account, task.order.model
            charges[whose] = charges[whose].plus(index.bill(task))
        for (account, model), more in charges.items():
            self._charge(model, index.queue_of(account, model), more)

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
                self._drop(*entry, number)
        for entry in after:
            if entry not in before:
                self._put(*entry, number)
        self._set_stage(number, stage)

    def _bill(self, task: Task, more: Total) -> None:
        if more != (0, 0, 0):
            model = task.order.model
            self._charge(model, index.queue_of(task.account, model), more)

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
