"""Requests that come together are told to a far away service together, and answered one by one."""

from __future__ import annotations

import asyncio

import pytest

from wanx_sim.faces.asgi import App
from wanx_sim.faces.direct import Protocol
from wanx_sim.faces.guard import Guard
from wanx_sim.faces.server import _uvicorn
from wanx_sim.service import Service
from wanx_sim.wire import Response

POLL = b"GET /api/v1/tasks/%b HTTP/1.1\r\nhost: turns\r\n\r\n"


class Far(Service):
    """A service whose state lies far away, that notes what it hears."""

    gathers = True

    def __init__(self):
        self.heard = []

    def expect(self, requests):
        if not requests:
            self.ended = len(self.heard)
            return
        self.heard.append([request.path[-1] for request in requests])
        self.apart = len(set(map(id, requests))) == len(requests)

    def handle(self, request):
        self.heard.append(request.path[-1])
        return Response(200, (), request.path[-1].encode())


class Connection(asyncio.Transport):
    """A connection without a socket."""

    def __init__(self, app):
        super().__init__()
        self.written, self.closed, self.reading = b"", False, True
        self.protocol = Protocol(_uvicorn(app, lambda: None).config, State(), {})
        self.protocol.connection_made(self)

    def write(self, data):
        assert not self.closed
        self.written += data

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def answers(self):
        found, self.written = self.written, b""
        return [part[-1:].decode() for part in found.split(b"HTTP/1.1 200 OK")[1:]]


class State:
    """What uvicorn's connections have in common."""

    def __init__(self):
        self.connections, self.tasks, self.default_headers = set(), set(), []
        self.total_requests = 0


@pytest.fixture
def far():
    return Far()


@pytest.fixture
def turn(far):
    """Lets requests come in one turn, each by a connection of its own; their heads are known."""

    async def run(names, meanwhile):
        app = App(far, Guard(any_host=True))
        for name in set(names):
            Connection(app).protocol.data_received(POLL % name)
        await asyncio.sleep(0)
        far.heard.clear()
        connections = [Connection(app) for _ in names]
        for connection, name in zip(connections, names, strict=True):
            connection.protocol.data_received(POLL % name)
        meanwhile(connections)
        await asyncio.sleep(0)
        return connections

    def turned(*names, meanwhile=lambda _: None):
        return asyncio.run(run(names, meanwhile))

    return turned


def test_all_are_told_before_the_first_is_answered(far, turn):
    connections = turn(b"a", b"b", b"c")
    assert far.heard == [["a", "b", "c"], "a", "b", "c"]
    assert far.ended == 4  # and that there are no more
    assert [each.answers() for each in connections] == [["a"], ["b"], ["c"]]


def test_equal_ones_are_told_apart(far, turn):
    connections = turn(b"a", b"a")
    assert far.apart
    assert [each.answers() for each in connections] == [["a"], ["a"]]


def test_what_comes_behind_one_that_waits_is_not_read_yet(turn):
    seen = []
    connections = turn(b"a", meanwhile=lambda found: seen.append(found[0].reading))
    assert seen == [False]
    assert connections[0].reading


def test_one_whose_client_has_gone_was_heard_all_the_same(far, turn):
    connections = turn(b"a", b"b", meanwhile=lambda found: found[0].close())
    assert far.heard == [["a", "b"], "a", "b"]
    assert [each.answers() for each in connections] == [[], ["b"]]


def test_a_server_that_ends_answers_what_it_will_do(far, turn):
    (connection,) = turn(b"a", meanwhile=lambda found: found[0].protocol.shutdown())
    assert connection.answers() == ["a"]
    assert connection.closed


def test_the_next_turn_is_another(far, turn):
    (connection,) = turn(b"a")

    async def again():
        connection.protocol.data_received(POLL % b"a")
        await asyncio.sleep(0)

    asyncio.run(again())
    assert far.heard == [["a"], "a"] * 2


def test_a_service_at_hand_answers_each_at_once(far, turn):
    far.gathers = False
    seen = []
    turn(b"a", b"b", meanwhile=lambda found: seen.extend(each.answers() for each in found))
    assert seen == [["a"], ["b"]]
