"""Load on a socket, by wrk: what is sent, and what came of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .figures import Sample
from .peers import program
from .processes import Server, WorkerError

CONNECTIONS = 32

# wrk is told its requests in Lua; they are made before the first is sent, and sent in turn.
_SCRIPT = """
local requests, at = {}, 0
init = function()
%s
end
request = function()
  at = at %% #requests + 1
  return requests[at]
end
done = function(summary)
  local e = summary.errors
  io.write(string.format('{"requests": %%d, "microseconds": %%d, "refused": %%d, "broken": %%d}\\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True)
class Request:
    """One request of a load."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    def lua(self) -> str:
        """A line of Lua that makes it."""
        headers = ", ".join(f"[{_quoted(k)}] = {_quoted(v)}" for k, v in self.headers.items())
        body = _quoted(self.body.decode()) if self.body else "nil"
        parts = f"{_quoted(self.method)}, {_quoted(self.path)}, {{{headers}}}, {body}"
        return f"  requests[#requests + 1] = wrk.format({parts})"


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\{byte:03}" for byte in text.encode()) + '"'


def load(
    servers: Sequence[Server], requests: Sequence[Request], script: Path, seconds: int = 1
) -> Callable[[], Sample]:
    """A measure: seconds a request at 32 connections, and CPU seconds of the servers a request.

    Args:
        servers: the one that is asked, and those that work for it.
        requests: sent in turn.
        script: where to write what wrk is told.
        seconds: how long a round is.

    Raises:
        Absent: if there is no wrk here.
    """
    wrk = program("wrk")
    script.write_text(_SCRIPT % "\n".join(request.lua() for request in requests), encoding="utf-8")
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), servers[0].url]

    def measure() -> Sample:
        before = _cpu(servers)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        after = _cpu(servers)
        if done.returncode:
            raise WorkerError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
        said = json.loads(done.stdout.strip().splitlines()[-1])
        if said["refused"] or (said["broken"] and not said["requests"]):
            raise WorkerError(f"{servers[0].url} answered {said}")
        answered = max(said["requests"], 1)  # a peer may be slower than a round is long
        cpu = None if before is None or after is None else (after - before) / answered
        return Sample(said["microseconds"] / 1e6 / answered, cpu)

    return measure


def _cpu(servers: Sequence[Server]) -> float | None:
    used = [server.cpu() for server in servers]
    return None if None in used else sum(cpu for cpu in used if cpu is not None)
