"""Where tasks and rendered pictures are kept: one small interface, an engine a module.

Whatever is asked of many tasks at once (a page of the list, a place in the queue, the bill) is
asked of an index, which `index` describes; no engine ever reads all tasks for it.

The newest 1,000,000 tasks are kept, and of those that the service itself has forgotten (24 h after
their submission, on the simulator's clock) the newest 10,000. Older ones are let go of as new ones
come, a few at a time, so that a few more may be there for a while. The bill keeps them.

Everything in a store can be thrown away: tasks are made again by running the application again,
pictures by rendering them again. What people keep is a cassette.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from ..protocol.catalogue import Region
from ..protocol.listing import Filter
from ..protocol.queue import Line
from ..protocol.task import Task
from .index import Total

Change = Callable[[Task], Task]

RECENT = 1024
"""How many tasks are at hand as objects, about 2 MB: a poll of one of them decodes nothing."""

KEPT = 1_000_000
"""How many tasks a store keeps, unless told otherwise: the newest."""

FORGOTTEN_KEPT = 10_000
"""How many of them may be such that the service has forgotten: the newest, too."""


def forgotten_kept(keep: int) -> int:
    """How many forgotten tasks are kept in a store that keeps so many.

    Raises:
        ValueError: if it is to keep none.
    """
    if keep < 1:
        raise ValueError(f"a store keeps at least 1 task, not {keep}")
    return min(keep, FORGOTTEN_KEPT)


class Page(NamedTuple):
    """One page of a list, and how many tasks the whole list holds."""

    total: int
    tasks: list[Task]


class Store(Protocol):
    """What a simulator needs of a store. Every method may be called from any thread."""

    shared: bool
    """Whether several processes may work on what it holds."""

    keep: int
    """How many tasks it keeps: the newest."""

    def add(self, task: Task) -> bool:
        """Keep a new task; False, and nothing is changed, if its id is taken."""

    def get(self, task_id: str) -> Task | None:
        """The task with that id, if there is one; the same object, as a rule, while it stays so."""

    def update(self, task_id: str, change: Change, now: float) -> Task | None:
        """Replace a task by what ``change`` makes of it, atomically, and return the new one.

        ``change`` may be called more than once, when another process was quicker. An exception
        from it leaves the task as it was and reaches the caller.
        """

    def exclusively(self, name: str) -> AbstractContextManager[object]:
        """A block that one thread of one process is in at a time, of all that ask for that name.

        What it reads of the store holds until its end, for whoever changes it asks for the name.
        """

    def tasks(self, *, newest_first: bool = False) -> Iterator[Task]:
        """All tasks, in the order in which they were added."""

    def count(self) -> int:
        """How many tasks there are, without reading them."""

    def dropped(self) -> int:
        """How many older ones there were, which are no longer kept."""

    def page(self, region: Region, wanted: Filter, now: float) -> Page:
        """The page of a region's list that a filter asks for, newest task first."""

    def line(self, queue: str, places: int) -> Line:
        """What a new task of a queue has ahead of it, where so many may run at a time."""

    def holders(self, queue: str, now: float) -> list[Task]:
        """The tasks of a queue that have not ended, in the order in which they came."""

    def totals(self) -> dict[str, Total]:
        """What was ordered, model by model, in the order in which they were first asked for."""

    def images(self, queue: str) -> int:
        """How many images of a queue's tasks are on the bill."""

    def picture(self, key: str, render: Callable[[], bytes]) -> bytes:
        """The picture under a key, rendered when it is first asked for."""

    def clear(self) -> None:
        """Forget everything."""

    def close(self) -> None:
        """Let go of files and connections."""


KNOWN = "memory://, disk:, disk:PATH and redis://HOST:PORT/DB"


def open_store(url: str, *, keep: int = KEPT) -> Store:
    """The store that a URL names.

    ``memory://``; ``disk:`` (in the cache folder); ``disk:PATH``; ``redis://HOST:PORT/DB``, for
    Redis and Valkey, with ``?prefix=NAME`` where several share a database (default ``wanx-sim``).

    Args:
        url: which one.
        keep: how many tasks it keeps, the newest; default 1,000,000. Of those that the service
            has forgotten it keeps no more than 10,000.

    Raises:
        StoreError: for a URL that names none, or a place that cannot be used.
        ValueError: if it is to keep no task.
    """
    from ..errors import StoreError  # noqa: PLC0415

    scheme, _, rest = url.partition(":")
    if scheme == "memory" and not rest.strip("/"):
        from .memory import MemoryStore  # noqa: PLC0415 - each engine loads only when chosen

        return MemoryStore(keep=keep)
    if scheme == "disk":
        from .disk import DiskStore, default_folder  # noqa: PLC0415

        return DiskStore(rest or default_folder(), keep=keep)
    if scheme in ("redis", "rediss", "unix"):
        from .redis import RedisStore  # noqa: PLC0415

        return RedisStore(url, keep=keep)
    # A URL may hold a password, which stands behind the slashes.
    named, slashes, _ = url.partition("://")
    raise StoreError(f"no store is named {named + slashes!r}; known: {KNOWN}")
