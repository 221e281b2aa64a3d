"""``wanx-sim record`` and ``replay``, as processes that a user starts."""

from __future__ import annotations

import os
import signal
import ssl

import httpx
import pytest

from wanx_client import WanxError
from wanx_sim import Cassette, Simulator
from wanx_sim.rendering import png_size

SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512", "seed": 7, "n": 1}
PROMPT = "一间花店"
NEVER = "polls:1000,1000"


def test_a_job_is_recorded_by_one_proxy_and_replayed_by_another(launch, client, tmp_path):
    cassette = tmp_path / "library" / "flower-shop.json"
    with Simulator(timing="polls:1,1").serve() as live:
        proxy = launch(
            *("record", "--port", 0, "--cassette", cassette, "--upstream", live.url),
            *("--budget", 0.2),
        )
        # The live service wants the user's own key, so none is offered to be pasted.
        assert not [line for line in proxy.lines if "DASHSCOPE_API_KEY" in line]
        task = client(proxy, "sk-my-own-live-key").submit(PROMPT, **SMALL)
        task = client(proxy).wait(task, poll_interval=0)
        (picture,) = client(proxy).download(task, tmp_path / "live")
        with pytest.raises(WanxError, match="this create was not sent: it costs ¥0") as caught:
            client(proxy).submit("another", **SMALL)
        assert (caught.value.http_status, caught.value.code) == (
            501,
            "WanxSim.BudgetExceededError",
        )
        assert proxy.ended() == (0, "")
    assert b"sk-my-own-live-key" not in cassette.read_bytes()

    player = launch("replay", "--port", 0, "--cassette", cassette)
    for _ in range(2):  # a server repeats
        again = client(player).generate(PROMPT, poll_interval=0, **SMALL)
        assert again.id == task.id
        (replayed,) = client(player).download(again, tmp_path / "replayed")
        assert replayed.read_bytes() == picture.read_bytes()
    with pytest.raises(WanxError, match="asked '一间书店'") as caught:
        client(player).submit("一间书店", **SMALL)
    assert (caught.value.http_status, caught.value.code) == (501, "WanxSim.CassetteMissError")
    assert str(cassette) in caught.value.message
    assert player.ended() == (0, "")


def test_prompts_and_pictures_can_stay_out_of_a_cassette_and_replay_from_its_folder(
    launch, client, tmp_path
):
    cassette, small = tmp_path / "library" / "shop.json", SMALL | {"prompt_extend": True}
    with Simulator(timing="instant").serve() as live:
        proxy = launch(
            *("record", "--port", 0, "--cassette", cassette, "--upstream", live.url),
            *("--budget", 0.2, "--redact-prompts", "--pictures", "placeholder"),
        )
        client(proxy).generate("花店 hua@example.com", poll_interval=0, **small)
        assert proxy.ended() == (0, "")
    text = cassette.read_text(encoding="utf-8")
    assert not [word for word in ("花店", "hua@example.com") if word in text]
    assert list(tmp_path.rglob("*.png")) == []
    player = launch("replay", "--port", 0, "--cassette", cassette.parent)
    again = client(player).generate("花店 hua@example.com", poll_interval=0, **small)
    (picture,) = client(player).download(again, tmp_path / "replayed")
    assert png_size(picture.read_bytes()) == (512, 512)


def test_a_recorder_spends_nothing_unless_it_is_told_to(launch, client, tmp_path):
    live = Simulator()
    with live.serve() as server:
        proxy = launch(
            "record", "--port", 0, "--cassette", tmp_path / "c", "--upstream", server.url
        )
        with pytest.raises(WanxError, match="of the budget of ¥0") as e:
            client(proxy).submit(PROMPT, **SMALL)
        assert e.value.http_status == 501
        assert len(live.requests) == 0
        assert client(proxy).fetch("no-such-task").status == "UNKNOWN"
    assert Cassette.load(tmp_path / "c").jobs == []


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a word to it")
def test_a_recorder_that_is_told_to_end_still_writes_what_it_has(launch, client, tmp_path):
    with Simulator(timing=NEVER).serve() as live:
        options = ("--upstream", live.url, "--budget", 1)
        proxy = launch("record", "--port", 0, "--cassette", tmp_path / "c", *options)
        task = client(proxy).submit(PROMPT, **SMALL)
        client(proxy).fetch(task)
        assert proxy.ended(signal.SIGTERM) == (0, "")
    (job,) = Cassette.load(tmp_path / "c").jobs
    assert (job.task_id, job.complete, len(job.states)) == (task.id, False, 1)


# --- what is bought, and what is not --------------------------------------------------------------


def generated(client, server, prompt=PROMPT):
    return client(server).generate(prompt, poll_interval=0, **SMALL)


def test_a_dry_run_lets_the_program_run_through_sends_nothing_and_says_the_total(
    launch, client, tmp_path
):
    live = Simulator()
    with live.serve() as server:
        options = ("--cassette", tmp_path / "c", "--upstream", server.url, "--dry-run")
        proxy = launch("record", "--port", 0, *options)
        task = client(proxy).generate(PROMPT, poll_interval=0.3, **SMALL)
        assert len(client(proxy).download(task, tmp_path / "out")) == 1
        assert proxy.ended(signal.SIGTERM) == (0, "")
    assert proxy.said == (
        "wanx-sim: would buy 1 × wan2.2-t2i-flash, ¥0.14\n"
        "wanx-sim: a recording would buy 1 image(s) for ¥0.14; nothing was bought\n"
    )
    assert len(live.requests) == 0
    assert not (tmp_path / "c.json").exists()


