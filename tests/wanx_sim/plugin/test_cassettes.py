"""`wanx_cassette`: recorded once from a live service, replayed without one."""

from __future__ import annotations

import json

import pytest

BUDGET = ("--wanx-record=once", "--wanx-budget=1.00")


# --- what a test gets -------------------------------------------------------------------------------

SHOP = """
    import asyncio, unittest
    from wanx_client import AsyncWanxClient, ExpiredUrlError, WanxClient

    def test_httpx(wanx_cassette):
        (picture,) = paint("一间花店")
        assert picture.startswith(b"\\x89PNG")
        assert len(wanx_cassette.requests.creates) == 1
        assert wanx_cassette.requests.queries[-1].task_status == "SUCCEEDED"
        assert wanx_cassette.requests.creates[0].prompt == "一间花店"
        assert wanx_cassette.path.name == "test_httpx.json"

    def test_the_client_of_ours(wanx_cassette, wanx_client, tmp_path):
        task = wanx_client.generate("一间书店", size="768*768", poll_interval=0.01)
        assert len(wanx_client.download(task, tmp_path)) == 1

    @pytest.mark.anyio
    async def test_the_asynchronous_client(wanx_cassette, async_wanx_client):
        assert (await async_wanx_client.generate("夜色", size="768*768", poll_interval=0.01)).id

    @pytest.mark.anyio
    async def test_an_application_s_own_asynchronous_client(wanx_cassette):
        async with AsyncWanxClient() as client:
            assert (await client.generate("晨光", size="768*768", poll_interval=0.01)).id

    def test_any_library_over_a_socket(wanx_cassette, wanx_server):
        import requests
        assert os.environ["DASHSCOPE_HTTP_BASE_URL"] == wanx_server.base_url
        painter = Painter(wanx_server.base_url)
        answer = requests.post(
            wanx_server.base_url + CREATE, headers=painter.headers,
            json={"model": "wan2.2-t2i-flash", "input": {"prompt": "城市"},
                  "parameters": {"n": 1, "size": "512*512"}},
        )
        url = f"{wanx_server.base_url}/tasks/{answer.json()['output']['task_id']}"
        assert requests.get(url, headers=painter.headers).json()["output"]["results"][0]["url"]
        with pytest.raises(AttributeError, match="wanx_cassette is behind it"):
            wanx_server.sim

    def test_a_server_of_the_test_s_own(wanx_cassette):
        with wanx_cassette.serve() as server:
            assert Painter(server.base_url).paint("河边")

    @pytest.mark.wanx_cassette
    class TestByTheMarkerAlone:
        def test_it(self):
            assert paint("山谷")

        class TestInner:
            @pytest.mark.parametrize("prompt", ["a/b", "a?b", "海"])
            def test_it(self, prompt):
                assert paint(prompt)

    @pytest.mark.usefixtures("wanx_cassette")
    class TestUnittest(unittest.TestCase):
        def test_it(self):
            assert paint("沙漠")

    @pytest.mark.wanx_cassette("shared/lake.json")
    @pytest.mark.parametrize("time", [1, 2])
    def test_named(time, wanx_cassette):
        assert paint(f"湖{time}")

    @pytest.mark.wanx_cassette("refused")
    def test_refused():
        with pytest.raises(KeyError):
            order(n=9)
"""  # fmt: skip

FILES = [
    "cassettes/test_shop/TestByTheMarkerAlone.TestInner.test_it[a-b]-10e0eee8.json",
    "cassettes/test_shop/TestByTheMarkerAlone.TestInner.test_it[a-b]-1be8737b.json",
    "cassettes/test_shop/TestByTheMarkerAlone.TestInner.test_it[海]-98b07807.json",
    "cassettes/test_shop/TestByTheMarkerAlone.test_it.json",
    "cassettes/test_shop/TestUnittest.test_it.json",
    "cassettes/test_shop/refused.json",
    "cassettes/test_shop/shared/lake.json",
    "cassettes/test_shop/test_a_server_of_the_test_s_own.json",
    "cassettes/test_shop/test_an_application_s_own_asynchronous_client[asyncio].json",
    "cassettes/test_shop/test_an_application_s_own_asynchronous_client[trio].json",
    "cassettes/test_shop/test_any_library_over_a_socket.json",
    "cassettes/test_shop/test_httpx.json",
    "cassettes/test_shop/test_the_asynchronous_client[asyncio].json",
    "cassettes/test_shop/test_the_asynchronous_client[trio].json",
    "cassettes/test_shop/test_the_client_of_ours.json",
]


