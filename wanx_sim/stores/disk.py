"""The store of dev servers: diskcache, holding JSON and bytes only.

Tasks survive a restart and a ``kill -9``, and several processes may share a folder. Pickle is
never read, whatever a file says (CVE-2025-69872): a value marked as pickled is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diskcache
import msgspec
from diskcache.core import MODE_PICKLE
from platformdirs import user_cache_path

from ..errors import StoreError
from ..protocol.task import Task
from . import Change

FORMAT = 1
"""The version of what is written; a folder of another one is refused, not guessed at."""

PICTURES_LIMIT = 512 * 2**20
"""Bytes of rendered pictures that are kept; the oldest go first, and are rendered again."""

_encode = msgspec.json.encode
_decoder = msgspec.json.Decoder(Task)

# A power cut may lose the last tasks of a fake service (synchronous=0), a killed process loses
# none; nothing is evicted, since a task that vanished would answer UNKNOWN.
_TASKS = {
    "eviction_policy": "none",
    "cull_limit": 0,
    "sqlite_synchronous": 0,
    "disk_min_file_size": 2**20,
}
_PICTURES = {
    "eviction_policy": "least-recently-stored",
    "size_limit": PICTURES_LIMIT,
    "sqlite_synchronous": 0,
}


def default_folder() -> Path:
    """The folder of ``disk:``, in the user's cache folder."""
    return user_cache_path("wanx-sim", appauthor=False) / "store"


class PlainDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache is untyped
    """A diskcache `Disk` that neither writes nor reads pickle."""

    def put(self, key: Any) -> Any:
        if not isinstance(key, str):
            raise TypeError(f"a store's keys are strings, not {type(key).__name__}")
        return super().put(key)

    def get(self, key: Any, raw: Any) -> Any:
        if not raw:
            raise StoreError(_pickled(self._directory))
        return super().get(key, raw)

    def store(self, value: Any, read: Any, key: Any = diskcache.UNKNOWN) -> Any:
        if not isinstance(value, bytes | int):
            raise TypeError(f"a store's values are bytes, not {type(value).__name__}")
        return super().store(value, read, key)

    def fetch(self, mode: Any, filename: Any, value: Any, read: Any) -> Any:
        if mode == MODE_PICKLE:
            raise StoreError(_pickled(self._directory))
        return super().fetch(mode, filename, value, read)


def _pickled(folder: str) -> str:
    return (
        f"the store in {folder} holds a pickled value, which wanx-sim never writes and never "
        "loads: delete the folder, or choose another with --store disk:PATH"
    )


class DiskStore:
    """Tasks and pictures in a folder.

    Raises:
        StoreError: if the folder cannot be used, or holds something else.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser().absolute()
        with self._trouble():
            self._tasks = diskcache.Cache(str(self.folder / "tasks"), disk=PlainDisk, **_TASKS)
            self._pictures = diskcache.Cache(
                str(self.folder / "pictures"), disk=PlainDisk, **_PICTURES
            )
            self._check_format()

    def __repr__(self) -> str:
        return f"<DiskStore {self.folder}>"

    def _check_format(self) -> None:
        if len(self._tasks) == 0:
            self._tasks.add("format", FORMAT)
        found = self._tasks.get("format")
        if found != FORMAT:
            raise StoreError(
                f"the store in {self.folder} has format {found!r}, this wanx-sim reads and writes "
                f"{FORMAT}: delete the folder (its tasks are lost), or choose another with "
                "--store disk:PATH"
            )

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, diskcache.Timeout) as error:
            raise StoreError(
                f"the store in {self.folder} cannot be used ({error}): make room or access there, "
                "choose another folder with --store disk:PATH, or use --store memory://"
            ) from error

    def add(self, task: Task) -> bool:
        """See `Store.add`."""
        with self._trouble():
            return bool(self._tasks.add(task.task_id, _encode(task), retry=True))

    def get(self, task_id: str) -> Task | None:
        """See `Store.get`."""
        if len(task_id) < len("format") + 1:
            return None
        with self._trouble():
            return self._decoded(self._tasks.get(task_id, retry=True))

    def _decoded(self, content: bytes | None) -> Task | None:
        try:
            return None if content is None else _decoder.decode(content)
        except msgspec.DecodeError as error:
            raise StoreError(
                f"the store in {self.folder} holds a damaged task ({error}): delete the folder"
            ) from error

    def update(self, task_id: str, change: Change) -> Task | None:
        """See `Store.update`."""
        with self._trouble(), self._tasks.transact(retry=True):
            task = self.get(task_id)
            if task is not None:
                task = change(task)
                self._tasks.set(task_id, _encode(task), retry=True)
            return task

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """See `Store.exclusively`."""
        with self._trouble(), self._tasks.transact(retry=True):
            yield

    def tasks(self) -> Iterator[Task]:
        """See `Store.tasks`."""
        with self._trouble():
            keys = list(self._tasks)
        for key in keys:
            task = self.get(key)
            if task is not None:
                yield task

    def count(self) -> int:
        """See `Store.count`."""
        with self._trouble():
            return len(self._tasks) - 1  # the format is no task

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
            self._tasks.clear(retry=True)
            self._pictures.clear(retry=True)
            self._tasks.add("format", FORMAT)

    def close(self) -> None:
        """See `Store.close`."""
        self._tasks.close()
        self._pictures.close()
