"""The journal as a table: what a failed assertion shows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len, set_cell_size

from ..journal import Entry

WIDTH = 96
"""Columns, as a terminal counts them: a Chinese character takes two."""

_MOST = 40
"""Lines; of more, the first and the last are shown."""

_ALIKE = 3
"""From so many on, requests that repeat are put in one line."""

_TITLES = ("", "#", "at", "request", "task", "answer", "asked for")
_RIGHT = ("#", "at")

Row = tuple[str, ...]


def table(entries: Sequence[Entry], marked: Collection[Entry] = ()) -> str:
    """The requests, one a line; those that are marked have a ``>`` before them."""
    if not entries:
        return "  no requests"
    rows = list(_rows(entries, {id(entry) for entry in marked}))
    if len(rows) > _MOST:
        half = _MOST // 2
        left_out = ("", "", "", "⋮", "", f"{len(rows) - 2 * half} lines more", "")
        rows = [*rows[:half], left_out, *rows[-half:]]
    return "\n".join(_lines([_TITLES, *rows]))


def _rows(entries: Sequence[Entry], marked: Collection[int]) -> Iterator[Row]:
    start = entries[0].at
    for _, run in groupby(enumerate(entries, 1), lambda pair: _kind(pair[1], marked)):
        alike = list(run)
        for number, entry in alike if len(alike) < _ALIKE else alike[:1]:
            yield _row(number, entry, start, mark=id(entry) in marked)
        if len(alike) >= _ALIKE:
            last = f"+{alike[-1][1].at - start:.1f} s"
            yield "", "⋮", last, "⋮", "", f"{len(alike) - 1} more like it", ""


def _kind(entry: Entry, marked: Collection[int]) -> tuple[object, ...]:
    same = (entry.operation, entry.task_id, entry.answer, entry.asked, entry.path)
    return (*same, id(entry) in marked)


def _row(number: int, entry: Entry, start: float, *, mark: bool) -> Row:
    asked = " ".join(f"{entry.model or ''} {entry.prompt or ''}".split())
    return (
        ">" if mark else "",
        str(number),
        f"+{entry.at - start:.1f} s",
        entry.operation,
        (entry.task_id or "")[:8],
        entry.answer,
        asked or ("" if entry.task_id else entry.path),
    )


def _lines(rows: list[Row]) -> Iterator[str]:
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [_cell(*part) for part in zip(_TITLES, row, widths, strict=True)]
        line = "  ".join(cells).rstrip()
        yield line if cell_len(line) <= WIDTH else set_cell_size(line, WIDTH - 1).rstrip() + "…"


def _cell(title: str, text: str, width: int) -> str:
    space = " " * (width - cell_len(text))
    return space + text if title in _RIGHT else text + space
