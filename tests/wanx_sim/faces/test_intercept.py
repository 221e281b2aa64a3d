"""In process, for clients that nothing is handed to: what is caught, and what is left alone."""

from __future__ import annotations

import ssl
from threading import Event

import anyio
import httpx
import pytest

from wanx_sim import Fault, ManualClock, Service, Simulator
from wanx_sim.wire import Response

HEADERS = {"Authorization": "Bearer sk-test"}


@pytest.fixture
def client():
    transport = httpx.HTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    with httpx.Client(transport=transport, headers=HEADERS) as client:
        yield client


@pytest.mark.parametrize("host", ["dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"])
def test_both_regions_hosts_are_caught(sim, client, host):
    with sim.intercept():
        answer = client.get(f"https://{host}/api/v1/tasks/1111")
    assert answer.json()["output"]["task_status"] == "UNKNOWN"


@pytest.mark.parametrize(
    "host",
    [
        "dashscope-result-bj.oss-cn-beijing.aliyuncs.com",
        "dashscope-7c2c.oss-accelerate.aliyuncs.com",
    ],
)
def test_image_hosts_are_caught(sim, client, host):
    with sim.intercept():
        answer = client.get(f"https://{host}/1d/aa/x.png")
    assert answer.headers["server"] == "AliyunOSS"


def test_other_hosts_are_left_alone(sim, client, start):
    other = Simulator(clock=ManualClock(start))
    with other.serve() as server, sim.intercept():
        client.get(f"{server.base_url}/tasks/1111")
    assert (len(other.requests), len(sim.requests)) == (1, 0)


def test_a_client_with_a_transport_of_its_own_keeps_it_for_other_hosts(sim):
    mock = httpx.MockTransport(lambda _: httpx.Response(418))
    with sim.intercept(), httpx.Client(transport=mock) as client:
        assert client.get("http://testserver/").status_code == 418
    assert len(sim.requests) == 0


def test_every_client_is_caught_even_one_with_a_transport_of_its_own(sim):
    mock = httpx.MockTransport(lambda _: httpx.Response(418))
    with sim.intercept(), httpx.Client(transport=mock, headers=HEADERS) as client:
        assert client.get("https://dashscope.aliyuncs.com/api/v1/tasks/1111").status_code == 200


def test_a_client_made_before_the_block_is_caught_too(sim, client):
    with sim.intercept():
        client.get("https://dashscope.aliyuncs.com/api/v1/tasks/1111")
    assert len(sim.requests) == 1


def test_nothing_is_caught_after_the_block(sim):
    mock = httpx.MockTransport(lambda _: httpx.Response(418))
    with httpx.Client(transport=mock, headers=HEADERS) as client:
        with sim.intercept():
            client.get("https://dashscope.aliyuncs.com/api/v1/tasks/1111")
        assert client.get("https://dashscope.aliyuncs.com/api/v1/tasks/1111").status_code == 418
    assert len(sim.requests) == 1


def test_the_innermost_block_answers(sim, client, start):
    inner = Simulator(clock=ManualClock(start))
    with sim.intercept():
        with inner.intercept():
            client.get("https://dashscope.aliyuncs.com/api/v1/tasks/1111")
        client.get("https://dashscope.aliyuncs.com/api/v1/tasks/2222")
    assert [entry.task_id for entry in inner.requests] == ["1111"]
    assert [entry.task_id for entry in sim.requests] == ["2222"]


# --- asynchronous clients -------------------------------------------------------------------------


class Slow(Service):
    """Answers when the test says so, as a live service does that takes its time."""

    blocking = True

    def __init__(self) -> None:
        self.may_answer = Event()

    def handle(self, _request):
        assert self.may_answer.wait(20), "the loop stood still while the service answered"
        return Response(200, (), b"{}")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_loop_goes_on_while_a_service_waits_for_a_network(anyio_backend):
    service, answers = Slow(), []

    async def ask(client):
        answers.append(await client.get("https://dashscope.aliyuncs.com/api/v1/tasks/1111"))

    with service.intercept():
        transport = httpx.MockTransport(lambda _: None)
        async with httpx.AsyncClient(transport=transport) as client, anyio.create_task_group() as g:
            g.start_soon(ask, client)
            await anyio.wait_all_tasks_blocked()
            service.may_answer.set()
    assert [answer.status_code for answer in answers] == [200]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_lost_connection_is_lost_to_an_asynchronous_client(sim, anyio_backend):
    sim.faults.add(Fault(on="query", lost_response=True))
    with sim.intercept():
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: None)) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("https://dashscope.aliyuncs.com/api/v1/tasks/1", headers=HEADERS)
