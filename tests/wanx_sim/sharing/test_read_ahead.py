"""Requests that come together: one round trip reads for all, and none is told what no longer holds."""

from __future__ import annotations

import json
from threading import Thread
from uuid import uuid4

import pytest

from wanx_sim import Fault, Simulator
from wanx_sim.errors import StoreUnavailableError
from wanx_sim.sharing import redis as module
from wanx_sim.sharing.folder import Folder
from wanx_sim.sharing.redis import RedisBoard
from wanx_sim.sharing.simulator import SharedSimulator
from wanx_sim.stores import open_store
from wanx_sim.stores.connection import Aside, Connection
from wanx_sim.wire import Request, Response

HEADERS = {"authorization": "Bearer sk-test", "content-type": "application/json"}
TASKS = "/api/v1/tasks"
ONE = {"x-wanx-session": "one"}
CREATE = "/api/v1/services/aigc/text2image/image-synthesis"


def get(path="", **headers):
    return Request(method="GET", path=TASKS + path, headers=HEADERS | headers)


def poll(task_id, **headers):
    return get(f"/{task_id}", **headers)


def cancel(task_id):
    return Request(method="POST", path=f"{TASKS}/{task_id}/cancel", headers=HEADERS)


def create(**more):
    body = {"model": "wan2.2-t2i-flash", "input": {"prompt": "花"}, "parameters": {"n": 1}}
    headers = HEADERS | {"x-dashscope-async": "enable"} | more
    return Request(method="POST", path=CREATE, headers=headers, body=json.dumps(body).encode())


def said(answer: Response):
    """The status of the task that an answer is about; the HTTP status of a refusal."""
    output = json.loads(answer.body).get("output")
    return answer.status if output is None else output["task_status"]


@pytest.fixture
def join(start_redis, clock):
    """Makes one more server of those that are one, on a Redis that may be ended."""
    prefix, sims = f"ahead-{uuid4().hex}", []

    def joined(server):
        store = open_store(server.url(prefix))
        settings = {"timing": "manual", "clock": clock, "who": str(len(sims))}
        sims.append(SharedSimulator(RedisBoard(store.connection), store=store, **settings))
        return sims[-1]

    yield joined
    for sim in sims:
        sim.close()


@pytest.fixture
def pair(join, redis_server):
    return join(redis_server), join(redis_server)


@pytest.fixture
def sim(pair):
    return pair[0]


@pytest.fixture
def other(pair):
    """Another server, so another process as far as the first one can see."""
    return pair[1]


@pytest.fixture
def submit(sim):
    def submitted():
        return json.loads(sim.handle(create()).body)["output"]["task_id"]

    return submitted


@pytest.fixture
def trips(monkeypatch):
    """What was exchanged with Redis by whoever waited, and what was sent aside."""
    found = []
    exchanged, send = Connection._exchanged, Aside.send
    monkeypatch.setattr(
        Connection, "_exchanged", lambda self, some: found.append("asked") or exchanged(self, some)
    )
    monkeypatch.setattr(
        Aside, "send", lambda self, *some: found.append("sent") or send(self, *some)
    )
    return found


@pytest.fixture
def turn(sim):
    """Expects some requests; handles them when it is called."""

    def turned(*requests):
        sim.expect(requests)
        return lambda: [said(sim.handle(request)) for request in requests]

    return turned


# --- what it saves --------------------------------------------------------------------------------


def test_many_polls_ask_once_and_are_noted_in_one_write(sim, submit, turn, trips):
    requests = [poll(submit()) for _ in range(20)]
    trips.clear()
    assert turn(*requests)() == ["PENDING"] * 20
    assert trips == ["asked", "sent"]
    assert [entry.path for entry in sim.requests][-20:] == [request.path for request in requests]


def test_many_polls_of_one_task_read_it_once(submit, turn, trips):
    task_id = submit()
    trips.clear()
    assert turn(*[poll(task_id) for _ in range(5)])() == ["PENDING"] * 5
    assert trips == ["asked", "sent"]


