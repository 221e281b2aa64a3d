"""What a run of pytest says when something is wrong: its words are a part of the product."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import ssl, warnings
import httpx, pytest, requests
from wanx_sim import Fault

TLS = {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
API = "https://dashscope.aliyuncs.com/api/v1"
HEADERS = {"Authorization": "Bearer sk-any", "X-DashScope-Async": "enable"}

def create(prompt="一间花店", **parameters):
    body = {"model": "wan2.5-t2i-preview", "input": {"prompt": prompt},
            "parameters": {"n": 1} | parameters}
    url = API + "/services/aigc/text2image/image-synthesis"
    return httpx.post(url, headers=HEADERS, json=body, **TLS)

def created():
    return create().json()["output"]["task_id"]

def poll(task_id):
    return httpx.get(f"{API}/tasks/{task_id}", headers=HEADERS, **TLS).json()["output"]

def order(prompt):  # an application that swallows whatever goes wrong
    try:
        requests.get("http://api.example.invalid/v1", timeout=1)
    except BaseException:
        pass
"""


@pytest.fixture
def run(tmp_path):
    """Runs tests in a pytest of their own, with our plugin; what it printed."""
    ours = ("PYTEST_", "WANX", "DASHSCOPE")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(ours) and not name.lower().endswith("_proxy")
    } | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "100", "PYTHONUTF8": "1"}

    def run(tests, *options, ini=""):
        path = tmp_path / "test_shop.py"
        path.write_text(PRELUDE + textwrap.dedent(tests), "utf-8")
        (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}", "utf-8")
        command = [sys.executable, "-m", "pytest", "-p", "wanx", "-p", "no:cacheprovider", "-q"]
        done = subprocess.run(
            [*command, "--tb=short", "-W", "ignore::ResourceWarning", *options, path.name],
            cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False,
            timeout=60,
        )  # fmt: skip
        return done.stdout + done.stderr

    return run


def section(said, title, until="__|=="):
    """The lines below a title, up to the next one, without empty ones."""
    _, _, rest = said.partition(f" {title} ")
    lines = rest.split("\n")[1:]
    ends = [place for place, line in enumerate(lines) if re.match(until, line)]
    return [line for line in lines[: ends[0] if ends else None] if line.strip()]


def messages(said, title):
    """The lines of an assertion's message."""
    return [line[4:].rstrip() for line in section(said, title) if line.startswith("E   ")]


# --- assertions -------------------------------------------------------------------------------------


def test_assertions_that_fail_show_what_was_asked_and_nothing_of_ours(run):
    said = run("""
        def test_duplicate(wanx_sim):
            create(); create(size="1280*1280")
            wanx_sim.assert_no_duplicate_submits()

        def test_ledger(wanx_sim):
            create(); create(n=2)
            assert wanx_sim.ledger.images == 1

        def test_creates(wanx_sim):
            create(); create(n=9)
            assert len(wanx_sim.requests.creates) == 1

        def test_no_task(wanx_sim):
            create(n=9)
            assert wanx_sim.tasks.only.status == "SUCCEEDED"

        def test_no_request(wanx_sim):
            assert wanx_sim.tasks.only.status == "SUCCEEDED"

        def test_two_tasks(wanx_sim):
            create("一间有着精致窗户的花店，漂亮的木质门，摆放着花朵"); create()
            assert wanx_sim.tasks.only.status == "SUCCEEDED"
    """)
    first, second = "cd613e30", "7ed4d57b"
    asked = "wan2.5-t2i-preview 1280*1280 n=1 '一间花店'"
    assert messages(said, "test_duplicate") == [
        f"AssertionError: the same request was accepted 2 times, ¥0.40 in all: {asked}",
        "Each order is a task of its own, and each is billed.",
        "",
        "   #      at  request  task      answer       asked for",
        f">  1  +0.0 s  create   {first}  200 PENDING  wan2.5-t2i-preview 一间花店",
        f">  2  +0.0 s  create   {second}  200 PENDING  wan2.5-t2i-preview 一间花店",
    ]
    assert section(said, "test_duplicate")[0].startswith("test_shop.py:")
    assert "wanx_sim/testing" not in said
    assert "wanx_sim/simulator.py" not in said
    assert messages(said, "test_ledger")[:2] == [
        "assert 3 == 1",
        " +  where 3 = <Ledger 3 images in 2 tasks, ¥0.60>.images",
    ]
    assert messages(said, "test_creates")[:2] == [
        "assert 2 == 1",
        " +  where 2 = len(<Journal 2 requests: create 200 PENDING, create 400 InvalidParameter>)",
    ]
    assert messages(said, "test_no_task") == [
        "AssertionError: expected exactly one task, found 0; these are the requests that came:",
        "  #      at  request  task  answer                asked for",
        "  1  +0.0 s  create         400 InvalidParameter  wan2.5-t2i-preview 一间花店",
    ]
    assert messages(said, "test_no_request") == [
        "AssertionError: expected exactly one task, found 0: no request came at all"
    ]
    assert [line.partition("PENDING")[2] for line in messages(said, "test_two_tasks")[1:]] == [
        " wan2.5-t2i-preview 1280*1280 n=1 '一间有着精致窗户的花店，漂亮的木质门，…'>",
        " wan2.5-t2i-preview 1280*1280 n=1 '一间花店'>",
    ]


