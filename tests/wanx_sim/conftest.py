"""Fixtures for tests of the simulator's parts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal

import httpx
import pytest

from wanx_client import WanxClient
from wanx_sim import Region
from wanx_sim.protocol.lifecycle import Leg, Plan, begin
from wanx_sim.protocol.requests import Order
from wanx_sim.protocol.task import Task
from wanx_sim.wire import Request

TEN_SECONDS, TWENTY_SECONDS = Leg(seconds=10.0), Leg(seconds=20.0)
ID = "00000000-0000-4000-8000-{:012d}"


@pytest.fixture
def make_plan():
    """Makes a plan; 10 s PENDING and 20 s RUNNING from 1000 on, unless told otherwise."""

    def made(submitted=1000.0, pending=TEN_SECONDS, running=TWENTY_SECONDS, **more):
        return begin(Plan(submitted=submitted, pending=pending, running=running, **more))

    return made


@pytest.fixture
def make_task(make_plan):
    """Makes a task; `number` becomes part of its id, what is no field of a task goes to its order."""

    def made(number=1, *, plan=None, region=Region.BEIJING, price="0.20", **order):
        filled = {
            "model": "wan2.5-t2i-preview",
            "prompt": "一间花店",
            "prompt_limit": 2000,
            "width": 1024,
            "height": 1024,
            "n": 2,
            "prompt_extend": False,
            "watermark": False,
        } | order
        return Task(
            task_id=ID.format(number),
            request_id=f"request-{number}",
            region=region,
            order=Order(**filled),
            seed=7,
            plan=plan or make_plan(),
            price=Decimal(price),
        )

    return made


@pytest.fixture
def make_request():
    """Makes a GET of a path at Beijing's host, unless told otherwise."""

    def made(path="/", method="GET", host="dashscope.aliyuncs.com", **more):
        path, _, query = path.partition("?")
        return Request(method=method, scheme="https", host=host, path=path, query=query, **more)

    return made


# --- the command, as a process --------------------------------------------------------------------


@dataclass
class Running:
    """A server in a process of its own, up and ready."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str]
    said: str = ""
    """What else it wrote on stdout, once it has ended."""

    @property
    def base_url(self) -> str:
        return f"{self.url}/api/v1"

    def ended(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Its exit code and what it wrote on stderr, once a signal has ended it."""
        self.process.send_signal(number)
        self.said, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


def command(*arguments):
    return [sys.executable, "-c", "from wanx_sim.cli import main; main()", *map(str, arguments)]


@pytest.fixture
def environment(tmp_path):
    """The environment of a user with an empty home, no proxy and no settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WANX", "DASHSCOPE")) and not name.lower().endswith("_proxy")
    }
    return kept | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def launch(environment):
    """Starts ``wanx-sim`` with arguments and waits until it says that it is ready."""
    processes = []

    def started(*arguments, **settings):
        process = subprocess.Popen(
            command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment | settings,
        )
        processes.append(process)
        lines = [process.stdout.readline()]
        found = re.fullmatch(r"wanx-sim ready at (https?://[\d.]+:\d+)\n", lines[0])
        assert found, lines[0] + process.communicate(timeout=20)[1]
        while not lines[-1].lstrip().startswith(("export NO_PROXY", "set NO_PROXY")):
            lines.append(process.stdout.readline())
        return Running(process, found[1], lines)

    yield started
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def client():
    """Makes thin clients of a server, which never go through a proxy."""
    clients = []

    def made(server, key="sk-any"):
        transport = httpx.HTTPTransport()
        clients.append(WanxClient(key, base_url=server.base_url, transport=transport))
        return clients[-1]

    yield made
    for each in clients:
        each.close()