def test_creates_ask_once_for_all_and_once_each(sim, turn, trips):
    sim.handle(create())
    trips.clear()
    assert turn(*[create() for _ in range(5)])() == ["PENDING"] * 5
    assert trips == ["asked"] * 6 + ["sent"]


def test_one_alone_costs_what_it_always_did(submit, turn, trips):
    task_id = submit()
    trips.clear()
    assert turn(poll(task_id))() == ["PENDING"]
    assert trips == ["asked", "sent"]


def test_only_a_service_that_is_far_away_gathers(sim, tmp_path):
    store, folder = open_store(f"disk:{tmp_path / 'store'}"), Folder(tmp_path / "board")
    near = SharedSimulator(folder, store=store)
    near.expect([poll("a"), poll("b")])
    assert said(near.handle(poll("a"))) == "UNKNOWN"
    assert [each.gathers for each in (sim, near, Simulator())] == [True, False, False]
    near.close()


# --- what has changed since -----------------------------------------------------------------------


def test_a_poll_behind_a_cancel_sees_it(submit, turn):
    task_id = submit()
    assert turn(poll(task_id), cancel(task_id), poll(task_id), poll(task_id))()[-2:] == [
        "CANCELED",
        "CANCELED",
    ]


def test_polls_that_a_timing_counts_are_all_counted(sim, submit, turn):
    sim.change(timing="polls:2,2")
    one, two = submit(), submit()
    requests = [poll(task_id) for task_id in (one, two) * 5]
    assert turn(*requests)()[::2] == ["PENDING", "PENDING", "RUNNING", "RUNNING", "SUCCEEDED"]


def test_a_poll_behind_what_a_test_does_sees_it(sim, submit, turn):
    one, two, three = submit(), submit(), submit()
    answers = turn(poll(one), poll(two), poll(three))
    sim.finish(one)
    sim.fail(two, "InternalError")
    assert answers() == ["SUCCEEDED", "FAILED", "PENDING"]


def test_a_poll_behind_the_create_of_its_task_finds_it(sim, submit, turn):
    sim.change(seed=7)
    sim.reset()
    task_id = submit()  # which the seed draws first
    sim.reset()
    assert turn(poll(task_id), create(), poll(task_id))() == ["UNKNOWN", "PENDING", "PENDING"]


def test_what_moves_up_behind_a_cancel_is_seen_where_it_is(sim, clock, submit, turn):
    sim.change(rate_limits=True, timing="seconds:0,60")
    ids = []
    for _ in range(3):
        ids.append(submit())
        sim.clock.advance(2)  # two run at a time, so the third one waits
    assert turn(poll(ids[2]), cancel(ids[0]), poll(ids[2]))()[::2] == ["PENDING", "PENDING"]
    assert turn(poll(ids[2]), poll(ids[1]))() == ["PENDING", "RUNNING"]


def test_a_reset_leaves_nothing_of_what_was_read(sim, submit, turn):
    ids = [submit(), submit()]
    answers = turn(poll(ids[0]), poll(ids[1]))
    sim.reset()
    assert answers() == ["UNKNOWN", "UNKNOWN"]
    assert len(sim.requests) == 2


def test_settings_and_clock_that_are_changed_hold_at_once(sim, submit, turn):
    task_id = submit()
    answers = turn(poll(task_id), poll(task_id), create())
    sim.change(api_keys={"sk-other": "beijing"})
    assert answers() == [401, 401, 401]
    sim.change(api_keys=None)
    answers = turn(poll(task_id), poll(task_id))
    sim.clock.advance(hours=25)
    assert answers() == ["UNKNOWN", "UNKNOWN"]


def test_settings_that_another_thread_changes_are_not_taken_back(sim, submit, turn):
    """It would be: those read ahead are older than those that the other has followed."""
    task_id = submit()
    answers = turn(poll(task_id), poll(task_id))
    thread = Thread(target=sim.change, kwargs={"validation": "task"})
    thread.start()
    thread.join()
    assert answers() == ["PENDING", "PENDING"]
    assert sim.validation == "task"


