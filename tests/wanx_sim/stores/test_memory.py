"""The store of tests."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest

from wanx_sim import Region
from wanx_sim.protocol.lifecycle import Leg, Status, cancel
from wanx_sim.protocol.listing import Filter
from wanx_sim.protocol.requests import Order
from wanx_sim.protocol.task import Task
from wanx_sim.stores import open_store
from wanx_sim.stores.compact import Codec, key, name_of
from wanx_sim.stores.memory import MemoryStore

ID = "00000000-0000-4000-8000-{:012d}"


def test_memory_keeps_the_last_pictures_only(monkeypatch):
    monkeypatch.setattr("wanx_sim.stores.memory.PICTURES", 2)
    store = MemoryStore()
    for name in ("a", "b", "c"):
        store.picture(name, lambda: b"old")
    assert [store.picture(name, lambda: b"new") for name in ("c", "b", "a")] == [
        b"old",
        b"old",
        b"new",
    ]


@pytest.mark.parametrize("url", ["memory://", "memory:"])
def test_memory_is_opened_by_its_url(url):
    assert isinstance(open_store(url), MemoryStore)


def test_a_task_takes_less_than_450_bytes(make_task, make_plan):
    prompt = "一间有着精致窗户的花店，漂亮的木质门，摆放着花朵"
    ids = [f"{number:08x}-d8f1-4adf-91b7-584a2265b1f5" for number in range(20_000)]
    plan = make_plan()
    made = make_task(prompt=prompt, plan=plan)
    store = MemoryStore()
    tracemalloc.start()
    for number, task_id in enumerate(ids):
        moved = msgspec.structs.replace(plan, submitted=1000.0 + number)
        named = {"task_id": task_id, "request_id": task_id, "plan": moved}
        store.add(msgspec.structs.replace(made, account="0123456789abcdef", **named))
    store.totals()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / len(ids) < 450


def test_a_record_leaves_out_no_field(make_task):
    """A field that is new in a task or an order must be written down in `compact` as well."""
    texts = {"negative_prompt": "雨", "seed": 3, "only_links": True, "no_metrics": True}
    task = msgspec.structs.replace(make_task(**texts), account="a", links_cut=True)
    codec = Codec()
    assert codec.decode(key(task.task_id), codec.encode(task)) == task
    defaults = {"negative_prompt", "seed", "only_links", "no_metrics", "account", "links_cut"}
    for kind, value in ((Order, task.order), (Task, task)):
        for field in msgspec.structs.fields(kind):
            if not field.required:
                assert field.name in defaults
                assert getattr(value, field.name) != field.default


@pytest.mark.parametrize(
    "name",
    [
        "00000000-0000-4000-8000-00000000000a",
        "00000000-0000-4000-8000-00000000000A",
        "0000000-00000-4000-8000-00000000000a",
        "00000000-0000-4000-8000-0000000000 a",
        "16 characters id",
        "",
    ],
)
def test_a_key_leads_back_to_its_id(name):
    assert name_of(key(name)) == name


def test_what_is_kept_is_found_after_the_list_of_all_was_moved_up(
    make_task, make_plan, monkeypatch
):
    monkeypatch.setattr("wanx_sim.stores.memory._CUT", 5)
    monkeypatch.setattr("wanx_sim.stores.indexed.LATE", 3)
    store, waiting = MemoryStore(keep=6), make_plan(submitted=1000.0, pending=Leg())
    everything = Filter(start=0.0, end=1e9, size=100)

    def stop(task):
        return msgspec.structs.replace(task, plan=cancel(task.plan, 1000.0))

    for number in range(1, 60):
        store.add(make_task(number, plan=waiting))
        kept = store.page(Region.BEIJING, everything, 1000.0).tasks
        ids = [task.task_id for task in kept]
        assert ids == [ID.format(each) for each in range(number, number - len(ids), -1)]
        assert len(ids) >= min(number, 6)
        canceled = store.update(ids[0], stop, 1000.0)
        listed = msgspec.structs.replace(everything, status=Status.CANCELED)
        assert canceled in store.page(Region.BEIJING, listed, 1000.0).tasks
