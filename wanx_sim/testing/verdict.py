"""The verdict of a run: the summary line, what is left over, and whether a strict run fails."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from . import options, places, spending
from .tally import Tally, carried

if TYPE_CHECKING:
    from .leftovers import Collected, Leftovers

_OUTPUT = "wanx"
"""What a worker of pytest-xdist hands over."""


class Verdict:
    """What all tests of a run did: a plugin of its own, for the time of the run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.tests: dict[str, Tally] = {}
        """By their ids: the last attempt of each."""
        self.passed: set[str] = set()
        self.collected: list[Collected] = []
        """What each process has collected; all the same, under pytest-xdist."""
        self.left: Leftovers | None = None
        self._partial: set[Path] = set()
        self._unwritten = ""

    # --- hooks -----------------------------------------------------------------------------------

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Remember of which modules not all tests run."""
        self._partial |= {item.path for item in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a report brings."""
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)
        elif not report.passed:
            self.passed.discard(report.nodeid)
        if tally := carried(report):
            self.tests[report.nodeid] = tally

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker collected; one that died has nothing to hand over."""
        self.collected += getattr(node, "workeroutput", {}).get(_OUTPUT, [])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge, and write the report; a worker only hands on what it collected."""
        if self.config.option.collectonly:
            return
        if places.any_library(session):
            from . import leftovers  # noqa: PLC0415 - few runs have cassettes

            collected = leftovers.collected(session, self._partial)
            self.collected += [collected] if collected else []
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput[_OUTPUT] = self.collected
            return
        if self.collected or self.tests:
            from . import leftovers  # noqa: PLC0415

            self.left = leftovers.find(self.collected, self.tests, self.passed)
        if path := options.report(self.config):
            from . import reporting  # noqa: PLC0415 - few runs write one

            self._unwritten = reporting.write(path, self)
        if (self.failed or self._unwritten) and not session.exitstatus:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say it, at the end of a run that used anything of ours."""
        complaints = self.complaints
        if complaints:
            terminalreporter.section("wanx: cassettes", sep="-")
            for line in complaints:
                terminalreporter.line(line)
        if self.failed:
            terminalreporter.line("The run fails for these: --wanx-strict is on.")
        if self._unwritten:
            terminalreporter.line(f"--wanx-report: {self._unwritten}")
        if self.spent:
            limit = options.budget(self.config)
            terminalreporter.line(f"wanx: ¥{self.spent:.2f} of the budget of ¥{limit:.2f} spent")
        if self.tests or complaints:
            terminalreporter.line(self.line)

    # --- what they found -------------------------------------------------------------------------

    @property
    def spent(self) -> Decimal:
        """CNY that recording took."""
        tests = sum((Decimal(tally["spent"]) for tally in self.tests.values()), Decimal(0))
        return max(tests, spending.spent(self.config))  # a worker that died has spent as well

    def total(self, count: Literal["replayed", "simulated", "live", "calls"]) -> int:
        """The sum of a count of all tests."""
        return sum(tally[count] for tally in self.tests.values())

    @property
    def saved(self) -> Decimal:
        """CNY that the replayed jobs cost when they were recorded."""
        return sum((Decimal(tally["saved"]) for tally in self.tests.values()), Decimal(0))

    @property
    def line(self) -> str:
        """The summary line."""
        stale, unused = (len(self.left.stale), self.left.unused_count) if self.left else (0, 0)
        parts = [
            f"{self.total('replayed')} replayed",
            f"{self.total('simulated')} simulated",
            f"{self.total('live')} live",
            f"¥{self.saved:.2f} saved",
            f"{stale} stale",
            f"{unused} unused",
        ]
        return f"wanx: {' · '.join(parts)}"

    @property
    def failed(self) -> bool:
        """Whether the run fails although its tests do not."""
        return options.strict(self.config) and bool(self.complaints)

    @property
    def complaints(self) -> list[str]:
        """What a strict run fails for, line by line."""
        return list(self._complaints())

    def _complaints(self) -> Iterator[str]:
        left = self.left
        if left is None or not (left.files or left.unused or left.stale or self.total("calls")):
            return
        from .reporting import describe  # noqa: PLC0415 - few runs have anything to say

        here = self.config.invocation_params.dir
        for path in left.files:
            yield f"unused: {places.shown(path, here)}"
        for what, recordings in (("unused", left.unused), ("stale", left.stale)):
            for each in recordings:
                yield f"{what}: {describe(each)}, in {places.shown(each.path, here)}"
        for nodeid, tally in self.tests.items():
            if tally["calls"]:
                yield f"live: {nodeid}: {tally['live']} bought for ¥{Decimal(tally['spent']):.2f}"
