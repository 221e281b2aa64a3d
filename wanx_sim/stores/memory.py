"""The store of tests: nothing but memory, gone with the process.

It keeps tasks as bytes, not as objects: a million take 400 MB instead of several GB, and what
reads one takes 4 µs longer. Those that were written or polled of late are there as objects, too;
lists and whatever reads many neither need that nor push them out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from math import inf, nextafter
from threading import RLock

from ..latest import Latest
from ..protocol.task import Task
from . import KEPT, RECENT, Change, compact
from .compact import Key
from .index import SINCE, UNTIL, Total
from .indexed import NEW, Entries, Indexed
from .ranked import Ranked

PICTURES = 256
"""How many rendered pictures are kept; about 25 MB at the service's sizes."""

_CUT = 4096
"""So many tasks are dropped before a list of all is moved up, which takes 1 ms at a million."""

_NUMBER = 4
"""Bytes before a record: the task's number."""


class MemoryStore(Indexed):
    """Tasks and pictures in memory.

    Args:
        keep: how many tasks are kept, the newest.

    Raises:
        ValueError: if it is to be none.
    """

    shared = False

    def __init__(self, *, keep: int = KEPT) -> None:
        super().__init__(keep)
        self._pictures: dict[str, bytes] = {}
        self._mutex = RLock()
        self._empty()

    def _empty(self) -> None:
        self._records: dict[Key, bytes] = {}
        self._keys: list[Key] = []
        self._first = 0  # the number of the first key
        self._gone = 0  # how many of the first keys are of tasks that were dropped
        self._recent: Latest[str, Task] = Latest(RECENT)
        self._codec = compact.Codec()
        self._stages = bytearray()
        self._sets: defaultdict[str, Ranked] = defaultdict(Ranked)
        self._by_model: defaultdict[str, Total] = defaultdict(Total)
        self._by_queue: defaultdict[str, int] = defaultdict(int)

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self._records)} tasks>"

    # --- tasks -----------------------------------------------------------------------------------

    def add(self, task: Task) -> bool:
        """See `Store.add`."""
        key = compact.key(task.task_id)
        with self._mutex:
            if key in self._records:
                return False
            number = self._first + len(self._keys)
            self._write(key, number, task)
            self._keys.append(key)
            self._added(number, task.plan.submitted)
        return True

    def get(self, task_id: str) -> Task | None:
        """See `Store.get`."""
        return self._recent.get(task_id) or self._read(compact.key(task_id))

    def _read(self, key: Key) -> Task | None:
        with self._mutex:
            if task := self._look(key):
                self._recent.keep(task.task_id, task)
            return task

    def _look(self, key: Key) -> Task | None:
        """A task, without having it at hand from now on."""
        with self._mutex:
            if task := self._recent.get(compact.name_of(key)):
                return task
            if record := self._records.get(key):
                return self._codec.decode(key, memoryview(record)[_NUMBER:])
            return None

    def _write(self, key: Key, number: int, task: Task) -> None:
        self._records[key] = number.to_bytes(_NUMBER, "big") + self._codec.encode(task)
        self._recent.keep(task.task_id, task)

    def update(self, task_id: str, change: Change, now: float) -> Task | None:
        """See `Store.update`."""
        key = compact.key(task_id)
        with self._mutex:
            old = self._read(key)
            if old is None:
                return None
            new = change(old)
            number = int.from_bytes(self._records[key][:_NUMBER], "big")
            self._write(key, number, new)
            self._changed(old, new, number, now)
        return new

    def exclusively(self, name: str) -> AbstractContextManager[object]:  # noqa: ARG002
        """See `Store.exclusively`: there is one lock for all names."""
        return self._mutex

    def tasks(self, *, newest_first: bool = False) -> Iterator[Task]:
        """See `Store.tasks`."""
        keys = self._keys[self._gone :]
        if newest_first:
            keys.reverse()
        return (task for key in keys if (task := self._look(key)) is not None)

    def count(self) -> int:
        """See `Store.count`."""
        return len(self._span())

    # --- the index -------------------------------------------------------------------------------

    def _lock(self) -> AbstractContextManager[object]:
        return self._mutex

    def _span(self) -> range:
        return range(self._first + self._gone, self._first + len(self._keys))

    def _delete(self, numbers: range) -> None:
        for key in self._keys[self._gone : self._gone + len(numbers)]:
            del self._records[key]
            self._recent.pop(compact.name_of(key), None)
        self._gone += len(numbers)
        if self._gone >= _CUT:
            del self._keys[: self._gone], self._stages[: self._gone]
            self._first, self._gone = numbers.stop, 0

    def _new(self) -> range:
        return range(self._first + len(self._stages), self._first + len(self._keys))

    def _begin(self, numbers: range) -> None:
        self._stages += bytes(len(numbers))

    def _load(self, numbers: Iterable[int]) -> list[Task]:
        found = (self._look(self._keys[number - self._first]) for number in numbers)
        return [task for task in found if task is not None]

    def _stage(self, number: int) -> int:
        place = number - self._first
        return self._stages[place] if place < len(self._stages) else NEW

    def _set_stage(self, number: int, stage: int) -> None:
        place = number - self._first
        self._stages[place : place + 1] = bytes([stage])

    def _put(self, name: str, score: float, number: int) -> None:
        self._sets[name].add(score, number)

    def _put_all(self, name: str, entries: Entries) -> None:
        self._sets[name].extend(entries)

    def _take(self, name: str, score: float, number: int) -> None:
        self._sets[name].remove(score, number)

    def _take_all(self, name: str, entries: Entries) -> None:
        for entry in entries:
            self._take(name, *entry)

    def _due(self, now: float, most: int) -> list[int]:
        until, since = self._sets[UNTIL], self._sets[SINCE]
        due = until.lowest(now, most) if until.least <= now else []
        if since.most > now:
            due += [number for _, number in since.highest(nextafter(now, inf), inf, 0, most)]
        return due

    def _count(self, name: str, low: float, high: float) -> int:
        found = self._sets.get(name)
        return found.count(low, high) if found else 0

    def _highest(
        self, name: str, low: float, high: float, skip: int, take: int
    ) -> list[tuple[float, int]]:
        found = self._sets.get(name)
        return found.highest(low, high, skip, take) if found else []

    def _charge(self, model: str, queue: str, more: Total) -> None:
        self._by_model[model] = self._by_model[model].plus(more)
        self._by_queue[queue] += more.images

    def _totals(self) -> dict[str, Total]:
        return dict(self._by_model)

    def _images(self, queue: str) -> int:
        return self._by_queue.get(queue, 0)

    # --- pictures, and the end -------------------------------------------------------------------

    def picture(self, key: str, render: Callable[[], bytes]) -> bytes:
        """See `Store.picture`."""
        content = self._pictures.get(key)
        if content is None:
            content = render()
            with self._mutex:
                self._pictures[key] = content
                while len(self._pictures) > PICTURES:
                    del self._pictures[next(iter(self._pictures))]
        return content

    def clear(self) -> None:
        """See `Store.clear`."""
        with self._mutex:
            self._empty()
            self._pictures.clear()

    def close(self) -> None:
        """See `Store.close`: there is nothing to let go of."""
