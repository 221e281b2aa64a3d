"""The results for a person (a Markdown table) and for a program (JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from .figures import Figure
from .machine import Machine
from .rows import Result, Row, Unit, digits

_WIDTH = 1000  # rows are not broken
_VERDICTS = {True: "pass", False: "MISS", None: ""}


def text(results: Sequence[Result]) -> str:
    """The table: ratios first, the goal beside, then whether it was met."""
    table = Table(box=box.MARKDOWN, pad_edge=True)
    for heading in ("row", "figure", "goal", "", "in CPU time", "quartiles"):
        table.add_column(heading, no_wrap=True, justify="left" if heading == "row" else "right")
    for heading in ("what", "against", "ours", "theirs"):
        table.add_column(heading, no_wrap=True)
    for result in results:
        table.add_row(*_cells(result))
    out = StringIO()
    Console(file=out, width=_WIDTH, color_system=None).print(table)
    notes = [f"{result.row.name}: {result.note}" for result in results if result.note]
    return "\n".join([out.getvalue().strip(), *([""] if notes else []), *notes])


def _cells(result: Result) -> tuple[str, ...]:
    row, figure = result.row, result.figure
    goal = f"{row.goal.sign} {_in(row.unit, row.goal.bound)}" if row.goal else ""
    ours, theirs = (*map(result.shown.text, result.series[:2]), "", "")[:2]
    if figure is None:
        cells = ("-", goal, "", "", "")
    else:
        cpu = "" if figure.cpu is None else _in(row.unit, figure.cpu)
        quartiles = f"{digits(figure.low)}..{digits(figure.high)}"
        cells = (_in(row.unit, figure.value), goal, _VERDICTS[result.met], cpu, quartiles)
    return (row.name, *cells, row.work, row.against, ours, theirs)


def _in(unit: Unit, value: float) -> str:
    return f"{digits(value)}{unit if unit is Unit.TIMES else f' {unit}'}"


def summary(results: Sequence[Result]) -> str:
    """The last line."""
    goals = [result for result in results if result.met is not None]
    missed = [result.row.name for result in goals if not result.met]
    skipped = [result.row.name for result in results if result.figure is None]
    text = f"{len(goals) - len(missed)} of {len(goals)} goals met"
    text += f"; missed: {', '.join(missed)}" if missed else ""
    return text + (f"; not measured: {', '.join(skipped)}" if skipped else "")


def document(results: Sequence[Result], machine: Machine, run: Mapping[str, Any]) -> dict[str, Any]:
    """All that was found, for JSON: every round of every series, in seconds or bytes."""
    return {
        "format": "wanx-kit benchmarks",
        "version": 1,
        **run,
        "machine": machine.as_dict(),
        "rows": [_row(result) for result in results],
    }


def _row(result: Result) -> dict[str, Any]:
    row: Row = result.row
    figure: Figure | None = result.figure
    return {
        "name": row.name,
        "work": row.work,
        "against": row.against,
        "unit": str(row.unit),
        "figure": figure and figure.value,
        "quartiles": figure and [figure.low, figure.high],
        "cpu_figure": figure and figure.cpu,
        "goal": row.goal and {"sign": row.goal.sign, "bound": row.goal.bound},
        "met": result.met,
        "note": result.note,
        "series": [
            {
                "who": s.who,
                "values": [x.value for x in s.samples],
                "cpu": [x.cpu for x in s.samples],
            }
            for s in result.series
        ],
    }
