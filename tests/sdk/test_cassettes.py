"""The official SDK records, and replays what was recorded, over sockets."""

from __future__ import annotations

from hashlib import sha256

import httpx
import pytest

from wanx_sim import Cassette, ManualClock, Player, Recorder, Simulator

pytestmark = pytest.mark.sdk

STATES = ["PENDING", "RUNNING", "SUCCEEDED"]
HOST = "https://dashscope.aliyuncs.com/api/v1"
ASKED = {"n": 2, "size": "512*512", "seed": 7, "prompt_extend": False}


@pytest.fixture
def recorded(tmp_path):
    """A job that a client of httpx polled every second: its cassette and its pictures."""
    clock = ManualClock()
    recorder = Recorder(
        Simulator(clock=clock, timing="seconds:4,6"), tmp_path / "library" / "shop", clock=clock
    )
    headers = {"authorization": "Bearer sk-a", "x-dashscope-async": "enable"}
    body = {"model": "wan2.2-t2i-flash", "input": {"prompt": "一间花店"}, "parameters": ASKED}
    with httpx.Client(transport=recorder.transport()) as client:
        create = f"{HOST}/services/aigc/text2image/image-synthesis"
        task_id = client.post(create, json=body, headers=headers).json()["output"]["task_id"]
        output = {"task_status": "PENDING"}
        while output["task_status"] != "SUCCEEDED":
            clock.advance(seconds=1)
            output = client.get(f"{HOST}/tasks/{task_id}", headers=headers).json()["output"]
        pictures = [client.get(result["url"]).content for result in output["results"]]
    recorder.close()
    return recorder.cassette.path, [sha256(content).hexdigest() for content in pictures]


class Ticking(Player):
    """Half a recorded second passes with each request, however long the SDK takes for it."""

    def handle(self, request):
        self.clock.advance(0.5)
        return super().handle(request)


def test_a_job_polled_each_second_replays_under_the_sdk_that_polls_every_50_ms(sdk, recorded):
    path, pictures = recorded
    player = Ticking(path, pace="recorded", clock=ManualClock())
    with player.serve() as server:
        seen = sdk.run("job.py", server.url)
    assert (seen["states"], seen["pictures"]) == (STATES, pictures)
    assert player.unused == []


def test_the_sdk_records_through_the_command_in_front_of_tls_and_replays_the_same(
    sdk, command, tmp_path, monkeypatch
):
    pytest.importorskip("cryptography", reason="left out: the extra tls is not installed")
    from wanx_sim import CertificateAuthority  # noqa: PLC0415 - it needs what may be missing

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    authority = CertificateAuthority()
    authority.certificate()
    cassette = tmp_path / "library" / "shop"
    live = ("--tls", "--store", "memory://", "--timing", "seconds:0.3,0.3")
    with command("serve", "--port", 0, *live) as upstream:
        assert upstream.startswith("https://")
        options = ("--cassette", cassette, "--ca-file", authority.ca_file, "--budget", "0.28")
        with command("record", "--port", 0, "--upstream", upstream, *options) as proxy:
            # The live service's links lead to itself, and to its certificate.
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))
            monkeypatch.setenv("PROMPT_TOO_MANY", "一间书店")
            first = sdk.run("job.py", proxy)
    refused = first.pop("too many")
    assert (refused["status_code"], refused["code"]) == (501, "WanxSim.BudgetExceededError")
    (job,) = Cassette.load(cassette).jobs
    assert (job.task_id, job.complete) == (first["task_id"], True)
    assert [image.sha256 for image in job.images] == first["pictures"]
    monkeypatch.delenv("PROMPT_TOO_MANY")
    with command("replay", "--port", 0, "--cassette", cassette) as player:
        again = sdk.run("job.py", player)
    assert again == first
    assert first["states"] == STATES
