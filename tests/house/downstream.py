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
