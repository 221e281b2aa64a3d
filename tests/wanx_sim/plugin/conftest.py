"""Projects of other people: their tests, run by a pytest of their own with our plugin."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from filelock import FileLock

from wanx_sim import Simulator

PRELUDE = """
import json, os, ssl, sys, time, urllib.request
import httpx, pytest

# Nothing here speaks TLS; to load the usual certificates takes each httpx.get 28 ms.
TLS = {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
BEIJING = "https://dashscope.aliyuncs.com/api/v1"
CREATE = "/services/aigc/text2image/image-synthesis"


class Painter:  # an application
    def __init__(self, base=BEIJING):
        self.base = base
        key = os.environ.get("DASHSCOPE_API_KEY", "sk-any")
        self.headers = {"Authorization": f"Bearer {key}", "X-DashScope-Async": "enable"}

    def order(self, prompt="一间花店", n=1, model="wan2.2-t2i-flash"):
        body = {"model": model, "input": {"prompt": prompt},
                "parameters": {"n": n, "size": "512*512"}}
        answer = httpx.post(self.base + CREATE, headers=self.headers, json=body, **TLS)
        return answer.json()["output"]["task_id"]

    def poll(self, task_id):
        answer = httpx.get(f"{self.base}/tasks/{task_id}", headers=self.headers, **TLS)
        return answer.json()["output"]

    def paint(self, prompt="一间花店", n=1, pause=0.01):
        task_id = self.order(prompt, n)
        while (output := self.poll(task_id))["task_status"] in ("PENDING", "RUNNING"):
            time.sleep(pause)
        return [httpx.get(result["url"], **TLS).content for result in output["results"]]

    def swallow(self, *order):  # one that hides whatever goes wrong
        try:
            return self.paint(*order)
        except BaseException:
            return []


paint, order, poll, swallow = Painter().paint, Painter().order, Painter().poll, Painter().swallow

# The same, step by step.
HEADERS = {"Authorization": "Bearer sk-any", "X-DashScope-Async": "enable"}
BODY = {"model": "wan2.2-t2i-flash", "input": {"prompt": "花店"},
        "parameters": {"n": 1, "size": "512*512"}}

def create(base=BEIJING, key="sk-any"):
    headers = HEADERS | {"Authorization": f"Bearer {key}"}
    return httpx.post(base + CREATE, headers=headers, json=BODY, **TLS)

def created():
    return create().json()["output"]["task_id"]
"""


@dataclass(frozen=True)
class Run:
    """What a run of pytest printed, and what it ended with."""

    code: int
    output: str
    wrong: dict[str, list[str]]
    """By test: what went wrong in it, as it reads."""

    @property
    def ending(self) -> str:
        """How many passed, and so on."""
        return re.findall(r"^.* in [\d.]+s.*$", self.output, re.MULTILINE)[-1]

    @property
    def summary(self) -> str:
        """The line of ours at the end."""
        (line,) = re.findall(r"^wanx: \d+ replayed.*$", self.output, re.MULTILINE)
        return line

    def section(self, title: str) -> list[str]:
        """The lines below a title, up to the next one, and to our summary."""
        _, _, rest = self.output.partition(f" {title} ")
        lines = rest.split("\n")[1:]
        ends = [n for n, line in enumerate(lines) if re.match("__|==|--|wanx: ", line)]
        return [line for line in lines[: ends[0] if ends else None] if line.strip()]


@dataclass
class Project:
    """A folder with tests."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, tests: str, name: str = "test_shop.py") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PRELUDE + textwrap.dedent(tests), "utf-8")
        return path

    def ini(self, text: str) -> None:
        (self.folder / "pytest.ini").write_text(f"[pytest]\n{textwrap.dedent(text)}", "utf-8")

    def run(self, *options: str, **environment: str) -> Run:
        """Run its tests, with our plugin by its entry point and no other but those named."""
        ours = ("PYTEST_", "WANX", "DASHSCOPE")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(ours) and not name.lower().endswith("_proxy")
        }
        fixed = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "100", "PYTHONUTF8": "1"}
        command = [sys.executable, "-m", "pytest", "-p", "wanx", "-p", "no:cacheprovider", "-q"]
        done = subprocess.run(
            [*command, "--tb=short", "--junitxml=results.xml", *options],
            cwd=self.folder, env=inherited | fixed | self.environment | environment,
            capture_output=True, encoding="utf-8", check=False, timeout=60,
        )  # fmt: skip
        output = done.stdout + done.stderr
        results = self.folder / "results.xml"
        return Run(done.returncode, output, _wrong(results) if results.exists() else {})

    def report(self) -> dict[str, Any]:
        """The report that the last run wrote to report.json."""
        return json.loads((self.folder / "report.json").read_text("utf-8"))

    def cassettes(self) -> list[str]:
        """The cassettes there are."""
        return sorted(
            path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*/*.json")
        )


_FRAME = re.compile(r'^(?:failed on \w+ with ")?(?:Failed: )?(.*?)"?$', re.DOTALL)


def _wrong(results: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for case in ET.parse(results).iter("testcase"):  # noqa: S314 - our own file
        parts = [part.get("message", "") for part in case if part.tag in ("failure", "error")]
        said = [_FRAME.sub(r"\1", part) for part in parts]
        found.setdefault(case.get("name", ""), []).extend(said)
    return found


@pytest.fixture(scope="session")
def new_project(tmp_path_factory) -> Callable[[], Project]:
    return lambda: Project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def project(new_project) -> Project:
    return new_project()


@pytest.fixture(scope="session")
def run_specs(tmp_path_factory, testrun_uid) -> Callable[..., dict[str, list[tuple[str, str]]]]:
    """Runs tests of users, each under a sentence, all at once, since a start of pytest is a second.

    Of each sentence, its tests and what went wrong in them.
    """

    def run_specs(topic: str, specs: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
        folder = tmp_path_factory.getbasetemp()
        if "PYTEST_XDIST_WORKER" in os.environ:
            folder = folder.parent  # one run is enough for all workers
        project = Project(folder / f"{topic}-{testrun_uid}")
        names = {f"test_spec_{place}": sentence for place, sentence in enumerate(specs)}
        results = project.folder / "results.xml"
        with FileLock(f"{project.folder}.lock"):
            if not project.folder.exists():
                for name, sentence in names.items():
                    project.write(specs[sentence], f"{name}.py")
                run = project.run("-p", "anyio", "-Werror", "-o", "junit_family=xunit1")
                assert results.exists(), run.output
        found: dict[str, list[tuple[str, str]]] = {sentence: [] for sentence in specs}
        for case in ET.parse(results).iter("testcase"):  # noqa: S314 - our own file
            module = case.get("classname", "").partition(".")[0]
            wrong = "\n".join(part.text or "" for part in case)
            found[names[module]].append((case.get("name", ""), wrong))
        return found

    return run_specs


@dataclass(frozen=True)
class Live:
    """What stands for the live service: a simulator on a socket."""

    sim: Simulator
    environment: dict[str, str]


@contextmanager
def _live() -> Iterator[Live]:
    sim = Simulator(timing="instant", api_keys={"sk-of-ours": "beijing"})
    with sim.serve() as server:
        environment = {
            "DASHSCOPE_HTTP_BASE_URL": server.base_url,
            "DASHSCOPE_API_KEY": "sk-of-ours",
        }
        yield Live(sim, environment)


@pytest.fixture
def live() -> Iterator[Live]:
    """The live service, and the environment of who has a key for it. A poll shows the end."""
    with _live() as live:
        yield live


@pytest.fixture(scope="module")
def going_live() -> Iterator[Live]:
    """As `live`, for all tests of a module."""
    with _live() as live:
        yield live


@pytest.fixture
def recorded(project, live) -> Callable[..., Run]:
    """Runs a project's tests once with the live service, and leaves what they recorded."""

    def recorded(*options: str, **more: str) -> Run:
        environment = live.environment | more
        run = project.run("--wanx-record=all", "--wanx-budget=9", *options, **environment)
        assert run.code == 0, run.output
        return run

    return recorded
