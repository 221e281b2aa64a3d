"""What one test did: jobs replayed, simulated and bought, and what it left of its cassette.

It travels with the test's last report, from a worker of pytest-xdist to where the verdict is
written, so it is a dictionary of plain values. Sums of money are in CNY, as text.
"""

from __future__ import annotations

from typing import TypedDict

import pytest

ATTRIBUTE = "wanx"
"""What a report carries it in."""


class Opened(TypedDict):
    """A cassette that a test replayed from."""

    path: str
    unused: list[int]
    """The places of the interactions that were not asked for."""
    stale: list[int]
    """The places of those that were, although they are too old."""


class Tally(TypedDict):
    """What one test did."""

    outcome: str
    replayed: int
    simulated: int
    live: int
    calls: int
    """Answers of the live service, of whatever kind."""
    saved: str
    spent: str
    recorded: list[str]
    """The cassettes that it wrote to."""
    opened: list[Opened]


_TALLY = pytest.StashKey[Tally]()
_OUTCOME = pytest.StashKey[str]()
_BOUGHT = ("live", "calls", "spent", "recorded")


def begin(item: pytest.Item) -> None:
    """A test begins, perhaps once more: what was bought before stays bought."""
    item.stash[_OUTCOME] = "passed"
    if before := item.stash.get(_TALLY, None):
        tally = item.stash[_TALLY] = _empty()
        tally.update({name: before[name] for name in _BOUGHT})  # type: ignore[literal-required,typeddict-item]


def tally_of(item: pytest.Item) -> Tally:
    """What a test did so far; from here on it has used something of ours."""
    if _TALLY not in item.stash:
        item.stash[_TALLY] = _empty()
    return item.stash[_TALLY]


def _empty() -> Tally:
    return Tally(
        outcome="passed",
        replayed=0,
        simulated=0,
        live=0,
        calls=0,
        saved="0",
        spent="0",
        recorded=[],
        opened=[],
    )


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Let the last report of a test carry its tally."""
    if not report.passed and item.stash.get(_OUTCOME, "passed") != "failed":
        item.stash[_OUTCOME] = report.outcome
    if report.when == "teardown" and _TALLY in item.stash:
        item.stash[_TALLY]["outcome"] = item.stash.get(_OUTCOME, "passed")
        setattr(report, ATTRIBUTE, item.stash[_TALLY])


def carried(report: pytest.TestReport) -> Tally | None:
    """The tally that a report brings."""
    return getattr(report, ATTRIBUTE, None)
