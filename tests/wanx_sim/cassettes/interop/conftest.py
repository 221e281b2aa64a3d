"""An application, and the tools that record it: vcrpy, cassetter, and a browser's HAR."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cassetter
import httpx
import httpx2
import pytest
import requests
import vcr
from click.testing import CliRunner

from wanx_sim import Cassette, Simulator
from wanx_sim.cassettes.interop.importing import Imported, import_files
from wanx_sim.cli import _Group
from wanx_sim.cli.interop import export_command, import_command

BEIJING = "https://dashscope.aliyuncs.com"
API = "/api/v1"
CREATE = f"{API}/services/aigc/text2image/image-synthesis"
KEY = "sk-9f8e7d6c5b4a3f2e-distinctive"
SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512", "prompt_extend": False, "n": 1, "seed": 7}


class Shop:
    """An application: asks for pictures, polls every so many seconds, loads what there is."""

    def __init__(self, client: Any, base: str, sim: Simulator, every: float = 0.0) -> None:
        self.client, self.base, self.sim, self.every = client, base, sim, every
        self.task_ids: list[str] = []
        self.pictures: list[bytes] = []

    def ask(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {KEY}"} | more.pop("headers", {})
        return self.client.request(method, self.base + path, headers=headers, **more)

    def create(self, prompt: str = "一间花店", **parameters: Any) -> Any:
        given = SMALL | parameters
        body = {"model": given.pop("model"), "input": {"prompt": prompt}, "parameters": given}
        return self.ask("POST", CREATE, json=body, headers={"X-DashScope-Async": "enable"})

    def order(self, prompt: str = "一间花店", **parameters: Any) -> dict[str, Any]:
        """A job to its end; the last output."""
        self.task_ids.append(self.create(prompt, **parameters).json()["output"]["task_id"])
        output: dict[str, Any] = {}
        for _ in range(100):
            answer = self.ask("GET", f"{API}/tasks/{self.task_ids[-1]}")
            output = answer.json().get("output", {})
            if output.get("task_status") not in ("PENDING", "RUNNING", None):
                break
            self.sim.clock.advance(self.every)
        for result in output.get("results", []):
            if "url" in result:
                self.pictures.append(self.client.get(result["url"]).content)
        return output


CLIENTS = {"httpx": httpx.Client, "httpx2": httpx2.Client, "requests": requests.Session}
TOOLS = {
    "vcrpy": lambda path: vcr.use_cassette(str(path)),
    "cassetter": lambda path: cassetter.use_cassette(str(path), record_mode="once"),
}


@pytest.fixture
def shop(sim) -> Iterator[Callable[..., Shop]]:
    """Makes a `Shop` over a socket, for as long as the test lasts."""
    with ExitStack() as stack:
        server = stack.enter_context(sim.serve())

        def made(client: str = "httpx", every: float = 0.0) -> Shop:
            return Shop(stack.enter_context(CLIENTS[client]()), server.url, sim, every)

        yield made


@pytest.fixture
def tape(tmp_path, shop):
    """Records a shop with one of the tools; the file is there when the block ends."""

    @contextmanager
    def recorded(tool: str = "vcrpy", client: str = "httpx", every: float = 0.0):
        path = tmp_path / f"{tool}-{client}.yaml"
        with TOOLS[tool](path):
            made = shop(client, every)
            made.path = path
            yield made

    return recorded


@pytest.fixture
def take_over(library) -> Callable[..., tuple[Cassette, list[Imported]]]:
    """Imports files into a cassette; the cassette, and what became of each file."""

    def taken(*paths: Path, name: str = "shop", **settings: Any):
        cassette = Cassette(library / name)
        made = import_files(paths, cassette, **settings)
        return (Cassette.load(cassette.path) if cassette.exists else cassette), made

    return taken


@pytest.fixture
def run():
    """Runs `wanx-sim cassette`: exit code, and the lines that were printed."""
    group = _Group("cassette", commands=[import_command, export_command])
    root = _Group("wanx-sim", commands=[group])

    def ran(*arguments: object) -> tuple[int, list[str]]:
        result = CliRunner().invoke(root, ["cassette", *map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.output.splitlines()

    return ran


# --- HAR ------------------------------------------------------------------------------------------


class Browser:
    """Writes HAR 1.2 as Chromium's developer tools do, with their own fields and HTTP/2's names."""

    def __init__(self, sim: Simulator) -> None:
        self.sim, self.entries = sim, []

    def note(self, response: httpx.Response) -> None:
        response.read()
        now = datetime.fromtimestamp(self.sim.clock.now(), UTC)
        self.entries.append(self.entry(response.request, response, now - timedelta(seconds=0.25)))

    def entry(self, request: httpx.Request, response: httpx.Response, started: datetime):
        posted = {}
        if request.content:
            kind = request.headers["content-type"]
            posted = {"postData": {"mimeType": kind, "text": request.content.decode()}}
        pseudo = {":authority": request.url.host, ":method": request.method, ":scheme": "https"}
        return {
            "_initiator": {"type": "script"},
            "_priority": "High",
            "_resourceType": "fetch",
            "_fromCache": "disk",
            "cache": {},
            "connection": "443",
            "pageref": "page_1",
            "startedDateTime": started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "time": 250.0,
            "timings": {
                "blocked": -1,
                "dns": -1,
                "connect": -1,
                "send": 0.1,
                "wait": 249,
                "receive": 0.9,
            },
            "request": {
                "method": request.method,
                "url": str(request.url),
                "httpVersion": "http/2.0",
                "headers": pairs(pseudo | dict(request.headers)),
                "queryString": pairs(dict(request.url.params)),
                "cookies": [],
                "headersSize": -1,
                "bodySize": len(request.content),
                **posted,
            },
            "response": {
                "status": response.status_code,
                "statusText": "",
                "httpVersion": "http/2.0",
                "headers": pairs(dict(response.headers)),
                "cookies": [],
                "content": content(response),
                "redirectURL": "",
                "headersSize": -1,
                "bodySize": -1,
                "_transferSize": 1000,
            },
        }

    def document(self, *more: dict[str, Any]) -> dict[str, Any]:
        page = {"id": "page_1", "title": "花店", "startedDateTime": "2025-10-28T04:00:00.000Z"}
        log = {"version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"}}
        return {"log": log | {"pages": [page], "entries": [*self.entries, *more]}}

    def save(self, path: Path, *more: dict[str, Any]) -> Path:
        text = json.dumps(self.document(*more), ensure_ascii=False)
        path.write_text(text, encoding="utf-8")
        return path


def pairs(mapping: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in mapping.items()]


def content(response: httpx.Response) -> dict[str, Any]:
    kind = response.headers.get("content-type", "")
    found = {"size": len(response.content), "mimeType": kind}
    if kind.startswith("image/"):
        return found | {"text": b64encode(response.content).decode(), "encoding": "base64"}
    return found | {"text": response.text}


@pytest.fixture
def browser(sim) -> Browser:
    return Browser(sim)


@pytest.fixture
def page(sim, browser) -> Iterator[Shop]:
    """A shop in a browser that asks the real hosts; the browser notes it all."""
    hooks = {"response": [browser.note]}
    with httpx.Client(transport=sim.transport(), event_hooks=hooks) as client:
        yield Shop(client, BEIJING, sim)
