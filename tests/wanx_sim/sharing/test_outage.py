"""Redis goes away under several servers that are one, and comes back: as it was, or empty."""

from __future__ import annotations

import os
import signal
import time

import httpx
import pytest

from wanx_sim import Fault, ManualClock
from wanx_sim.errors import StoreUnavailableError
from wanx_sim.sharing import redis as module
from wanx_sim.sharing.redis import RedisBoard
from wanx_sim.sharing.simulator import SharedSimulator
from wanx_sim.stores import connection, open_store

ONE = {"X-Wanx-Session": "one"}


@pytest.fixture(params=[True, False], ids=["that keeps", "that forgets"])
def own_redis(request, start_redis):
    """A Redis that a test may end, and which comes back with all that it had, or with nothing."""
    server = start_redis(keep=request.param)
    server.keeps = request.param
    return server


@pytest.fixture
def join(own_redis, start):
    """Makes one more server of those that are one."""
    made = []

    def joined(**settings):
        store = open_store(own_redis.url())
        settings = {"clock": ManualClock(start), "who": str(len(made))} | settings
        made.append(SharedSimulator(RedisBoard(store.connection), store=store, **settings))
        return made[-1]

    yield joined
    for sim in made:
        sim.close()


@pytest.fixture
def pair(join):
    return join(), join()


@pytest.fixture
def apis(pair, connect):
    return [connect(sim) for sim in pair]


def test_meanwhile_every_request_gets_a_503_in_the_services_shape(own_redis, pair, apis):
    api = apis[0]
    task_id, link = api.submit(), api.links(n=1)[0]
    api.create(headers=ONE)
    own_redis.stop()
    refused = (
        api.create(), api.poll(task_id), api.cancel(task_id), api.listed(),
        api.create(headers=ONE), api.poll(task_id, headers={"X-Wanx-Session": "two"}),
    )  # fmt: skip
    for answer in refused:
        assert answer.status == 503
        assert set(answer.json) == {"code", "message", "request_id"}
        assert answer.json["code"] == "WanxSim.StoreUnavailable"
        assert "start it, or wait until it is back" in answer.json["message"]
    image = api.get(link)
    assert (image.status, image.headers["content-type"]) == (503, "application/xml")


def test_meanwhile_a_control_says_503_too(own_redis, pair):
    with pair[0].serve() as server:
        own_redis.stop()
        for path in ("usage", "clock", "requests", "sessions", "health"):
            answer = httpx.get(f"{server.url}/_sim/{path}", trust_env=False)
            assert answer.status_code == 503
            assert "cannot be reached" in answer.json()["error"]
        moved = httpx.post(f"{server.url}/_sim/clock", json={"advance": 60}, trust_env=False)
        assert moved.status_code == 503


def test_what_was_refused_meanwhile_was_not_done(own_redis, pair, apis, start):
    own_redis.stop()
    assert apis[0].create().status == 503
    for move in (lambda: pair[0].clock.advance(60), lambda: pair[0].change(timing="manual")):
        with pytest.raises(StoreUnavailableError):
            move()
    own_redis.start()
    assert [len(sim.meant(None).tasks) for sim in pair] == [0, 0]
    assert {sim.clock.now() for sim in pair} == {start.timestamp()}
    assert {str(sim.timing) for sim in pair} == {"polls:1,1"}


@pytest.mark.parametrize("own_redis", [True], indirect=True, ids=["that keeps"])
def test_when_it_is_back_with_all_it_had_everything_goes_on(own_redis, apis, pair, start):
    task_id = apis[0].submit()
    session_task = apis[1].create(headers=ONE).output["task_id"]
    pair[0].clock.advance(3600)
    pair[0].change(timing="manual")
    pair[1].faults.add(Fault(on="query", code="Throttling.RateQuota"))
    own_redis.stop()
    assert [api.poll(task_id).status for api in apis] == [503, 503]
    own_redis.start()
    assert [api.poll(task_id).status for api in apis] == [429, 200]
    assert apis[0].poll(session_task, headers=ONE).output["task_status"] == "PENDING"
    for sim in pair:
        assert sim.meant(None).clock.now() == start.timestamp() + 3600
        assert str(sim.timing) == "manual"
        assert sorted(entry.status for entry in sim.requests) == [200, 200, 429, 503, 503]
        assert (sim.ledger.tasks, len(sim.sessions)) == (1, 1)


@pytest.mark.parametrize("own_redis", [False], indirect=True, ids=["that forgets"])
def test_when_it_is_back_with_nothing_all_begin_together_anew(own_redis, apis, pair, start):
    task_id = apis[0].submit()
    apis[1].create(headers=ONE)
    pair[0].clock.advance(3600)
    pair[0].change(timing="manual")
    pair[1].faults.add("poll-429")
    own_redis.stop()
    assert apis[0].create().status == 503
    own_redis.start()
    assert [api.status(task_id) for api in apis] == ["UNKNOWN", "UNKNOWN"]  # nobody pretends
    for sim in pair:
        assert sim.meant(None).clock.now() == start.timestamp()
        assert str(sim.timing) == "polls:1,1"
        assert (len(sim.tasks), len(sim.faults), len(sim.sessions)) == (0, 0, 0)
    assert apis[0].job(n=1)["task_status"] == "SUCCEEDED"
    assert pair[1].ledger.images == 1
    assert [entry.status for entry in pair[1].requests][:3] == [503, 200, 200]


def test_while_it_is_silent_one_request_waits_and_not_all(own_redis, join, connect, monkeypatch):
    monkeypatch.setattr(connection, "PATIENCE", 0.3)
    api = connect(join())
    asked, exchanged = [], connection.Connection._exchanged
    monkeypatch.setattr(
        connection.Connection,
        "_exchanged",
        lambda self, commands: asked.append(commands) or exchanged(self, commands),
    )
    os.kill(own_redis.process.pid, signal.SIGSTOP)
    answers = [api.create() for _ in range(20)]
    os.kill(own_redis.process.pid, signal.SIGCONT)
    assert {answer.status for answer in answers} == {503}
    assert "cannot be reached (Timeout reading from" in answers[-1].json["message"]
    assert len(asked) < 5
    deadline = time.monotonic() + 20
    while (answer := api.create()).status == 503 and time.monotonic() < deadline:
        pass
    assert answer.status == 200


def test_controls_end_with_the_last_server_and_tasks_do_not(join, connect, start):
    first, second = join(), join()
    kept = connect(first).submit()
    first.clock.advance(3600)
    connect(second).create(headers=ONE)
    first.close()
    second.close()
    third = join()
    assert third.clock.now() == start.timestamp()
    assert (len(third.requests), len(third.sessions)) == (0, 0)
    assert connect(third).status(kept) == "PENDING"


def test_a_server_that_was_killed_counts_as_ended_after_a_while(join, start, monkeypatch):
    killed = join()
    killed.clock.advance(3600)
    killed.board._ended.set()  # it says no more that it runs
    monkeypatch.setattr(module, "GONE", -1.0)
    assert join().clock.now() == start.timestamp()


def test_a_server_says_again_and_again_that_it_runs(own_redis, join, monkeypatch):
    monkeypatch.setattr(module, "HEARD", 0.01)
    board = join().board
    servers = f"{board._base}servers"
    board._redis.run("ZADD", servers, 1, board._me)

    def heard():
        return float(board._redis.run("ZSCORE", servers, board._me)) > 1

    assert any(heard() for _ in range(100_000))
