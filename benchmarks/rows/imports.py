"""What it costs that we are installed: an import, and a pytest run that uses nothing of ours.

Each round is a Python of its own, from its start to its end. `import httpx` is what every
application of this client pays anyway. The pytest runs have one test that does nothing, no other
plugin (PYTEST_DISABLE_PLUGIN_AUTOLOAD=1), and ours, none, or a bare one: a file with as many hooks
as ours and a fixture, all empty, which is the least that a plugin can cost.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..harness.bench import Bench, command
from ..harness.figures import Sample, at_most, excess
from ..harness.rows import Result, Row, Unit

IMPORT = Row(
    name="import",
    work="import wanx_client",
    against="import httpx",
    unit=Unit.MILLISECONDS,
    goal=at_most(15),
)
TAX = Row(
    name="plugin-tax",
    work="pytest with our plugin, unused",
    against="the same run without it",
    unit=Unit.MILLISECONDS,
    goal=at_most(15),
)
BARE = Row(
    name="plugin-bare",
    work="pytest with our plugin, unused",
    against="the same run with a bare plugin",
    unit=Unit.MILLISECONDS,
    goal=at_most(3),
)
ROWS = (IMPORT, TAX, BARE)

_BARE_PLUGIN = """
import pytest

def pytest_addoption(parser): pass
def pytest_configure(config): pass
def pytest_runtest_setup(item): pass
def pytest_runtest_teardown(item): pass
def pytest_runtest_makereport(item): pass
def pytest_terminal_summary(terminalreporter): pass

@pytest.fixture
def bare(): pass
"""


def measure(bench: Bench) -> Iterator[Result]:
    """Measure the rows that are wanted."""
    if bench.wants(IMPORT):
        found = bench.compare(
            "import", {"wanx_client": _import("wanx_client"), "httpx": _import("httpx")}, 31
        )
        pair = found["wanx_client"], found["httpx"]
        yield IMPORT.result(excess(*pair), *pair)
    if bench.wants(TAX, BARE):
        runs = _pytests(bench.folder / "unused")
        found = bench.compare("pytest", runs, 31)
        for row, other in ((TAX, "none"), (BARE, "bare")):
            if bench.wants(row):
                pair = found["ours"], found[other]
                yield row.result(excess(*pair), *pair)


def _import(module: str) -> partial[Sample]:
    return partial(command, [sys.executable, "-c", f"import {module}"])


def _pytests(folder: Path) -> dict[str, partial[Sample]]:
    folder.mkdir()
    (folder / "test_nothing.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
    (folder / "bare_plugin.py").write_text(_BARE_PLUGIN, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(folder)}
    plugins = {"none": (), "bare": ("-p", "bare_plugin"), "ours": ("-p", "wanx_sim.pytest_plugin")}
    return {
        who: partial(
            command,
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
            folder=folder,
            environment=environment,
        )
        for who, options in plugins.items()
    }