def test_what_was_recorded_replays_without_service_key_or_cost(project, live):
    """In random order, in two processes, with every warning an error."""
    project.write(SHOP)
    plugins = ("-p", "anyio", "-p", "xdist", "-n", "2", "-p", "randomly", "-W", "error")
    recording = project.run(*plugins, "--wanx-record=once", "--wanx-budget=5", **live.environment)
    assert "16 passed" in recording.ending, recording.output
    assert live.sim.ledger.tasks == 15
    assert project.cassettes() == FILES
    replaying = project.run(*plugins, "--wanx-strict", "--wanx-block-network")
    assert "16 passed" in replaying.ending, replaying.output
    assert replaying.summary.startswith("wanx: 15 replayed · 0 simulated · 0 live · ¥2.")
    assert replaying.summary.endswith(" saved · 0 stale · 0 unused")
    assert live.sim.ledger.tasks == 15


def test_nothing_secret_is_written(project, live, recorded):
    project.write("def test_it(wanx_cassette): paint()")
    recorded()
    (path,) = project.cassettes()
    text = (project.folder / path).read_text("utf-8")
    assert "sk-of-ours" not in text
    assert "Signature" not in text


# --- time -------------------------------------------------------------------------------------------

WAITS = """
    def test_it(wanx_cassette, wanx_virtual_time):
        before, began = wanx_cassette.clock.now(), time.monotonic()
        paint(pause=0.3)
        real = time.monotonic() - began
        moved = wanx_cassette.clock.now() - before
        print(f"real={real > 0.3} slept={wanx_virtual_time.slept} moved={moved > 0.29}")
"""


def test_sleeps_are_real_while_it_records_and_over_at_once_while_it_replays(project, live):
    live.sim.timing = "polls:1,1"
    project.write(WAITS)
    recording = project.run("-s", *BUDGET, **live.environment)
    assert "real=True slept=0.0 moved=True" in recording.output
    project.write(WAITS.replace("0.3)", "3000)"))
    replaying = project.run("-s")
    assert "real=False slept=6000.0 moved=True" in replaying.output, replaying.output


def test_links_expire_when_the_test_moves_the_clock(project, recorded):
    tests = """
    def test_it(wanx_cassette):
        output = poll(order())
        url = output["results"][0]["url"]
        assert httpx.get(url, **TLS).status_code == 200
        {}
    """
    project.write(tests.format(""))
    recorded()
    project.write(
        tests.format("""assert wanx_cassette.clock.speed == 0  # it stands still
        wanx_cassette.clock.advance(hours=24)
        assert httpx.get(url, **TLS).status_code == 403""")
    )
    assert "1 passed" in project.run().ending


# --- the environment --------------------------------------------------------------------------------


def test_an_application_that_reads_the_environment_never_meets_the_live_service(project, live):
    """Else it would go there beside the cassette, and nobody would see what it buys."""
    project.write("""
        before = dict(os.environ)

        def test_it(wanx_cassette):
            assert "DASHSCOPE_HTTP_BASE_URL" not in os.environ
            assert os.environ["DASHSCOPE_API_KEY"]

        @pytest.mark.usefixtures("monkeypatch", "wanx_cassette", "wanx_server")
        def test_over_a_socket():
            assert os.environ["DASHSCOPE_HTTP_BASE_URL"] != before.get("DASHSCOPE_HTTP_BASE_URL")

        def test_restored():
            names = ("DASHSCOPE_HTTP_BASE_URL", "DASHSCOPE_API_KEY", "NO_PROXY")
            assert all(os.environ.get(name) == before.get(name) for name in names)
    """)
    assert "3 passed" in project.run(**live.environment).ending
    assert "3 passed" in project.run().ending


def test_the_fixtures_may_come_in_any_order_and_by_usefixtures_in_the_ini_file(project, recorded):
    project.ini("usefixtures = wanx_virtual_time wanx_server")
    project.write("""
        def test_it(wanx_cassette):
            assert Painter(os.environ["DASHSCOPE_HTTP_BASE_URL"]).paint()

        def test_simulated(wanx_sim):
            assert Painter(os.environ["DASHSCOPE_HTTP_BASE_URL"]).order()
            assert len(wanx_sim.tasks) == 1
    """)
    assert "1 live" in recorded().summary
    assert project.run().summary.startswith("wanx: 1 replayed · 1 simulated · 0 live")


# --- modes ------------------------------------------------------------------------------------------

TWO = """
    def test_one(wanx_cassette):
        paint("一间花店")

    @pytest.mark.wanx_cassette(mode="none")
    def test_never():
        paint("一间花店")
"""


def test_the_fixture_of_the_marker_comes_behind_those_of_a_wider_scope_and_before_the_test_s(
    project,
):
    project.write("""
        order_of = []

        @pytest.fixture(autouse=True, scope="session")
        def wide():
            order_of.append(os.environ.get("DASHSCOPE_API_KEY"))

        @pytest.fixture(autouse=True)
        def narrow():
            order_of.append(os.environ.get("DASHSCOPE_API_KEY"))

        @pytest.mark.wanx_cassette
        def test_it():
            assert order_of == [None, "sk-wanx-cassette"]
    """)
    assert "1 passed" in project.run().ending


