"""`wanx_sim` and the clients wired to it: what users may rely on, as sentences and tests of theirs."""

from __future__ import annotations

import pytest

# Each spec: what it shows, how many tests must pass, and the tests.
SPECS: dict[str, tuple[int, str]] = {
    # --- wanx_sim ---------------------------------------------------------------------------------
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
    "an application that asks the environment finds a key, and the real host": (
        2,
        """
        import os
        from wanx_client import WanxClient

        @pytest.fixture(autouse=True)
        def environment(monkeypatch):
            monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "http://127.0.0.1:9/api/v1")
            monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)

        @pytest.mark.wanx(api_keys={"sk-a": "beijing"})
        def test_it(wanx_sim):
            with WanxClient() as client:
                assert client.submit("一间花店").id == wanx_sim.tasks.only.task_id

        def test_a_key_of_the_user_s_own_stays(environment, monkeypatch, request):
            monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-own")
            request.getfixturevalue("wanx_sim")
            assert os.environ["DASHSCOPE_API_KEY"] == "sk-own"
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
    # --- the marker -------------------------------------------------------------------------------
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
    # --- the clients ------------------------------------------------------------------------------
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
    # --- styles of tests --------------------------------------------------------------------------
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
}


@pytest.fixture(scope="module")
def results(run_specs):
    return run_specs("simulator", {sentence: tests for sentence, (_, tests) in SPECS.items()})


@pytest.mark.parametrize("sentence", SPECS)
def test_users_may_rely_on_it_that(results, sentence):
    passed, _ = SPECS[sentence]
    assert [f"{name}: {wrong}" for name, wrong in results[sentence] if wrong] == []
    assert len(results[sentence]) == passed
