"""What a request costs in Redis: a poll asks once, and never answers with what was read before."""

from __future__ import annotations

from uuid import uuid4

import pytest
import redis as package

from wanx_sim.sharing.redis import RedisBoard
from wanx_sim.sharing.simulator import SharedSimulator
from wanx_sim.stores import open_store
from wanx_sim.stores.connection import Connection


@pytest.fixture
def join(redis_server, clock):
    url, made = redis_server.url(f"trips-{uuid4().hex}"), []

    def joined():
        store = open_store(url)
        board = RedisBoard(store.connection)
        made.append(SharedSimulator(board, store=store, clock=clock, who=str(len(made))))
        return made[-1]

    yield joined
    for sim in made:
        sim.close()


@pytest.fixture
def trips(monkeypatch):
    """How often somebody asked Redis and waited."""
    count = []
    for name in ("run", "script", "together", "pipelined"):
        asked = getattr(Connection, name)

        def noted(*arguments, asked=asked, **more):
            count.append(asked.__name__)
            return asked(*arguments, **more)

        monkeypatch.setattr(Connection, name, noted)
    return count


def test_a_poll_asks_once_and_a_create_twice(join, connect, trips):
    api = connect(join())
    task_id = api.submit("花")
    for _ in range(3):
        api.poll(task_id)
    trips.clear()
    assert api.status(task_id) == "SUCCEEDED"
    assert trips == ["together"]
    trips.clear()
    api.submit()
    assert trips == ["together", "script"]


def test_what_was_read_ahead_of_a_refused_request_is_not_what_the_next_one_sees(join, connect):
    one, other = join(), join()
    task_id = connect(one).submit()
    one.change(api_keys={"sk-test": "beijing"}, magic_prompts=False)
    assert connect(one, key="sk-wrong").poll(task_id).status == 401
    other.finish(task_id)
    now = one.meant(None).clock.now()
    assert one.store.get(task_id).status(now) == "SUCCEEDED"


def test_answers_are_never_taken_for_each_other_s(join, connect):
    sim = join()
    connection = sim.store.connection
    connection.run("SET", connection.key("text"), "a")
    with pytest.raises(Exception, match="WRONGTYPE"):
        connection.together(("HGET", connection.key("text"), "b"), ("GET", connection.key("text")))
    assert connection.together(("GET", connection.key("text"))) == [b"a"]


def test_a_connection_that_broke_is_made_anew(join, redis_server):
    sim = join()
    raw = package.Redis(unix_socket_path=redis_server.path)
    raw.client_kill_filter(_type="normal", skipme=True)
    raw.close()
    sim.refresh()
    assert len(sim.requests) == 0