def test_new_episodes_buys_what_is_missing_and_a_dry_run_says_so_beforehand(
    launch, client, tmp_path
):
    live = Simulator(timing="instant")
    with live.serve() as server:
        options = ("record", "--port", 0, "--cassette", tmp_path / "c", "--upstream", server.url)
        mode = ("--mode", "new_episodes")
        first = launch(*options, "--mode", "once", "--budget", 0.14)
        generated(client, first)
        assert first.ended() == (0, "")
        dry = launch(*options, *mode, "--dry-run")
        for prompt in (PROMPT, "一间书店"):
            client(dry).submit(prompt, **SMALL)
        assert dry.ended() == (0, "")
        assert dry.said.count("would buy") == 2
        assert "buy 1 image(s) for ¥0.14; nothing was bought" in dry.said
        second = launch(*options, *mode, "--budget", 0.14)
        for prompt in (PROMPT, "一间书店"):
            generated(client, second, prompt)
        assert second.ended() == (0, "")
    assert (live.ledger.tasks, len(Cassette.load(tmp_path / "c").jobs)) == (2, 2)


def test_with_the_cache_a_second_run_buys_nothing_and_records_all_the_same(
    launch, client, tmp_path
):
    live = Simulator(timing="instant")
    with live.serve() as server:
        for cassette in ("one", "two"):
            proxy = launch(
                *("record", "--port", 0, "--cassette", tmp_path / cassette),
                *("--upstream", server.url, "--budget", 0.14, "--cache"),
                *("--cache-dir", tmp_path / "bought"),
            )
            for _ in range(2):
                assert len(client(proxy).download(generated(client, proxy), tmp_path / "out")) == 1
            assert proxy.ended() == (0, "")
    assert live.ledger.tasks == 1
    one, two = (Cassette.load(tmp_path / cassette).jobs for cassette in ("one", "two"))
    assert one == two


# --- replay ---------------------------------------------------------------------------------------


def test_a_replay_may_simulate_what_is_not_recorded_and_says_which_is_which(
    launch, client, record, tmp_path
):
    player = launch(
        *("replay", "--port", 0, "--cassette", record("花店").path, "--on-miss", "simulate"),
        *("--ignore", "seed", "--no-repeat"),
    )
    recorded = client(player).submit("花店", prompt_extend=False, **SMALL | {"seed": 99})
    simulated = client(player).submit("一间书店", **SMALL)
    sources = {
        task.id: httpx.get(
            f"{player.base_url}/tasks/{task.id}",
            headers={"authorization": "Bearer sk-a"},
            trust_env=False,
        ).headers["x-wanx-source"]
        for task in (recorded, simulated)
    }
    assert sources == {recorded.id: "cassette", simulated.id: "simulator"}
    assert client(player).submit("花店", prompt_extend=False, **SMALL).id != recorded.id
    assert player.ended() == (0, "")


def test_a_replay_says_what_is_too_old_in_one_line_or_refuses_it(launch, client, record):
    cassette = record("花店").path
    asked = {"prompt_extend": False} | SMALL
    options = ("replay", "--port", 0, "--cassette", cassette, "--max-age", 30)
    lenient, strict = launch(*options), launch(*options, "--on-expired", "error")
    client(lenient).submit("花店", **asked)
    code, said = lenient.ended()
    (line,) = said.splitlines()
    assert code == 0
    assert line.startswith(f"wanx-sim: {cassette} holds the answer to this request, recorded ")
    with pytest.raises(WanxError, match="at most 30 are accepted; record it again") as caught:
        client(strict).submit("花店", **asked)
    assert caught.value.http_status == 501


# --- clients whose host is hard-coded -------------------------------------------------------------


def test_a_client_whose_host_is_hard_coded_is_recorded_through_the_proxy(launch, tmp_path):
    pytest.importorskip("cryptography", reason="left out: the extra tls is not installed")
    with Simulator(timing="instant").serve() as live:
        options = ("--upstream", live.url, "--budget", 0.14, "--proxy-port", 0)
        server = launch("record", "--port", 0, "--cassette", tmp_path / "c", *options)
        exports = {}
        while "NODE_EXTRA_CA_CERTS" not in exports:
            line = server.process.stdout.readline().strip()
            name, _, value = line.removeprefix("export ").removeprefix("set ").partition("=")
            exports[name] = value
        trust = ssl.create_default_context(cafile=exports["SSL_CERT_FILE"])
        headers = {"authorization": "Bearer sk-a", "x-dashscope-async": "enable"}
        body = {"model": "wan2.2-t2i-flash", "input": {"prompt": PROMPT}, "parameters": {"n": 1}}
        with httpx.Client(proxy=exports["HTTPS_PROXY"], verify=trust, headers=headers) as client:
            host = "https://dashscope.aliyuncs.com/api/v1"
            answer = client.post(f"{host}/services/aigc/text2image/image-synthesis", json=body)
            task_id = answer.json()["output"]["task_id"]
            polled = client.get(f"{host}/tasks/{task_id}")
        assert polled.headers["x-wanx-source"] == "live"
        assert server.ended() == (0, "")
    assert [job.complete for job in Cassette.load(tmp_path / "c").jobs] == [True]