# --- etiquette --------------------------------------------------------------------------------------

_ETIQUETTE = """
    @pytest.mark.wanx(timing="manual")
    def test_hasty(wanx_sim):
        task_id = created()
        for _ in range(4):
            poll(task_id)
            wanx_sim.clock.advance(0.5)

    @pytest.mark.wanx(timing="manual", etiquette="off")
    def test_told_not_to_look(wanx_sim):
        task_id = created()
        for _ in range(4):
            poll(task_id)

    def test_shared(wanx_session):
        headers = HEADERS | wanx_session.headers
        wanx_session.sim.timing = "manual"
        for _ in range(4):
            httpx.get(wanx_session.base_url + "/tasks/x", headers=headers, **TLS)

    @pytest.mark.wanx(timing="manual")
    def test_failed_anyway(wanx_sim):
        task_id = created()
        poll(task_id), poll(task_id)
        assert not task_id
"""


def test_bad_manners_are_nobody_s_business_unless_asked_for(run):
    assert "1 failed, 3 passed" in run(_ETIQUETTE).split("\n")[-2]


def test_bad_manners_fail_a_test_at_its_end(run):
    said = run(_ETIQUETTE, ini="wanx_etiquette = error")
    assert "1 failed, 3 passed, 2 errors" in said.split("\n")[-2]
    task = "cd613e30-d8f1-4adf-91b7-584a2265b1f5"
    assert section(said, "ERROR at teardown of test_hasty") == [
        "wanx: poll etiquette",
        f"poll-interval: task {task} was polled again after 0.5 s, 3 times, at +0.5 s",
        "  The service advises 10 s; wanx_virtual_time skips them. [assumed]",
        "   #      at  request  task      answer          asked for",
        "   1  +0.0 s  create   cd613e30  200 PENDING     wan2.5-t2i-preview 一间花店",
        "   2  +0.0 s  query    cd613e30  200 PENDING",
        ">  3  +0.5 s  query    cd613e30  200 PENDING",
        "   ⋮  +1.5 s  ⋮                  2 more like it",
    ]
    assert "poll-after-end: task x" in said


def test_bad_manners_warn_at_the_test_and_the_warning_can_be_told_apart(run):
    said = run(_ETIQUETTE, "--wanx-etiquette=warn", "-k", "hasty or told")
    assert re.search("2 passed,.* 1 warning", said)
    assert "test_shop.py::test_hasty" in said
    assert re.search(r"test_shop.py:\d+: WanxEtiquetteWarning: poll-interval: task cd613e30", said)
    quiet = "ignore::wanx_sim.errors.WanxEtiquetteWarning"
    said = run(_ETIQUETTE, "--wanx-etiquette=warn", "-k", "hasty", "-W", quiet)
    assert "warning" not in said


@pytest.mark.parametrize(
    ("tests", "ini", "message"),
    [
        ("", "wanx_etiquette = loud",
         "ERROR: wanx_etiquette cannot be 'loud'; known: off, warn, error"),
        ("@pytest.mark.wanx(etiquette='loud')\ndef test_it(wanx_sim): pass", "",
         "@pytest.mark.wanx: etiquette cannot be 'loud'; known: off, warn, error"),
    ],
)  # fmt: skip
def test_manners_that_do_not_exist_are_refused(run, tests, ini, message):
    assert message in run(tests, ini=ini)


