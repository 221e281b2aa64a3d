"""The bare ASGI application, message by message."""

from __future__ import annotations

import json

import anyio
import httpx
import pytest

from wanx_sim import Fault
from wanx_sim.wire import ConnectionLost

HEADERS = [
    (b"host", b"sim.test:8965"),
    (b"authorization", b"Bearer sk-test"),
    (b"content-type", b"application/json"),
    (b"x-dashscope-async", b"enable"),
]


@pytest.fixture
def exchange(sim):
    """Sends messages to the application; what it sent back."""

    def exchanged(*messages, scope_type="http", **scope):
        waiting, sent = list(messages), []

        async def receive():
            return waiting.pop(0)

        async def send(message):
            sent.append(message)

        scope = {"type": scope_type, "method": "GET", "path": "/", "headers": HEADERS} | scope
        anyio.run(sim.asgi_app(), scope, receive, send)
        return sent

    return exchanged


def body(content=b"", *, more=False):
    return {"type": "http.request", "body": content, "more_body": more}


def test_an_answer_is_a_start_and_a_body(exchange):
    start, content = exchange(body(), path="/api/v1/tasks/1111")
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert content["type"] == "http.response.body"
    assert json.loads(content["body"])["output"]["task_status"] == "UNKNOWN"


def test_an_answer_says_how_long_it_is(exchange):
    start, content = exchange(body(), path="/api/v1/tasks/1111")
    assert dict(start["headers"])[b"content-length"] == str(len(content["body"])).encode()


def test_header_names_are_lower_case(exchange):
    start, _ = exchange(body(), path="/api/v1/tasks/1111")
    assert all(name == name.lower() for name, _ in start["headers"])


def test_a_body_may_come_in_parts(exchange, sim):
    content = json.dumps({"model": "wan2.5-t2i-preview", "input": {"prompt": "花店"}}).encode()
    parts = [body(content[:10], more=True), body(content[10:20], more=True), body(content[20:])]
    exchange(*parts, method="POST", path="/api/v1/services/aigc/text2image/image-synthesis")
    assert sim.tasks.only.prompt == "花店"


def test_a_path_is_taken_as_it_was_sent(exchange, sim):
    exchange(body(), path="/api/v1/tasks/a b", raw_path=b"/api/v1/tasks/a%20b?x=1")
    assert sim.requests[0].path == "/api/v1/tasks/a%20b"


def test_a_server_that_sends_no_raw_path_will_do(exchange, sim):
    exchange(body(), path="/api/v1/tasks/1111")
    assert sim.requests[0].task_id == "1111"


def test_a_head_is_answered_without_a_body(exchange):
    start, content = exchange(body(), method="HEAD", path="/api/v1/tasks/1111")
    assert (start["status"], content["body"]) == (400, b"")


def test_a_start_and_a_stop_are_answered(exchange):
    sent = exchange(
        {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}, scope_type="lifespan"
    )
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_a_lost_response_is_raised_where_no_connection_can_be_broken(exchange, sim):
    sim.faults.add(Fault(on="list", lost_response=True))
    with pytest.raises(ConnectionLost):
        exchange(body(), path="/api/v1/tasks")


class Connection:
    """What our own server hands over of a connection."""

    def __init__(self):
        self.done = []

    def get_extra_info(self, _name):
        return None

    def is_closing(self):
        return bool({"abort", "close"} & set(self.done))

    def abort(self):
        self.done.append("abort")

    def close(self):
        self.done.append("close")

    def write(self, data):
        self.done.append(data)


DISCONNECT = {"type": "http.disconnect"}


def test_a_lost_response_breaks_the_connection_where_the_server_lets_it(exchange, sim):
    connection = Connection()
    sim.faults.add(Fault(on="list", lost_response=True))
    extensions = {"wanx_sim.connection": connection}
    sent = exchange(body(), DISCONNECT, path="/api/v1/tasks", extensions=extensions)
    assert (sent, connection.done) == ([], ["abort"])


def test_a_cut_answer_closes_the_connection_behind_what_was_sent(exchange, sim):
    connection = Connection()
    sim.faults.add(Fault(on="list", cut=10))
    extensions = {"wanx_sim.connection": connection}
    start, content = exchange(body(), DISCONNECT, path="/api/v1/tasks", extensions=extensions)
    assert int(dict(start["headers"])[b"content-length"]) > 10
    assert (len(content["body"]), content["more_body"]) == (10, True)
    assert connection.done == ["close"]


def test_what_a_content_length_leaves_out_is_sent_all_the_same_and_the_connection_ends(
    exchange, sim
):
    connection = Connection()
    sim.faults.add(Fault(on="list", content_length=4))
    extensions = {"wanx_sim.connection": connection}
    [start] = exchange(body(), DISCONNECT, path="/api/v1/tasks", extensions=extensions)
    headers = dict(start["headers"])
    assert (headers[b"content-length"], headers[b"connection"]) == (b"4", b"close")
    whole, closed = connection.done
    assert whole.startswith(b'{"total":0')
    assert closed == "close"


def test_a_cut_answer_is_raised_where_no_connection_can_be_closed(exchange, sim):
    sim.faults.add(Fault(on="list", cut=10))
    with pytest.raises(ConnectionLost):
        exchange(body(), path="/api/v1/tasks")


def test_a_slow_body_is_given_up_when_the_client_has_gone(exchange, sim):
    connection = Connection()
    connection.close()
    sim.faults.add(Fault(on="list", drip=10))
    extensions = {"wanx_sim.connection": connection}
    (start,) = exchange(body(), path="/api/v1/tasks", extensions=extensions)
    assert start["status"] == 200


def test_an_asgi_client_can_be_another_framework(sim):
    async def asked():
        transport = httpx.ASGITransport(sim.asgi_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://sim.test") as client:
            return await client.get("/nowhere")

    assert anyio.run(asked).json()["code"] == "NotFound"
