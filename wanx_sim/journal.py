"""The journal: every request a service was sent, without its secrets."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import overload

import msgspec

LIMIT = 10_000
"""How many entries are kept; the oldest go first."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One request and how it was answered. No key, no signature, no body is kept."""

    at: float
    """Epoch seconds on the simulator's clock."""
    operation: str
    """create, query, list, cancel, image or other."""
    method: str
    path: str
    """The path without the query."""
    status: int | None
    """The HTTP status; None if the connection was broken instead."""
    code: str | None = None
    """The error code of a refusal."""
    task_id: str | None = None
    task_status: str | None = None
    model: str | None = None
    prompt: str | None = None
    user_agent: str | None = None


class Journal:
    """The requests so far, oldest first: a sequence, with a view an operation."""

    def __init__(self, entries: Iterator[Entry] | None = None) -> None:
        self._entries: deque[Entry] = deque(entries or (), maxlen=LIMIT)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries))

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> list[Entry]: ...
    def __getitem__(self, place: int | slice) -> Entry | list[Entry]:
        return list(self._entries)[place]

    def __repr__(self) -> str:
        return f"<Journal {len(self)} requests>"

    def add(self, entry: Entry) -> None:
        """Note one request."""
        self._entries.append(entry)

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def only(self, operation: str) -> Journal:
        """The requests of one operation."""
        return Journal(entry for entry in self if entry.operation == operation)

    @property
    def creates(self) -> Journal:
        """The requests that asked for a task, refused ones included."""
        return self.only("create")

    @property
    def queries(self) -> Journal:
        """The polls of single tasks."""
        return self.only("query")

    @property
    def images(self) -> Journal:
        """The downloads."""
        return self.only("image")
