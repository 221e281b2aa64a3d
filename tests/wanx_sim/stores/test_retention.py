"""How many tasks a store keeps, on memory, disk and Redis: the newest, and what is left of others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import msgspec
import pytest

from wanx_sim import Region, Simulator, stores
from wanx_sim.protocol.lifecycle import RETENTION, Leg, Status, cancel, polled
from wanx_sim.protocol.listing import Filter
from wanx_sim.stores import KEPT, Total, open_store
from wanx_sim.stores.index import queue_of

LATE = 64
"""So many more than are kept may be there: they go a few at a time."""

MODEL = "wan2.5-t2i-preview"
QUEUE = queue_of("", MODEL)
DAY = RETENTION


@pytest.fixture
def few(url, open_url):
    """A store that keeps ten tasks."""
    return open_url(url, keep=10)


@pytest.fixture
def five_forgotten(monkeypatch, url, open_url):
    """A store that keeps five of those that the service has forgotten."""
    monkeypatch.setattr(stores, "FORGOTTEN_KEPT", 5)
    return open_url(url)


@pytest.fixture
def fill(make_task, make_plan):
    """Adds tasks to a store that end at once: those of some numbers, submitted at a moment."""

    def filled(store, numbers, at=1000.0, **more):
        for number in numbers:
            plan = make_plan(at, Leg(seconds=0.0), Leg(seconds=0.0))
            assert store.add(make_task(number, plan=plan, **more))

    return filled


def numbers(tasks):
    return [int(task.task_id[-12:]) for task in tasks]


def listed(store, now=1000.0, **wanted):
    asked = Filter(**{"start": 0.0, "end": 1e9, "size": 10_000} | wanted)
    total, tasks = store.page(Region.BEIJING, asked, now)
    assert total == len(tasks)
    return numbers(tasks)


# --- which ones ---------------------------------------------------------------------------------


def test_the_newest_are_kept_and_older_ones_go_as_new_ones_come(few, fill):
    fill(few, range(200))
    kept = numbers(few.tasks())
    assert 10 <= len(kept) < 10 + LATE
    assert kept == list(range(200 - len(kept), 200))
    assert numbers(few.tasks(newest_first=True)) == kept[::-1]
    assert (few.count(), few.dropped()) == (len(kept), 200 - len(kept))


def test_up_to_its_number_a_store_keeps_all(url, open_url, fill):
    store = open_url(url, keep=300)
    fill(store, range(300))
    assert (store.count(), store.dropped()) == (300, 0)


def test_what_is_dropped_is_gone_from_everywhere_but_the_bill(few, fill, make_task):
    fill(few, range(200), n=3)
    kept = numbers(few.tasks())
    gone = make_task(0).task_id
    assert few.get(gone) is None
    assert few.update(gone, lambda task: task, 1000.0) is None
    assert listed(few) == listed(few, status=Status.SUCCEEDED) == listed(few, model=MODEL)
    assert listed(few) == kept[::-1]
    assert few.totals() == {MODEL: Total(200, 600, 120_000_000, 200 - len(kept))}
    assert few.images(QUEUE) == 600


def test_of_what_the_service_has_forgotten_few_are_kept(five_forgotten, fill):
    fill(five_forgotten, range(100), at=1000.0)
    assert five_forgotten.count() == 100
    fill(five_forgotten, range(100, 400), at=1000.0 + DAY)
    kept = numbers(five_forgotten.tasks())
    assert kept[-300:] == list(range(100, 400))
    assert 5 <= len(kept) - 300 < 5 + LATE


def test_until_the_service_has_forgotten_them_all_are_kept(five_forgotten, fill):
    fill(five_forgotten, range(100), at=1000.0)
    fill(five_forgotten, range(100, 400), at=999.0 + DAY)
    assert (five_forgotten.count(), five_forgotten.dropped()) == (400, 0)


def test_a_day_later_a_test_still_finds_its_few_tasks(url, connect, clock):
    sim = Simulator(store=url, clock=clock)
    api = connect(sim)
    task_ids = [api.submit() for _ in range(3)]
    clock.advance(hours=25)
    assert [api.status(task_id) for task_id in task_ids] == ["UNKNOWN"] * 3
    task_ids += [api.submit() for _ in range(200)]
    assert [task.task_id for task in sim.tasks] == task_ids
    assert sim.tasks.dropped == 0
    sim.close()


def test_a_store_that_is_to_keep_fewer_gets_there_in_small_steps(url, open_url, fill):
    store = open_url(url, keep=1000)
    fill(store, range(600))
    if store.shared:
        store = open_url(url, keep=10)
    else:
        store.keep = 10
    before = store.dropped()
    for number in range(600, 1200):
        fill(store, [number])
        gone = store.dropped() - before
        assert gone <= 2 * LATE
        before += gone
    assert 10 <= store.count() < 10 + LATE


@pytest.mark.parametrize("keep", [0, -1])
def test_a_store_keeps_at_least_one(url, keep):
    with pytest.raises(ValueError, match=f"a store keeps at least 1 task, not {keep}"):
        open_store(url, keep=keep)


def test_a_store_that_keeps_one_keeps_the_last(url, open_url, fill):
    store = open_url(url, keep=1)
    fill(store, range(300))
    assert numbers(store.tasks())[-1] == 299
    assert store.count() <= LATE


def test_a_million_are_kept_unless_it_is_told_otherwise(store):
    assert store.keep == KEPT == 1_000_000
    assert stores.FORGOTTEN_KEPT == 10_000


# --- what else happens --------------------------------------------------------------------------


def test_a_clock_that_is_set_back_brings_nothing_back_and_breaks_nothing(five_forgotten, fill):
    fill(five_forgotten, range(100), at=1000.0)
    fill(five_forgotten, range(100, 300), at=1000.0 + DAY)
    gone = five_forgotten.dropped()
    assert gone > 0
    fill(five_forgotten, range(300, 500), at=1000.0)
    assert five_forgotten.dropped() == gone
    assert numbers(five_forgotten.tasks()) == list(range(gone, 500))
    by_submission = [*range(gone, 100), *range(300, 500), *range(100, 300)]
    assert listed(five_forgotten) == by_submission[::-1]


def test_a_task_that_is_not_forgotten_stays_though_later_ones_are(five_forgotten, fill):
    """As after a clock was set back."""
    fill(five_forgotten, [0], at=5000.0)
    fill(five_forgotten, range(1, 100), at=1000.0)
    fill(five_forgotten, range(100, 300), at=1000.0 + DAY)
    assert numbers(five_forgotten.tasks()) == list(range(300))


def test_the_id_of_a_dropped_task_is_free(few, fill, make_task):
    fill(few, range(200))
    assert few.add(make_task(0, prompt="新的"))
    assert few.get(make_task(0).task_id).order.prompt == "新的"


def test_a_dropped_task_waits_in_no_queue(few, make_task, make_plan):
    for number in range(200):
        few.add(make_task(number, plan=make_plan(1000.0 + number)))
    held = numbers(few.holders(QUEUE, 1000.0))
    assert held == numbers(few.tasks())
    assert few.line(QUEUE, len(held)).full(1000.0)
    assert not few.line(QUEUE, len(held) + 1).full(1000.0)


def test_what_was_changed_before_it_was_dropped_counts_as_it_was_then(few, fill, make_task):
    few.add(make_task(0, n=4))
    change = lambda task: msgspec.structs.replace(task, plan=cancel(task.plan, 1001.0))  # noqa: E731
    few.update(make_task(0).task_id, change, 1001.0)
    fill(few, range(1, 200), n=1)
    assert few.totals()[MODEL][:2] == (200, 199)


def test_clearing_forgets_what_was_dropped_too(few, fill):
    fill(few, range(200))
    few.clear()
    assert (few.count(), few.dropped(), few.totals()) == (0, 0, {})
    fill(few, range(5))
    assert numbers(few.tasks()) == list(range(5))


def test_tasks_can_be_dropped_while_they_are_listed(few, fill):
    fill(few, range(60))
    seen = []
    for task in few.tasks():
        if not seen:
            fill(few, range(60, 300))
        seen += numbers([task])
    assert seen == sorted(set(seen))


# --- at the same time ---------------------------------------------------------------------------


def test_creates_of_many_threads_that_drop_lose_and_double_nothing(few, make_task, make_plan):
    ready = Barrier(4)

    def create(thread):
        ready.wait()
        return [
            few.add(make_task(thread * 1000 + number, plan=make_plan())) for number in range(200)
        ]

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(create, range(4)))
    assert added == [[True] * 200] * 4
    kept = numbers(few.tasks())
    assert len(set(kept)) == len(kept) == few.count() < 10 + LATE
    assert few.dropped() == 800 - len(kept)
    assert few.totals()[MODEL].tasks == 800
    assert sorted(listed(few)) == sorted(kept)
    for thread in range(4):
        mine = [number % 1000 for number in kept if number // 1000 == thread]
        assert mine == list(range(200 - len(mine), 200))


def test_a_task_that_is_dropped_while_it_is_polled_is_changed_or_gone(few, make_task, make_plan):
    ready, over = Barrier(2), Event()
    poll = lambda task: msgspec.structs.replace(task, plan=polled(task.plan, 0))  # noqa: E731
    first = make_task(0, plan=make_plan(pending=Leg(polls=10**6)))
    few.add(first)

    def polls():
        ready.wait()
        count = 0
        while not over.is_set() and (found := few.update(first.task_id, poll, 0.0)):
            count += 1
            assert found.plan.pending == Leg(polls=10**6 - count)

    with ThreadPoolExecutor(1) as pool:
        counted = pool.submit(polls)
        ready.wait()
        try:
            for number in range(1, 300):
                few.add(make_task(number, plan=make_plan()))
        finally:
            over.set()
        counted.result()
    assert few.get(first.task_id) is None
    assert 0 not in listed(few)


# --- as an application and a test see it --------------------------------------------------------


@pytest.fixture
def sim(few, clock):
    return Simulator(store=few, clock=clock, timing="instant")


def test_a_dropped_task_is_unknown_and_its_picture_is_not_there(sim, connect):
    api = connect(sim)
    task_id = api.submit(n=1)
    link = api.poll(task_id).json["output"]["results"][0]["url"]
    assert api.get(link).status == 200
    for _ in range(200):
        api.submit()
    answer = api.poll(task_id)
    assert (answer.status, answer.json["output"]) == (
        200,
        {"task_id": task_id, "task_status": "UNKNOWN"},
    )
    assert api.cancel(task_id).status == api.cancel("no-task").status == 400
    gone = api.get(link)
    assert gone.status == 404
    assert b"<Code>NoSuchKey</Code>" in gone.body


def test_a_task_that_is_dropped_between_two_steps_of_a_poll_is_unknown(sim, connect, monkeypatch):
    api = connect(sim)
    sim.timing = "polls:9,9"
    task_id = api.submit()
    monkeypatch.setattr(sim.store, "update", lambda *_: None)
    assert api.status(task_id) == "UNKNOWN"
    assert api.cancel(task_id).status == 400


def test_a_test_is_told_what_was_dropped(sim, connect):
    api = connect(sim)
    first = api.submit()
    for _ in range(199):
        api.submit()
    there = len(sim.tasks)
    said = f"{200 - there} older dropped"
    assert sim.tasks.dropped == 200 - there > 0
    assert repr(sim.tasks).endswith(f"], {said}>")
    with pytest.raises(KeyError, match=f"there are {there}, {said}"):
        sim.tasks[first]
    with pytest.raises(KeyError, match=f"there are {there}, {said}"):
        sim.finish(first)
    with pytest.raises(AssertionError, match=f"exactly one task, found {there}, {said}\n"):
        _ = sim.tasks.only
    assert (sim.ledger.tasks, sim.ledger.images) == (200, 800)


def test_a_session_keeps_as_many_as_the_store(sim):
    assert sim.session("mine").store.keep == 10
