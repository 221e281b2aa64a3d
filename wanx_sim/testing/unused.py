"""Faults that were armed and struck nothing: a test that proves less than it seems to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..faults import Fault

_UNUSED = pytest.StashKey[list[str]]()
_ATTRIBUTE = "wanx_unused_faults"
"""What a report carries them in, from a worker of pytest-xdist to where the summary is written."""


def message(faults: Sequence[Fault]) -> str:
    """What to say of them."""
    shown = "\n".join(f"  {_shown(fault)}" for fault in faults)
    return (
        f"{len(faults)} armed {'fault' if len(faults) == 1 else 'faults'} struck nothing; "
        f"no request came that it was meant for:\n{shown}"
    )


def _shown(fault: Fault) -> str:
    return f"on {fault.on}: {fault!r}"


def note(item: pytest.Item, faults: Sequence[Fault]) -> None:
    """Keep the faults that a test did not use."""
    item.stash.setdefault(_UNUSED, []).extend(map(_shown, faults))


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Let the last report of a test carry them."""
    if report.when == "teardown" and _UNUSED in item.stash:
        setattr(report, _ATTRIBUTE, item.stash[_UNUSED])


def summarize(terminal: pytest.TerminalReporter) -> None:
    """Write them down at the end of a run."""
    reports = [report for kind in terminal.stats.values() for report in kind]
    carriers = [report for report in reports if hasattr(report, _ATTRIBUTE)]
    if carriers:
        terminal.section("wanx: armed faults that struck nothing", sep="-")
    for report in carriers:
        terminal.line(report.nodeid)
        for fault in getattr(report, _ATTRIBUTE):
            terminal.line(f"  {fault}")
