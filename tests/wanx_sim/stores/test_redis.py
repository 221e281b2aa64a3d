"""The store of several machines: what Redis being gone, new or somebody else's does."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec
import pytest
import redis

from wanx_sim import Account, Simulator, StoreError
from wanx_sim.errors import StoreUnavailableError
from wanx_sim.protocol.lifecycle import IllegalTransition, Leg, cancel, polled
from wanx_sim.stores import connection, open_store, redis as module
from wanx_sim.stores.redis import RedisStore


@pytest.fixture
def store(redis_url, open_url):
    return open_url(redis_url)


@pytest.fixture
def raw(redis_server):
    """Redis itself."""
    with redis.Redis(unix_socket_path=redis_server.path) as client:
        yield client


@pytest.fixture
def own_redis(start_redis):
    """A Redis that a test may end."""
    return start_redis()


@pytest.fixture
def sim(own_redis, clock):
    sim = Simulator(store=own_redis.url(), clock=clock)
    yield sim
    sim.close()


# --- round trips --------------------------------------------------------------------------------


@pytest.fixture
def commands(store, raw, make_task):
    """Counts the commands that something sends."""
    store.add(make_task(1))
    store.add(make_task(1))

    def count(act):
        def total():
            return raw.info("stats")["total_commands_processed"]

        before = total()
        act()
        return total() - before - 1  # but for the question itself

    return count


def test_a_poll_and_a_create_take_one_command_each(store, commands, make_task):
    assert commands(lambda: store.get(make_task(1).task_id)) == 1
    assert commands(lambda: store.add(make_task(2))) <= 20  # those within the script are counted


def test_an_update_of_what_was_just_read_takes_no_second_reading(store, monkeypatch, make_task):
    store.add(make_task())
    store.get(make_task().task_id)
    read = []
    monkeypatch.setattr(store, "_read", read.append)
    store.update(make_task().task_id, lambda task: task, 0.0)
    assert read == []


def test_what_changed_since_it_was_read_is_read_again(
    store, redis_url, open_url, make_task, make_plan
):
    def poll(task):
        return msgspec.structs.replace(task, plan=polled(task.plan, 0))

    another = open_url(redis_url)
    store.add(make_task(plan=make_plan(pending=Leg(polls=5))))
    store.get(make_task().task_id)
    another.update(make_task().task_id, poll, 0.0)
    assert store.update(make_task().task_id, poll, 0.0).plan.pending == Leg(polls=3)


# --- several processes --------------------------------------------------------------------------

IN_ANOTHER_PROCESS = """
import json, sys
from wanx_sim import ManualClock, Simulator
from wanx_sim.wire import Request

url, seed, count = sys.argv[1:]
sim = Simulator(store=url, seed=int(seed), clock=ManualClock(1_700_000_000), timing="seconds:0,60",
                rate_limits=True)
sim.limits._rates.enter = lambda *_: None  # rates are each process's own
body = {"model": "wan2.2-t2i-flash", "input": {"prompt": "花"}, "parameters": {"n": 1}}
headers = {"authorization": "Bearer sk-a", "content-type": "application/json",
           "x-dashscope-async": "enable"}
path = "/api/v1/services/aigc/text2image/image-synthesis"
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(count)):
    request = Request(method="POST", scheme="http", host="localhost", path=path, headers=headers,
                      body=json.dumps(body).encode())
    print(json.loads(sim.handle(request).body)["output"]["task_id"])
