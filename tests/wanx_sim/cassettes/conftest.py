"""Jobs recorded over a simulator, and services that say what a test wants to hear."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from wanx_sim import Cassette, ManualClock, Recorder, Service, Simulator
from wanx_sim.cassettes import cassette
from wanx_sim.cassettes.files import write
from wanx_sim.wire import Request, Response

BEIJING = "https://dashscope.aliyuncs.com"
CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
PROMPT = "一间花店"
KEY = "sk-9f8e7d6c5b4a-distinctive"
SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512", "prompt_extend": False}

# Nothing here speaks TLS, so no client needs the certificates that take it 28 ms to load.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Talk:
    """A client that asks for tasks, polls them and loads their pictures, and looks at answers."""

    def __init__(self, client: httpx.Client, base: str = BEIJING) -> None:
        self.client, self.base = client, base

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {KEY}"} | more.pop("headers", {})
        return self.client.request(method, self.base + path, headers=headers, **more)

    def create(self, prompt: str = PROMPT, **parameters: Any) -> httpx.Response:
        parameters = SMALL | {"n": 1, "seed": 7} | parameters
        body = {"model": parameters.pop("model"), "input": {"prompt": prompt}}
        headers = {"x-dashscope-async": "enable"}
        return self.ask("POST", CREATE, json=body | {"parameters": parameters}, headers=headers)

    def submit(self, *args: Any, **parameters: Any) -> str:
        return self.create(*args, **parameters).json()["output"]["task_id"]

    def poll(self, task_id: str) -> dict[str, Any]:
        return self.ask("GET", f"/api/v1/tasks/{task_id}").json()

    def history(self, task_id: str, polls: int = 50) -> list[dict[str, Any]]:
        """The outputs of polls up to the first that says the task has ended."""
        outputs: list[dict[str, Any]] = []
        for _ in range(polls):
            outputs.append(self.poll(task_id)["output"])
            if outputs[-1]["task_status"] not in ("PENDING", "RUNNING"):
                return outputs
        raise AssertionError(f"the task does not end: {outputs[-1]}")

    def job(self, *args: Any, **parameters: Any) -> dict[str, Any]:
        """Ask for a task and poll it to its end; the last output."""
        return self.history(self.submit(*args, **parameters))[-1]

    def pictures(self, output: dict[str, Any]) -> list[bytes]:
        """What lies at an output's links."""
        answers = [
            self.client.get(result["url"]) for result in output["results"] if "url" in result
        ]
        assert {answer.status_code for answer in answers} <= {200}
        return [answer.content for answer in answers]


@pytest.fixture(scope="session")
def schema() -> jsonschema_rs.Validator:
    """The schema that is shipped, as a validator."""
    text = files("wanx_sim.cassettes").joinpath("schema.json").read_text("utf-8")
    return jsonschema_rs.Draft202012Validator(json.loads(text), validate_formats=True)


@pytest.fixture(autouse=True)
def _every_cassette_that_is_written_keeps_to_the_schema(monkeypatch, schema):
    def checked(path, content):
        schema.validate(json.loads(content))
        write(path, content)

    monkeypatch.setattr(cassette, "write", checked)


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch):
    """No proxy and no address of the service's from the environment that the tests run in."""
    monkeypatch.delenv("DASHSCOPE_HTTP_BASE_URL", raising=False)
    monkeypatch.delenv("WANX_REGION", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("no_proxy", raising=False)


@pytest.fixture
def talk() -> Iterator[Callable[[Service], Talk]]:
    """Makes a `Talk` with a service, in process; or with a URL, over a socket."""
    clients = []

    def made(service: Service | str) -> Talk:
        if isinstance(service, str):
            client = httpx.Client(transport=httpx.HTTPTransport(verify=TLS))
        else:
            client = httpx.Client(transport=service.transport())
        clients.append(client)
        return Talk(client, service if isinstance(service, str) else BEIJING)

    yield made
    for client in clients:
        client.close()


@dataclass(frozen=True)
class Recording:
    """A cassette, and what the application saw while it was recorded."""

    path: Path
    clock: ManualClock
    task_ids: list[str]
    histories: list[list[dict[str, Any]]]
    pictures: list[list[bytes]]

    @property
    def task_id(self) -> str:
        return self.task_ids[0]

    @property
    def cassette(self) -> Cassette:
        return Cassette.load(self.path)


@pytest.fixture(scope="session")
def record(tmp_path_factory) -> Callable[..., Recording]:
    """Records jobs, one after another, polled every so many seconds.

    Each is a prompt, or a mapping of what `Talk.create` takes.
    """

    def recorded(*jobs: str | dict[str, Any], timing="polls:1,1", every=0.0, **settings: Any):
        clock = ManualClock(datetime(2025, 10, 28, 4, 0, tzinfo=UTC))
        simulator = Simulator(clock=clock, timing=timing, **settings)
        path = tmp_path_factory.mktemp("library") / "flower-shop.json"
        recorder = Recorder(simulator, path, clock=clock)
        recording = Recording(path, clock, [], [], [])
        with httpx.Client(transport=recorder.transport()) as client:
            talk = Talk(client)
            for job in jobs or [PROMPT]:
                asked = {"prompt": job} if isinstance(job, str) else job
                task_id, outputs = talk.submit(**asked), []
                while not outputs or outputs[-1]["task_status"] in ("PENDING", "RUNNING"):
                    outputs.append(talk.poll(task_id)["output"])
                    clock.advance(every)
                recording.task_ids.append(task_id)
                recording.histories.append(outputs)
                done = outputs[-1]["task_status"] == "SUCCEEDED"
                recording.pictures.append(talk.pictures(outputs[-1]) if done else [])
        recorder.close()
        return recording

    return recorded


@pytest.fixture(scope="session")
def flower_shop(record) -> Recording:
    """One job: ten seconds PENDING, twenty RUNNING, polled every ten."""
    return record("一间花店", timing="seconds:10,20", every=10.0)


class Scripted(Service):
    """A live service that says what it is told to, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    def handle(self, request: Request) -> Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Response):
            return answer
        return Response(200, (("content-type", "application/json"),), json.dumps(answer).encode())


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture
def library(tmp_path) -> Path:
    """A folder for cassettes, which does not exist yet."""
    return tmp_path / "library"


@pytest.fixture
def recorder(sim, clock, library) -> Iterator[Recorder]:
    """A recorder over this test's simulator, in process."""
    recorder = Recorder(sim, library / "flower-shop", clock=clock)
    yield recorder
    recorder.close()
