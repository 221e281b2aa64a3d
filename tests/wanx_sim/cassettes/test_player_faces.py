"""The player behind every face: the same job, the same misses."""

from __future__ import annotations

from functools import partial

import anyio
import httpx
import pytest

from wanx_client import (
    AsyncWanxClient,
    ExpiredUrlError,
    ImageFailure,
    InvalidRequestError,
    WanxClient,
)
from wanx_sim import (
    CassetteMissError,
    ManualClock,
    Player,
)

TASKS = "/api/v1/tasks"
SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512", "seed": 7, "prompt_extend": False}


def _generate(client, tmp_path):
    task = client.generate("一间花店", **SMALL)
    return task, client.download(task, tmp_path)


async def _generate_async(client, tmp_path):
    async with client:
        task = await client.generate("一间花店", **SMALL)
        return task, await client.download(task, tmp_path)


def by_transport(player, clock, tmp_path):
    with WanxClient("sk-a", transport=player.transport(), sleep=clock.sleep) as client:
        return _generate(client, tmp_path)


def by_interception(player, clock, tmp_path):
    with player.intercept(), WanxClient("sk-a", sleep=clock.sleep) as client:
        return _generate(client, tmp_path)


def by_socket(player, clock, tmp_path):
    with (
        player.serve() as server,
        WanxClient("sk-a", base_url=server.base_url, sleep=clock.sleep) as client,
    ):
        return _generate(client, tmp_path)


def _by_async(transport, base_url, clock, tmp_path, backend="asyncio"):
    async def run():
        client = AsyncWanxClient(
            "sk-a", base_url=base_url, transport=transport, sleep=clock.async_sleep
        )
        return await _generate_async(client, tmp_path)

    return anyio.run(run, backend=backend)


def by_asyncio(player, clock, tmp_path, backend="asyncio"):
    return _by_async(player.transport(), None, clock, tmp_path, backend)


def by_asgi(player, clock, tmp_path):
    transport = httpx.ASGITransport(player.asgi_app())
    return _by_async(transport, "http://wanx.test:8965/api/v1", clock, tmp_path)


FACES = {
    "transport": by_transport,
    "asyncio": by_asyncio,
    "trio": partial(by_asyncio, backend="trio"),
    "interception": by_interception,
    "asgi": by_asgi,
    "socket": by_socket,
}


@pytest.mark.parametrize("generate", FACES.values(), ids=list(FACES))
def test_a_recorded_job_is_replayed_by_every_face(flower_shop, tmp_path, generate):
    clock = ManualClock()
    player = Player(flower_shop.path, clock=clock)
    task, paths = generate(player, clock, tmp_path)
    assert task.id == flower_shop.task_id
    assert [path.read_bytes() for path in paths] == flower_shop.pictures[0]
    assert player.unused == []


@pytest.mark.parametrize("face", ["transport", "asyncio", "trio", "interception"])
def test_in_process_a_miss_is_raised_through_the_client(record, tmp_path, face):
    player = Player(record("书店").path)
    with pytest.raises(CassetteMissError, match="recorded '书店', asked '一间花店'"):
        FACES[face](player, ManualClock(), tmp_path)


@pytest.mark.parametrize("face", ["asgi", "socket"])
def test_over_http_a_miss_is_a_501_that_explains_itself(record, tmp_path, face):
    recording = record("书店")
    with pytest.raises(Exception, match="recorded '书店', asked '一间花店'") as caught:
        FACES[face](Player(recording.path), ManualClock(), tmp_path)
    assert (caught.value.http_status, caught.value.code) == (501, "WanxSim.CassetteMissError")
    assert str(recording.path) in caught.value.message


def test_a_thin_client_sees_the_failures_among_the_pictures(record, tmp_path):
    recording = record({"prompt": "[[partial:2]] 花店", "n": 4})
    clock = ManualClock()
    player = Player(recording.path, clock=clock)
    with WanxClient("sk-a", transport=player.transport(), sleep=clock.sleep) as client:
        task = client.generate("[[partial:2]] 花店", n=4, **SMALL)
        paths = client.download(task, tmp_path)
        assert [path.read_bytes() for path in paths] == recording.pictures[0]
        assert [type(image) for image in task.images[2:]] == [ImageFailure] * 2
        assert task.usage_images == 2
        clock.advance(hours=24)
        with pytest.raises(ExpiredUrlError):
            client.download(task, tmp_path)
        with pytest.raises(InvalidRequestError):
            client.cancel(task)


def test_clients_at_once_share_a_player(flower_shop):
    player = Player(flower_shop.path, repeat=True)

    async def one(client, seen):
        headers = {"authorization": "Bearer sk-a"}
        answer = await client.get(f"{TASKS}/{flower_shop.task_id}", headers=headers)
        seen.append(answer.json()["output"]["task_status"])

    async def all_of_them(url, seen):
        async with httpx.AsyncClient(base_url=url) as client, anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(one, client, seen)

    seen = []
    with player.serve() as server:
        anyio.run(all_of_them, server.url, seen)
    assert sorted(seen) == ["PENDING", "RUNNING", *["SUCCEEDED"] * 18]
