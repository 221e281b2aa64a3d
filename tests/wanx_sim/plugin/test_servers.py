"""`wanx_server` and `wanx_session`: what users may rely on, as sentences and tests of theirs."""

from __future__ import annotations

import pytest

# Each spec: what it shows, how many tests must pass, and the tests.
SPECS: dict[str, tuple[int, str]] = {
    # --- wanx_shared_server, wanx_session ---------------------------------------------------------
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
    # --- wanx_server ------------------------------------------------------------------------------
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


@pytest.fixture(scope="module")
def results(run_specs):
    return run_specs("servers", {sentence: tests for sentence, (_, tests) in SPECS.items()})


@pytest.mark.parametrize("sentence", SPECS)
def test_users_may_rely_on_it_that(results, sentence):
    passed, _ = SPECS[sentence]
    assert [f"{name}: {wrong}" for name, wrong in results[sentence] if wrong] == []
    assert len(results[sentence]) == passed
