"""The page on many machines: its example runs, and nginx does with its files what it says."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from wanx_sim import Simulator

DOCS = Path(__file__).parents[2] / "docs"
SHOW = DOCS / "many-machines" / "show.py"
CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
HEADERS = {"authorization": "Bearer sk-a", "x-dashscope-async": "enable"}
BODY = {"model": "wan2.2-t2i-flash", "input": {"prompt": "一间花店"}, "parameters": {"n": 1}}

for program, package in (("nginx", "nginx-light"), ("redis-server", "redis-server")):
    if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin") is None:
        pytest.skip(
            f"left out: no {program} here (apt-get install {package})", allow_module_level=True
        )


@pytest.fixture(scope="module")
def show():
    """The example, as a module."""
    spec = importlib.util.spec_from_file_location("many_machines_show", SHOW)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def running(show):
    with show.simulators() as running:
        yield running


@pytest.fixture
def client():
    with httpx.Client(headers=HEADERS, trust_env=False, timeout=30) as client:
        yield client


def test_of_two_simulators_one_is_killed_under_load_and_the_ledger_proves_that_nothing_is_lost():
    run = subprocess.run(
        [sys.executable, SHOW, "--jobs", "80"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "one is killed" in run.stdout
    assert "none lost, none doubled, every job polled to its end" in run.stdout


@pytest.mark.parametrize("broken", ["lost", "doubled", "unended", "unbilled"])
def test_the_proof_fails_where_something_is_wrong(show, monkeypatch, broken):
    load = SimpleNamespace(accepted={"a": "1", "b": "2"}, unsure=["c"], ended={"SUCCEEDED": 2})
    tasks = [{"prompt": prompt, "task_id": task_id} for prompt, task_id in (("a", "1"), ("b", "2"))]
    usage = {"tasks": 2, "images": 2}
    answers = {"/_sim/tasks": {"tasks": tasks}, "/_sim/usage": usage}
    monkeypatch.setattr(show, "ask", lambda _url, path: answers[path])
    assert "2 creates were answered and 1 were not (0 of" in show.proved("", load)
    if broken == "lost":
        tasks.pop()
    elif broken == "doubled":
        tasks.append({"prompt": "a", "task_id": "3"})
    elif broken == "unended":
        load.ended = {"SUCCEEDED": 1, "UNKNOWN": 1}
    else:
        usage["images"] = 3
    with pytest.raises(AssertionError):
        show.proved("", load)


@pytest.mark.parametrize("session", [{}, {"X-Wanx-Session": "one"}], ids=["shared", "a session"])
def test_links_lead_through_the_balancer_and_so_does_the_console(running, show, client, session):
    store = running.redis()
    ports = [running.simulator(store, "--timing", "instant")[1] for _ in range(2)]
    url = running.nginx("nginx.conf", ports)
    task_id = client.post(url + CREATE, json=BODY, headers=session).json()["output"]["task_id"]
    for _ in range(4):  # of either simulator
        output = client.get(f"{url}/api/v1/tasks/{task_id}", headers=session).json()["output"]
        link = output["results"][0]["url"]
        assert link.startswith(f"{url}/")
        assert httpx.get(link, trust_env=False).headers["content-type"] == "image/png"
    assert client.get(f"{url}/_sim/usage").status_code == 401
    assert show.ask(url, "/_sim/usage", session)["tasks"] == 1
    assert show.ask(url, "/_sim/requests?operation=image", session)["total"] == 4
    assert {str(show.ask(url, "/_sim/sessions")["sessions"]) for _ in range(4)} == {
        str([{"name": "one", "tasks": 1, "requests": 9}] if session else [])
    }
    assert client.get(f"{url}/_sim/clock", headers={"host": "evil.example"}).status_code == 403


def test_a_client_that_is_not_of_this_machine_needs_a_token_behind_nginx_too(client):
    behind = {"x-forwarded-for": "203.0.113.9"}  # as nginx says it, who is of this machine
    with Simulator().serve() as server:
        clock = f"{server.url}/_sim/clock"
        assert client.get(clock).status_code == 200
        assert client.get(clock, headers=behind).status_code == 403


def test_sessions_are_dealt_out_to_groups_and_stay_there(running, show, client):
    one, two = running.redis("one"), running.redis("two")
    (first, other), third = (running.simulator(one) for _ in range(2)), running.simulator(two)
    url = running.nginx("nginx-sharded.conf", [first[1], other[1], third[1], third[1]])
    tasks = {}
    for number in range(24):
        name = {"X-Wanx-Session": f"tester-{number}"}
        tasks[f"tester-{number}"] = client.post(url + CREATE, json=BODY, headers=name)
    tasks = {name: answer.json()["output"]["task_id"] for name, answer in tasks.items()}

    def sessions(port):
        found = show.ask(f"http://127.0.0.1:{port}", "/_sim/sessions")["sessions"]
        return {session["name"] for session in found}

    assert sessions(first[1]) == sessions(other[1])
    assert sessions(first[1]) | sessions(third[1]) == set(tasks)
    assert len(sessions(first[1])) + len(sessions(third[1])) == len(tasks)
    assert sessions(first[1])
    assert sessions(third[1])
    first[0].kill()
    for name, task_id in tasks.items():
        poll = f"{url}/api/v1/tasks/{task_id}"
        answer = client.get(poll, headers={"X-Wanx-Session": name}).json()["output"]
        assert answer["task_status"] != "UNKNOWN"
        # As the link to a picture names it.
        answer = client.get(f"{poll}?x-wanx-session={name}").json()["output"]
        assert answer["task_status"] != "UNKNOWN"


# --- the page -------------------------------------------------------------------------------------

PAGES = ("scale.md", "scale.zh-CN.md")


@pytest.mark.parametrize("page", PAGES)
def test_what_the_page_quotes_of_nginx_stands_in_the_files(page):
    text = (DOCS / page).read_text("utf-8")
    quotes = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    files = [path.read_text("utf-8") for path in (DOCS / "many-machines").glob("*.conf")]
    assert quotes
    for quote in quotes:
        assert any(quote in file for file in files), quote


def test_both_languages_have_the_same_blocks_and_figures():
    texts = [(DOCS / page).read_text("utf-8") for page in PAGES]
    blocks = [re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL) for text in texts]
    assert blocks[0] == blocks[1]
    figures = [
        sorted(re.findall(r"\d[\d,.]*\d", re.sub(r"```.*?```", "", t, flags=re.DOTALL)))
        for t in texts
    ]
    assert figures[0] == figures[1]