def test_the_marker_s_mode_wins_over_the_option(project, live):
    project.write(TWO)
    run = project.run(*BUDGET, **live.environment)
    assert "1 failed, 1 passed" in run.ending
    assert live.sim.ledger.tasks == 1


def test_a_marker_alone_buys_nothing(project, live):
    """A mode that is written down in a file is on in CI as well: the budget is the second key."""
    project.write("""
        @pytest.mark.wanx_cassette(mode="all")
        def test_it():
            swallow()
    """)
    run = project.run(**live.environment)
    assert "this create was not sent" in run.wrong["test_it"][0]
    assert "1 passed, 1 error" in run.ending
    assert live.sim.ledger.tasks == 0


def test_once_replays_what_is_there_and_buys_no_more(project, live):
    project.write("def test_it(wanx_cassette): paint()")
    for _ in range(2):
        assert "1 passed" in project.run(*BUDGET, **live.environment).ending
    assert live.sim.ledger.tasks == 1
    project.write("def test_it(wanx_cassette): paint('别的')")
    assert "1 failed" in project.run(*BUDGET, **live.environment).ending
    assert live.sim.ledger.tasks == 1


def test_once_is_not_over_for_a_cassette_that_tests_of_one_run_share(project, live):
    project.write("""
        @pytest.mark.wanx_cassette("shared")
        @pytest.mark.parametrize("n", range(3))
        def test_it(n):
            paint(f"花店{n // 2}")
    """)
    assert "3 passed" in project.run(*BUDGET, **live.environment).ending
    assert live.sim.ledger.tasks == 2, "the second of two that ask for the same replays it"
    run = project.run(*BUDGET, **live.environment)
    assert "3 passed" in run.ending
    assert live.sim.ledger.tasks == 2


def test_new_episodes_replays_what_is_there_even_without_a_key(project, live, recorded):
    project.write("def test_it(wanx_cassette): paint()")
    recorded()
    assert "1 passed" in project.run("--wanx-record=new_episodes").ending
    project.write("def test_it(wanx_cassette): paint(), paint('再来一张')")
    run = project.run("--wanx-record=new_episodes", **live.environment)
    assert "Nothing is recorded now: --wanx-budget is 0." in run.wrong["test_it"][0]
    run = project.run("--wanx-record=new_episodes", "--wanx-budget=1", **live.environment)
    assert (
        run.summary == "wanx: 1 replayed · 0 simulated · 1 live · ¥0.14 saved · 0 stale · 0 unused"
    )


def test_all_buys_anew(project, live):
    project.write("def test_it(wanx_cassette): paint()")
    for _ in range(2):
        project.run("--wanx-record=all", "--wanx-budget=1", **live.environment)
    assert live.sim.ledger.tasks == 2


def test_what_a_failed_test_has_bought_is_kept(project, live):
    project.write("""
        def test_it(wanx_cassette):
            paint()
            assert "SKIP" in os.environ
    """)
    assert "1 failed" in project.run(*BUDGET, **live.environment).ending
    assert "1 passed" in project.run(SKIP="1").ending


# --- where they lie ---------------------------------------------------------------------------------


def test_another_folder_keeps_modules_apart_by_their_place(project, recorded):
    project.ini("wanx_cassette_dir = recordings\naddopts = --import-mode=importlib")
    for name in ("one/test_shop.py", "two/test_shop.py"):
        project.write("def test_it(wanx_cassette): paint()", name)
    recorded()
    assert project.cassettes() == [
        "recordings/one/test_shop/test_it.json",
        "recordings/two/test_shop/test_it.json",
    ]
    assert "2 replayed" in project.run("--wanx-strict").summary


def test_the_marker_says_how_it_is_played_and_recorded(project, recorded):
    project.write("""
        @pytest.mark.wanx_cassette("a", pictures="placeholder", redact_prompts=True)
        def test_recorded_sparsely():
            assert paint("秘密的花店")[0].startswith(b"\\x89PNG")

        @pytest.mark.wanx_cassette("b", ignore=["seed", "prompt"], repeat=True, pace="instant")
        def test_played_freely():
            assert len({order("一间花店"), order("一间书店")}) == (2 if "LIVE" in os.environ else 1)
    """)
    recorded(LIVE="1")
    assert "秘密" not in (project.folder / "cassettes/test_shop/a.json").read_text("utf-8")
    assert not list(project.folder.rglob("*.png"))
    document = json.loads((project.folder / "cassettes/test_shop/b.json").read_text("utf-8"))
    assert len(document["interactions"]) == 2


@pytest.mark.parametrize("value", ["-1", "soon", "nan"])
def test_a_budget_that_is_no_sum_is_refused(project, value):
    run = project.run(f"--wanx-budget={value}")
    assert run.code == 4
    assert f"'{value}' is no sum in CNY, such as 0.20" in run.output
