"""What runs in a process of its own: workers, which measure themselves, and servers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from .figures import Sample

ROOT = Path(__file__).parents[2]
"""Where ``python -m benchmarks...`` works."""

_PROC = Path("/proc")
_START_SECONDS = 30
_STOP_SECONDS = 5
_direct = build_opener(ProxyHandler({}))  # loopback is asked without a proxy


class WorkerError(Exception):
    """A worker ended, or said something else than a measurement."""


class Worker:
    """A Python process that does the work of one contender, when it is told to.

    So that no contender's patches, caches and garbage touch another's. It runs a module of
    `benchmarks.programs` that ends in `offer`.

    Args:
        program: the module.
        arguments: its arguments.
        python: the interpreter; default this one.
    """

    def __init__(self, program: str, *arguments: object, python: Path | None = None) -> None:
        module = f"benchmarks.programs.{program}"
        self._name = " ".join([program, *map(str, arguments[:1])])
        command = [str(python or sys.executable), "-m", module, *map(str, arguments)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def start(self, task: str, count: int) -> None:
        """Let it begin a task; `finish` waits for it."""
        self._pipe(self._process.stdin).write(json.dumps({"task": task, "count": count}) + "\n")
        self._pipe(self._process.stdin).flush()

    def finish(self) -> dict[str, Any]:
        """What it says when the task is done: seconds, CPU seconds, the result, its memory.

        Raises:
            WorkerError: if the task failed, or the process ended.
        """
        line = self._pipe(self._process.stdout).readline()
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            raise WorkerError(f"{self._name} ended ({line.strip()!r})") from None
        if "error" in said:
            raise WorkerError(f"{self._name}: {said['error']}")
        return said

    def ask(self, task: str, count: int = 1) -> dict[str, Any]:
        """Let it do a task, and wait for that."""
        self.start(task, count)
        return self.finish()

    def measure(self, task: str, count: int) -> Sample:
        """Seconds an operation, of so many."""
        said = self.ask(task, count)
        return Sample(said["seconds"] / count, said["cpu_seconds"] / count)

    @staticmethod
    def _pipe(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _stop(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                self._pipe(pipe).close()


class Server:
    """A server of ours or of a peer on loopback, up from ``with`` to the end of its block.

    Args:
        command: how it is started.
        port: where it will listen.
        hello: what it is sent until it answers, whatever it answers (`get` makes one).
        folder: where it works.
        environment: more variables for it.

    Attributes:
        first_answer: seconds from its start to its first answer.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int,
        hello: bytes = b"",
        folder: Path = ROOT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command, self._hello = list(command), hello or get("/")
        self._folder, self._environment = folder, environment or {}
        self._port = port
        self.first_answer = 0.0

    def __repr__(self) -> str:
        return f"<Server {' '.join(self._command)}>"

    def __enter__(self) -> Self:
        started = time.perf_counter()
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=os.environ | self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait(started + _START_SECONDS)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.first_answer = time.perf_counter() - started
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        _stop(self._process, group=True)

    def _wait(self, deadline: float) -> None:
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() > deadline:
                raise WorkerError(f"no answer from {' '.join(self._command)}")
            time.sleep(0.001)

    def _answers(self) -> bool:
        # No HTTP client: this is done a thousand times a second, and takes CPU from the server.
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.settimeout(_START_SECONDS)
                connection.sendall(self._hello)
                return connection.recv(4) != b""
        except OSError:
            return False

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]:
        """Status and body of one answer."""
        url = self.url + path
        request = Request(url, data=body, method=method, headers=dict(headers))  # noqa: S310 - loopback
        try:
            with _direct.open(request, timeout=_START_SECONDS) as response:
                return response.status, response.read()
        except HTTPError as error:
            return error.code, error.read()

    def cpu(self) -> float | None:
        """CPU seconds that it has used so far, its children included; None where none says."""
        return _sum(self._process.pid, _cpu)

    def memory(self) -> float | None:
        """Bytes that it holds in memory, its children included; None where none says."""
        return _sum(self._process.pid, _resident)


def get(path: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A GET, as it is sent."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(process: subprocess.Popen[Any], *, group: bool = False) -> None:
    def send(number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number) if group else process.send_signal(number)

    send(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        send(signal.SIGKILL)
        process.wait()


# --- what the kernel says of a process and its children (Linux) -----------------------------------


def _sum(pid: int, of: Callable[[Path], float]) -> float | None:
    if not (_PROC / "self" / "stat").exists():
        return None
    return sum(of(_PROC / str(one)) for one in _tree(pid))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for listed in (_PROC / str(one) / "task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, listed.read_text(encoding="ascii").split())
    return found


def _cpu(process: Path) -> float:
    fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(process: Path) -> float:
    pages = int((process / "statm").read_text(encoding="ascii").split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE"))
