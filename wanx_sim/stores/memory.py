"""The store of tests: dictionaries, gone with the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from threading import RLock

from ..protocol.task import Task
from . import Change

PICTURES = 256
"""How many rendered pictures are kept; about 25 MB at the service's sizes."""


class MemoryStore:
    """Tasks and pictures in memory."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._pictures: dict[str, bytes] = {}
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self._tasks)} tasks>"

    def add(self, task: Task) -> bool:
        """See `Store.add`."""
        return self._tasks.setdefault(task.task_id, task) is task

    def get(self, task_id: str) -> Task | None:
        """See `Store.get`."""
        return self._tasks.get(task_id)

    def update(self, task_id: str, change: Change) -> Task | None:
        """See `Store.update`."""
        with self._lock:
            task = self._tasks.get(task_id)
            if task is not None:
                task = self._tasks[task_id] = change(task)
            return task

    def exclusively(self) -> AbstractContextManager[object]:
        """See `Store.exclusively`."""
        return self._lock

    def tasks(self) -> Iterator[Task]:
        """See `Store.tasks`."""
        return iter(list(self._tasks.values()))

    def count(self) -> int:
        """See `Store.count`."""
        return len(self._tasks)

    def picture(self, key: str, render: Callable[[], bytes]) -> bytes:
        """See `Store.picture`."""
        content = self._pictures.get(key)
        if content is None:
            content = render()
            with self._lock:
                self._pictures[key] = content
                while len(self._pictures) > PICTURES:
                    del self._pictures[next(iter(self._pictures))]
        return content

    def clear(self) -> None:
        """See `Store.clear`."""
        with self._lock:
            self._tasks.clear()
            self._pictures.clear()

    def close(self) -> None:
        """See `Store.close`: there is nothing to let go of."""
