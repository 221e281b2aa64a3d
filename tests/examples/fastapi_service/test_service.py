"""The service is asked as its users ask it; 通义万相 is simulated, and nobody waits."""

import pytest

pytestmark = pytest.mark.anyio


async def ordered(client, prompt):
    """Order a picture; the URL that it is to be found at."""
    answer = await client.post("/pictures", json={"prompt": prompt})
    assert answer.status_code == 202
    return answer.json()["url"]


async def test_a_picture_is_painted_once_and_shown(client, wanx_sim):
    url = await ordered(client, "一间有着精致窗户的花店")
    for _ in range(2):
        picture = await client.get(url)
        assert picture.headers["content-type"] == "image/png"
        assert picture.content.startswith(b"\x89PNG")
    assert wanx_sim.ledger.images == 1
    wanx_sim.assert_all_downloaded()


async def test_a_picture_is_still_there_the_next_day(client, wanx_sim):
    url = await ordered(client, "一间有着精致窗户的花店")
    wanx_sim.clock.advance(hours=24)
    picture = await client.get(url)
    assert picture.status_code == 200
    assert picture.content.startswith(b"\x89PNG")


async def test_a_refused_prompt_is_explained(client):
    answer = await client.get(await ordered(client, "[[moderation]] 一间花店"))
    assert answer.status_code == 502
    assert "inappropriate content" in answer.json()["detail"]


async def test_a_failed_task_is_explained(client, wanx_sim):
    wanx_sim.faults.add("failed-task")
    answer = await client.get(await ordered(client, "一间花店"))
    assert answer.status_code == 502
    assert "internal error" in answer.json()["detail"]


@pytest.mark.parametrize("trouble", ["poll-429", "poll-504"])
async def test_a_poll_without_an_answer_does_no_harm(trouble, client, wanx_sim):
    wanx_sim.faults.add(trouble)
    picture = await client.get(await ordered(client, "一间花店"))
    assert picture.status_code == 200


async def test_the_service_waits_ten_minutes_and_no_longer(client, wanx_sim):
    wanx_sim.faults.add("stuck-running")
    answer = await client.get(await ordered(client, "一间花店"))
    assert answer.json()["detail"] == "the picture took longer than ten minutes"
    wanx_sim.assert_polls_at_most(60)


async def test_an_unknown_picture_is_not_found(client):
    assert (await client.get("/pictures/none")).status_code == 404
