"""The journal: every request a service was sent, without its secrets."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from hashlib import sha256
from itertools import groupby
from time import monotonic
from typing import overload

import msgspec

LIMIT = 10_000
"""How many entries are kept; the oldest go first."""

_REPR_RUNS = 6


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
    asked: str | None = None
    """Of a create: what it asked for, as a digest (`asked`). Equal digests, equal requests."""

    @property
    def answer(self) -> str:
        """The answer in a few words: ``200 SUCCEEDED``, ``429 Throttling``, ``connection lost``."""
        if self.status is None:
            return "connection lost"
        return f"{self.status} {self.code or self.task_status or ''}".rstrip()


def asked(body: bytes) -> str:
    """A digest of a create's body, to compare it with others without keeping it."""
    return sha256(body).hexdigest()[:16]


class Journal:
    """The requests so far, oldest first: a sequence, with a view an operation."""

    def __init__(self, entries: Iterator[Entry] | None = None, *, cut: bool = False) -> None:
        self._entries: deque[Entry] = deque(entries or (), maxlen=LIMIT)
        self._noted: deque[float] = deque(maxlen=LIMIT)
        self._cut = cut

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
        said = [f"{entry.operation} {entry.answer}" for entry in self]
        runs = [(text, len(list(run))) for text, run in groupby(said)]
        parts = [text if times == 1 else f"{text} ×{times}" for text, times in runs]
        if len(parts) > _REPR_RUNS:
            parts = [*parts[: _REPR_RUNS // 2], "…", *parts[-_REPR_RUNS // 2 :]]
        shown = f": {', '.join(parts)}" if parts else ""
        dropped = ", older ones dropped" if self.cut else ""
        return f"<Journal {len(self)} requests{dropped}{shown}>"

    @property
    def cut(self) -> bool:
        """Whether older requests were dropped: the newest 10,000 are kept."""
        return self._cut

    def table(self, marked: Collection[Entry] = ()) -> str:
        """The requests as a table to read, at most 96 columns wide.

        Use it in the message of an assertion. Requests that repeat are put in one line.

        Args:
            marked: the entries to point at.
        """
        from .testing.table import table  # noqa: PLC0415 - few journals are printed

        dropped = f"  older requests were dropped; the newest {LIMIT:,} are kept\n"
        return (dropped if self.cut else "") + table(list(self), marked)

    def timed(self) -> list[tuple[Entry, float]]:
        """Each entry with the second at which it really came, on a clock that only goes on.

        The journal's own clock may stand still while an application really waits.
        """
        return list(zip(self._entries, self._noted, strict=False))

    def add(self, entry: Entry) -> None:
        """Note one request."""
        self._cut = self._cut or len(self._entries) == LIMIT
        self._entries.append(entry)
        self._noted.append(monotonic())

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
        self._noted.clear()
        self._cut = False

    def only(self, operation: str) -> Journal:
        """The requests of one operation."""
        return Journal((one for one in self if one.operation == operation), cut=self.cut)

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
