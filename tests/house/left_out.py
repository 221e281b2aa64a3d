"""A pytest plugin: the run's last line but pytest's own says which tests this machine cannot run.

A test that lacks something here (a program, a package that could not be had) skips with a reason
that begins with "left out: " and goes on with what is missing and how to get it. `make test` loads
the plugin; where WANX_NOTHING_LEFT_OUT=1 is set, as `.ci/run` does, such a skip fails the run.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "left out: "
STRICT = "WANX_NOTHING_LEFT_OUT"


def reasons(skipped: Iterable[pytest.TestReport | pytest.CollectReport]) -> Counter[str]:
    """Why tests were left out, and how many for each reason."""
    found: Counter[str] = Counter()
    for report in skipped:
        if isinstance(report.longrepr, tuple):
            _, mark, reason = report.longrepr[2].partition(PREFIX)
            if mark:
                found[reason] += 1
    return found


def line(found: Counter[str]) -> str:
    """The one line."""
    if not found:
        return "nothing was left out"
    return PREFIX + "; ".join(f"{reason} [{count} skipped]" for reason, count in found.items())


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get(STRICT):  # a worker of xdist has no terminal
        return
    if reasons(reporter.stats.get("skipped", ())) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = reasons(terminalreporter.stats.get("skipped", ()))
    strict = bool(found and os.environ.get(STRICT))
    text = line(found) + (f", and {STRICT} is set: the run fails" if strict else "")
    terminalreporter.write_line(text, red=strict, yellow=bool(found) and not strict)
