"""What is measured: a module a group of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ..harness.bench import Bench
from ..harness.rows import Result, Row
from . import cassettes, imports, in_process, pictures, scale, sockets, start, suite


class Group(NamedTuple):
    """Rows that are measured together."""

    rows: Sequence[Row]
    measure: Callable[[Bench], Iterator[Result]]


GROUPS = {
    "sockets": Group(sockets.ROWS, sockets.measure),
    "start": Group(start.ROWS, start.measure),
    "in-process": Group(in_process.ROWS, in_process.measure),
    "cassettes": Group(cassettes.ROWS, cassettes.measure),
    "imports": Group(imports.ROWS, imports.measure),
    "pictures": Group(pictures.ROWS, pictures.measure),
    "suite": Group(suite.ROWS, suite.measure),
    "scale": Group(scale.ROWS, scale.measure),
}
