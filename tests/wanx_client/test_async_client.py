"""The async client, over asyncio and trio: the same operations, awaited."""

import anyio
import httpx
import pytest

from wanx_client import (
    AmbiguousSubmitError,
    AsyncWanxClient,
    ExpiredUrlError,
    Task,
    TaskStatus,
    WaitTimeoutError,
)

TASK_ID = "0385dc79-5ff8-4d82-bcb6-4b1a6cbb1a11"

pytestmark = pytest.mark.anyio


async def test_from_a_prompt_to_a_file(connect_async, script, answer, tmp_path, pauses):
    service = script(
        answer.created(), answer.polled("RUNNING"), answer.succeeded("a.png"), answer.picture()
    )
    async with connect_async(service) as client:
        task = await client.generate("一间花店", poll_interval=2)
        [path] = await client.download(task, tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert pauses == [2]
    assert "Authorization" not in service.requests[-1].headers


async def test_step_by_step(connect_async, script, answer):
    service = script(answer.created(), answer.polled("PENDING"), answer.succeeded())
    async with connect_async(service) as client:
        task = await client.submit("一间花店")
        assert (await client.fetch(task)).status is TaskStatus.PENDING
        assert (await client.wait(task)).status is TaskStatus.SUCCEEDED


async def test_cancel_and_list(connect_async, script):
    body = {"total": 0, "data": [], "total_page": 0, "page_no": 1, "page_size": 10}
    service = script(
        lambda: httpx.Response(200, json={"request_id": "r"}),
        lambda: httpx.Response(200, json=body),
    )
    async with connect_async(service) as client:
        await client.cancel(TASK_ID)
        assert (await client.tasks()).total == 0


async def test_a_create_whose_answer_was_lost_is_never_sent_twice(connect_async, script):
    service = script(httpx.ReadError("reset"))
    async with connect_async(service) as client:
        with pytest.raises(AmbiguousSubmitError):
            await client.submit("一间花店")
    assert len(service.requests) == 1


async def test_a_wait_ends_at_its_deadline(connect_async, script, answer, pauses):
    async with connect_async(script(answer.polled("RUNNING"))) as client:
        with pytest.raises(WaitTimeoutError):
            await client.wait(TASK_ID, poll_interval=4, timeout=10)
    assert pauses == [4, 4, pytest.approx(2, abs=0.5)]


async def test_a_callback_may_be_a_coroutine_function(connect_async, script, answer):
    seen = []

    async def watch(task):
        await anyio.lowlevel.checkpoint()
        seen.append(task.status)

    async with connect_async(script(answer.polled("RUNNING"), answer.succeeded())) as client:
        await client.wait(TASK_ID, on_update=watch)
        await client.wait(TASK_ID, on_update=lambda task: seen.append(task.id))
    assert seen == ["RUNNING", "SUCCEEDED", TASK_ID]


async def test_without_a_sleep_of_its_own_it_sleeps_on_the_loop_it_runs_on(script, answer):
    service = script(answer.polled("RUNNING"), answer.succeeded())
    async with AsyncWanxClient("sk-a", transport=httpx.MockTransport(service)) as client:
        assert (await client.wait(TASK_ID, poll_interval=0.001)).status is TaskStatus.SUCCEEDED


async def test_a_wait_can_be_cancelled_from_outside(script, answer):
    service = script(answer.polled("RUNNING"))
    async with AsyncWanxClient("sk-a", transport=httpx.MockTransport(service)) as client:
        with anyio.move_on_after(0.05) as scope:
            await client.wait(TASK_ID, poll_interval=60)
    assert scope.cancelled_caught


async def test_an_expired_url(connect_async, script, answer, tmp_path):
    async with connect_async(script(answer.succeeded(), answer.expired)) as client:
        with pytest.raises(ExpiredUrlError):
            await client.download(TASK_ID, tmp_path)


async def test_the_repr_shows_the_place_and_not_the_key(connect_async, script, answer):
    async with connect_async(script(answer.created())) as client:
        assert repr(client) == "AsyncWanxClient(base_url='https://dashscope.aliyuncs.com/api/v1')"
        assert client.base_url == "https://dashscope.aliyuncs.com/api/v1"


async def test_a_finished_task_is_returned_as_it_is(connect_async, script, answer):
    done = Task(id=TASK_ID, status=TaskStatus.SUCCEEDED)
    async with connect_async(script(answer.created())) as client:
        assert await client.wait(done) is done
