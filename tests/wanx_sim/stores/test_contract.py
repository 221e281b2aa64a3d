"""What every store must do, on memory, disk and Redis."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import msgspec
import pytest

from wanx_sim import Region, StoreError
from wanx_sim.protocol.lifecycle import Failure, Leg, Status, cancel, finish, polled
from wanx_sim.protocol.listing import Filter
from wanx_sim.stores import Total, open_store
from wanx_sim.stores.index import queue_of

NOW = 1500.0
FLASH = queue_of("", "wan2.2-t2i-flash")


def cut(task):
    return msgspec.structs.replace(task, links_cut=True)


def with_plan(change):
    return lambda task: msgspec.structs.replace(task, plan=change(task.plan))


def page(store, now=NOW, region=Region.BEIJING, **wanted):
    found = store.page(region, Filter(**({"start": 0.0, "end": 1e9} | wanted)), now)
    return found.total, [int(task.task_id[-12:]) for task in found.tasks]


# --- tasks --------------------------------------------------------------------------------------


def test_a_task_that_was_added_can_be_had(store, make_task):
    assert store.add(make_task()) is True
    assert store.get(make_task().task_id) == make_task()


def test_a_task_is_kept_with_all_that_it_has(store, make_task, make_plan):
    plan = make_plan(
        pending=Leg(polls=3),
        failed_images={1: Failure("InternalError", "花")},
        failure=Failure("Code", "text"),
        forget=Leg(seconds=5.0),
        results_in=2,
    )
    whole = make_task(
        plan=plan, region=Region.SINGAPORE, price="0.220177", n=4, seed=3, negative_prompt="雨",
        prompt="花\0" * 3000, prompt_extend=True, watermark=True, only_links=True, no_metrics=True,
    )  # fmt: skip
    task = msgspec.structs.replace(whole, account="0123456789abcdef", links_cut=True)
    store.add(task)
    assert store.get(task.task_id) == task
    assert isinstance(store.get(task.task_id).price, Decimal)


def test_a_task_that_was_not_added_is_none(store, make_task):
    store.add(make_task())
    for task_id in ("1111", "", "format", "x" * 36, "花"):
        assert store.get(task_id) is None


def test_an_id_may_be_any_text(store, make_task):
    ids = ["1111", "16 characters id", "ABCDEF00-0000-4000-8000-000000000000", "花"]
    for task_id in ids:
        store.add(msgspec.structs.replace(make_task(), task_id=task_id, request_id=task_id))
    assert [store.get(task_id).request_id for task_id in ids] == ids
    assert [task.task_id for task in store.tasks()] == ids


def test_an_id_that_is_taken_is_not_added_and_changes_nothing(store, make_task):
    store.add(make_task(1, prompt="first"))
    assert store.add(make_task(1, prompt="second")) is False
    assert [task.order.prompt for task in store.tasks()] == ["first"]
    assert page(store) == (1, [1])


def test_tasks_come_in_the_order_in_which_they_were_added(store, make_task):
    for number in (3, 1, 2):
        store.add(make_task(number))
    store.update(make_task(3).task_id, cut, NOW)
    assert list(store.tasks()) == [cut(make_task(3)), make_task(1), make_task(2)]
    assert list(store.tasks(newest_first=True)) == list(store.tasks())[::-1]


def test_many_tasks_come_in_order_too(store, make_task):
    tasks = [make_task(number) for number in range(1203)]
    for task in tasks:
        store.add(task)
    assert list(store.tasks()) == tasks
    assert list(store.tasks(newest_first=True)) == tasks[::-1]
    assert store.count() == 1203


def test_tasks_can_be_added_while_they_are_listed(store, make_task):
    store.add(make_task(1))
    for _ in store.tasks():
        store.add(make_task(2))
    assert len(list(store.tasks())) == 2


def test_an_update_replaces_a_task_and_returns_the_new_one(store, make_task):
    store.add(make_task())
    changed = store.update(make_task().task_id, cut, NOW)
    assert changed == cut(make_task()) == store.get(make_task().task_id)


def test_an_update_of_no_task_changes_nothing(store):
    assert store.update("1111", cut, NOW) is None
    assert list(store.tasks()) == []


def test_an_update_that_raises_leaves_the_task_as_it_was(store, make_task):
    def broken(_):
        raise LookupError("broken")

    store.add(make_task())
    with pytest.raises(LookupError, match="broken"):
        store.update(make_task().task_id, broken, NOW)
    assert store.get(make_task().task_id) == make_task()
    assert store.update(make_task().task_id, cut, NOW) == cut(make_task())


# --- races --------------------------------------------------------------------------------------


def test_polls_of_many_threads_lose_nothing(store, make_task, make_plan):
    store.add(make_task(plan=make_plan(pending=Leg(polls=100))))
    task_id = make_task().task_id
    with ThreadPoolExecutor(4) as pool:
        for _ in range(60):
            pool.submit(store.update, task_id, with_plan(lambda plan: polled(plan, 0)), 0.0)
    assert store.get(task_id).plan.pending == Leg(polls=40)


def test_of_many_cancels_and_a_last_poll_one_has_its_way(store, make_task, make_plan):
    for number in range(20):
        store.add(make_task(number, plan=make_plan(pending=Leg(polls=0), running=Leg(polls=9))))
        task_id = make_task(number).task_id
        changes = [lambda plan: polled(plan, NOW), lambda plan: cancel(plan, NOW)] * 2
        with ThreadPoolExecutor(4) as pool:
            done = [pool.submit(store.update, task_id, with_plan(one), NOW) for one in changes]
        cancelled = [one for one in done[1::2] if one.exception() is None]
        ended = store.get(task_id).status(NOW)
        assert len(cancelled) == (ended is Status.CANCELED)
        assert ended in (Status.CANCELED, Status.RUNNING)


def test_nobody_else_is_in_a_block_of_that_name(store, make_task, make_plan):
    store.add(make_task(plan=make_plan(pending=Leg(polls=100))))
    task_id = make_task().task_id

    def poll(_):
        with store.exclusively("a"):
            plan = polled(store.get(task_id).plan, 0)
            store.update(task_id, lambda task: msgspec.structs.replace(task, plan=plan), 0.0)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(poll, range(40)))
    assert store.get(task_id).plan.pending == Leg(polls=60)


def test_a_block_that_raises_lets_the_next_one_in(store, make_task):
    with pytest.raises(LookupError, match="mine"), store.exclusively("a"):
        raise LookupError("mine")
    with store.exclusively("a"):
        assert store.add(make_task()) is True


def test_blocks_of_two_names_can_be_in_each_other(store, make_task):
    with store.exclusively("a"), store.exclusively("b"):
        store.add(make_task())
    assert store.count() == 1


def test_an_id_is_given_to_one_of_many_threads_only(store, make_task):
    with ThreadPoolExecutor(4) as pool:
        tasks = [make_task(prompt=str(number)) for number in range(20)]
        added = list(pool.map(store.add, tasks))
    assert added.count(True) == 1
    assert store.totals()["wan2.5-t2i-preview"].tasks == 1


# --- lists --------------------------------------------------------------------------------------


def test_the_newest_task_comes_first_and_of_equal_ones_the_last_added(store, make_task, make_plan):
    for number, submitted in enumerate((1010.0, 1000.0, 1010.0, 1020.0)):
        store.add(make_task(number, plan=make_plan(submitted)))
    assert page(store) == (4, [3, 2, 0, 1])


def test_a_page_is_a_part_and_the_total_is_the_whole(store, make_task, make_plan):
    for number in range(7):
        store.add(make_task(number, plan=make_plan(1000.0 + number)))
    assert page(store, size=3) == (7, [6, 5, 4])
    assert page(store, size=3, page=3) == (7, [0])
    assert page(store, size=3, page=4) == (7, [])
    assert page(store, size=999_999_999, page=999_999_999) == (7, [])
    assert page(store, size=999_999_999)[0] == 7


def test_a_list_that_was_asked_for_before_has_what_came_since(store, make_task, make_plan):
    for number in range(5):
        store.add(make_task(number, plan=make_plan(1000.0 + number)))
        assert page(store) == (number + 1, [*range(number, -1, -1)])


def test_a_list_is_of_one_region(store, make_task):
    store.add(make_task(1))
    store.add(make_task(2, region=Region.SINGAPORE))
    assert page(store) == (1, [1])
    assert page(store, region=Region.SINGAPORE) == (1, [2])


def test_a_list_can_be_of_one_model(store, make_task):
    store.add(make_task(1))
    store.add(make_task(2, model="wan2.2-t2i-flash"))
    assert page(store, model="wan2.2-t2i-flash") == (1, [2])
    assert page(store, model="SUCCEEDED") == (0, [])


def test_a_list_by_status_follows_the_time_there_and_back(store, make_task):
    store.add(make_task())  # 10 s PENDING from 1000 on, 20 s RUNNING
    moments = {1000: "PENDING", 1010: "RUNNING", 1029: "RUNNING", 1030: "SUCCEEDED"}
    for now, shown in [*moments.items(), *reversed(moments.items())]:
        for status in ("PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED"):
            assert page(store, now, status=Status(status))[0] == (status == shown), (now, status)


def test_a_list_by_status_follows_what_is_done_to_tasks(store, make_task, make_plan):
    for number in range(3):
        store.add(make_task(number, plan=make_plan(running=Leg())))
    failure = Failure("InternalError", "broken")
    store.update(make_task(0).task_id, with_plan(lambda plan: cancel(plan, 1001)), 1001)
    store.update(make_task(1).task_id, with_plan(lambda plan: finish(plan, 1002)), 1002)
    store.update(make_task(2).task_id, with_plan(lambda plan: finish(plan, 1003, failure)), 1003)
    for number, status in enumerate(("CANCELED", "SUCCEEDED", "FAILED")):
        assert page(store, 1003, status=Status(status)) == (1, [number])
        assert page(store, 1003, status=Status(status), model="wan2.5-t2i-preview") == (1, [number])
    assert page(store, 1003, status=Status.PENDING) == (0, [])


def test_what_is_forgotten_is_in_no_list(store, make_task, make_plan):
    store.add(make_task(1))
    store.add(make_task(2, plan=make_plan(forget=Leg(seconds=50.0))))
    assert page(store, 1049.0) == (2, [2, 1])
    assert page(store, 1050.0) == (1, [1])
    assert page(store, 1050.0, status=Status.SUCCEEDED) == (1, [1])
    assert page(store, 1000.0 + 24 * 3600) == (0, [])


def test_a_span_has_both_its_ends(store, make_task, make_plan):
    for number in range(5):
        store.add(make_task(number, plan=make_plan(1000.0 + number)))
    assert page(store, start=1001.0, end=1003.0) == (3, [3, 2, 1])
    assert page(store, start=1001.5, end=1001.7) == (0, [])
    assert page(store, start=1003.0, end=1001.0) == (0, [])


def test_a_long_list_by_status_is_right_on_every_page(store, make_task, make_plan):
    """Long enough for several blocks of memory's sets and several chunks of the disk's."""
    for number in range(2500):
        failure = Failure("InternalError", "broken") if number % 3 == 0 else None
        submitted = 1000.0 + number // 2 * 0.01
        plan = make_plan(submitted, Leg(seconds=0.0), Leg(seconds=0.0), failure=failure)
        store.add(make_task(number, plan=plan))
    failed = [number for number in range(2500) if number % 3 == 0][::-1]
    for at in (1, 2, 40, 83, 84, 85):
        want = failed[at * 10 - 10 : at * 10]
        assert page(store, status=Status.FAILED, page=at) == (len(failed), want)
    assert page(store, start=1003.0, end=1003.0) == (2, [601, 600])


# --- queues -------------------------------------------------------------------------------------


@pytest.fixture
def flash(make_task):
    """Makes a task of a queue."""
    return lambda number, plan: make_task(number, model="wan2.2-t2i-flash", plan=plan)


def test_a_line_is_what_is_ahead(store, flash, make_plan):
    assert not store.line(FLASH, 2).full(NOW)
    for number in range(3):
        store.add(flash(number, make_plan(1000.0 + number)))
    line = store.line(FLASH, 2)
    assert (line.start, line.turn) == (1012.0, 1031.0)
    assert line.full(1030.9)
    assert not line.full(1031.0)
    assert line.waits(1011.9)
    assert not line.waits(1012.0)


def test_who_cancels_leaves_the_line(store, flash, make_plan):
    for number in range(2):
        store.add(flash(number, make_plan(1000.0 + number)))
    store.update(flash(1, None).task_id, with_plan(lambda plan: cancel(plan, 1002)), 1002)
    assert store.line(FLASH, 1).turn == 1030.0
    assert [task.task_id for task in store.holders(FLASH, 1002)] == [flash(0, None).task_id]


def test_holders_have_not_ended_and_come_in_their_order(store, flash, make_plan):
    for number, running in ((2, 20.0), (1, 5.0), (3, 10.0)):
        store.add(flash(number, make_plan(running=Leg(seconds=running))))
    store.add(flash(4, make_plan(pending=Leg())))
    ids = [int(task.task_id[-12:]) for task in store.holders(FLASH, 1015.0)]
    assert ids == [2, 3, 4]


def test_queues_know_nothing_of_each_other(store, flash, make_plan):
    store.add(flash(1, make_plan()))
    assert not store.line(queue_of("another", "wan2.2-t2i-flash"), 1).full(0.0)
    assert store.holders(queue_of("", "wan2.5-t2i-preview"), 0.0) == []


# --- totals -------------------------------------------------------------------------------------


def test_totals_are_by_model_in_the_order_of_first_use(store, make_task):
    store.add(make_task(1, model="wan2.5-t2i-preview", n=3))
    store.add(make_task(2, model="wan2.2-t2i-flash", n=1, price="0.14"))
    store.add(make_task(3, model="wan2.5-t2i-preview", n=1))
    assert list(store.totals().items()) == [
        ("wan2.5-t2i-preview", Total(2, 4, 800_000)),
        ("wan2.2-t2i-flash", Total(1, 1, 140_000)),
    ]
    assert store.images(FLASH) == 1
    assert store.images("nobody/nothing") == 0


def test_totals_follow_what_becomes_of_tasks(store, make_task):
    for number in range(2):
        store.add(make_task(number, n=2))
    before = store.totals()
    store.update(make_task(1).task_id, with_plan(lambda plan: cancel(plan, 1001)), 1001)
    assert before == {"wan2.5-t2i-preview": Total(2, 4, 800_000)}
    assert store.totals() == {"wan2.5-t2i-preview": Total(2, 2, 400_000)}
    assert store.images(queue_of("", "wan2.5-t2i-preview")) == 2


# --- pictures, and the end ----------------------------------------------------------------------


def test_a_picture_is_rendered_once_and_kept(store):
    rendered = []

    def render():
        rendered.append(1)
        return b"\x89PNG" + bytes(100_000)

    pictures = [store.picture("key", render) for _ in range(3)]
    assert pictures == [b"\x89PNG" + bytes(100_000)] * 3
    assert len(rendered) == 1


def test_every_key_has_its_picture(store):
    assert [store.picture(key, lambda key=key: key.encode()) for key in ("a", "b", "a")] == [
        b"a",
        b"b",
        b"a",
    ]


def test_a_picture_that_cannot_be_rendered_is_not_kept(store):
    def broken():
        raise LookupError("broken")

    with pytest.raises(LookupError):
        store.picture("key", broken)
    assert store.picture("key", lambda: b"good") == b"good"


def test_clear_forgets_everything(store, make_task):
    store.add(make_task())
    assert page(store) == (1, [1])
    store.picture("key", lambda: b"old")
    store.clear()
    assert (list(store.tasks()), store.count(), store.totals()) == ([], 0, {})
    assert page(store) == (0, [])
    assert store.holders(queue_of("", "wan2.5-t2i-preview"), 0.0) == []
    assert store.picture("key", lambda: b"new") == b"new"
    assert store.add(make_task()) is True
    assert page(store) == (1, [1])


def test_a_store_shows_what_it_is(store):
    assert repr(store).startswith(f"<{type(store).__name__}")


# --- opening ------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["", "tape:", "memory://name", "/some/path"])
def test_any_other_url_is_refused_with_those_there_are(url):
    with pytest.raises(StoreError, match=r"no store is named .*; known: memory://, disk:.*redis:"):
        open_store(url)
