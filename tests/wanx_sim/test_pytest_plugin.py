"""The pytest plugin, as users run it: in a pytest of its own.

What users may rely on stands in `SPECS`: a sentence, and tests of theirs that must pass. These are
all run at once, since each start of pytest costs a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from xml.etree import ElementTree as ET

import pytest
from filelock import FileLock

FIXTURES = (
    "wanx_sim",
    "wanx_server",
    "wanx_session",
    "wanx_client",
    "async_wanx_client",
    "wanx_virtual_time",
)
HEAVY = ("httpx", "respx", "msgspec", "PIL", "uvicorn", "diskcache", "wanx_client")

PRELUDE = """
import json, os, ssl, sys, urllib.request
import httpx, pytest

# Nothing here speaks TLS; to load the usual certificates takes each httpx.get 28 ms.
TLS = {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
BEIJING = "https://dashscope.aliyuncs.com/api/v1"
HEADERS = {"Authorization": "Bearer sk-any", "X-DashScope-Async": "enable"}
CREATE = "/services/aigc/text2image/image-synthesis"
BODY = {"model": "wan2.2-t2i-flash", "input": {"prompt": "花店"},
        "parameters": {"n": 1, "size": "512*512"}}

def create(base=BEIJING, key="sk-any"):
    headers = HEADERS | {"Authorization": f"Bearer {key}"}
    return httpx.post(base + CREATE, headers=headers, json=BODY, **TLS)

def created():
    return create().json()["output"]["task_id"]

def poll(task_id):
    return httpx.get(f"{BEIJING}/tasks/{task_id}", headers=HEADERS, **TLS).json()["output"]
"""

# Each spec: what it shows, how many tests must pass, and the tests.
SPECS: dict[str, tuple[int, str]] = {
    # --- wanx_sim -------------------------------------------------------------------------------
    "what httpx sends to the real hosts is answered by the simulator": (
        3,
        """
        def test_beijing(wanx_sim):
            task_id = created()
            assert wanx_sim.tasks.only.task_id == task_id

        @pytest.mark.wanx(region="singapore")
        def test_singapore(wanx_sim):
            assert create("https://dashscope-intl.aliyuncs.com/api/v1").status_code == 200
            assert wanx_sim.tasks.only.task_id

        def test_the_image_host(wanx_sim):
            task_id = created()
            while "results" not in (output := poll(task_id)):
                pass
            url = output["results"][0]["url"]
            assert url.startswith("https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/")
            assert httpx.get(url).content.startswith(b"\\x89PNG")
        """,
    ),
    "what an async client sends is answered on asyncio and trio": (
        2,
        """
        @pytest.mark.anyio
        async def test_it(wanx_sim):
            async with httpx.AsyncClient(**TLS) as client:
                answer = await client.get(f"{BEIJING}/tasks/x", headers=HEADERS)
            assert answer.json()["output"]["task_status"] == "UNKNOWN"
            assert len(wanx_sim.requests) == 1
        """,
    ),
    "what httpx sends to another host passes through": (
        1,
        """
        import threading
        from http.server import BaseHTTPRequestHandler, HTTPServer

        class Hello(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"hello")

            def log_message(self, *args):
                pass

        def test_it(wanx_sim):
            with HTTPServer(("127.0.0.1", 0), Hello) as server:
                thread = threading.Thread(target=server.handle_request)
                thread.start()
                url = f"http://127.0.0.1:{server.server_port}/api/v1/tasks/x"
                answer = httpx.get(url, trust_env=False, **TLS)
                thread.join()
            assert answer.text == "hello"
            assert len(wanx_sim.requests) == 0
        """,
    ),
    "every test gets a simulator of its own": (
        3,
        """
        ids = []

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(wanx_sim, time):
            assert (len(wanx_sim.tasks), len(wanx_sim.requests), wanx_sim.ledger.cost) == (0, 0, 0)
            ids.append(created())
            assert len(wanx_sim.tasks) == 1
            wanx_sim.rate_limits = True

        def test_the_seed_is_the_same_for_each(wanx_sim):
            assert len(ids) == 2
            assert len(set(ids)) == 1
            assert wanx_sim.rate_limits is False
        """,
    ),
    "the clock stands still until the test moves it": (
        1,
        """
        @pytest.mark.wanx(timing="seconds:10,20")
        def test_it(wanx_sim):
            task_id = created()
            before = wanx_sim.clock.now()
            assert [poll(task_id)["task_status"] for _ in range(5)] == ["PENDING"] * 5
            assert wanx_sim.clock.now() == before
            wanx_sim.clock.advance(seconds=10)
            assert poll(task_id)["task_status"] == "RUNNING"
            wanx_sim.clock.advance(seconds=20)
            assert poll(task_id)["task_status"] == "SUCCEEDED"
        """,
    ),
    "after the test nothing is caught any more": (
        2,
        """
        def test_one(wanx_sim):
            assert create().status_code == 200

        def test_two():
            transport = httpx.MockTransport(lambda request: httpx.Response(418))
            with httpx.Client(transport=transport) as client:
                assert client.get(BEIJING).status_code == 418
        """,
    ),
    # --- the marker -----------------------------------------------------------------------------
    "the marker sets what it names": (
        1,
        """
        from wanx_sim import Fault

        @pytest.mark.wanx(
            timing="polls:0,2", seed=9, rate_limits=True, validation="task", profile="2026-10",
            api_keys={"sk-a": "singapore"}, faults=[Fault(on="list", code="Throttling")],
            region="singapore",
        )
        def test_it(wanx_sim):
            assert str(wanx_sim.timing) == "polls:0,2"
            assert (wanx_sim.seed, wanx_sim.rate_limits, wanx_sim.region) == (9, True, "singapore")
            assert (wanx_sim.validation, wanx_sim.profile) == ("task", "2026-10")
            assert wanx_sim.api_keys == {"sk-a": "singapore"}
            assert len(wanx_sim.faults) == 1
            answer = httpx.get("https://dashscope-intl.aliyuncs.com/api/v1/tasks",
                               headers={"Authorization": "Bearer sk-a"})
            assert answer.json()["code"] == "Throttling"
        """,
    ),
    "markers add up and the nearest one wins": (
        3,
        """
        pytestmark = pytest.mark.wanx(seed=1, timing="manual", profile="2026-10")

        @pytest.mark.wanx(seed=2, validation="task")
        class TestIt:
            @pytest.mark.wanx(seed=3)
            def test_a_function_beats_its_class(self, wanx_sim):
                assert (wanx_sim.seed, wanx_sim.validation) == (3, "task")
                assert (str(wanx_sim.timing), wanx_sim.profile) == ("manual", "2026-10")

            def test_a_class_beats_its_module(self, wanx_sim):
                assert (wanx_sim.seed, str(wanx_sim.timing)) == (2, "manual")

        def test_a_module_counts_where_nothing_else_is_said(wanx_sim):
            assert (wanx_sim.seed, wanx_sim.validation) == (1, "submit")
        """,
    ),
    # --- the clients ----------------------------------------------------------------------------
    "the client's waits move the clock and nobody sleeps": (
        1,
        """
        import time
        from wanx_client import ExpiredUrlError

        @pytest.mark.wanx(timing="seconds:30,60")
        def test_it(wanx_client, wanx_sim, monkeypatch, tmp_path):
            def sleep(seconds):
                raise AssertionError("somebody sleeps")

            monkeypatch.setattr(time, "sleep", sleep)
            before = wanx_sim.clock.now()
            task = wanx_client.generate("一间花店", size="768*768", poll_interval=10)
            assert task.status == "SUCCEEDED"
            assert wanx_sim.clock.now() - before == pytest.approx(90)
            assert len(wanx_sim.requests.queries) == 10
            assert len(wanx_client.download(task, tmp_path)) == 1
            wanx_sim.clock.advance(hours=24)
            with pytest.raises(ExpiredUrlError):
                wanx_client.download(task, tmp_path)
        """,
    ),
    "the async client's waits move the clock on asyncio and trio": (
        2,
        """
        @pytest.mark.anyio
        @pytest.mark.wanx(timing="seconds:30,60")
        async def test_it(async_wanx_client, wanx_sim):
            before = wanx_sim.clock.now()
            task = await async_wanx_client.generate("一间花店", size="768*768", poll_interval=10)
            assert task.status == "SUCCEEDED"
            assert wanx_sim.clock.now() - before == pytest.approx(90)
            assert wanx_sim.tasks.only.task_id == task.id
        """,
    ),
    "the clients have a key that is valid where they ask": (
        3,
        """
        keys = {"sk-bj": "beijing", "sk-sgp": "singapore"}

        @pytest.mark.wanx(api_keys=keys, region="singapore")
        def test_sync(wanx_client):
            assert wanx_client.submit("一间花店").id
            assert "dashscope-intl" in wanx_client.base_url

        @pytest.mark.anyio
        @pytest.mark.wanx(api_keys=keys)
        async def test_async(async_wanx_client):
            assert (await async_wanx_client.submit("一间花店")).id
        """,
    ),
    # --- styles of tests ------------------------------------------------------------------------
    "unittest's classes use the simulator": (
        3,
        """
        import asyncio, unittest

        @pytest.fixture
        def sim(request, wanx_sim):
            request.cls.sim = wanx_sim

        @pytest.mark.usefixtures("sim", "wanx_virtual_time")
        class TestShop(unittest.TestCase):
            @pytest.mark.wanx(timing="manual")
            def test_one(self):
                created()
                self.assertEqual(len(self.sim.tasks), 1)
                self.assertEqual(str(self.sim.timing), "manual")

            def test_another_has_one_of_its_own(self):
                self.assertEqual(len(self.sim.tasks), 0)

        @pytest.mark.usefixtures("sim", "wanx_virtual_time")
        class TestAsyncShop(unittest.IsolatedAsyncioTestCase):
            async def test_it(self):
                before = self.sim.clock.now()
                await asyncio.sleep(60)
                assert self.sim.clock.now() == before + 60
        """,
    ),
    "a test may be run for each of some settings": (
        2,
        """
        @pytest.mark.parametrize("n", [
            pytest.param(1, marks=pytest.mark.wanx(region="beijing")),
            pytest.param(2, marks=pytest.mark.wanx(region="singapore")),
        ])
        def test_it(wanx_sim, n):
            assert wanx_sim.region == {1: "beijing", 2: "singapore"}[n]
        """,
    ),
    # --- wanx_virtual_time ----------------------------------------------------------------------
    "what an application sleeps moves the clock of its simulator": (
        3,
        """
        import asyncio, time
        from time import sleep
        import anyio

        def paint(pause):  # an application with an interval of its own
            task_id = created()
            while poll(task_id)["task_status"] != "SUCCEEDED":
                pause(10)

        @pytest.mark.wanx(timing="seconds:30,60")
        def test_sync(wanx_sim, wanx_virtual_time):
            before, real = wanx_sim.clock.now(), time.time()
            paint(sleep)
            assert wanx_sim.clock.now() == pytest.approx(before + 90)
            assert wanx_virtual_time.slept == 90
            assert time.time() - real < 60
            wanx_sim.assert_polls_at_most(10)

        @pytest.mark.anyio
        @pytest.mark.wanx(timing="seconds:30,60")
        async def test_async(wanx_sim, wanx_virtual_time):
            task_id = created()
            with pytest.raises(TimeoutError), anyio.fail_after(60):
                while poll(task_id)["task_status"] != "SUCCEEDED":
                    await anyio.sleep(10)
            assert wanx_virtual_time.slept == 60
        """,
    ),
    "afterwards an application sleeps for real": (
        2,
        """
        import time
        originals = {"sleep": time.sleep}  # what a module names would be replaced

        def test_one(wanx_virtual_time):
            assert time.sleep is not originals["sleep"]

        def test_two():
            assert time.sleep is originals["sleep"]
        """,
    ),
    # --- wanx_shared_server, wanx_session -------------------------------------------------------
    "tests that share a server never see each other": (
        5,
        """
        from wanx_sim import Fault

        urls = set()

        def ask(session, path, key="sk-any"):
            headers = HEADERS | {"Authorization": f"Bearer {key}"} | session.headers
            return httpx.get(session.base_url + path, headers=headers, **TLS)

        @pytest.mark.parametrize("time", range(3))
        def test_its_tasks_are_its_own(wanx_session, wanx_shared_server, time):
            assert len(wanx_session.sim.tasks) == 0
            answer = httpx.post(wanx_session.base_url + CREATE, json=BODY,
                                headers=HEADERS | wanx_session.headers, **TLS)
            task_id = answer.json()["output"]["task_id"]
            assert wanx_session.sim.tasks.only.task_id == task_id
            assert len(wanx_shared_server.sim.tasks) == 0
            urls.add(wanx_session.url)
            assert len(urls) == 1

        @pytest.mark.wanx(seed=5, timing="manual", api_keys={"sk-a": "beijing"},
                          faults=[Fault(on="list", code="Throttling")])
        def test_the_marker_counts(wanx_session):
            assert (wanx_session.sim.seed, str(wanx_session.sim.timing)) == (5, "manual")
            assert ask(wanx_session, "/tasks").status_code == 401
            assert ask(wanx_session, "/tasks", "sk-a").json()["code"] == "Throttling"

        def test_and_counts_for_that_test_alone(wanx_session):
            assert ask(wanx_session, "/tasks").status_code == 200
            before = wanx_session.sim.clock.now()
            wanx_session.sim.clock.advance(hours=1)
            assert wanx_session.sim.clock.now() == before + 3600
        """,
    ),
    # --- wanx_server ----------------------------------------------------------------------------
    "the server is the same simulator behind a socket": (
        1,
        """
        def test_it(wanx_server, wanx_sim):
            assert wanx_server.sim is wanx_sim
            assert wanx_server.base_url == wanx_server.url + "/api/v1"
            assert wanx_server.url.startswith("http://127.0.0.1:")
            request = urllib.request.Request(
                wanx_server.base_url + CREATE, json.dumps(BODY).encode(),
                HEADERS | {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request) as answer:
                task_id = json.load(answer)["output"]["task_id"]
            assert wanx_sim.tasks.only.task_id == task_id
            # The same task is there for what httpx sends to the real host.
            assert poll(task_id)["task_status"] == "PENDING"
        """,
    ),
    "the server sets the environment, past any proxy, and restores it": (
        6,
        """
        NAMES = ("DASHSCOPE_HTTP_BASE_URL", "DASHSCOPE_API_KEY", "NO_PROXY", "no_proxy")
        before = {name: os.environ.get(name) for name in NAMES}

        @pytest.fixture(params=["", "NO_PROXY", "no_proxy"])
        def proxy(request, monkeypatch):
            if request.param:
                monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
                monkeypatch.setenv(request.param, "example.com")
            yield request.param

        def test_it_is_set(proxy, wanx_server):
            assert os.environ["DASHSCOPE_HTTP_BASE_URL"] == wanx_server.base_url
            assert os.environ["DASHSCOPE_API_KEY"].startswith("sk-")
            assert os.environ["NO_PROXY"].endswith("127.0.0.1,localhost")
            assert not proxy or "example.com" in os.environ[proxy].split(",")
            # Clients that ask the environment for all they need, proxies included.
            headers = {"Authorization": "Bearer " + os.environ["DASHSCOPE_API_KEY"]}
            url = os.environ["DASHSCOPE_HTTP_BASE_URL"] + "/tasks/x"
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                assert json.load(answer)["output"]["task_status"] == "UNKNOWN"
            assert httpx.get(url, headers=headers, **TLS).status_code == 200

        @pytest.mark.parametrize("again", range(3))
        def test_it_is_restored(again):
            assert {name: os.environ.get(name) for name in NAMES} == before
        """,
    ),
    "the server has a key that is valid there": (
        1,
        """
        @pytest.mark.wanx(api_keys={"sk-sgp": "singapore", "sk-bj": "beijing"})
        def test_it(wanx_server):
            assert os.environ["DASHSCOPE_API_KEY"] == "sk-bj"
            assert create(wanx_server.base_url, "sk-bj").status_code == 200
            assert create(wanx_server.base_url, "sk-sgp").status_code == 401
        """,
    ),
    "a dashscope that is imported is pointed at the server and restored": (
        2,
        """
        import types

        dashscope = types.ModuleType("dashscope")
        dashscope.base_http_api_url, dashscope.api_key = "https://real", "sk-real"

        @pytest.fixture(autouse=True)
        def imported(monkeypatch):
            monkeypatch.setitem(sys.modules, "dashscope", dashscope)

        def test_one(imported, wanx_server):
            assert dashscope.base_http_api_url == wanx_server.base_url
            assert dashscope.api_key == os.environ["DASHSCOPE_API_KEY"] != "sk-real"

        def test_two():
            assert (dashscope.base_http_api_url, dashscope.api_key) == ("https://real", "sk-real")
        """,
    ),
    "a dashscope that is not imported is left so": (
        1,
        """
        def test_it(wanx_server):
            assert "dashscope" not in sys.modules
        """,
    ),
    "the server is gone after the test": (
        2,
        """
        import socket
        from urllib.parse import urlsplit

        places = []

        def test_one(wanx_server):
            url = urlsplit(wanx_server.url)
            places.append((url.hostname, url.port))
            socket.create_connection(places[0]).close()

        def test_two():
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(places[0])
        """,
    ),
}


def _environment():
    """No option and no address of the run that this is a part of."""
    ours = ("PYTEST_", "WANX", "DASHSCOPE")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(ours) and not name.lower().endswith("_proxy")
    }


NAMES = {f"test_spec_{place}": sentence for place, sentence in enumerate(SPECS)}


@pytest.fixture(scope="module")
def results(tmp_path_factory, testrun_uid) -> dict[str, list[tuple[str, str]]]:
    """Of each spec, its tests and what went wrong in them."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # one run is enough for all workers
    folder /= f"specs-{testrun_uid}"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            _run_specs(folder)
    found: dict[str, list[tuple[str, str]]] = {sentence: [] for sentence in SPECS}
    for case in ET.parse(folder / "results.xml").iter("testcase"):  # noqa: S314 - our own file
        module = case.get("classname", "").partition(".")[0]
        wrong = "\n".join(part.text or "" for part in case)
        found[NAMES[module]].append((case.get("name", ""), wrong))
    return found


def _run_specs(folder):
    folder.mkdir()
    for name, sentence in NAMES.items():
        tests = PRELUDE + textwrap.dedent(SPECS[sentence][1])
        (folder / f"{name}.py").write_text(tests, encoding="utf-8")
    # Our plugin by its entry point, and the one that runs async tests; not whatever is installed.
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "wanx",
        "-p",
        "anyio",
        "-p",
        "no:cacheprovider",
    ]
    run = subprocess.run(
        [*command, "-Werror", "--junitxml=results.xml", "-o", "junit_family=xunit1"],
        cwd=folder,
        env=_environment() | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (folder / "results.xml").exists(), run.stdout + run.stderr


@pytest.mark.parametrize("sentence", SPECS)
def test_users_may_rely_on_it_that(results, sentence):
    passed, _ = SPECS[sentence]
    assert [f"{name}: {wrong}" for name, wrong in results[sentence] if wrong] == []
    assert len(results[sentence]) == passed


# --- being there ----------------------------------------------------------------------------------


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs pytest in a process of its own, with our plugin loaded by its entry point."""
    for name in set(os.environ) - set(_environment()):
        if name != "PYTEST_CURRENT_TEST":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return lambda *arguments: pytester.runpytest_subprocess("-p", "wanx", *arguments)


def test_who_installs_wanx_kit_has_the_fixtures_and_the_marker(run, pytester, monkeypatch):
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    pytester.makepyfile("""
        import pytest

        @pytest.mark.wanx(timing="instant")
        def test_it(wanx_sim, wanx_client, wanx_server):
            assert str(wanx_sim.timing) == "seconds:0,0"
            assert wanx_client.submit("一间花店").id == wanx_sim.tasks.only.task_id
    """)
    options = ("--strict-markers", "--strict-config")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)


def test_it_works_under_xdist(run, pytester):
    pytester.makepyfile("""
        import httpx, pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(wanx_server, wanx_client, wanx_sim, number):
            assert wanx_client.generate("一间花店", size="768*768").id
            headers = {"Authorization": "Bearer sk-any"}
            answer = httpx.get(wanx_server.base_url + "/tasks", headers=headers)
            assert answer.json()["total"] == 1
    """)
    run("-p", "xdist", "-n", "2").assert_outcomes(passed=4)


def test_fixtures_and_marker_explain_themselves(run):
    result = run("--fixtures")
    for name in FIXTURES:
        result.stdout.fnmatch_lines([f"{name} -- *pytest_plugin.py:*", "    *[A-Za-z]*."])
    result = run("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.wanx(timing=*, seed=*): settings of wanx_sim"])


def test_a_marker_that_says_nothing_known_is_an_error_of_one_line(run, pytester):
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("case", [
            pytest.param(1, marks=pytest.mark.wanx(timming="instant")),
            pytest.param(2, marks=pytest.mark.wanx("instant")),
            pytest.param(3, marks=pytest.mark.wanx(timing="soon")),
            pytest.param(4, marks=pytest.mark.wanx(region="mars")),
        ])
        def test_it(wanx_sim, case):
            pass
    """)
    result = run()
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.wanx does not take timming; known: timing, seed, *",
            "@pytest.mark.wanx does not take 'instant'; known: timing, seed, *",
            "@pytest.mark.wanx: no timing is spelt 'soon'; known: instant, *",
            "@pytest.mark.wanx: no region is called 'mars'; known: beijing, *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*raise *")
    result.stdout.no_fnmatch_line("*During handling*")


# --- what it costs --------------------------------------------------------------------------------


def test_loading_the_plugin_imports_nothing_heavy():
    program = f"""
    import sys
    import wanx_sim.pytest_plugin
    found = {{name.partition(".")[0] for name in sys.modules}} & set({HEAVY!r})
    print(sorted(found), "wanx_sim.simulator" in sys.modules, "wanx_sim.clock" in sys.modules)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[] False False"


def test_a_run_that_uses_no_fixture_of_ours_imports_nothing_heavy(run, pytester):
    pytester.makepyfile(f"""
        import sys

        def test_it(request):
            assert request.config.pluginmanager.has_plugin("wanx")
            assert "wanx_sim.simulator" not in sys.modules
            assert not set({HEAVY!r}) & set(sys.modules)
    """)
    run().assert_outcomes(passed=1)
