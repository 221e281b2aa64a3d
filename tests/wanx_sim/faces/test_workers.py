"""`serve --workers N`: several real processes, which nobody can tell from one."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from wanx_sim import Simulator
from wanx_sim.cli import cli
from wanx_sim.sharing import boards

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Linux and macOS only")

CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
HEADERS = {"authorization": "Bearer sk-a", "x-dashscope-async": "enable"}
BODY = {"model": "wan2.2-t2i-flash", "input": {"prompt": "一间花店"}, "parameters": {"n": 1}}
MANY = 24
"""So many new connections that no worker is left out: by chance, once in ten million runs."""


@dataclass
class Running:
    """A server of several processes, up and ready."""

    process: subprocess.Popen[str]
    url: str
    temporary: Path
    ca: str | None = None

    def ask(self, method, path, *, headers=None, **more) -> httpx.Response:
        """One request, by a connection of its own."""
        verify = ssl.create_default_context(cafile=self.ca) if self.ca else False
        return httpx.request(
            method, self.url + path, headers=HEADERS | (headers or {}), trust_env=False,
            timeout=30, verify=verify, **more,
        )  # fmt: skip

    def create(self, **more) -> httpx.Response:
        return self.ask("POST", CREATE, json=BODY, **more)

    def sim(self, what, body=None) -> dict:
        method, _, path = what.partition(" ")
        return self.ask(method, f"/_sim/{path}", **({} if body is None else {"json": body})).json()

    @property
    def pids(self) -> set[int]:
        """The workers that have answered so far."""
        found = self.temporary.glob("wanx-sim-*/scope-/journal-*")
        return {int(path.name.split("-")[1]) for path in found}

    def ended(self, number) -> tuple[int, str]:
        """Exit code and stderr after a signal; stderr ends when its last process has."""
        self.process.send_signal(number)
        errors = self.process.communicate(timeout=30)[1]
        return self.process.returncode, errors


@pytest.fixture
def start(tmp_path):
    """Starts a server, and waits until it says that it is ready."""
    processes = []

    def started(*options, store=f"disk:{tmp_path / 'store'}", workers=2, schemes="http"):
        temporary = tmp_path / "temporary"
        temporary.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WANX")}
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", "from wanx_sim.cli import main; main()", "serve"),
                *("--port", "0", "--workers", str(workers), "--store", store, *options),
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=kept | {"TMPDIR": str(temporary), "XDG_DATA_HOME": str(tmp_path / "data")},
        )  # fmt: skip
        processes.append(process)
        first = process.stdout.readline()
        found = re.fullmatch(rf"wanx-sim ready at ({schemes}://[\d.]+:\d+)\n", first)
        assert found, first + process.communicate(timeout=30)[1]
        return Running(process, found[1], temporary)

    yield started
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()  # not read to their end: an orphan would hold them
        process.stderr.close()


@pytest.fixture
def server(start):
    return start("--timing", "polls:1,1")


def every(server, act):
    """What comes of doing something by many connections, some at a time."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: act(), range(MANY)))


# --- one server -----------------------------------------------------------------------------------


def test_several_workers_serve_one_port_and_one_set_of_tasks(server):
    task_ids = [answer.json()["output"]["task_id"] for answer in every(server, server.create)]
    assert len(server.pids) == 2
    assert len(set(task_ids)) == MANY
    seen = [
        [server.ask("GET", f"/api/v1/tasks/{task_id}").json()["output"] for _ in range(3)]
        for task_id in task_ids[:4]
    ]
    for outputs in seen:
        statuses = [output["task_status"] for output in outputs]
        assert statuses == ["PENDING", "RUNNING", "SUCCEEDED"]
    link = seen[0][-1]["results"][0]["url"]
    assert link.startswith(f"{server.url}/")
    pictures = every(server, lambda: httpx.get(link, trust_env=False).status_code)
    assert set(pictures) == {200}
    assert server.sim("GET usage")["tasks"] == MANY


