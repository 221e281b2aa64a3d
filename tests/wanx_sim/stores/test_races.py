"""Two at once, on memory, disk and Redis: whoever comes first, nothing is lost, doubled or halved."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from wanx_sim import Account, ManualClock, Region, Simulator
from wanx_sim.protocol.lifecycle import Leg, Status
from wanx_sim.protocol.listing import Filter

FLASH = "wan2.2-t2i-flash"  # two of its tasks run at a time
START = 1_700_000_000
ROUNDS = 15


def at_once(*acts):
    """What comes of doing several things as nearly at once as there is."""
    ready = Barrier(len(acts))

    def act(one):
        ready.wait()
        return one()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


@pytest.fixture
def pair(url, open_url, connect):
    """Makes two simulators of one store, each with a way there of its own; a clock, two APIs."""

    def made(**settings):
        clock = ManualClock(START)
        store = open_url(url)
        stores = [store, open_url(url) if store.shared else store]
        sims = [
            Simulator(store=one, clock=clock, seed=seed, **settings)
            for seed, one in enumerate(stores)
        ]
        return clock, sims, [connect(sim) for sim in sims]

    return made


def listed(api, status):
    return {row["task_id"] for row in api.listed(f"status={status}&page_size=100").json["data"]}


def test_two_polls_at_once_count_as_two(pair):
    _, _, apis = pair(timing="polls:2,2")
    for _ in range(ROUNDS):
        task_id = apis[0].submit()
        polls = [partial(api.status, task_id) for api in apis]
        assert [at_once(*polls) for _ in range(3)] == [
            ["PENDING"] * 2,
            ["RUNNING"] * 2,
            ["SUCCEEDED"] * 2,
        ]


def test_of_a_poll_and_a_cancel_one_has_its_way(pair):
    _, (sim, _), (one, two) = pair(timing="polls:0,9")
    ended = {"RUNNING": set(), "CANCELED": set()}
    for _ in range(ROUNDS):
        task_id = one.submit(n=1)
        shown, answer = at_once(partial(one.status, task_id), partial(two.cancel, task_id))
        assert (shown, answer.status) in {("RUNNING", 400), ("CANCELED", 200)}
        assert sim.tasks[task_id].status == shown
        ended[shown].add(task_id)
    for status in Status:
        assert listed(two, status) == ended.get(status, set()), status
    assert sim.ledger.images == len(ended["RUNNING"])


def test_of_a_finish_and_a_failure_one_has_its_way(pair):
    _, (sim, other), (one, _) = pair(timing="manual")
    tried = []
    for _ in range(ROUNDS):
        task_id = one.submit(n=1)
        tried.append(task_id)

        def ended(act, task_id=task_id):
            try:
                act(task_id)
            except Exception as error:  # noqa: BLE001 - which one, is looked at below
                return type(error).__name__
            return "done"

        said = at_once(lambda: ended(sim.finish), lambda: ended(other.fail))
        assert sorted(said) == ["IllegalTransition", "done"]
    good, bad = listed(one, "SUCCEEDED"), listed(one, "FAILED")
    assert sorted(good | bad) == sorted(tried)
    assert not good & bad
    assert sim.ledger.images == len(good)


def test_of_two_creates_for_the_last_place_one_is_accepted(pair):
    clock, (sim, _), (one, two) = pair(
        timing="seconds:0,60", rate_limits=True, account=Account(over_running="refuse")
    )
    for _ in range(ROUNDS):
        one.submit(model=FLASH)
        clock.advance(2)  # so that it is not too many a second
        answers = at_once(lambda: one.create(model=FLASH), lambda: two.create(model=FLASH))
        assert sorted(answer.status for answer in answers) == [200, 429]
        clock.advance(70)
    assert sim.ledger.tasks == 2 * ROUNDS


ANOTHER = """
import json, sys
from wanx_sim import Account, ManualClock, Simulator
from wanx_sim.wire import Request

url, seed = sys.argv[1:]
clock = ManualClock(1_700_000_000)
sim = Simulator(store=url, seed=int(seed), clock=clock, timing="seconds:0,60", rate_limits=True,
                account=Account(over_running="refuse"))
body = {"model": "wan2.2-t2i-flash", "input": {"prompt": "花"}, "parameters": {"n": 1}}
headers = {"authorization": "Bearer sk-test", "content-type": "application/json",
           "x-dashscope-async": "enable"}
path = "/api/v1/services/aigc/text2image/image-synthesis"
request = Request(method="POST", scheme="http", host="localhost", path=path, headers=headers,
                  body=json.dumps(body).encode())
print("ready", flush=True)
for line in sys.stdin:
    clock.advance(float(line))
    print(sim.handle(request).status, flush=True)
"""


@pytest.mark.parametrize("url", ["disk", "redis"], indirect=True)
def test_of_two_processes_creates_for_the_last_place_one_is_accepted(pair, url):
    clock, (sim, _), (mine, _) = pair(
        timing="seconds:0,60", rate_limits=True, account=Account(over_running="refuse")
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ANOTHER, url, str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for seed in (3, 4)
    ]  # fmt: skip
    with processes[0], processes[1]:
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
        for _ in range(ROUNDS):
            clock.advance(100)
            mine.submit(model=FLASH)
            for process in processes:
                process.stdin.write("100\n")
                process.stdin.flush()
            said = [process.stdout.readline() for process in processes]
            assert sorted(said) == ["200\n", "429\n"]
        for process in processes:
            process.stdin.close()
    assert sim.ledger.tasks == 2 * ROUNDS


def test_creates_that_race_with_lists_and_drops_lose_and_double_nothing(
    url, open_url, make_task, make_plan
):
    """Whoever reads meanwhile sees no half of anything: pages fit, and go from new to old."""
    store = open_url(url, keep=100)
    stores = [store, open_url(url, keep=100) if store.shared else store]
    asked = Filter(start=0.0, end=1e9, status=Status.SUCCEEDED, size=1000)

    def creates(who):
        plan = make_plan(1000.0, Leg(seconds=0.0), Leg(seconds=0.0))
        return [stores[who].add(make_task(who * 1000 + at, plan=plan)) for at in range(400)]

    def reads():
        seen = 0
        while seen < 40:
            total, tasks = store.page(Region.BEIJING, asked, 1000.0)
            numbers = [int(task.task_id[-12:]) for task in tasks]
            assert total == len(numbers) == len(set(numbers)) <= 100 + 64
            for who in (0, 1):
                mine = [number for number in numbers if number // 1000 == who]
                assert mine == list(range(mine[0], mine[0] - len(mine), -1)) if mine else True
            assert all(isinstance(task.task_id, str) for task in store.tasks())
            seen += 1

    added = at_once(lambda: creates(0), lambda: creates(1), reads)
    assert added[:2] == [[True] * 400] * 2
    assert store.count() + store.dropped() == store.totals()["wan2.5-t2i-preview"].tasks == 800
    total, tasks = store.page(Region.BEIJING, asked, 1000.0)
    assert (total, tasks[::-1]) == (store.count(), list(store.tasks()))
