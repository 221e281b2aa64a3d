"""The board of one machine's workers: a folder, which ends with them.

A record is a file that is replaced whole. A journal is a file a process, so that nobody waits for
anybody: to read it is to put those of all processes in order.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from ..errors import StoreError
from ..journal import LIMIT
from ..stores import Store
from ..stores.disk import DiskStore
from ..wire import Request
from .board import CONTROLS

_HEAD = 16  # bytes before an entry: when it was noted, by whom, and how long it is
_OPEN = 64
"""Journals that a process keeps open; there may be a thousand sessions."""


class Folder:
    """See `Board`.

    Args:
        place: the folder, made if there is none.
        own: whether it ends with this process.
    """

    who = ""
    """Who is alone in its seed: the parent, which makes no task."""

    def __init__(self, place: str | Path, *, own: bool = False) -> None:
        self.place, self._own = Path(place), own
        self._paths: dict[str, str] = {}
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._mutex = Lock()
        with self._trouble():
            self.place.mkdir(parents=True, exist_ok=True)
            self._lock_file = (self.place / "lock").open("ab")

    def __repr__(self) -> str:
        return f"<Folder {self.place}>"

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"what the workers share in {self.place} cannot be used ({error}): make room "
                "there, or say by TMPDIR where else"
            ) from error

    def _path(self, scope: str) -> str:
        """The folder of a scope; the name of one may be anything that a session's may be."""
        path = self._paths.get(scope)
        if path is None:
            path = self._paths[scope] = str(self.place / f"scope-{scope.encode().hex()}")
        return path

    # --- records ---------------------------------------------------------------------------------

    def _file(self, scope: str, name: str) -> str:
        if name == CONTROLS:
            return f"{self._path(scope)}/{CONTROLS}"
        return f"{self._path(scope)}/counts/{sha256(name.encode()).hexdigest()}"

    def read(self, scope: str, name: str = CONTROLS, *, task_id: str = "") -> bytes | None:  # noqa: ARG002
        """See `Board.read`."""
        with self._trouble():
            return _content(self._file(scope, name))

    gathers = False

    def expect(self, requests: Sequence[tuple[Request, str]]) -> None:
        """See `Board.expect`: here each reads as well for itself."""

    def expected(self, request: Request) -> None:
        """See `Board.expected`: nothing is."""

    def answered(self) -> None:
        """See `Board.answered`."""

    def swap(self, scope: str, name: str, old: bytes | None, new: bytes) -> bool:
        """See `Board.swap`."""
        path = self._file(scope, name)
        with self._trouble(), self._locked():
            if _content(path) != old:
                return False
            if old is None:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            draft = f"{self.place}/draft"  # nobody else writes one: this is locked
            with open(draft, "wb") as file:  # noqa: PTH123 - it is done often
                file.write(new)
            os.replace(draft, path)  # noqa: PTH105
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._mutex:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._lock_file, fcntl.LOCK_UN)

    def scopes(self) -> list[str]:
        """See `Board.scopes`."""
        found = []
        with self._trouble():
            for path in self.place.glob("scope-?*"):
                with suppress(FileNotFoundError):  # it ends just now
                    used = (path / CONTROLS).stat().st_mtime_ns
                    found.append((used, bytes.fromhex(path.name.removeprefix("scope-")).decode()))
        return [scope for _, scope in sorted(found)]

    def forget(self, scope: str) -> None:
        """See `Board.forget`."""
        with self._trouble(), self._locked():
            place = Path(self._path(scope))
            shutil.rmtree(place / "counts", ignore_errors=True)
            for path in place.glob("journal-*"):
                path.unlink(missing_ok=True)

    def drop(self, scope: str, born: str) -> None:
        """See `Board.drop`."""
        with self._trouble(), self._locked():
            # First of all the record: without it the rest counts no more.
            (Path(self._path(scope)) / CONTROLS).unlink(missing_ok=True)
            shutil.rmtree(self._path(scope), ignore_errors=True)
            shutil.rmtree(self._tasks(scope, born), ignore_errors=True)

    # --- journals --------------------------------------------------------------------------------

    def note(self, scope: str, entry: bytes) -> None:
        """See `Board.note`."""
        with self._trouble():
            self._log(scope).add(entry)
            if scope:
                with suppress(FileNotFoundError):  # it ended just now
                    os.utime(f"{self._path(scope)}/{CONTROLS}", ns=(time.time_ns(),) * 2)

    def _log(self, scope: str) -> _Log:
        log = self._logs.get(scope)
        if log is None:
            log = self._logs[scope] = _Log(self._path(scope))
            if len(self._logs) > _OPEN:
                self._logs.popitem(last=False)[1].close()
        self._logs.move_to_end(scope)
        return log

    def noted(self, scope: str) -> list[bytes]:
        """See `Board.noted`."""
        with self._trouble():
            heads: dict[bytes, bytes] = {}
            for path in Path(self._path(scope)).glob("journal-*"):
                heads.update(_entries(_content(str(path)) or b""))
        # One that was turned over while it was read has been read twice.
        return [heads[head] for head in sorted(heads)[-LIMIT:]]

    def count(self, scope: str) -> int:
        """See `Board.count`."""
        return len(self.noted(scope))

    # --- tasks of sessions, and the end ----------------------------------------------------------

    def _tasks(self, scope: str, born: str) -> Path:
        return self.place / f"tasks-{scope.encode().hex()}-{born}"

    def store(self, scope: str, born: str, pictures: Store) -> Store:
        """See `Board.store`."""
        return _SessionStore(self._tasks(scope, born), pictures)

    def close(self) -> None:
        """See `Board.close`."""
        for log in self._logs.values():
            log.close()
        self._lock_file.close()
        if self._own:
            remove(self.place)


