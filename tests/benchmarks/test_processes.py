"""The workers and servers of the benchmarks, and the load that they get."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys

import pytest
from hypothesis import given, settings, strategies as st

from benchmarks.harness.load import Request, load
from benchmarks.harness.peers import Absent, Peers, program
from benchmarks.harness.processes import Server, Worker, WorkerError, free_port, get
from benchmarks.rows.contenders import CONTENDERS, ours


@pytest.fixture
def python_server(tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with Server(command, port=port, folder=tmp_path) as server:
        yield server


def test_a_worker_says_what_its_task_took():
    with Worker("in_process", "nothing") as worker:
        said = worker.ask("poll", 5)
        sample = worker.measure("poll", 5)
    assert said["cpu_seconds"] > 0
    assert 0 < sample.value < said["seconds"] * 100


def test_a_task_that_fails_says_why_and_the_worker_goes_on():
    with Worker("own_tape", "no/such/cassette", "http://127.0.0.1:1", 3) as worker:
        with pytest.raises(WorkerError, match=r"own_tape no/such.*CassetteError"):
            worker.ask("insert")
        assert worker.measure("replay", 4).value > 0


def test_a_worker_that_ended_is_named():
    with Worker("no_such_program") as worker, pytest.raises(WorkerError, match="no_such_program"):
        worker.ask("poll")


def test_a_server_is_up_when_its_block_begins_and_gone_after_it(python_server):
    assert python_server.first_answer > 0
    assert python_server.ask("GET", "/", {})[0] == 200
    assert python_server.ask("GET", "/none", {})[0] == 404
    python_server.__exit__(None, None, None)
    with pytest.raises(OSError, match="refused"):
        python_server.ask("GET", "/", {})


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says")
def test_a_server_s_cpu_time_and_memory_are_known(python_server):
    assert python_server.cpu() > 0
    assert python_server.memory() > 1e6


def test_a_server_that_does_not_start_is_an_error_at_once():
    command = [sys.executable, "-c", "raise SystemExit(1)"]
    with pytest.raises(WorkerError, match="no answer from"), Server(command, port=free_port()):
        pass


def test_a_probe_is_a_whole_request():
    sent = get("/tasks", {"Authorization": "Bearer x"})
    assert sent.startswith(b"GET /tasks HTTP/1.1\r\nHost: ")
    assert b"\r\nAuthorization: Bearer x\r\n" in sent
    assert sent.endswith(b"\r\n\r\n")


# --- load -----------------------------------------------------------------------------------------


def lua_strings(code):
    """What Lua makes of the strings in a piece of code that `Request.lua` wrote."""
    quoted = re.findall(r'"((?:\\\d{3})*)"', code)
    return [bytes(map(int, text.split("\\")[1:])).decode() for text in quoted]


@settings(max_examples=30)
@given(st.text(max_size=40), st.text(max_size=20))
def test_whatever_is_sent_reaches_wrk_as_it_is(text, header):
    request = Request("POST", "/a", {"X": header}, text.encode())
    expected = ["POST", "/a", "X", header, *([text] if text else [])]
    assert lua_strings(request.lua()) == expected


@pytest.fixture
def said_by_wrk(tmp_path, monkeypatch):
    """Lets a program that is called wrk say something."""

    def say(requests, refused=0, broken=0):
        said = {"requests": requests, "microseconds": 10**6, "refused": refused, "broken": broken}
        (tmp_path / "wrk").write_text(f"#!/bin/sh\necho Running\necho '{json.dumps(said)}'\n")
        (tmp_path / "wrk").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return say


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for wrk")
@pytest.mark.parametrize(("requests", "seconds"), [(500, 0.002), (1, 1.0), (0, 1.0)])
def test_load_counts_the_time_a_request(said_by_wrk, python_server, tmp_path, requests, seconds):
    said_by_wrk(requests)
    assert load([python_server], [], tmp_path / "load.lua")().value == seconds


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for wrk")
@pytest.mark.parametrize("trouble", [{"requests": 500, "refused": 1}, {"requests": 0, "broken": 9}])
def test_a_server_that_refuses_or_is_gone_is_no_result(
    said_by_wrk, python_server, tmp_path, trouble
):
    said_by_wrk(**trouble)
    with pytest.raises(WorkerError, match=str(trouble["requests"])):
        load([python_server], [], tmp_path / "load.lua")()


@pytest.mark.skipif(not shutil.which("wrk"), reason="left out: wrk is missing; install wrk")
def test_wrk_itself_understands_what_it_is_told(python_server, tmp_path):
    requests = [Request("GET", "/?q=1", {"X-Any": 'a "quoted" text'}, "花店".encode())]
    sample = load([python_server], requests, tmp_path / "load.lua")()
    assert 0 < sample.value < 1


# --- contenders and peers -------------------------------------------------------------------------


@pytest.fixture
def nobody(tmp_path):
    return Peers(tmp_path / "peers")


def test_a_peer_that_is_absent_is_said_to_be(nobody):
    with pytest.raises(Absent, match="vcr is not installed"):
        nobody.needed("vcr")
    with pytest.raises(Absent, match=r"wiremock is not installed|no node here"):
        nobody.node("wiremock", "build/*.jar")
    with pytest.raises(Absent, match="no such-program here"):
        program("such-program")
    assert nobody.versions() == {}


def test_a_peer_that_is_there_is_found(nobody, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: name)
    jar = nobody.folder / "node_modules" / "wiremock" / "build" / "wiremock-1.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    assert nobody.node("wiremock", "build/*.jar") == jar
    (jar.parents[1] / "package.json").write_text('{"version": "3.0"}')
    assert nobody.versions() == {"wiremock": "3.0"}


@pytest.mark.parametrize("name", ["memory", "reference"])
def test_ours_and_the_reference_answer_alike(name, bench):
    contender = CONTENDERS[name]
    (server,) = contender.start(bench())
    with server:
        create = contender.creates[0]
        status, created = server.ask(create.method, create.path, create.headers, create.body)
        (poll,) = contender.polls([created])
        polled = server.ask(poll.method, poll.path, poll.headers)
        stranger = server.ask(poll.method, poll.path, {"Authorization": "Bearer sk-other"})
    answer = json.loads(polled[1])
    assert (status, polled[0], stranger[0]) == (200, 200, 401)
    assert answer["output"]["task_status"] == "SUCCEEDED"
    assert answer["output"]["results"][0]["url"].startswith("http")
    assert len(polled[1]) == pytest.approx(690, rel=0.2)


def test_an_invalid_create_is_refused_by_the_reference_too(bench):
    contender = CONTENDERS["reference"]
    (server,) = contender.start(bench())
    create = contender.creates[0]
    wrong = create.body.replace(b"1024*1024", b"1024x1024")
    with server:
        assert server.ask("POST", create.path, create.headers, wrong)[0] == 400


def test_our_server_is_the_command_that_users_start():
    server = ours("memory://")
    assert "wanx-sim" in repr(server)
    assert "--store memory://" in repr(server)
