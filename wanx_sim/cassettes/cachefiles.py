"""The files of the development cache: diskcache without pickle, and what becomes of damage.

A cache that cannot be read at all is thrown away and begun anew, since all of it can be made again;
one that cannot be written, for want of room or of rights, is an error that says so.
"""

from __future__ import annotations

import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import diskcache
from filelock import FileLock

from ..errors import StoreError
from ..stores.plain import PlainDisk

_HOME = "wanx-cache-1"
"""Its own folder in the one that it is given: what is damaged is deleted, and nothing beside it."""

_TURNS = 256
"""Files to queue at. Two requests that share one wait for each other, which does no harm."""

_SETTINGS = {
    "eviction_policy": "none",  # a job goes as a whole, with its pictures
    "sqlite_mmap_size": 0,  # where a file is cut short, an error and not a signal
    "sqlite_synchronous": 2,  # that something was bought must outlive a power cut
    "tag_index": True,
}

Value = TypeVar("Value")


class CacheWarning(UserWarning):
    """Something in a cache was damaged and thrown away, or could not be written."""


def warn(text: str) -> None:
    """Say what became of something in a cache."""
    warnings.warn(text, CacheWarning, stacklevel=3)


class Files:
    """Named values of bytes in a folder, each with a tag by which it is dropped.

    Raises:
        StoreError: from whatever reads or writes, if the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._home = folder, folder / _HOME
        self._locks = folder / f"{_HOME}-locks"
        self._open: diskcache.Cache | None = None

    @property
    def exist(self) -> bool:
        """Whether there are any."""
        return self._home.is_dir()

    def close(self) -> None:
        """Let go of them."""
        if self._open is not None:
            self._open.close()
            self._open = None

    # --- values --------------------------------------------------------------------------------

    def get(self, name: str) -> bytes | None:
        """The value of a name, if there is one."""
        content: bytes | None = self._do(lambda cache: cache.get(name, retry=True))
        return content

    def set(self, name: str, content: bytes, *, tag: str) -> None:
        """Write a value."""
        self._do(lambda cache: cache.set(name, content, tag=tag, retry=True))

    def drop(self, tag: str) -> None:
        """Drop the values of a tag."""
        self._do(lambda cache: cache.evict(tag, retry=True))

    def names(self) -> list[str]:
        """The names of all values."""
        names: list[str] = self._do(lambda cache: list(cache.iterkeys()))
        return names

    def volume(self) -> int:
        """Bytes that they take on disk."""
        size: int = self._do(lambda cache: cache.volume())
        return size

    def clear(self) -> None:
        """Drop all values."""
        self._do(lambda cache: cache.clear(retry=True))

    def tidy(self) -> None:
        """Delete what killed processes left behind in the middle of a file."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # diskcache warns of each thing that it mends
            self._do(lambda cache: cache.check(fix=True, retry=True))

    # --- turns ---------------------------------------------------------------------------------

    @contextmanager
    def turn(self, key: str) -> Iterator[None]:
        """A block that one thread of one process is in at a time, of all that ask for a key.

        Args:
            key: hexadecimal digits.
        """
        lock = FileLock(self._locks / f"{int(key[:8], 16) % _TURNS:02x}.lock")
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield
        finally:
            lock.release()

    # --- trouble -------------------------------------------------------------------------------

    def _do(self, action: Callable[[diskcache.Cache], Value]) -> Value:
        """Do something with the files; if they turn out to be damaged, with new ones."""
        try:
            return action(self._cache())
        except (sqlite3.OperationalError, OSError, diskcache.Timeout) as error:
            raise self._unusable(error) from error
        except (sqlite3.DatabaseError, StoreError) as error:
            self._begin_anew(error)
        try:
            return action(self._cache())
        except (sqlite3.Error, OSError, diskcache.Timeout) as error:
            raise self._unusable(error) from error

    def _cache(self) -> diskcache.Cache:
        if self._open is None:
            self._home.mkdir(parents=True, exist_ok=True)
            self._open = diskcache.Cache(str(self._home), disk=PlainDisk, **_SETTINGS)
        return self._open

    def _begin_anew(self, why: Exception) -> None:
        with FileLock(self._locks / "anew.lock"):
            self.close()
            # Another process may have been quicker.
            if isinstance(why, StoreError) or not _whole(self._home / "cache.db"):
                shutil.rmtree(self._home, ignore_errors=True)
        warn(
            f"the cache in {self._folder} was damaged ({why}) and begins anew; fill it from your "
            "cassettes with: wanx-sim cache rebuild CASSETTE"
        )

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"the cache in {self._folder} cannot be used ({error}): make room or access there, or "
            "choose another folder with --cache-dir"
        )


def _whole(database: Path) -> bool:
    try:
        with closing(sqlite3.connect(database)) as connection:
            found: tuple[str] = connection.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error:
        return False
    return found == ("ok",)
