"""A client that polled every second, and clients that poll every 50 ms: the same job, to all."""

from __future__ import annotations

import json
import shutil
import subprocess

import anyio
import httpx
import pytest

from wanx_client import AsyncWanxClient, WanxClient
from wanx_sim import ManualClock, Player

ASKED = {"model": "wan2.2-t2i-flash", "size": "512*512", "n": 2, "seed": 7, "prompt_extend": False}
STATES = ["PENDING", "RUNNING", "SUCCEEDED"]
PROMPT = "一间花店"
OFTEN = 0.05


@pytest.fixture(scope="session")
def every_second(record):
    """Four seconds PENDING, six RUNNING, polled every second."""
    return record({"prompt": PROMPT, "n": 2}, timing="seconds:4,6", every=1.0)


def distinct(statuses):
    return [now for now, before in zip(statuses, [None, *statuses], strict=False) if now != before]


def by_sync(player, folder):
    seen = []
    with WanxClient("sk-a", transport=player.transport(), sleep=player.clock.sleep) as client:
        task = client.submit(PROMPT, **ASKED)
        task = client.wait(task, poll_interval=OFTEN, on_update=seen.append)
        paths = client.download(task, folder)
    return seen, paths


def by_async(player, folder, backend="asyncio"):
    seen = []

    async def run():
        sleep = player.clock.async_sleep
        async with AsyncWanxClient("sk-a", transport=player.transport(), sleep=sleep) as client:
            task = await client.submit(PROMPT, **ASKED)
            task = await client.wait(task, poll_interval=OFTEN, on_update=seen.append)
            return await client.download(task, folder)

    return seen, anyio.run(run, backend=backend)


def by_trio(player, folder):
    return by_async(player, folder, "trio")


@pytest.mark.parametrize("run", [by_sync, by_async, by_trio])
def test_at_another_pace_the_states_come_when_they_came_and_the_bytes_are_the_same(
    every_second, tmp_path, run
):
    player = Player(every_second.path, pace="recorded", clock=ManualClock())
    began = player.clock.now()
    seen, paths = run(player, tmp_path)
    assert distinct([task.status for task in seen]) == STATES
    assert player.clock.now() - began == pytest.approx(10.0, abs=2 * OFTEN)
    assert len(player.requests.queries) == pytest.approx(200, abs=2)
    assert [path.read_bytes() for path in paths] == every_second.pictures[0]


HOST = "https://dashscope.aliyuncs.com/api/v1"
CREATE = f"{HOST}/services/aigc/text2image/image-synthesis"
HEADERS = {"authorization": "Bearer sk-a", "x-dashscope-async": "enable"}
PARAMETERS = {name: value for name, value in ASKED.items() if name != "model"}
BODY = {"model": ASKED["model"], "input": {"prompt": PROMPT}, "parameters": PARAMETERS}


def one_job():
    """Asks for a job and polls it: yields requests, takes answers; its states and pictures."""
    answer = yield {"method": "POST", "url": CREATE, "json": BODY, "headers": HEADERS}
    task_id, outputs = answer.json()["output"]["task_id"], []
    while not outputs or outputs[-1]["task_status"] != "SUCCEEDED":
        answer = yield {"method": "GET", "url": f"{HOST}/tasks/{task_id}", "headers": HEADERS}
        outputs.append(answer.json()["output"])
    pictures = []
    for result in outputs[-1]["results"]:
        answer = yield {"method": "GET", "url": result["url"]}
        pictures.append(answer.content)
    return [output["task_status"] for output in outputs], pictures


def a_thousand(player):
    with httpx.Client(transport=player.transport()) as client:
        for _ in range(1000):
            job, answer = one_job(), None
            try:
                while True:
                    answer = client.request(**job.send(answer))
            except StopIteration as end:
                yield end.value


def a_thousand_async(player):
    async def run():
        ends = []
        async with httpx.AsyncClient(transport=player.transport()) as client:
            for _ in range(1000):
                job, answer = one_job(), None
                try:
                    while True:
                        answer = await client.request(**job.send(answer))
                except StopIteration as end:
                    ends.append(end.value)
        return ends

    return anyio.run(run)


@pytest.mark.parametrize("run", [a_thousand, a_thousand_async])
def test_a_thousand_times_it_is_the_same(every_second, run):
    player = Player(every_second.path, clock=ManualClock(), repeat=True)
    for states, pictures in run(player):
        assert states == STATES
        assert pictures == every_second.pictures[0]
    assert len(player.requests.creates) == len(player.replayed) == 1000


@pytest.mark.skipif(shutil.which("curl") is None, reason="left out: no curl here")
def test_curl_sees_the_same(every_second, tmp_path):
    player = Player(every_second.path, pace="recorded", clock=ManualClock())

    def curl(*arguments):
        command = ["curl", "-sS", "--fail", "--noproxy", "*", *arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout

    key = ("-H", "Authorization: Bearer sk-a")
    asked = (*key, "-H", "X-DashScope-Async: enable", "-H", "Content-Type: application/json")
    with player.serve() as server:
        create = CREATE.replace(HOST, server.base_url)
        task_id = json.loads(curl(create, *asked, "-d", json.dumps(BODY)))["output"]["task_id"]
        outputs = []
        while not outputs or outputs[-1]["task_status"] != "SUCCEEDED":
            player.clock.advance(0.5)
            outputs.append(json.loads(curl(f"{server.base_url}/tasks/{task_id}", *key))["output"])
        links = [result["url"] for result in outputs[-1]["results"]]
        pictures = [curl(link) for link in links]
        part = curl(links[0], "-r", "10-19")
    assert distinct([output["task_status"] for output in outputs]) == STATES
    assert pictures == every_second.pictures[0]
    assert part == pictures[0][10:20]