def test_one_console_over_all_workers(server):
    fault = {"on": "create", "code": "Throttling.RateQuota", "times": 5}
    server.sim("POST faults", fault)
    statuses = [answer.status_code for answer in every(server, server.create)]
    assert len(server.pids) == 2
    assert sorted(statuses) == [200] * (MANY - 5) + [429] * 5
    armed = server.sim("GET faults")
    assert armed["faults"] == []
    assert [one["struck"] for one in armed["strikes"]] == [5]
    clock = server.sim("POST clock", {"freeze": True})
    moved = server.sim("POST clock", {"advance": 86_400})
    assert moved["now"] == pytest.approx(clock["now"] + 86_400)
    assert {one["now"] for one in every(server, lambda: server.sim("GET clock"))} == {moved["now"]}
    server.sim("POST settings", {"timing": "manual", "rate_limits": True})
    told = every(server, lambda: server.sim("GET settings"))
    assert {(one["timing"], one["rate_limits"]) for one in told} == {("manual", True)}
    journal = every(server, lambda: server.sim("GET requests?operation=create"))
    assert {one["total"] for one in journal} == {MANY}
    assert [entry["status"] for entry in journal[0]["requests"]].count(429) == 5
    server.sim("POST reset", {})
    counts = every(server, lambda: server.sim("GET health")["counts"])
    assert counts == [{"tasks": 0, "requests": 0, "faults": 0, "sessions": 0}] * MANY


def test_a_session_is_one_over_all_workers(server):
    named = {"X-Wanx-Session": "one"}
    answers = every(server, lambda: server.create(headers=named))
    assert {answer.status_code for answer in answers} == {200}
    told = every(server, lambda: server.sim("GET sessions")["sessions"])
    assert told == [[{"name": "one", "tasks": MANY, "requests": MANY}]] * MANY
    assert server.sim("GET usage")["tasks"] == 0


@pytest.mark.parametrize("headers", [{}, {"X-Wanx-Session": "one"}], ids=["shared", "session"])
def test_all_workers_keep_as_many_tasks_as_the_command_line_says(start, headers):
    server = start("--keep-tasks", "5", "--timing", "instant")
    for _ in range(6):
        every(server, lambda: server.create(headers=headers))
    found = server.ask("GET", "/_sim/tasks", headers=headers).json()
    assert 5 <= found["total"] < 5 + 64
    assert found["dropped"] == 6 * MANY - found["total"]
    usage = server.ask("GET", "/_sim/usage", headers=headers).json()
    assert (usage["tasks"], usage["dropped"]) == (6 * MANY, found["dropped"])


def test_settings_of_the_command_line_reach_every_worker(start):
    server = start(
        *("--api-key", "sk-a@singapore", "--region", "singapore", "--timing", "manual"),
        *("--validation", "task", "--faults", "poll-429", "--speed", "0", "--seed", "5"),
        *("--public-url", "http://pictures.test", "--admin-token", "secret-token"),
    )
    refused = every(server, lambda: server.create(headers={"authorization": "Bearer sk-b"}))
    assert {answer.status_code for answer in refused} == {401}
    assert len(server.pids) == 2
    assert {
        one.get("error", "")[:25] for one in every(server, lambda: server.sim("GET clock"))
    } == {"/_sim/ needs this server'"}
    told = {"headers": {"x-wanx-admin-token": "secret-token"}}
    settings = [every(server, lambda: server.ask("GET", "/_sim/settings", **told).json())]
    assert all(one == settings[0][0] for one in settings[0])
    assert settings[0][0]["seed"] == 5
    assert settings[0][0]["public_url"] == "http://pictures.test"
    clocks = every(server, lambda: server.ask("GET", "/_sim/clock", **told).json()["now"])
    assert len(set(clocks)) == 1  # it stands still, at the same time
    assert len(server.ask("GET", "/_sim/faults", **told).json()["faults"]) == 1


def test_workers_on_redis_are_one_server_too(start, redis_url):
    server = start("--timing", "polls:1,1", store=redis_url)
    server.sim("POST faults", {"on": "create", "code": "Throttling.RateQuota", "times": 5})
    statuses = [answer.status_code for answer in every(server, server.create)]
    assert sorted(statuses) == [200] * (MANY - 5) + [429] * 5
    assert {one["total"] for one in every(server, lambda: server.sim("GET requests"))} == {MANY}
    assert server.ended(signal.SIGTERM) == (0, "")


