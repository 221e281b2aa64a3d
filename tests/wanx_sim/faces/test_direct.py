"""Our server answers most requests without uvicorn's detour; nobody can tell which way they went."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import contextmanager
from itertools import chain
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings, strategies as st

from wanx_sim import Clock, Fault, ManualClock, Simulator
from wanx_sim.faces import direct, server
from wanx_sim.faces.asgi import App
from wanx_sim.faces.direct import Protocol
from wanx_sim.faces.guard import Guard
from wanx_sim.latest import Latest
from wanx_sim.service import Service

CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
KEY = {"Authorization": "Bearer sk-test"}
DETOUR = {"X-Forwarded-For": "127.0.0.1"}
POLL = b"GET /api/v1/tasks/%b HTTP/1.1\r\nhost: sim\r\nauthorization: Bearer sk-test\r\n%b\r\n"
ORDER = {"model": "wan2.5-t2i-preview", "input": {"prompt": "花店"}, "parameters": {"n": 1}}


@contextmanager
def connected(service):
    """A connection to a service, to write and read bytes."""
    with service.serve() as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            yield connection


def read(connection, answers):
    """The bodies of so many answers."""
    bodies = []
    with connection.makefile("rb") as stream:
        for _ in range(answers):
            assert stream.readline().startswith(b"HTTP/1.1 ")
            length = 0
            while (line := stream.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name == b"content-length" else length
            bodies.append(stream.read(length))
    return bodies


@pytest.fixture
def detours(monkeypatch):
    """The requests that went uvicorn's way."""
    seen, pass_on = [], Protocol._pass_on

    def noted(self, answer):
        seen.append(self.url)
        pass_on(self, answer)

    monkeypatch.setattr(Protocol, "_pass_on", noted)
    return seen


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/api/v1/tasks/1111", KEY),
        ("GET", "/api/v1/tasks/1111", {}),
        ("GET", "/api/v1/tasks?page_no=0", KEY),
        ("POST", "/api/v1/tasks/1111/cancel", KEY),
        ("POST", CREATE, KEY),
        ("DELETE", "/api/v1/tasks/1111", KEY),
        ("HEAD", "/api/v1/tasks/1111", KEY),
        ("GET", "/api/v1/tasks/%E8%8A%B1?a=%2F", KEY),
        ("GET", "/api/v1/nowhere", KEY),
        ("GET", "/oss/dashscope-result-bj/1d/none.png", {}),
        ("GET", "/api/v1/tasks", {"Host": "evil.example.com"} | KEY),
    ],
)
def test_either_way_gives_the_same_answer(clock, detours, method, path, headers):
    answers = []
    for way in ({}, DETOUR):
        with Simulator(clock=clock).serve() as server, httpx.Client(trust_env=False) as client:
            answers.append(client.request(method, server.url + path, headers=headers | way))
    direct, passed = answers
    assert (direct.status_code, direct.headers.raw) == (passed.status_code, passed.headers.raw)
    assert direct.content == passed.content
    assert len(detours) == (2 if "Host" in headers else 1)


def test_a_job_takes_no_detour(detours):
    with Simulator(timing="instant").serve() as server, httpx.Client(trust_env=False) as client:
        headers = KEY | {"X-DashScope-Async": "enable"}
        made = client.post(server.url + CREATE, json=ORDER, headers=headers).json()
        task = client.get(f"{server.base_url}/tasks/{made['output']['task_id']}", headers=KEY)
        link = task.json()["output"]["results"][0]["url"]
        assert client.get(link).content.startswith(b"\x89PNG")
    assert detours == []


def test_pipelined_requests_are_answered_in_order_though_one_is_slow():
    sim = Simulator(clock=Clock(speed=50))
    sim.faults.add(Fault(on="query", nth=2, times=1, delay=1))
    with connected(sim) as connection:
        connection.sendall(b"".join(POLL % (name, b"") for name in (b"a", b"b", b"c", b"d")))
        found = [body.partition(b'"task_id":"')[2][:1] for body in read(connection, 4)]
    assert found == [b"a", b"b", b"c", b"d"]
    assert len(sim.requests) == 4


def test_a_request_may_come_byte_by_byte(sim):
    with connected(sim) as connection:
        for byte in POLL % (b"a", b"content-length: 3\r\n") + b"abc":
            connection.sendall(bytes([byte]))
        assert b"UNKNOWN" in read(connection, 1)[0]


@pytest.mark.parametrize(
    "request_",
    [
        POLL.replace(b"HTTP/1.1", b"HTTP/1.0") % (b"a", b""),
        POLL % (b"a", b"connection: close\r\n"),
    ],
)
def test_a_connection_that_is_not_to_be_kept_ends_with_the_answer(sim, request_):
    with connected(sim) as connection:
        connection.sendall(request_)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"}")


