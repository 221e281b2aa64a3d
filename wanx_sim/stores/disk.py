"""The store of dev servers: a folder. What is in it survives a restart and a ``kill -9``.

Several processes may share it. Pictures are in diskcache, which keeps large values in files and
throws the oldest away. Tasks were too, once: but it knows its values by their keys alone. Measured
on one machine, a create took 24 µs in SQLite and 73 in diskcache; with an index, 130 and 240, the
latter with keys for it that nobody could have counted or cut into pages. So tasks and index are in
a database of our own (`tables`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import msgspec

from ..errors import StoreError
from ..protocol.task import Task
from . import KEPT, RECENT, Change
from .index import Total
from .indexed import Entries, Indexed
from .tables import Tables

FORMAT = 2
"""The version of what is written; a folder of another one is refused, not guessed at."""

PICTURES_LIMIT = 512 * 2**20
"""Bytes of rendered pictures that are kept; the oldest go first, and are rendered again."""

_TROUBLES = (OSError, sqlite3.Error)

_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Task).decode
_decode_once = lru_cache(RECENT)(_decode)  # lists neither need it nor push out what is polled


def default_folder() -> Path:
    """The folder of ``disk:``, in the user's cache folder."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - 5 ms, unless a folder is named

    return user_cache_path("wanx-sim", appauthor=False) / "store"


