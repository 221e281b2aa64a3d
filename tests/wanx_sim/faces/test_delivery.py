"""In process: what a client that sits in front of no socket sees of a troubled answer."""

from __future__ import annotations

import anyio
import httpx
import httpx2
import pytest

from wanx_sim import Clock, Fault, Simulator

URL = "https://dashscope.aliyuncs.com/api/v1/tasks"
HEADERS = {"Authorization": "Bearer sk-test"}


def ways(sim, library, timeout):
    """Asks by each kind of client; what it gets or raises."""
    transport = sim.transport()

    def sync():
        with library.Client(transport=transport, headers=HEADERS, timeout=timeout) as client:
            return client.get(URL)

    async def asynchronous():
        async with library.AsyncClient(
            transport=transport, headers=HEADERS, timeout=timeout
        ) as client:
            return await client.get(URL)

    return {
        "sync": sync,
        "asyncio": lambda: anyio.run(asynchronous, backend="asyncio"),
        "trio": lambda: anyio.run(asynchronous, backend="trio"),
    }


@pytest.fixture(params=[httpx, httpx2], ids=lambda library: library.__name__)
def library(request):
    return request.param


@pytest.fixture(params=["sync", "asyncio", "trio"])
def ask(request, sim, library):
    """Asks for the list with a client that waits so long."""
    return lambda timeout: ways(sim, library, timeout)[request.param]()


def test_a_client_waits_as_long_as_it_would(sim, ask):
    sim.faults.add(Fault(on="list", delay=5))
    assert ask(6.0).status_code == 200


def test_a_client_that_waits_too_little_times_out(sim, clock, library, ask):
    before = clock.now()
    sim.faults.add(Fault(on="list", delay=60))
    with pytest.raises(library.ReadTimeout):
        ask(5.0)
    assert clock.now() == before + 5
    assert sim.requests[-1].status == 200


def test_a_client_without_a_timeout_waits_for_anything(sim, clock, ask):
    before = clock.now()
    sim.faults.add(Fault(on="list", delay=3600))
    assert ask(None).status_code == 200
    assert clock.now() == before + 3600


def test_a_connection_that_breaks_too_late_is_a_timeout(sim, library, ask):
    sim.faults.add(Fault(on="list", delay=60, reset="after"))
    with pytest.raises(library.ReadTimeout):
        ask(5.0)


def test_a_slow_body_is_no_timeout_while_it_moves(sim, clock, ask):
    before = clock.now()
    sim.faults.add(Fault(on="list", drip=1))
    assert ask(5.0).json()["total"] == 0
    assert clock.now() > before + 60


def test_a_body_slower_than_the_timeout_is_one(sim, library, ask):
    sim.faults.add(Fault(on="list", drip=0.1))
    with pytest.raises(library.ReadTimeout):
        ask(5.0)


def test_a_cut_body_says_how_much_came(sim, library, ask):
    sim.faults.add(Fault(on="list", cut=7))
    with pytest.raises(library.RemoteProtocolError, match=r"received 7 bytes, expected \d+"):
        ask(5.0)


@pytest.mark.parametrize("face", ["transport", "intercept"])
def test_a_stream_gives_what_came_before_the_cut(sim, face):
    sim.faults.add(Fault(on="list", cut=7))
    transport = sim.transport() if face == "transport" else httpx.MockTransport(lambda _: None)
    came = []
    with (
        sim.intercept(),
        httpx.Client(transport=transport, headers=HEADERS) as client,
        client.stream("GET", URL) as response,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        came.extend(response.iter_bytes())
    assert came == [b'{"total']


@pytest.mark.parametrize("face", ["transport", "intercept"])
def test_an_intercepted_delay_lets_other_tasks_of_the_loop_run(face):
    """The clock is the real one, a thousand times as fast: what blocks the loop would show."""
    sim = Simulator(clock=Clock(speed=1000), faults=[Fault(on="list", delay=100)])
    mock = httpx.MockTransport(lambda _: None)
    order = []

    async def asked(client):
        await client.get(URL)
        order.append("answered")

    async def both():
        transport = sim.transport() if face == "transport" else mock
        async with (
            httpx.AsyncClient(transport=transport, headers=HEADERS) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(asked, client)
            await anyio.sleep(0.01)
            order.append("meanwhile")

    with sim.intercept():
        anyio.run(both)
    assert order == ["meanwhile", "answered"]


def test_an_intercepted_client_times_out_too(sim):
    sim.faults.add(Fault(on="list", delay=60))
    mock = httpx.MockTransport(lambda _: None)
    with (
        sim.intercept(),
        httpx.Client(transport=mock, headers=HEADERS, timeout=5.0) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.get(URL)


def test_a_head_has_no_body_to_be_cut(sim, clock):
    before = clock.now()
    sim.faults.add(Fault(on="image", cut=7, delay=1))
    with httpx.Client(transport=sim.transport()) as client:
        answer = client.head("https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/1d/x.png")
    assert (answer.status_code, answer.content, clock.now()) == (403, b"", before + 1)
