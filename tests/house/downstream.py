"""A pytest plugin for the runs of the examples: each test twice, and none may leave a trace.

It is loaded into their processes, where nothing of this repository but the wheel is installed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from pathlib import Path

import pytest


def pytest_sessionstart() -> None:
    import wanx_sim  # noqa: PLC0415 - after the plugin, as in any project

    assert wanx_sim.__file__.startswith(sys.prefix), "the examples did not get the built wheel"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("leaves_no_trace", ["once", "again"], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What the ini file says each test uses is set up before any autouse fixture; to see what it
    # leaves, one has to look before it, and after it.
    for item in items:
        names: list[str] = item.fixturenames
        names.remove("leaves_no_trace")
        defined = item._fixtureinfo.name2fixturedefs
        of_a_test = (name not in defined or defined[name][-1].scope == "function" for name in names)
        names.insert([*of_a_test, True].index(True), "leaves_no_trace")


@pytest.fixture(autouse=True, scope="session")
def leaves_nothing_open():
    yield
    gc.collect()  # what nobody closed warns now, and the warning is an error of the last test


@pytest.fixture(autouse=True)
def leaves_no_trace():
    before = _state()
    yield
    assert _state() == before


def _state() -> dict[str, object]:
    return {
        "environment": {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"},
        "folder": Path.cwd(),
        "threads": set(threading.enumerate()),
        "sleep": (time.sleep, asyncio.sleep),
    }
