"""The transport: one object, for sync and async clients of httpx and httpx2."""

from __future__ import annotations

import sys

import anyio
import httpx
import httpx2
import pytest

from wanx_sim import Fault

URL = "https://dashscope.aliyuncs.com/api/v1/tasks/1111"
HEADERS = {"Authorization": "Bearer sk-test"}


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_one_transport_serves_sync_and_async_clients(sim, library):
    transport = sim.transport()

    async def asked():
        async with library.AsyncClient(transport=transport, headers=HEADERS) as client:
            return await client.get(URL)

    with library.Client(transport=transport, headers=HEADERS) as client:
        answers = [client.get(URL), anyio.run(asked)]
    assert {type(answer) for answer in answers} == {library.Response}
    assert [answer.status_code for answer in answers] == [200, 200]


def test_one_transport_serves_both_libraries(sim):
    transport = sim.transport()
    for library in (httpx, httpx2, httpx):
        with library.Client(transport=transport, headers=HEADERS) as client:
            assert type(client.get(URL)) is library.Response


def test_closing_a_client_leaves_the_service_open(sim):
    transport = sim.transport()
    for _ in range(2):
        with httpx.Client(transport=transport, headers=HEADERS) as client:
            assert client.get(URL).status_code == 200


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_a_lost_response_is_the_librarys_own_error_and_knows_its_request(sim, library):
    sim.faults.add(Fault(on="query", lost_response=True))
    with (
        library.Client(transport=sim.transport(), headers=HEADERS) as client,
        pytest.raises(library.RemoteProtocolError) as caught,
    ):
        client.get(URL)
    assert str(caught.value.request.url) == URL


def test_a_body_may_be_a_stream(sim):
    content = b'{"model":"wan2.5-t2i-preview","input":{"prompt":"flower"}}'
    headers = HEADERS | {"X-DashScope-Async": "enable", "Content-Type": "application/json"}
    with httpx.Client(transport=sim.transport(), headers=headers) as client:
        url = URL.replace("tasks/1111", "services/aigc/text2image/image-synthesis")
        client.post(url, content=iter([content[:9], content[9:]]))
    assert sim.tasks.only.prompt == "flower"


def test_httpx2_is_not_needed_for_httpx(sim, monkeypatch):
    monkeypatch.delitem(sys.modules, "httpx2")
    with httpx.Client(transport=sim.transport(), headers=HEADERS) as client:
        assert client.get(URL).status_code == 200
