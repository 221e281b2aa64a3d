"""The tasks of a simulator as a test looks at them: live, by id or by order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from .clock import Clock
from .journal import Journal
from .protocol.lifecycle import Status
from .protocol.task import Task
from .stores import Store

_SHOWN = 20  # characters of a prompt
_LISTED = 20  # tasks in a message: a store may hold a million


def shorten(text: str) -> str:
    """The beginning of a prompt, enough to know it by."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


class TaskView:
    """One task, always as it is now."""

    def __init__(self, task: Task, store: Store, clock: Clock) -> None:
        self._task, self._store, self._clock = task, store, clock

    def __repr__(self) -> str:
        asked = f"{self.model} {self.size} n={self.n} {shorten(self.prompt)!r}"
        return f"<TaskView {self.task_id} {self.status} {asked}>"

    @property
    def record(self) -> Task:
        """The record behind it, with order and plan."""
        return self._store.get(self._task.task_id) or self._task

    @property
    def status(self) -> Status:
        """Its status now, on the simulator's clock. Looking at it is no poll."""
        return self.record.status(self._clock.now())

    @property
    def task_id(self) -> str:
        """Its id."""
        return self._task.task_id

    id = task_id

    @property
    def model(self) -> str:
        """The model it was ordered from."""
        return self._task.order.model

    @property
    def prompt(self) -> str:
        """The prompt as it was sent."""
        return self._task.order.prompt

    @property
    def size(self) -> str:
        """``width*height``."""
        return self._task.order.size

    @property
    def n(self) -> int:
        """How many images were ordered."""
        return self._task.order.n

    @property
    def seed(self) -> int:
        """The seed of its first image."""
        return self._task.seed


class Tasks:
    """All tasks, oldest first.

    The store keeps the newest 1,000,000, and of those that the service has forgotten (24 h after
    their submission) the newest 10,000; older ones are `dropped` as new ones come.
    """

    def __init__(self, store: Store, clock: Clock, requests: Journal | None = None) -> None:
        self._store, self._clock, self._requests = store, clock, requests

    def __iter__(self) -> Iterator[TaskView]:
        return (TaskView(task, self._store, self._clock) for task in self._store.tasks())

    def __len__(self) -> int:
        return self._store.count()

    def __repr__(self) -> str:
        views = [repr(view) for view in islice(self, _LISTED)]
        more = ["…"] if len(self) > _LISTED else []
        return f"<Tasks [{', '.join(views + more)}]{self._gone}>"

    @property
    def dropped(self) -> int:
        """How many older tasks are no longer kept; the ledger still has them."""
        return self._store.dropped()

    @property
    def _gone(self) -> str:
        dropped = self.dropped
        return f", {dropped:,} older dropped" if dropped else ""

    def missing(self, task_id: str) -> str:
        """What to say where an id is none of theirs."""
        return f"no task has the id {task_id!r}; there are {len(self)}{self._gone}"

    def __getitem__(self, key: str | int) -> TaskView:
        """The task with an id (str) or at a place in the order of creation, of those kept (int).

        Raises:
            KeyError, IndexError: if there is none.
        """
        if isinstance(key, int):
            return list(self)[key]
        task = self._store.get(key)
        if task is None:
            raise KeyError(self.missing(key))
        return TaskView(task, self._store, self._clock)

    @property
    def only(self) -> TaskView:
        """The one task there is.

        Raises:
            AssertionError: if there is none, with the requests that came instead, or more than
                one, with the first 20 of them.
        """
        __tracebackhide__ = True
        count = len(self)
        if count != 1:
            found = f"{count}{self._gone}{self._why(count)}"
            raise AssertionError(f"expected exactly one task, found {found}")
        return next(iter(self))

    def _why(self, count: int) -> str:
        if count:
            lines = [f"\n  {view!r}" for view in islice(self, _LISTED)]
            more = f"\n  and {count - _LISTED:,} more" if count > _LISTED else ""
            return "".join(lines) + more
        if not self._requests:
            return ": no request came at all"
        return f"; these are the requests that came:\n{self._requests.table()}"