def remove(place: str | Path) -> None:
    """Delete a folder, if it is still there."""
    shutil.rmtree(place, ignore_errors=True)


class _SessionStore(DiskStore):
    """Tasks of a session's own; pictures are the same for all."""

    def __init__(self, folder: Path, pictures: Store) -> None:
        super().__init__(folder, keep=pictures.keep)
        self._shared = pictures

    def picture(self, key: str, render: Callable[[], bytes]) -> bytes:
        """See `Store.picture`."""
        return self._shared.picture(key, render)


class _Log:
    """This process's part of a journal: a file, and the one before it."""

    def __init__(self, folder: str) -> None:
        self._path = f"{folder}/journal-{os.getpid()}"
        self._me = os.getpid().to_bytes(4)
        self._last = 0
        self._begin()

    def _begin(self) -> None:
        Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = open(self._path, "ab", buffering=0)  # noqa: SIM115, PTH123
        self._count = 0

    def add(self, entry: bytes) -> None:
        """Note one."""
        if os.fstat(self._file.fileno()).st_nlink == 0:  # another process made a new beginning
            self._file.close()
            self._begin()
        elif self._count == LIMIT:
            self._file.close()
            os.replace(self._path, f"{self._path}-before")  # noqa: PTH105
            self._begin()
        # No two alike, and in order: it is what they are sorted by.
        self._last = max(time.monotonic_ns(), self._last + 1)
        head = self._last.to_bytes(8) + self._me + len(entry).to_bytes(4)
        self._file.write(head + entry)
        self._count += 1

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _content(path: str) -> bytes | None:
    """A file, in as few calls as there can be."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        content = os.read(file, _CHUNK)
        if len(content) == _CHUNK:
            parts = [content]
            while parts[-1]:
                parts.append(os.read(file, _CHUNK))
            return b"".join(parts)
        return content
    finally:
        os.close(file)


_CHUNK = 2**16


def _entries(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a journal by their heads; of one that is just being written, nothing."""
    start, end = 0, len(content)
    while start + _HEAD <= end:
        size = int.from_bytes(content[start + 12 : start + _HEAD])
        if start + _HEAD + size > end:
            return
        yield content[start : start + _HEAD], content[start + _HEAD : start + _HEAD + size]
        start += _HEAD + size
