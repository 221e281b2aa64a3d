"""Fixtures that most tests share: a simulator whose clock stands still, and the API as it is sent.

What a test needs is handed to it; no test imports another module of tests.
"""

from __future__ import annotations

import json as jsonlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from wanx_sim import ManualClock, Simulator

BEIJING = "https://dashscope.aliyuncs.com"
CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
TASKS = "/api/v1/tasks"


class Answer(NamedTuple):
    """What came back over the wire; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return jsonlib.loads(self.body)

    @property
    def output(self) -> dict[str, Any]:
        assert self.status == 200, self.body
        return self.json["output"]

    @property
    def refusal(self) -> tuple[int, str, str]:
        """Status, code and message, of an answer that is flat as all refusals are."""
        return self.status, self.json["code"], self.json["message"]


class Api:
    """The service's HTTP API, with nothing between a test and the wire but names."""

    def __init__(self, call: Callable[..., Answer], base: str = BEIJING, key: str = "sk-test"):
        self.call, self.base, self.key = call, base, key

    def request(self, method, path, headers=None, *, content=None, **more) -> Answer:
        """Send a request with a key; a header given as None is left out."""
        wanted = {"authorization": f"Bearer {self.key}"} | {
            name.lower(): value for name, value in (headers or {}).items()
        }
        sent = {name: value for name, value in wanted.items() if value is not None}
        url = path if "://" in path else self.base + path
        return self.call(method, url, sent, content=content, **more)

    def create(
        self,
        prompt="一间花店",
        model="wan2.5-t2i-preview",
        *,
        negative_prompt=None,
        body=None,
        headers=None,
        **parameters,
    ) -> Answer:
        """Ask for a task, with the three required headers."""
        if body is None:
            texts = {"prompt": prompt, "negative_prompt": negative_prompt}
            given = {name: text for name, text in texts.items() if text is not None}
            body = {"model": model, "input": given, "parameters": parameters}
        content = body if isinstance(body, bytes) else jsonlib.dumps(body).encode()
        required = {"Content-Type": "application/json", "X-DashScope-Async": "enable"}
        return self.request("POST", CREATE, required | (headers or {}), content=content)

    def submit(self, *args, **kwargs) -> str:
        """Create a task that is accepted; its id."""
        return self.create(*args, **kwargs).output["task_id"]

    def poll(self, task_id, **kwargs) -> Answer:
        return self.request("GET", f"{TASKS}/{task_id}", **kwargs)

    def status(self, task_id) -> str:
        return self.poll(task_id).output["task_status"]

    def cancel(self, task_id, **kwargs) -> Answer:
        return self.request("POST", f"{TASKS}/{task_id}/cancel", **kwargs)

    def listed(self, query="") -> Answer:
        return self.request("GET", f"{TASKS}{query and '?' + query}")

    def history(self, task_id) -> list[dict[str, Any]]:
        """The outputs of polls up to the first that says the task has ended."""
        outputs = []
        for _ in range(50):
            outputs.append(self.poll(task_id).output)
            if outputs[-1]["task_status"] not in ("PENDING", "RUNNING"):
                return outputs
        raise AssertionError(f"the task does not end: {outputs[-1]}")

    def job(self, *args, **kwargs) -> dict[str, Any]:
        """Create a task and poll it to its end; the last output."""
        return self.history(self.submit(*args, **kwargs))[-1]

    def links(self, *args, **kwargs) -> list[str]:
        """Create a task, poll it to its end; the links to its pictures."""
        return [result["url"] for result in self.job(*args, **kwargs)["results"]]

    def get(self, url, headers=None, method="GET") -> Answer:
        """Ask the image host, as a browser would: without a key."""
        return self.call(method, url, headers or {})

    def pictures(self, *args, **kwargs) -> list[bytes]:
        """Create a task, poll it to its end, download its pictures."""
        answers = [self.get(url) for url in self.links(*args, **kwargs)]
        assert {answer.status for answer in answers} == {200}
        return [answer.body for answer in answers]


@pytest.fixture
def start() -> datetime:
    """When the tests' clocks begin: noon in Beijing, on the day of the seed document."""
    return datetime(2025, 10, 28, 4, 0, tzinfo=UTC)


@pytest.fixture
def clock(start) -> ManualClock:
    return ManualClock(start)


@pytest.fixture
def sim(clock) -> Iterator[Simulator]:
    """A simulator in memory: one poll PENDING, one poll RUNNING."""
    return Simulator(clock=clock)


@pytest.fixture
def connect() -> Iterator[Callable[..., Api]]:
    """Makes an `Api` of a simulator, at a host of the service's (Beijing's by default)."""
    clients = []

    def connected(sim: Simulator, base: str = BEIJING, key: str = "sk-test") -> Api:
        client = httpx.Client(transport=sim.transport())
        clients.append(client)

        def call(method, url, headers, *, content=None, **more):
            response = client.request(method, url, headers=headers, content=content, **more)
            return Answer(response.status_code, response.headers, response.content)

        return Api(call, base, key)

    yield connected
    for client in clients:
        client.close()


@pytest.fixture
def api(sim, connect) -> Api:
    """The API of the simulator of this test."""
    return connect(sim)


@pytest.fixture
def make_api() -> Callable[..., Api]:
    """Makes an `Api` of any function that sends a request and returns what `make_answer` makes."""
    return Api


@pytest.fixture
def make_answer() -> Callable[..., Answer]:
    return Answer


# --- Redis ----------------------------------------------------------------------------------------


class RedisServer:
    """A Redis of one run's own, on a socket in a folder; it keeps nothing unless told to."""

    def __init__(self, program: str, folder: str, *, keep: bool = False) -> None:
        self._program, self._folder, self._keep = program, folder, keep
        self.path = f"{folder}/redis.sock"
        self.start()

    def start(self) -> None:
        command = [self._program, "--port", "0", "--unixsocket", self.path, "--save", ""]
        command += ["--appendonly", "yes" if self._keep else "no", "--dir", self._folder]
        command += ["--appendfsync", "always"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        lines = iter(self.process.stdout.readline, "")
        assert any("eady to accept connections" in line for line in lines), command

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def url(self, prefix: str = "wanx-sim") -> str:
        return f"unix://{self.path}?prefix={prefix}"


@pytest.fixture(scope="session")
def start_redis() -> Iterator[Callable[[], RedisServer]]:
    """Starts a Redis, which ends with the run."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("left out: no redis-server here (apt-get install redis-server)")
    servers, folders = [], []

    def start(*, keep: bool = False) -> RedisServer:
        # Not in tmp_path: the name of a socket has 107 bytes at most.
        folders.append(tempfile.TemporaryDirectory(prefix="wanx"))
        servers.append(RedisServer(program, folders[-1].name, keep=keep))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
    for folder in folders:
        folder.cleanup()


@pytest.fixture(scope="session")
def redis_server(start_redis) -> RedisServer:
    """A Redis that many tests share."""
    return start_redis()


@pytest.fixture
def redis_url(redis_server) -> str:
    """An empty store in it."""
    return redis_server.url(f"test-{uuid4().hex}")
