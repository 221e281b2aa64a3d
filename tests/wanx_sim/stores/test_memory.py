"""The store of tests."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest

from wanx_sim.protocol.requests import Order
from wanx_sim.protocol.task import Task
from wanx_sim.stores import open_store
from wanx_sim.stores.compact import Codec, key, name_of
from wanx_sim.stores.memory import MemoryStore


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