def test_a_client_that_asks_whether_to_go_on_is_told_to(sim):
    with connected(sim) as connection:
        connection.sendall(
            f"POST {CREATE} HTTP/1.1\r\nhost: sim\r\nexpect: 100-continue\r\n"
            "content-length: 2\r\n\r\n".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"{}")
        assert b"InvalidApiKey" in read(connection, 1)[0]


def test_the_answer_to_a_head_has_no_body(sim):
    with connected(sim) as connection:
        connection.sendall(POLL.replace(b"GET", b"HEAD") % (b"a", b"connection: close\r\n"))
        with connection.makefile("rb") as stream:
            assert stream.read().endswith(b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/_sim/health", "/%5Fsim/health"])
def test_what_steers_the_simulator_is_none_of_its_business(sim, path):
    with sim.serve() as server, httpx.Client(trust_env=False) as client:
        assert client.get(server.url + path).json()["service"] == "simulator"


class _Broken(Service):
    def handle(self, request):
        raise ZeroDivisionError(request.path)


def test_a_mistake_of_ours_is_a_500_and_in_the_log(caplog):
    with connected(_Broken()) as connection:
        connection.sendall(POLL % (b"a", b""))
        assert read(connection, 1) == [b"Internal Server Error"]
    assert "ZeroDivisionError" in caplog.text


def test_a_header_that_would_end_the_head_is_not_sent(caplog):
    sim = Simulator(faults=[Fault(on="query", content_type="text/html\r\nx-evil: 1")])
    with connected(sim) as connection:
        connection.sendall(POLL % (b"a", b""))
        assert connection.recv(100) == b""
    assert "Invalid HTTP header value" in caplog.text


# --- a head that came before ----------------------------------------------------------------------


@pytest.fixture
def parsed(monkeypatch):
    """The requests whose heads were parsed."""
    seen, complete = [], Protocol.on_headers_complete

    def noted(self):
        seen.append(self.url)
        complete(self)

    monkeypatch.setattr(Protocol, "on_headers_complete", noted)
    return seen


def order(prompt, **headers):
    """A create, as bytes."""
    body = json.dumps(ORDER | {"input": {"prompt": prompt}}).encode()
    lines = {"Host": "sim", "X-DashScope-Async": "enable", "Content-Type": "application/json"}
    lines |= KEY | {"Content-Length": len(body)} | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {CREATE} HTTP/1.1\r\n{head}\r\n".encode() + body


def once(connection, request):
    """The body of the answer to one request."""
    connection.sendall(request)
    (body,) = read(connection, 1)
    return body


def test_a_head_is_parsed_once_for_all_connections(sim, parsed):
    poll = POLL % (b"parsed-once", b"")
    for _ in range(2):
        with connected(sim) as connection:
            assert b"parsed-once" in once(connection, poll)
            assert b"parsed-once" in once(connection, poll)
    assert len(parsed) == 1
    assert len(sim.requests) == 4


def test_bodies_under_one_head_are_told_apart(sim, parsed):
    with connected(sim) as connection:
        for prompt in ("one", "two", "six"):
            once(connection, order(prompt, X="bodies"))
    assert [task.prompt for task in sim.tasks] == ["one", "two", "six"]
    assert len(parsed) == 1


@pytest.mark.parametrize("cut", [10, -30, -1])
def test_what_comes_in_pieces_is_one_request_though_its_head_is_known(sim, cut):
    whole = order("in pieces", X=str(cut))
    with connected(sim) as connection:
        once(connection, whole)
        connection.sendall(whole[:cut])
        connection.sendall(whole[cut:])
        read(connection, 1)
        once(connection, whole)
    assert len(sim.tasks) == 3


def test_a_body_that_looks_like_a_known_head_is_a_body(sim, fed):
    poll = POLL % (b"body", b"")
    head = order("").partition(b"Content-Length")[0] + b"Content-Length: %d\r\n\r\n" % len(poll)
    assert b"UNKNOWN" in fed(poll)
    assert b"InvalidParameter" in fed(head, poll)
    assert [entry.operation for entry in sim.requests] == ["query", "create"]


def test_the_rest_of_a_head_is_no_head(sim, fed):
    whole = order("the rest")
    assert b"PENDING" in fed(whole[:3], whole[3:])
    assert fed(whole[3:]).startswith(b"HTTP/1.1 400 ")
    assert len(sim.tasks) == 1


def test_requests_that_come_together_are_all_answered_though_their_head_is_known(sim):
    poll = POLL % (b"together", b"")
    with connected(sim) as connection:
        once(connection, poll)
        connection.sendall(poll * 3)
        assert len(read(connection, 3)) == 3


def test_a_known_head_waits_for_its_turn():
    sim = Simulator(clock=Clock(speed=50))
    slow, quick = (POLL % (name, b"x-turn: 1\r\n") for name in (b"slow", b"quick"))
    with connected(sim) as connection:
        once(connection, slow)
        once(connection, quick)
        sim.faults.add(Fault(on="query", delay=5))
        connection.sendall(slow)
        connection.sendall(quick)
        first, second = read(connection, 2)
    assert b"slow" in first
    assert b"quick" in second


def test_an_answer_may_be_troubled_though_the_head_is_known(sim):
    poll = POLL % (b"troubled", b"")
    with connected(sim) as connection:
        once(connection, poll)
        sim.faults.add(Fault(on="query", lost_response=True))
        connection.sendall(poll)
        with pytest.raises(ConnectionResetError):
            connection.recv(100)
    assert [entry.status for entry in sim.requests] == [200, None]


def test_a_head_that_ends_the_connection_does_so_again(sim):
    for _ in range(2):
        with connected(sim) as connection:
            connection.sendall(POLL % (b"closing", b"connection: close\r\n"))
            with connection.makefile("rb") as stream:
                assert b"closing" in stream.read()


def test_how_many_heads_are_kept_has_a_limit(sim, monkeypatch):
    heads = Latest(2)
    monkeypatch.setitem(direct._heads, "http", heads)
    with connected(sim) as connection:
        for name in (b"a", b"b", b"c"):
            once(connection, POLL % (name, b""))
        once(connection, POLL % (b"long", b"x-long: " + b"x" * 3000 + b"\r\n"))
    assert list(heads) == [POLL % (b"b", b""), POLL % (b"c", b"")]


def test_a_connection_is_closed_when_nothing_came_for_a_while(connection):
    for _ in range(3):
        connection.protocol.data_received(POLL % (b"idle", b""))
    connection.protocol.timeout_keep_alive_handler()
    assert not connection.is_closing()  # it was used since the timer was set
    connection.protocol.timeout_keep_alive_handler()
    assert connection.is_closing()


class _Loop:
    """An event loop whose time stands still."""

    def call_later(self, *_):
        return self

    def cancel(self):
        """Do nothing: it would not have come."""


class _Connection(asyncio.Transport):
    """A connection without a socket."""

    def __init__(self, server):
        super().__init__()
        self.written, self._closed = b"", False
        self.protocol = Protocol(server._uvicorn.config, server._uvicorn.server_state, {}, _Loop())
        self.protocol.connection_made(self)

    def write(self, data):
        self.written += data

    def close(self):
        self._closed = True

    def is_closing(self):
        return self._closed

    def resume_reading(self):
        """Go on, as it does anyway."""


@pytest.fixture
def connection(sim):
    with sim.serve() as server:
        yield _Connection(server)


@pytest.fixture
def fed(sim):
    """What is written to a new connection that such pieces come in by, one after the other."""
    with sim.serve() as server:

        def feed(*pieces):
            connection = _Connection(server)
            for piece in pieces:
                connection.protocol.data_received(piece)
            return connection.written

        yield feed


# --- whatever comes, however it is cut ------------------------------------------------------------

_BODY = json.dumps(ORDER).encode()
_ODD = (
    POLL % (b"a", b""),
    POLL % (b"b", b""),
    POLL.replace(b"GET", b"HEAD") % (b"a", b""),
    POLL % (b"a", b"content-length: 3\r\n") + b"abc",
    POLL % (b"a", b"transfer-encoding: chunked\r\n") + b"3\r\nabc\r\n0\r\n\r\n",
    POLL % (b"a", b"connection: close\r\n"),
    POLL.replace(b"HTTP/1.1", b"HTTP/1.0") % (b"a", b""),
    order("one"),
    order("two"),
    order("")[: -len(POLL)] + POLL,
    b"\r\n",
    b"GET /api/v1/tasks/a HTTP/1.1\r\n\r\n",
    b"nonsense\r\n\r\n",
)


_WHOLE = st.tuples(st.sampled_from(_ODD)).map(list)
_CUT = st.builds(
    lambda request, at: [request[:at], request[at:]], st.sampled_from(_ODD), st.integers(1, 400)
)
_GLUED = st.lists(st.sampled_from(_ODD), min_size=2, max_size=3).map(lambda all_: [b"".join(all_)])


@given(st.lists(st.one_of(_WHOLE, _WHOLE, _CUT, _GLUED), min_size=2, max_size=10))
@settings(max_examples=300, deadline=None)
def test_what_is_known_changes_no_answer(sent):
    found = []
    for forgetful in (False, True):
        sim = Simulator(clock=ManualClock(1_790_000_000), timing="seconds:5,5")
        connection = _Connection(_Bare(sim))
        said = []
        for piece in chain.from_iterable(sent):
            if forgetful:
                direct._heads["http"].clear()
            if connection.is_closing():  # the next client
                said.append(connection.written)
                connection = _Connection(_Bare(sim))
            connection.protocol.data_received(piece)
        found.append(([*said, connection.written], list(sim.requests)))
    assert found[0] == found[1]


class _Bare:
    """A server that listens nowhere."""

    def __init__(self, sim):
        self._uvicorn = server._uvicorn(App(sim, Guard(any_host=True)), lambda: None)
