"""Where tasks and rendered pictures are kept: one small interface, an engine a module.

A store knows records and bytes, and nothing of what they mean. Everything in it can be thrown
away: tasks are made again by running the application again, pictures by rendering them again.
What people keep is a cassette.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from ..protocol.task import Task

Change = Callable[[Task], Task]


class Store(Protocol):
    """What a simulator needs of a store. Every method may be called from any thread."""

    def add(self, task: Task) -> bool:
        """Keep a new task; False, and nothing is changed, if its id is taken."""

    def get(self, task_id: str) -> Task | None:
        """The task with that id, if there is one."""

    def update(self, task_id: str, change: Change) -> Task | None:
        """Replace a task by what ``change`` makes of it, atomically, and return the new one.

        An exception from ``change`` leaves the task as it was and reaches the caller.
        """

    def exclusively(self) -> AbstractContextManager[object]:
        """A block in which no other thread or process changes a task."""

    def tasks(self) -> Iterator[Task]:
        """All tasks, in the order in which they were added."""

    def count(self) -> int:
        """How many tasks there are, without reading them."""

    def picture(self, key: str, render: Callable[[], bytes]) -> bytes:
        """The picture under a key, rendered when it is first asked for."""

    def clear(self) -> None:
        """Forget everything."""

    def close(self) -> None:
        """Let go of files and connections."""


def open_store(url: str) -> Store:
    """The store that a URL names: ``memory://``, ``disk:`` (in the cache folder), ``disk:PATH``.

    Raises:
        StoreError: for a URL that names none, or a place that cannot be used.
    """
    from ..errors import StoreError  # noqa: PLC0415

    scheme, _, rest = url.partition(":")
    if scheme == "memory" and not rest.strip("/"):
        from .memory import MemoryStore  # noqa: PLC0415 - each engine loads only when chosen

        return MemoryStore()
    if scheme == "disk":
        from .disk import DiskStore, default_folder  # noqa: PLC0415

        return DiskStore(rest or default_folder())
    raise StoreError(f"no store is named {url!r}; known: memory://, disk: and disk:PATH")
