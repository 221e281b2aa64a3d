"""A poll by httpx that never leaves the process: through ours, respx, or nothing at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import httpx
import respx

from wanx_sim import Simulator

from .offering import arguments, offer
from .wire import CREATE, CREATE_HEADERS, HEADERS, HOST, KEY, TASKS, body, prompt

_TASKS = 100
_NOTHING = httpx.MockTransport(lambda _: httpx.Response(200))
_URLS = [f"{HOST}{TASKS}/{number}" for number in range(_TASKS)]


def simulator() -> tuple[Simulator, list[str]]:
    """A simulator that checks keys, and where its finished tasks are."""
    sim = Simulator(timing="instant", api_keys={KEY: "beijing"})
    with httpx.Client(transport=sim.transport(), base_url=HOST) as client:
        answers = [
            client.post(CREATE, content=body(prompt(number)), headers=CREATE_HEADERS).json()
            for number in range(_TASKS)
        ]
    return sim, [f"{HOST}{TASKS}/{answer['output']['task_id']}" for answer in answers]


def polls(client: httpx.Client, urls: list[str]) -> Callable[[int], None]:
    """Poll one task after the other."""
    turn = cycle(urls)

    def poll(count: int) -> None:
        for url in islice(turn, count):
            assert client.get(url, headers=HEADERS).status_code == 200

    return poll


def async_polls(client: httpx.AsyncClient, urls: list[str]) -> Callable[[int], None]:
    """The same, asynchronously; one event loop for all rounds."""
    turn, runner = cycle(urls), asyncio.Runner()

    async def poll(count: int) -> None:
        for url in islice(turn, count):
            response = await client.get(url, headers=HEADERS)
            assert response.status_code == 200

    return lambda count: runner.run(poll(count))


def creates(client: httpx.Client) -> Callable[[int], None]:
    """Create tasks."""

    def create(count: int) -> None:
        for number in range(count):
            content = body(prompt(number))
            response = client.post(HOST + CREATE, content=content, headers=CREATE_HEADERS)
            assert response.status_code == 200

    return create


def nothing() -> None:
    """httpx.MockTransport that does nothing."""
    client = httpx.Client(transport=_NOTHING)
    poll_async = async_polls(httpx.AsyncClient(transport=_NOTHING), _URLS)
    offer(poll=polls(client, _URLS), poll_async=poll_async, create=creates(client))


def transport() -> None:
    """`Simulator.transport`."""
    sim, urls = simulator()
    client = httpx.Client(transport=sim.transport())
    poll_async = async_polls(httpx.AsyncClient(transport=sim.transport()), urls)
    offer(poll=polls(client, urls), poll_async=poll_async, create=creates(client))


def intercept() -> None:
    """`Simulator.intercept`, around a client that knows nothing of it."""
    sim, urls = simulator()
    with sim.intercept(), httpx.Client() as client:
        offer(poll=polls(client, urls))


def canned() -> None:
    """respx with three canned routes: create, poll, picture."""
    output: dict[str, Any] = {"task_id": "1", "task_status": "SUCCEEDED", "results": []}
    with respx.mock(assert_all_called=False) as router, httpx.Client() as client:
        router.post(HOST + CREATE).respond(json={"output": output})
        router.get(url__regex=rf"{HOST}{TASKS}/.*").respond(json={"output": output})
        router.get(host="dashscope-result-bj.oss-cn-beijing.aliyuncs.com").respond(content=b"png")
        offer(poll=polls(client, _URLS))


if __name__ == "__main__":
    (who,) = arguments()
    {"nothing": nothing, "transport": transport, "intercept": intercept, "canned": canned}[who]()
