"""One SQLite database, by one connection that the threads of a process take in turn."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from time import monotonic, sleep
from typing import Any

_PATIENCE = 60.0
"""Seconds to wait for other processes."""

_SETTINGS = """
PRAGMA synchronous = OFF;
PRAGMA journal_mode = WAL;
PRAGMA cache_size = -4096;
PRAGMA temp_store = MEMORY;
"""
# Readers never wait for a writer (WAL). A power cut may lose the last tasks of a fake service, a
# killed process loses none (OFF); with NORMAL a create took nearly twice as long. Among a million
# tasks caches of 2 to 64 MB, and a memory map, made neither polls nor creates faster: the kernel
# has the file at hand. So it is 4 MB, for each worker and each of its sessions has one.


class Database:
    """A database in a file.

    Args:
        path: where; it is made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            path,
            timeout=_PATIENCE,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        self._mutex = RLock()
        self._depth = 0
        try:
            self._set_up()
        except BaseException:
            self._connection.close()
            raise

    def _set_up(self) -> None:
        # SQLite waits by itself for whoever writes, but not where several open a new file at once,
        # as workers do with that of a session: of four that raced one in fifteen was refused.
        until = monotonic() + _PATIENCE
        while True:
            try:
                self._connection.executescript(_SETTINGS)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > until:
                    raise
                sleep(0.005)
            else:
                return

    def close(self) -> None:
        """Let go of the file."""
        with self._mutex:
            self._connection.close()

    def run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """One statement."""
        return self._connection.execute(statement, values)

    def run_many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """One statement, for many rows."""
        self._connection.executemany(statement, rows)

    def one(self, statement: str, *values: Any) -> Any:
        """The first row of a query, or None."""
        with self._mutex:
            return self._connection.execute(statement, values).fetchone()

    def all(self, statement: str, *values: Any) -> list[Any]:
        """All rows of a query."""
        with self._mutex:
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """A transaction: no other thread or process writes; an exception takes all back."""
        with self._mutex:
            if self._depth == 0:
                self.run("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._end("ROLLBACK")
                raise
            self._end("COMMIT")

    def _end(self, statement: str) -> None:
        self._depth -= 1
        if self._depth:
            return
        if statement == "ROLLBACK":
            self._forget()
        if self._connection.in_transaction:  # a full disk has ended it already
            self.run(statement)

    def _forget(self) -> None:
        """Forget what was noted of it in memory: it may be otherwise."""
