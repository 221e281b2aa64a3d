"""What one test did: jobs replayed, simulated and bought, and what it left of its cassette.

It travels with the test's last report, from a worker of pytest-xdist to where the verdict is
written, so it holds plain values only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

ATTRIBUTE = "wanx"
"""What a report carries it in."""


@dataclass(slots=True)
class Opened:
    """A cassette that a test replayed from."""

    path: str
    unused: list[int] = field(default_factory=list)
    """The places of those that were not asked for."""
    stale: list[int] = field(default_factory=list)
    """The places of those that were, although they are too old."""


@dataclass(slots=True)
class Tally:
    """What one test did. Sums of money are in CNY, as text."""

    outcome: str = "passed"
    replayed: int = 0
    simulated: int = 0
    live: int = 0
    calls: int = 0
    """Answers of the live service, of whatever kind."""
    saved: str = "0"
    spent: str = "0"
    recorded: list[str] = field(default_factory=list)
    """The cassettes that it wrote to."""
    opened: list[Opened] = field(default_factory=list)


_TALLY = pytest.StashKey[Tally]()
_OUTCOME = pytest.StashKey[str]()


def begin(item: pytest.Item) -> None:
    """A test begins, perhaps once more: what was bought before stays bought."""
    item.stash[_OUTCOME] = "passed"
    before = item.stash.get(_TALLY, None)
    if before is not None:
        item.stash[_TALLY] = Tally(
            live=before.live, calls=before.calls, spent=before.spent, recorded=before.recorded
        )


def tally_of(item: pytest.Item) -> Tally:
    """What a test did so far; from here on it has used something of ours."""
    return item.stash.setdefault(_TALLY, Tally())


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Let the last report of a test carry its tally."""
    if not report.passed and item.stash.get(_OUTCOME, "passed") != "failed":
        item.stash[_OUTCOME] = report.outcome
    if report.when == "teardown" and _TALLY in item.stash:
        tally = item.stash[_TALLY]
        tally.outcome = item.stash.get(_OUTCOME, "passed")
        setattr(report, ATTRIBUTE, asdict(tally))


def carried(report: pytest.TestReport) -> Tally | None:
    """The tally that a report brings."""
    found: dict[str, Any] | None = getattr(report, ATTRIBUTE, None)
    if found is None:
        return None
    return Tally(**found | {"opened": [Opened(**each) for each in found["opened"]]})
