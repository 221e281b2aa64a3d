"""What a board is, and the record of one simulator on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from ..clock import Moment
from ..faults.armed import Armed
from ..stores import Store
from ..wire import Request

CONTROLS = "controls"
"""The name of a scope's own record; its other records are counts."""


class Controls(msgspec.Struct, frozen=True, kw_only=True):
    """What is shared of one simulator: that of a server, or of one of its sessions."""

    born: str
    """What tells it from an earlier one of the same name."""
    clock: Moment
    settings: dict[str, Any] = {}
    """Those that were changed; the others are as each process was told at its start."""
    faults: list[Armed] = []
    resets: int = 0
    """How often it was reset; the generators start anew each time."""


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Controls).decode


class Board(Protocol):
    """Records and journals, by scope: ``""`` is the server's own, a session's is its name.

    Every method raises `StoreError`, or `StoreUnavailableError` where it may be tried again.
    """

    who: str
    """What tells this process's ids from those of others; empty if its seed is nobody else's."""

    def read(self, scope: str, name: str = CONTROLS, *, task_id: str = "") -> bytes | None:
        """A record. Done at every request, so it is cheap; ``task_id``: what the store is to give.

        Where the way is long, the task may be read at once: `Store.get` then has it at hand.
        """

    gathers: bool
    """Whether it pays to read for several requests at once: where the way to what it holds is long.
    """

    def expect(self, requests: Sequence[tuple[Request, str]]) -> None:
        """Read what these are going to ask for, as `read` does: the server's record, the tasks.

        They are handled next, by this thread; nothing that was read for others before is left.
        """

    def expected(self, request: Request) -> bytes | None:
        """The server's record as it was read for a request, and the task `Store.get` has at hand.

        None if none was, or if it may have changed meanwhile: `read` it then.
        """

    def answered(self) -> None:
        """The request is answered: whatever was read for it is of no use to others."""

    def swap(self, scope: str, name: str, old: bytes | None, new: bytes) -> bool:
        """Write a record if it is still the old one; None is none at all."""

    def scopes(self) -> list[str]:
        """The sessions that have a record, that of the latest used last."""

    def forget(self, scope: str) -> None:
        """Take away the journal and the counts, not the record."""

    def drop(self, scope: str, born: str) -> None:
        """Take away everything, the tasks of that birth included."""

    def note(self, scope: str, entry: bytes) -> None:
        """Add an entry to the journal; the oldest may go."""

    def noted(self, scope: str) -> list[bytes]:
        """The journal, oldest first: of all processes."""

    def count(self, scope: str) -> int:
        """How many entries the journal has."""

    def store(self, scope: str, born: str, pictures: Store) -> Store:
        """A store for the tasks of a session; its pictures are those of another store."""

    def close(self) -> None:
        """Let go of files and connections."""


def change(
    board: Board, scope: str, name: str, change: Callable[[bytes | None], bytes | None]
) -> bytes | None:
    """Replace a record by what ``change`` makes of it, atomically; the record as it is then.

    ``change`` may be called more than once, when another process was quicker. What it returns
    unchanged, and None, is not written.
    """
    while True:
        old = board.read(scope, name)
        new = change(old)
        if new is None or new == old or board.swap(scope, name, old, new):
            return new