class DiskStore(Indexed):
    """Tasks and pictures in a folder.

    Args:
        folder: where.
        keep: how many tasks are kept, the newest.

    Raises:
        StoreError: if the folder cannot be used, or holds something else.
        ValueError: if it is to keep no task.
    """

    shared = True

    def __init__(self, folder: str | Path, *, keep: int = KEPT) -> None:
        super().__init__(keep)
        self.folder = Path(folder).expanduser().absolute()
        with self._trouble():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._tables = Tables(self.folder / "tasks.sqlite3")
            try:
                self._check_format()
            except BaseException:
                self._tables.close()
                raise

    @cached_property
    def _pictures(self) -> Any:
        # It takes a server's start 10 ms, and the first picture as well may wait for it.
        from .plain import open_pictures  # noqa: PLC0415

        return open_pictures(self.folder / "pictures", PICTURES_LIMIT)

    def __repr__(self) -> str:
        return f"<DiskStore {self.folder}>"

    def _check_format(self) -> None:
        with self._tables.changing():
            (found,) = self._tables.one("PRAGMA user_version")
            (tables,) = self._tables.one("SELECT count(*) FROM sqlite_master")
            if (self.folder / "tasks" / "cache.db").exists():
                found = 1  # when tasks were in a diskcache
            elif not tables:
                self._tables.run(f"PRAGMA user_version = {FORMAT}")
                found = FORMAT
            if found == FORMAT:
                self._tables.create()
        if found != FORMAT:
            raise StoreError(
                f"the store in {self.folder} has format {found}, this wanx-sim reads and writes "
                f"{FORMAT}: delete the folder (its tasks are lost), or choose another with "
                "--store disk:PATH"
            )

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except _TROUBLES as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"the store in {self.folder} cannot be used ({error}): make room or access there, "
            "choose another folder with --store disk:PATH, or use --store memory://"
        )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._trouble(), self._tables.changing():
            yield

    # --- tasks -----------------------------------------------------------------------------------

    def add(self, task: Task) -> bool:
        """See `Store.add`."""
        with self._changing():
            number = self._tables.add(task.task_id, _encode(task))
            if number is not None:
                self._added(number, task.plan.submitted)
        return number is not None

    def get(self, task_id: str) -> Task | None:
        """See `Store.get`."""
        try:  # not `_trouble`, which costs a poll as much as a quarter of the query
            row = self._tables.one("SELECT record FROM task WHERE id = ?", task_id)
        except _TROUBLES as error:
            raise self._unusable(error) from error
        return None if row is None else self._decoded(row[0])

    def _decoded(self, content: bytes, decode: Callable[[bytes], Task] = _decode_once) -> Task:
        try:
            return decode(content)
        except msgspec.DecodeError as error:
            raise StoreError(
                f"the store in {self.folder} holds a damaged task ({error}): delete the folder"
            ) from error

    def update(self, task_id: str, change: Change, now: float) -> Task | None:
        """See `Store.update`."""
        with self._changing():
            row = self._tables.one("SELECT number, record FROM task WHERE id = ?", task_id)
            if row is None:
                return None
            number, old = row[0], self._decoded(row[1])
            new = change(old)
            self._tables.run("UPDATE task SET record = ? WHERE number = ?", _encode(new), number)
            self._changed(old, new, number, now)
        return new

    def exclusively(self, name: str) -> AbstractContextManager[object]:  # noqa: ARG002
        """See `Store.exclusively`: there is one lock for all names."""
        return self._changing()

    def tasks(self, *, newest_first: bool = False) -> Iterator[Task]:
        """See `Store.tasks`."""
        if newest_first:
            where, number = "number < ? ORDER BY number DESC", 2**62
        else:
            where, number = "number > ? ORDER BY number", 0
        while rows := self._some(where, number):
            for number, record in rows:  # noqa: B007 - the next ones come after the last
                yield self._decoded(record, _decode)

    def _some(self, where: str, number: int) -> list[tuple[int, bytes]]:
        with self._trouble():
            query = f"SELECT number, record FROM task WHERE {where} LIMIT 500"  # noqa: S608
            return self._tables.all(query, number)

    def count(self) -> int:
        """See `Store.count`."""
        with self._trouble():
            return len(self._tables.span())

    # --- the index -------------------------------------------------------------------------------

    def _lock(self) -> AbstractContextManager[object]:
        return self._changing()

    def _span(self) -> range:
        return self._tables.span()

    def _delete(self, numbers: range) -> None:
        self._tables.delete(numbers)

    def _new(self) -> range:
        return self._tables.new()

    def _begin(self, numbers: range) -> None:
        self._tables.begin(numbers)

    def _load(self, numbers: Iterable[int]) -> list[Task]:
        return [self._decoded(record, _decode) for record in self._tables.records(list(numbers))]

    def _stage(self, number: int) -> int:
        return self._tables.stage(number)

    def _set_stage(self, number: int, stage: int) -> None:
        self._tables.set_stage(number, stage)

    def _put(self, name: str, score: float, number: int) -> None:
        self._tables.put(name, score, number)

    def _put_all(self, name: str, entries: Entries) -> None:
        self._tables.put_all(name, entries)

    def _take(self, name: str, score: float, number: int) -> None:
        self._tables.take(name, score, number)

    def _take_all(self, name: str, entries: Entries) -> None:
        self._tables.take_all(name, entries)

    def _due(self, now: float, most: int) -> list[int]:
        return self._tables.due(now, most)

    def _count(self, name: str, low: float, high: float) -> int:
        return self._tables.count(name, low, high)

    def _highest(
        self, name: str, low: float, high: float, skip: int, take: int
    ) -> list[tuple[float, int]]:
        return self._tables.highest(name, low, high, skip, take)

    def _charge(self, model: str, queue: str, more: Total) -> None:
        self._tables.charge(model, queue, more)

    def _totals(self) -> dict[str, Total]:
        return self._tables.totals()

    def _images(self, queue: str) -> int:
        return self._tables.images(queue)

    # --- pictures, and the end -------------------------------------------------------------------

    def picture(self, key: str, render: Callable[[], bytes]) -> bytes:
        """See `Store.picture`."""
        with self._trouble():
            content: bytes | None = self._pictures.get(key, retry=True)
            if content is None:
                content = render()
                self._pictures.set(key, content, retry=True)
            return content

    def clear(self) -> None:
        """See `Store.clear`."""
        with self._trouble():
            self._tables.clear()
            self._pictures.clear(retry=True)

    def close(self) -> None:
        """See `Store.close`."""
        self._tables.close()
        if "_pictures" in self.__dict__:
            self._pictures.close()