def test_every_worker_speaks_tls_and_has_the_proxy(start, tmp_path):
    server = start("--tls", "--proxy-port", "0", schemes="https")
    lines = iter(server.process.stdout.readline, "")
    settings = dict(re.findall(r"export (\w+)=(\S+)", "".join(_up_to(lines, "https_proxy"))))
    server.ca = settings["SSL_CERT_FILE"]
    assert {answer.status_code for answer in every(server, server.create)} == {200}
    assert len(server.pids) == 2
    trusted = ssl.create_default_context(cafile=server.ca)

    def through():
        with httpx.Client(proxy=settings["HTTPS_PROXY"], verify=trusted, trust_env=False) as client:
            return client.get("https://dashscope.aliyuncs.com/api/v1/tasks", headers=HEADERS)

    assert {answer.json()["total"] for answer in every(server, through)} == {MANY}
    assert server.ended(signal.SIGINT) == (0, "")


def _up_to(lines, text):
    for line in lines:
        yield line
        if text in line:
            return


# --- its end, and theirs --------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_all_workers_end_quietly_with_it(server, number):
    every(server, server.create)
    assert server.ended(number) == (0, "")
    assert list(server.temporary.iterdir()) == []
    with pytest.raises(httpx.ConnectError):
        server.create()


def test_no_worker_outlives_a_parent_that_was_killed(server):
    every(server, server.create)
    assert server.ended(signal.SIGKILL) == (-signal.SIGKILL, "")  # at the end of the last worker
    assert list(server.temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_dies_is_replaced_and_that_is_said(server, number):
    every(server, server.create)
    victim, other = server.pids
    os.kill(victim, number)
    said = server.process.stderr.readline()
    assert re.fullmatch(
        rf"wanx-sim: worker [12] \(pid {victim}\) was ended by {number.name}; "
        r"another takes its place\n",
        said,
    )
    assert {answer.status_code for answer in every(server, server.create)} == {200}
    assert len(server.pids - {victim, other}) == 1
    # What the dead one knew is not lost, and the new one draws no id again.
    assert server.sim("GET requests")["total"] == server.sim("GET usage")["tasks"] == 2 * MANY
    assert server.ended(signal.SIGTERM) == (0, "")


# --- what cannot be -------------------------------------------------------------------------------


def complaint(*arguments):
    """The one line of a command that cannot do what it is told."""
    result = CliRunner().invoke(cli, ["serve", "--port", "0", *map(str, arguments)])
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


def test_a_store_in_memory_is_refused():
    assert complaint("--store", "memory://", "--workers", 2) == (
        "wanx-sim: several workers need a store that they can share: --store disk:, disk:PATH or "
        "redis://HOST:PORT/DB; what memory:// holds is one process's own"
    )


def test_windows_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(boards.sys, "platform", "win32")
    said = complaint("--store", f"disk:{tmp_path}", "--workers", 2)
    assert said == "wanx-sim: --workers needs Linux or macOS: on Windows workers share no socket"


def test_one_process_on_a_store_of_its_own_loads_nothing_of_it():
    program = (
        "import sys; from wanx_sim.sharing.boards import board_of; from wanx_sim.stores.memory "
        "import MemoryStore; assert board_of(MemoryStore()) is None; "
        "print([name for name in sys.modules if name.startswith('wanx_sim.sharing.') or "
        "name == 'redis'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout == "['wanx_sim.sharing.boards']\n"


def test_a_port_in_use_is_refused_even_if_workers_use_it(server, tmp_path):
    port = server.url.rpartition(":")[2]
    said = complaint("--store", f"disk:{tmp_path}", "--workers", 2, "--port", port)
    assert f"cannot listen on 127.0.0.1:{port}" in said
    with Simulator().serve() as single:
        port = single.url.rpartition(":")[2]
        said = complaint("--store", f"disk:{tmp_path}", "--workers", 2, "--port", port)
    assert f"cannot listen on 127.0.0.1:{port}" in said


def test_a_wrong_setting_is_said_once_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = complaint("--store", f"disk:{tmp_path / 's'}", "--workers", 2, "--timing", "soon")
    assert said.startswith("wanx-sim: no timing is spelt 'soon'")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_workers_that_do_not_start_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr("wanx_sim.faces.workers._COMMAND", (sys.executable, "-c", "exit(7)"))
    before = signal.getsignal(signal.SIGINT)
    said = complaint("--store", f"disk:{tmp_path}", "--workers", 2)
    assert re.fullmatch(r"wanx-sim: worker [12] ended with exit code 7 at its start", said)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_ends_it_also_where_it_was_ignored(start):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        server = start()
    finally:
        signal.signal(signal.SIGINT, before)
    assert server.ended(signal.SIGINT) == (0, "")