def test_a_fault_strikes_as_often_as_it_is_to(sim, submit, turn):
    task_id = submit()
    sim.faults.add(Fault(on="query", code="Throttling.RateQuota", times=2))
    assert turn(*[poll(task_id) for _ in range(4)])() == [429, 429, "PENDING", "PENDING"]


def test_a_fault_that_finishes_a_task_has_finished_it_for_those_behind(sim, submit, turn):
    task_id = submit()
    sim.faults.add(Fault(on="cancel", finish=True))
    assert turn(poll(task_id), cancel(task_id), poll(task_id))() == ["PENDING", 400, "SUCCEEDED"]


def test_what_another_server_did_before_is_seen(sim, other, submit, turn):
    ids = [submit(), submit()]
    other.finish(ids[0])
    other.meant(None).change(help_links=True)
    assert turn(poll(ids[0]), poll(ids[1]))() == ["SUCCEEDED", "PENDING"]
    assert sim.help_links


# --- the end of a turn ----------------------------------------------------------------------------


def test_a_request_that_is_never_handled_leaves_nothing(sim, other, submit, turn):
    ids = [submit(), submit()]
    turn(poll(ids[0]), poll(ids[1]))
    for task_id in ids:
        other.finish(task_id)
    assert said(sim.handle(poll(ids[0]))) == "SUCCEEDED"  # it is equal, and another
    assert sim.tasks[ids[1]].status == "SUCCEEDED"


def test_a_request_is_answered_once_from_what_was_read_for_it(sim, other, submit):
    requests = [poll(submit()), poll(submit()), poll(submit())]
    sim.expect(requests)
    assert said(sim.handle(requests[0])) == "PENDING"
    for request in requests:
        other.finish(request.path.rpartition("/")[2])
    assert said(sim.handle(requests[0])) == "SUCCEEDED"


def test_whoever_comes_between_ends_it(sim, other, submit):
    requests = [poll(submit()), poll(submit())]
    sim.expect(requests)
    sim.handle(get())
    for request in requests:
        other.finish(request.path.rpartition("/")[2])
    assert [said(sim.handle(request)) for request in requests] == ["SUCCEEDED", "SUCCEEDED"]


def test_the_next_turn_ends_the_one_before_and_none_at_all_does_too(sim, other, submit):
    for following in ([], [poll("a"), poll("b")]):
        request = poll(submit())
        sim.expect([request, get()])
        sim.expect(following)
        other.finish(request.path.rpartition("/")[2])
        assert said(sim.handle(request)) == "SUCCEEDED"


def test_it_ends_by_itself(sim, other, submit, turn, monkeypatch):
    monkeypatch.setattr(module, "FRESH", -1.0)
    ids = [submit(), submit()]
    answers = turn(poll(ids[0]), poll(ids[1]))
    other.finish(ids[0])
    assert answers() == ["SUCCEEDED", "PENDING"]


def test_what_a_refused_request_did_not_use_is_used_by_nobody(sim, other, submit):
    sim.change(magic_prompts=False)  # else its prompt is looked at before its key
    task_id = submit()
    refused = [poll(task_id, authorization=""), poll(task_id, authorization="")]
    sim.expect(refused)
    assert [sim.handle(request).status for request in refused] == [401, 401]
    other.finish(task_id)
    assert sim.store.get(task_id).status(sim.clock.now()) == "SUCCEEDED"


def test_it_is_of_the_thread_that_expected_it(sim, other, submit):
    requests, answers = [poll(submit()), poll(submit())], []
    sim.expect(requests)
    other.finish(requests[0].path.rpartition("/")[2])
    thread = Thread(target=lambda: answers.append(said(sim.handle(requests[0]))))
    thread.start()
    thread.join()
    assert answers == ["SUCCEEDED"]


