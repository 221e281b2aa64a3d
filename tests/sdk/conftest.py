"""The official SDK, unmodified, in a process of its own, against the simulator's two servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from wanx_sim import Simulator

KEY = "sk-right"
PROGRAMS = Path(__file__).parent / "programs"
# 2.0.2 is installed; the Makefile lays 1.24.6 beside it.
HOMES = {"1.24.6": Path(sys.prefix) / "sdk-1.24.6", "2.0.2": None}
READY = "wanx-sim ready at "


@dataclass(frozen=True)
class Sdk:
    """One version of the SDK, and where its programs run."""

    version: str
    folder: Path

    def run(self, program: str, url: str) -> dict[str, Any]:
        """What a program of `programs/` saw of the service at this address."""
        done = subprocess.run(
            [sys.executable, str(PROGRAMS / program)],
            env=self._environment(url),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout)
        assert seen.pop("sdk") == self.version
        return seen

    def _environment(self, url: str) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.upper().startswith(("DASHSCOPE_", "PYTHON"))
            and not name.upper().endswith("_PROXY")
        }
        home = HOMES[self.version]
        return inherited | {
            "DASHSCOPE_HTTP_BASE_URL": f"{url}/api/v1",
            "DASHSCOPE_API_KEY": KEY,
            "NO_PROXY": "127.0.0.1,localhost",
            "HOME": str(self.folder),
            "PYTHONUTF8": "1",
            **({"PYTHONPATH": str(home)} if home else {}),
        }


@pytest.fixture(params=HOMES)
def sdk(request: pytest.FixtureRequest, tmp_path: Path) -> Sdk:
    home = HOMES[request.param]
    if home and not home.is_dir():
        pytest.skip(f"left out: the SDK's version {request.param} is not laid; `make test` lays it")
    return Sdk(request.param, tmp_path)


@contextmanager
def _thread() -> Iterator[str]:
    with Simulator(timing="instant", api_keys={KEY: "beijing"}).serve() as server:
        yield server.url


@contextmanager
def _command(*arguments: object) -> Iterator[str]:
    """``wanx-sim`` as a process, at an address, until the block ends."""
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("wanx-sim")), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout
        patience = Timer(30, process.kill)
        patience.start()
        first_line = process.stdout.readline()
        patience.cancel()
        try:
            assert first_line.startswith(READY)
            yield first_line.removeprefix(READY).strip()
        finally:
            process.terminate()


@contextmanager
def _process() -> Iterator[str]:
    store = ("--store", "memory://", "--timing", "instant", "--api-key", KEY)
    with _command("serve", "--port", 0, *store) as url:
        yield url


@pytest.fixture
def command() -> Any:
    """Runs ``wanx-sim`` as a process, up inside a ``with`` block, which names its address."""
    return _command


@pytest.fixture(params=[_thread, _process], ids=["serve()", "wanx-sim serve"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A simulator at an address: in a thread of this test, and as the command makes it."""
    with request.param() as address:
        yield address