# --- the network ------------------------------------------------------------------------------------

_NETWORK = """
    def test_swallowed():
        order("一间花店"); order("一间花店")

    def test_seen():
        requests.get("http://api.example.invalid/v1", timeout=1)

    def test_simulated(wanx_sim, wanx_server):
        created()
        assert requests.get(wanx_server.base_url + "/tasks/x", headers=HEADERS).ok

    def test_good():
        pass
"""


def test_a_connection_elsewhere_fails_a_test_even_if_it_was_swallowed(run):
    said = run(_NETWORK, "--wanx-block-network")
    assert "1 failed, 3 passed, 1 error" in said.split("\n")[-2]
    host = "api.example.invalid"
    message = [
        f"a connection to {host}:80 was refused: --wanx-block-network is on.",
        f"To allow it: --wanx-allow-host={host}, or {host} in the ini option wanx_allow_hosts.",
    ]
    assert section(said, "ERROR at teardown of test_swallowed") == [
        f"wanx: {message[0]}",
        message[1],
        "(2 times)",
    ]
    assert messages(said, "test_seen") == [
        f"wanx_sim.errors.NetworkBlockedError: {message[0]}",
        message[1],
    ]
    assert said.count("wanx_sim/testing") == 0


def test_it_can_be_switched_on_and_hosts_allowed_in_the_ini_file(run):
    ini = "wanx_block_network = true\nwanx_allow_hosts =\n    localhost.invalid\n"
    assert "1 failed, 3 passed, 1 error" in run(_NETWORK, ini=ini).split("\n")[-2]
    allowed = run(
        """
        import sys

        def test_it():
            sys.audit("socket.getaddrinfo", "one.invalid", 80, 0, 0, 0)
            sys.audit("socket.getaddrinfo", "two.invalid", 80, 0, 0, 0)
        """,
        "--wanx-allow-host=two.invalid",
        ini="wanx_block_network = true\nwanx_allow_hosts = one.invalid",
    )
    assert "1 passed" in allowed


# --- faults that struck nothing ---------------------------------------------------------------------

_FAULTS = """
    @pytest.mark.wanx(faults=[Fault(on="query", code="Throttling")])
    def test_by_the_marker(wanx_sim):
        created()

    def test_by_hand(wanx_sim):
        wanx_sim.faults.add("lost-response", Fault(on="create", code="Throttling"))
        with pytest.raises(httpx.RemoteProtocolError):
            create()

    def test_used(wanx_sim):
        wanx_sim.faults.add(Fault(on="create", code="Throttling"))
        assert create().status_code == 429

    def test_failed_before(wanx_sim):
        wanx_sim.faults.add(Fault(on="create", code="Throttling"))
        assert False
"""


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "1")], ids=["", "xdist"])
def test_faults_that_struck_nothing_are_told_at_the_end(run, workers):
    said = run(_FAULTS, *workers)
    assert "1 failed, 3 passed" in said.split("\n")[-2]
    lines = section(said, "wanx: armed faults that struck nothing", until="==")
    assert sorted(line.strip() for line in lines) == [
        "on create: Fault(code='Throttling')",
        "on query: Fault(on='query', code='Throttling')",
        "test_shop.py::test_by_hand",
        "test_shop.py::test_by_the_marker",
    ]


def test_faults_that_struck_nothing_fail_a_strict_run(run):
    said = run(_FAULTS, "--wanx-strict")
    assert "1 failed, 3 passed, 2 errors" in said.split("\n")[-2]
    assert section(said, "ERROR at teardown of test_by_the_marker") == [
        "wanx: 1 armed fault struck nothing; no request came that it was meant for:",
        "  on query: Fault(on='query', code='Throttling')",
    ]


# --- quiet ------------------------------------------------------------------------------------------


def test_a_run_that_uses_nothing_of_ours_says_nothing_of_ours(run):
    assert "wanx" not in run("def test_it(): pass").replace("test_wanx", "")