# --- the journal, sessions, an outage -------------------------------------------------------------


def test_the_journal_is_whole_for_whoever_reads_it(sim, other, submit, turn):
    requests = [poll(submit()) for _ in range(3)]
    turn(*requests)()
    assert [entry.operation for entry in other.requests] == ["create"] * 3 + ["query"] * 3
    sim.expect(requests)
    sim.handle(requests[0])  # and no more come
    assert len(sim.requests) == 7
    sim.expect(requests)
    sim.handle(requests[0])
    sim.expect([])
    assert len(other.requests) == 8


def test_the_journal_is_in_the_order_in_which_requests_were_answered(sim, other, submit, turn):
    ids = [submit(), submit()]
    requests = [poll(ids[0]), poll(ids[1])]
    sim.expect(requests)
    sim.handle(requests[0])
    other.handle(cancel(ids[0]))  # elsewhere, before the turn has ended
    sim.handle(requests[1])
    assert [entry.operation for entry in other.requests][-3:] == ["query", "cancel", "query"]


def test_sessions_in_the_mix_are_each_their_own(sim, submit):
    mine = submit()
    sim.handle(create(**ONE))  # of one seed, so it has the same id
    theirs = json.loads(sim.handle(create(**ONE)).body)["output"]["task_id"]
    sim.session("one").finish(mine)
    requests = [
        poll(mine), poll(theirs, **ONE), poll(theirs), poll(mine, **ONE), poll(mine), get(**ONE)
    ]  # fmt: skip
    sim.expect(requests)
    answers = [sim.handle(request) for request in requests]
    assert [said(answer) for answer in answers[:-1]] == [
        "PENDING", "PENDING", "UNKNOWN", "SUCCEEDED", "PENDING"
    ]  # fmt: skip
    assert json.loads(answers[-1].body)["total"] == 2
    assert (len(sim.requests.queries), len(sim.session("one").requests.queries)) == (3, 2)


def test_a_session_that_begins_in_the_middle_changes_nothing_for_others(sim, submit):
    requests = [poll(submit()), poll(submit(), **ONE), poll(submit())]
    sim.expect(requests)
    assert [said(sim.handle(request)) for request in requests] == ["PENDING", "UNKNOWN", "PENDING"]


def test_while_redis_is_gone_each_gets_a_503_and_all_are_noted(join, start_redis):
    server = start_redis(keep=True)
    sim = join(server)
    ids = [json.loads(sim.handle(create()).body)["output"]["task_id"] for _ in range(3)]
    requests = [*map(poll, ids), create(), get()]
    assert len(sim.requests) == 3  # who asks waits until all that was noted has arrived
    server.stop()
    sim.expect(requests)
    answers = [sim.handle(request) for request in requests]
    assert [answer.status for answer in answers] == [503] * 5
    assert {json.loads(answer.body)["code"] for answer in answers} == {"WanxSim.StoreUnavailable"}
    server.start()
    assert [entry.status for entry in sim.requests] == [200] * 3 + [503] * 5
    sim.expect(requests)
    assert [sim.handle(request).status for request in requests] == [200] * 5


def test_when_redis_goes_between_what_was_read_is_told_and_nothing_is_accepted(join, start_redis):
    """A poll says what held when it came; whatever needs Redis again gets 503."""
    server = start_redis(keep=True)
    sim = join(server)
    task_id = json.loads(sim.handle(create()).body)["output"]["task_id"]
    requests = [poll(task_id), create(), cancel(task_id), poll(task_id)]
    assert len(sim.requests) == 1
    sim.expect(requests)
    server.stop()
    answers = [sim.handle(request).status for request in requests]
    assert answers[:3] == [200, 503, 503]
    with pytest.raises(StoreUnavailableError):
        len(sim.requests)
    server.start()
    assert (len(sim.tasks), len(sim.requests)) == (1, 5)
    assert said(sim.handle(poll(task_id))) == "PENDING"
