"""The recorder in front of a service that is not there, breaks off, or says what none should."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import pytest

from wanx_client import AmbiguousSubmitError, WanxClient
from wanx_sim import (
    Cassette,
    Recorder,
    Simulator,
    UpstreamError,
)
from wanx_sim.wire import ConnectionLost, Response

BEIJING = "https://dashscope.aliyuncs.com"
TASKS = "/api/v1/tasks"
SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512"}
CREATED = {"output": {"task_id": "t", "task_status": "PENDING"}, "request_id": "r"}


# --- what no service should say -------------------------------------------------------------------


def odd(output):
    return {"request_id": "r", "output": {"task_id": "t", "task_status": "SUCCEEDED"} | output}


@pytest.mark.parametrize(
    "answer",
    [
        odd({"results": 5}),
        odd({"results": [5, {"url": 7}]}),
        {"output": []},
        {"output": {"task_status": {"a": 1}}},
        {"message": "[" * 3, "output": {"results": "none"}},
        Response(200, (), b'{"output":' * 900 + b"1" + b"}" * 900),
        Response(429, (), b'{"code":' * 90_000),
    ],
)
@pytest.mark.parametrize("created", [True, False])
def test_a_poll_s_odd_answer_is_passed_on(scripted, talk, library, answer, created):
    service = scripted(CREATED, answer)
    recorder = Recorder(service, library / "odd")
    client = talk(recorder)
    client.submit()
    expected = answer.body if isinstance(answer, Response) else json.dumps(answer).encode()
    assert client.ask("GET", f"{TASKS}/{'t' if created else 'another'}").content == expected
    recorder.close()
    assert len(Cassette.load(library / "odd").jobs) == 1


def test_a_task_id_that_is_no_text_is_passed_on_as_no_job(scripted, talk, library):
    recorder = Recorder(scripted({"output": {"task_id": 5}}), library / "odd")
    assert talk(recorder).create().json() == {"output": {"task_id": 5}}
    assert recorder.cassette.jobs == []


def test_an_answer_is_passed_on_though_it_cannot_be_written_and_is_written_later(
    recorder, talk, library
):
    client = talk(recorder)
    client.submit()
    aside = library.rename(library.with_name("aside"))
    library.write_text("in the way")
    assert client.ask("GET", TASKS).status_code == 200
    library.unlink()
    aside.rename(library)
    recorder.close()
    entries = Cassette.load(recorder.cassette.path).interactions
    assert [type(entry).__name__ for entry in entries] == ["Job", "Exchange"]


# --- trouble upstream -----------------------------------------------------------------------------


@pytest.fixture
def nobody():
    """The URL of a port that nobody listens on any more."""
    server = Simulator().serve()
    with server:
        pass
    return server.url


def test_an_upstream_that_cannot_be_reached_is_named(nobody, library, talk):
    recorder = Recorder(nobody, library / "any", budget=1)
    with pytest.raises(UpstreamError, match=f"cannot reach {nobody}"):
        talk(recorder).create()
    assert recorder.spent == 0
    recorder.close()


def test_over_a_socket_an_upstream_that_cannot_be_reached_is_a_501(nobody, library, talk):
    recorder = Recorder(nobody, library / "any")
    with recorder.serve() as proxy:
        answer = talk(proxy.url).create()
    recorder.close()
    assert (answer.status_code, answer.json()["code"]) == (501, "WanxSim.UpstreamError")
    assert nobody in answer.json()["message"]


@pytest.mark.parametrize("error", [httpx.ConnectTimeout, httpx.ConnectError, httpx.ProxyError])
def test_what_was_never_sent_is_not_a_lost_answer(library, talk, error):
    def upstream(request):
        raise error("no way", request=request)

    recorder = Recorder(BEIJING, library, transport=httpx.MockTransport(upstream), budget=1)
    with pytest.raises(UpstreamError, match="no way"):
        talk(recorder).create()
    assert recorder.spent == 0
    recorder.close()


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError])
def test_an_answer_lost_upstream_is_lost_to_the_client_too(library, talk, error):
    def upstream(request):
        raise error("gone", request=request)

    recorder = Recorder(BEIJING, library, transport=httpx.MockTransport(upstream))
    with pytest.raises(httpx.RemoteProtocolError):
        talk(recorder).create()
    recorder.close()


def test_over_sockets_an_answer_lost_upstream_is_lost_to_the_client_too(sim, library):
    with sim.serve() as server:
        recorder = Recorder(server.url, library / "any")
        with recorder.serve() as proxy, WanxClient("sk-a", base_url=proxy.base_url) as client:
            with pytest.raises(AmbiguousSubmitError):
                client.submit("[[lost-response]] 花店", **SMALL)
            assert client.submit("[[lost-response]] 花店", **SMALL).id
        recorder.close()
    assert sim.ledger.tasks == 2


@pytest.mark.parametrize(
    "answer",
    [
        Response(502, (("content-type", "text/html"),), b"<html>"),
        Response(200, (), b"\xff"),
        Response(200, (), b"[]"),
        {"output": None},
        {"output": []},
        {"output": {"task_id": None}},
    ],
)
def test_an_answer_that_is_no_create_s_is_passed_on_and_written_as_no_job(
    scripted, talk, library, answer
):
    recorder = Recorder(scripted(answer), library / "any")
    talk(recorder).create()
    recorder.close()
    assert recorder.cassette.jobs == []
    assert [entry.operation for entry in recorder.cassette.interactions] == ["create"]


def test_a_gateway_that_gave_up_leaves_open_whether_a_picture_was_bought(scripted, talk, library):
    recorder = Recorder(scripted(Response(504, (), b"<html>")), library / "any", budget=1)
    talk(recorder).create()
    assert recorder.spent == Decimal("0.14")


@pytest.mark.parametrize(
    "answer",
    [
        Response(500, (), b"<html>"),
        {"output": None},
        {"output": {"task_status": "DREAMING"}},
        {"output": {"task_status": ["RUNNING"]}},
        {"code": "Throttling", "message": "slow down", "request_id": "r"},
    ],
)
def test_a_poll_s_answer_that_is_no_state_is_passed_on_and_not_written(
    scripted, talk, library, answer
):
    recorder = Recorder(scripted(CREATED, answer), library / "any")
    client = talk(recorder)
    client.submit()
    client.ask("GET", f"{TASKS}/t")
    recorder.close()
    assert recorder.cassette.jobs[0].states == []


def test_connections_lost_by_a_service_in_process_are_lost_to_the_client(scripted, talk, library):
    client = talk(Recorder(scripted(ConnectionLost("query")), library / "any"))
    with pytest.raises(httpx.RemoteProtocolError):
        client.poll("t")
