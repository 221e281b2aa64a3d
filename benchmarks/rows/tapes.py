"""Cassettes of each tool: recorded by itself, or made of one that it recorded.

Recording three thousand jobs would take longer than all that is measured. So one is recorded, and
its text repeated with other ids and prompts: the file is what the tool would have written.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from shutil import copytree

from ..harness.bench import Bench
from ..harness.peers import Absent
from ..harness.processes import Server, Worker, WorkerError, free_port, get
from ..programs.photographs import identifier
from ..programs.wire import marker

PEERS = ("vcrpy", "cassetter")
SMALL, PHOTOGRAPH = 16, 592  # pixels a side: 1 kB and 1 MB of noise

_MODULES = {"vcrpy": "vcr", "cassetter": "cassetter"}

_YAML_HEAD = "interactions:\n"
_YAML_TAIL = "version: 1\n"


def multiply(recorded: Path, copied: Path, count: int) -> None:
    """Write a cassette of so many jobs, given one that holds job 0."""
    text = recorded.read_text(encoding="utf-8")
    copied.parent.mkdir(parents=True, exist_ok=True)
    many = _json(text, count) if recorded.suffix == ".json" else _yaml(text, count)
    copied.write_text(many, encoding="utf-8")


def _json(text: str, count: int) -> str:
    document = json.loads(text)
    (job,) = document["interactions"]
    job = json.dumps(job, ensure_ascii=False)
    document["interactions"] = [json.loads(_renamed(job, number)) for number in range(count)]
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _yaml(text: str, count: int) -> str:
    head, mark, jobs = text.partition(_YAML_HEAD)
    tail = _YAML_TAIL if jobs.endswith(_YAML_TAIL) else ""
    jobs = jobs.removesuffix(tail).removesuffix("\n") + "\n"
    return head + mark + "".join(_renamed(jobs, number) for number in range(count)) + tail


def _renamed(job: str, number: int) -> str:
    assert identifier(0) in job
    assert marker(0) in job
    return job.replace(identifier(0), identifier(number)).replace(marker(0), marker(number))


class Library:
    """Cassettes of each tool, recorded when they are first asked for."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._folder = bench.folder / "cassettes"
        self._port = free_port()
        self.absent = {who: why for who in PEERS if (why := self._why_not(who))}
        self.tools = ["ours", *(who for who in PEERS if who not in self.absent)]

    def _why_not(self, who: str) -> str:
        try:
            self._bench.peers.needed(_MODULES[who])
        except Absent as why:
            return str(why)
        return ""

    def worker(self, who: str, path: Path, jobs: int) -> Worker:
        """A process with a cassette."""
        base = f"http://127.0.0.1:{self._port}"  # where it was recorded, and so is asked for
        if who == "ours":
            return Worker("own_tape", path, base, jobs)
        return Worker("peer_tape", who, path, base, jobs, python=self._bench.peers.python)

    def able(
        self, stack: ExitStack, jobs: int, task: str
    ) -> tuple[dict[str, Worker], dict[str, str]]:
        """The tools that can do a task with so many jobs, and why the others cannot."""
        able, absent = {}, dict(self.absent)
        for who in self.tools:
            worker = stack.enter_context(self.worker(who, self.of(who, jobs), jobs))
            try:
                worker.ask(task)
                able[who] = worker
            except WorkerError as why:
                if who == "ours":
                    raise
                self._bench.tell(f"{who} is left out: {why}")
                absent[who] = str(why)
        return able, absent

    def recorded(self, who: str, jobs: int, side: int) -> Path:
        """A cassette of so many jobs, recorded by the tool itself."""
        path = self._folder / f"{who}-{jobs}-{side}" / ("own.json" if who == "ours" else "own.yaml")
        if not path.exists():
            path.parent.mkdir(parents=True)
            with _service(self._port, side), self.worker(who, path, jobs) as worker:
                worker.ask("record", jobs)
        return path

    def of(self, who: str, jobs: int) -> Path:
        """A cassette of so many jobs, made of one that was recorded."""
        one = self.recorded(who, 1, SMALL)
        path = self._folder / f"{who}-times-{jobs}" / one.name
        if not path.exists():
            multiply(one, path, jobs)
            if who == "ours":
                copytree(one.parent / "images", path.parent / "images")
        return path


def _service(port: int, side: int) -> Server:
    command = [sys.executable, "-m", "benchmarks.programs.photographs", str(port), str(side)]
    return Server(command, port=port, hello=get("/pictures/00000000-"))
