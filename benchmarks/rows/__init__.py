"""What is measured: a module a group of rows, with `ROWS` and `measure`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..harness.bench import Bench
from ..harness.rows import Result, Row
from . import cassettes, imports, in_process, pictures, scale, sockets, start, suite


class Group(Protocol):
    """A module of rows."""

    ROWS: Sequence[Row]

    @staticmethod
    def measure(bench: Bench) -> Iterator[Result]:
        """Measure those of its rows that are wanted."""


GROUPS: dict[str, Group] = {
    "sockets": sockets,
    "start": start,
    "in-process": in_process,
    "cassettes": cassettes,
    "imports": imports,
    "pictures": pictures,
    "suite": suite,
    "scale": scale,
}