"""


def test_creates_of_two_processes_share_their_places(store, redis_url, make_task):
    """Two at a time may run: whoever comes later is placed behind all others, whosever they are."""
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, redis_url]
    processes = [
        subprocess.Popen(
            [*command, str(seed), "25"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for seed in (1, 1)  # even of the same ids
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    ids = [line for process in processes for line in process.communicate()[0].split()]
    assert len(set(ids)) == 50
    scheduled = sorted(task.plan.scheduled - 1_700_000_000 for task in store.tasks())
    assert scheduled == [60.0 * (number // 2) for number in range(50)]


def test_of_many_creates_for_the_last_free_picture_one_is_accepted(redis_url, connect, clock):
    sims = [
        Simulator(store=redis_url, clock=clock, seed=seed, account=Account(free_tier_only=True))
        for seed in (1, 2)
    ]
    apis = [connect(sim) for sim in sims]
    for _ in range(33):
        apis[0].submit(model="wan2.2-t2i-flash", n=3)  # 99 of 100
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda api: api.create(model="wan2.2-t2i-flash", n=1).status, apis * 4)
        )
    assert sorted(answers) == [200] + [403] * 7
    assert sims[0].ledger.images == sims[1].ledger.images == 100
    for sim in sims:
        sim.close()


def test_who_lost_its_lock_writes_nothing(store, raw, redis_url, make_task):
    lock = f"{redis_url.partition('prefix=')[2]}:lock:a"
    with store.exclusively("a"):
        raw.set(lock, "another's")
        with pytest.raises(StoreUnavailableError, match="took longer than 10 s"):
            store.add(make_task())
    assert store.count() == 0
    assert raw.get(lock) == b"another's"


# --- gone, and back -----------------------------------------------------------------------------


def test_a_create_whose_answer_was_lost_is_not_done_twice(store, monkeypatch, make_task):
    sent, exchanged = [], connection.Connection._exchanged

    def lossy(self, commands):
        answers = exchanged(self, commands)
        if not sent:
            sent.append(commands)
            raise redis.ConnectionError("lost")
        return answers

    monkeypatch.setattr(connection.Connection, "_exchanged", lossy)
    assert store.add(make_task()) is True
    assert sent
    assert store.count() == store.totals()["wan2.5-t2i-preview"].tasks == 1


def test_while_redis_is_gone_every_request_gets_a_503_in_the_services_shape(
    own_redis, sim, connect
):
    api = connect(sim)
    task_id = api.submit()
    link = api.links(n=1)[0]
    own_redis.stop()
    for answer in (api.create(), api.poll(task_id), api.cancel(task_id), api.listed()):
        assert answer.status == 503
        assert set(answer.json) == {"code", "message", "request_id"}
        assert answer.json["code"] == "WanxSim.StoreUnavailable"
        assert "cannot be reached" in answer.json["message"]
        assert "start it, or wait until it is back" in answer.json["message"]
    assert api.get(link).status == 503
    assert [entry.status for entry in sim.requests][-5:] == [503] * 5


def test_when_redis_is_back_so_is_the_service_with_nothing_made_up(own_redis, sim, connect):
    api = connect(sim)
    lost = api.submit()
    own_redis.stop()
    assert api.create().status == 503
    own_redis.start()
    assert api.status(lost) == "UNKNOWN"  # it kept nothing, and nobody pretends that it did
    assert (len(sim.tasks), sim.ledger.images) == (0, 0)
    assert api.job(n=1)["task_status"] == "SUCCEEDED"
    assert api.listed().json["total"] == 1


def test_a_control_says_503_too(own_redis, sim):
    with sim.serve() as server:
        own_redis.stop()
        answer = httpx.get(f"{server.url}/_sim/usage")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.json()["error"]


def test_a_redis_that_forgot_the_scripts_is_told_again(store, raw, make_task):
    store.add(make_task(1))
    raw.script_flush()
    assert store.add(make_task(2))
    assert store.count() == 2


def test_a_redis_that_is_not_there_is_refused_at_once():
    with pytest.raises(
        StoreError, match=r"the store in Redis at unix:///tmp/no.sock cannot be rea"
    ):
        open_store("unix:///tmp/no.sock")


def test_a_password_is_never_shown(redis_server):
    url = "redis://user:secret@127.0.0.1:1/0"
    with pytest.raises(StoreError, match=r"Redis at redis://127\.0\.0\.1:1/0 cannot") as caught:
        open_store(url)
    texts = [str(caught.value), repr(caught.value), str(caught.value.__cause__)]
    assert not any("secret" in text for text in texts)


# --- what it keeps ------------------------------------------------------------------------------


def test_stores_of_two_prefixes_know_nothing_of_each_other(
    redis_server, redis_url, open_url, make_task
):
    one, two = open_url(redis_url), open_url(redis_url + "-two")
    one.add(make_task())
    two.picture("key", lambda: b"two")
    assert (one.count(), two.count()) == (1, 0)
    two.clear()
    assert one.count() == 1
    one.clear()
    assert one.count() == 0


def test_clearing_takes_a_prefix_as_it_is_written(redis_server, raw, open_url, make_task):
    raw.set("axb:mine", "kept")
    store = open_url(redis_server.url("a.b"))
    store.add(make_task())
    store.clear()
    assert raw.get("axb:mine") == b"kept"
    assert store.count() == 0


@pytest.mark.parametrize("prefix", ["a*", "a b", "x" * 65])
def test_a_prefix_that_is_none_is_refused(prefix):
    with pytest.raises(StoreError, match="a prefix is 1 to 64 of the characters"):
        open_store(f"redis://127.0.0.1/0?prefix={prefix}")


def test_a_store_of_another_format_is_refused(redis_url, open_url, monkeypatch):
    monkeypatch.setattr(module, "FORMAT", 99)
    open_url(redis_url)
    monkeypatch.undo()
    with pytest.raises(StoreError, match=r"has format b'99' .* reads and writes 2: choose another"):
        open_store(redis_url)


def test_a_damaged_task_is_refused(store, raw, redis_url, make_task):
    store.add(make_task())
    raw.hset(f"{redis_url.partition('prefix=')[2]}:tasks", make_task().task_id, b"\x91")
    with pytest.raises(StoreError, match="holds a damaged task"):
        store.get(make_task().task_id)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(connection, "redis", None)
    with pytest.raises(StoreError, match=r"pip install 'wanx-kit\[redis\]'"):
        RedisStore("redis://127.0.0.1/0")


def test_pictures_end_by_themselves(store, raw, redis_url):
    store.picture("key", lambda: b"picture")
    assert 0 < raw.ttl(f"{redis_url.partition('prefix=')[2]}:picture:key") <= 24 * 3600


def test_a_change_is_refused_for_what_a_task_is_and_not_for_what_it_was(
    store, redis_url, open_url, make_task, make_plan
):
    ended = make_task(1, plan=make_plan(ended=1001.0))
    store.add(ended)
    store.get(ended.task_id)  # which this process has in mind from now on
    another = open_url(redis_url)
    another.clear()
    another.add(make_task(1))

    def stop(task):
        return msgspec.structs.replace(task, plan=cancel(task.plan, 1002.0))

    assert store.update(ended.task_id, stop, 1002.0).status(1002.0) == "CANCELED"
    with pytest.raises(IllegalTransition):
        store.update(ended.task_id, stop, 1002.0)
