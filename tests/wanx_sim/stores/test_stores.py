"""The stores: one contract for both, then what only the disk can do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sqlite3 import OperationalError

import diskcache
import msgspec
import pytest

from wanx_sim import Simulator, StoreError
from wanx_sim.protocol.lifecycle import Leg, polled
from wanx_sim.stores import disk as module, open_store
from wanx_sim.stores.disk import DiskStore
from wanx_sim.stores.memory import MemoryStore


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture(params=["memory", "disk"])
def store(request, folder):
    opened = MemoryStore() if request.param == "memory" else DiskStore(folder)
    yield opened
    opened.close()


@pytest.fixture
def disk(folder):
    opened = DiskStore(folder)
    yield opened
    opened.close()


def cut(task):
    return msgspec.structs.replace(task, links_cut=True)


# --- both ---------------------------------------------------------------------------------------


def test_a_task_that_was_added_can_be_had(store, make_task):
    assert store.add(make_task()) is True
    assert store.get(make_task().task_id) == make_task()


def test_a_task_that_was_not_added_is_none(store):
    for task_id in ("1111", "", "format", "no-such-task-at-all-of-thirty-six-char"):
        assert store.get(task_id) is None


def test_an_id_that_is_taken_is_not_added_and_changes_nothing(store, make_task):
    store.add(make_task(1, prompt="first"))
    assert store.add(make_task(1, prompt="second")) is False
    assert [task.order.prompt for task in store.tasks()] == ["first"]


def test_tasks_come_in_the_order_in_which_they_were_added(store, make_task):
    for number in (3, 1, 2):
        store.add(make_task(number))
    store.update(make_task(3).task_id, cut)
    assert list(store.tasks()) == [cut(make_task(3)), make_task(1), make_task(2)]


def test_tasks_can_be_added_while_they_are_listed(store, make_task):
    store.add(make_task(1))
    for _ in store.tasks():
        store.add(make_task(2))
    assert len(list(store.tasks())) == 2


def test_an_update_replaces_a_task_and_returns_the_new_one(store, make_task):
    store.add(make_task())
    changed = store.update(make_task().task_id, cut)
    assert changed == cut(make_task()) == store.get(make_task().task_id)


def test_an_update_of_no_task_changes_nothing(store):
    assert store.update("1111", cut) is None
    assert list(store.tasks()) == []


def test_an_update_that_raises_leaves_the_task_as_it_was(store, make_task):
    def broken(_):
        raise LookupError("broken")

    store.add(make_task())
    with pytest.raises(LookupError, match="broken"):
        store.update(make_task().task_id, broken)
    assert store.get(make_task().task_id) == make_task()
    assert store.update(make_task().task_id, cut) == cut(make_task())


def test_updates_of_many_threads_lose_nothing(store, make_task, make_plan):
    store.add(make_task(plan=make_plan(pending=Leg(polls=100))))
    task_id = make_task().task_id

    def poll(_):
        store.update(task_id, lambda task: msgspec.structs.replace(task, plan=polled(task.plan, 0)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(poll, range(60)))
    assert store.get(task_id).plan.pending == Leg(polls=40)


def test_nobody_else_changes_a_task_in_an_exclusive_block(store, make_task, make_plan):
    store.add(make_task(plan=make_plan(pending=Leg(polls=100))))
    task_id = make_task().task_id

    def poll(_):
        with store.exclusively():
            plan = polled(store.get(task_id).plan, 0)
            store.update(task_id, lambda task: msgspec.structs.replace(task, plan=plan))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(poll, range(40)))
    assert store.get(task_id).plan.pending == Leg(polls=60)


def test_an_exclusive_block_that_raises_lets_the_next_one_in(store, make_task):
    with pytest.raises(LookupError, match="mine"), store.exclusively():
        raise LookupError("mine")
    with store.exclusively():
        assert store.add(make_task()) is True


def test_an_id_is_given_to_one_of_many_threads_only(store, make_task):
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda _: store.add(make_task()), range(20)))
    assert added.count(True) == 1


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
    store.picture("key", lambda: b"old")
    store.clear()
    assert list(store.tasks()) == []
    assert store.picture("key", lambda: b"new") == b"new"
    assert store.add(make_task()) is True


# --- memory -------------------------------------------------------------------------------------


def test_memory_keeps_the_last_pictures_only(monkeypatch):
    monkeypatch.setattr("wanx_sim.stores.memory.PICTURES", 2)
    store = MemoryStore()
    for key in ("a", "b", "c"):
        store.picture(key, lambda: b"old")
    assert [store.picture(key, lambda: b"new") for key in ("c", "b", "a")] == [
        b"old",
        b"old",
        b"new",
    ]


# --- disk: what lasts ---------------------------------------------------------------------------


def test_tasks_and_pictures_survive_a_restart(folder, make_task):
    first = DiskStore(folder)
    for number in (2, 1):
        first.add(make_task(number))
    first.picture("key", lambda: b"old")
    first.close()
    second = DiskStore(folder)
    assert list(second.tasks()) == [make_task(2), make_task(1)]
    assert second.picture("key", lambda: b"new") == b"old"
    second.close()


def test_a_job_goes_on_after_a_restart(folder, connect, clock):
    url = f"disk:{folder}"
    first = Simulator(store=url, clock=clock)
    task_id = connect(first).submit(n=1, size="768*768")
    connect(first).poll(task_id)
    first.close()
    second = Simulator(store=url, clock=clock)
    output = connect(second).history(task_id)[-1]
    assert connect(second).get(output["results"][0]["url"]).status == 200
    assert second.ledger.images == 1
    second.close()


def test_a_restart_with_the_same_seed_gives_out_no_id_twice(folder, connect, clock):
    ids = []
    for _ in range(2):
        sim = Simulator(store=f"disk:{folder}", clock=clock, seed=1)
        ids += [connect(sim).submit() for _ in range(3)]
        sim.close()
    assert len(set(ids)) == 6


IN_ANOTHER_PROCESS = """
import sys, os, msgspec
from wanx_sim.protocol.lifecycle import polled
from wanx_sim.stores.disk import DiskStore

folder, task_id, polls, end = sys.argv[1:]
store = DiskStore(folder)
print("ready", flush=True)
sys.stdin.readline()
poll = lambda task: msgspec.structs.replace(task, plan=polled(task.plan, 0))
for _ in range(int(polls)):
    store.update(task_id, poll)
print("done", flush=True)
if end == "wait":
    sys.stdin.readline()
"""


def other_process(folder, task_id, polls, end="exit"):
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(folder), task_id, str(polls), end]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_poll_one_task_lose_no_poll(disk, folder, make_task, make_plan):
    disk.add(make_task(plan=make_plan(pending=Leg(polls=1000))))
    task_id = make_task().task_id
    with other_process(folder, task_id, 150) as one, other_process(folder, task_id, 150) as two:
        assert [one.stdout.readline(), two.stdout.readline()] == ["ready\n", "ready\n"]
        for process in (one, two):
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.wait(60) for process in (one, two)] == [0, 0]
    assert disk.get(task_id).plan.pending == Leg(polls=700)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 on this system")
def test_what_was_written_survives_a_kill(folder, make_task, make_plan):
    first = DiskStore(folder)
    first.add(make_task(plan=make_plan(pending=Leg(polls=10))))
    first.close()
    with other_process(folder, make_task().task_id, 3, "wait") as process:
        process.stdin.write("go\n")
        process.stdin.flush()
        assert [process.stdout.readline(), process.stdout.readline()] == ["ready\n", "done\n"]
        os.kill(process.pid, signal.SIGKILL)
    second = DiskStore(folder)
    assert second.get(make_task().task_id).plan.pending == Leg(polls=7)
    second.close()


# --- disk: pickle is never read -----------------------------------------------------------------


class Trap:
    """Unpickling it makes a folder: what CVE-2025-69872 lets a cache file do."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "pwned"


@pytest.fixture
def trapped(folder, marker, make_task):
    """A store's folder into which somebody put pickles, with a diskcache as it comes."""
    opened = DiskStore(folder)
    opened.add(make_task(1))
    opened.close()

    def put(part, key):
        with diskcache.Cache(str(folder / part)) as cache:
            cache[key] = Trap(marker)
        return folder

    return put


def test_the_trap_works_on_a_diskcache_as_it_comes(trapped, make_task, marker):
    folder = trapped("tasks", make_task(1).task_id)
    with diskcache.Cache(str(folder / "tasks")) as cache:
        cache.get(make_task(1).task_id)
    assert marker.exists()


def test_a_pickled_task_is_refused_not_loaded(trapped, make_task, marker):
    store = DiskStore(trapped("tasks", make_task(1).task_id))
    with pytest.raises(StoreError, match="pickled value, which wanx-sim never writes and never"):
        store.get(make_task(1).task_id)
    with pytest.raises(StoreError, match="pickled"):
        list(store.tasks())
    with pytest.raises(StoreError, match="pickled"):
        store.update(make_task(1).task_id, cut)
    store.close()
    assert not marker.exists()


def test_a_pickled_picture_is_refused_not_loaded(trapped, marker):
    store = DiskStore(trapped("pictures", "key"))
    with pytest.raises(StoreError, match="pickled"):
        store.picture("key", lambda: b"new")
    store.close()
    assert not marker.exists()


def test_a_pickled_format_is_refused_not_loaded(trapped, marker):
    folder = trapped("tasks", "format")
    with pytest.raises(StoreError, match="pickled"):
        DiskStore(folder)
    assert not marker.exists()


def test_a_pickled_key_is_refused_not_loaded(folder, disk, marker):
    with diskcache.Cache(str(folder / "tasks")) as cache:
        cache[("a", Trap(marker))] = b"value"
    with pytest.raises(StoreError, match="pickled"):
        list(disk.tasks())
    assert not marker.exists()


def test_nothing_is_ever_pickled(disk):
    with pytest.raises(TypeError, match="a store's values are bytes, not list"):
        disk._tasks.set("some-task-id", ["no", "bytes"])
    with pytest.raises(TypeError, match="a store's keys are strings, not tuple"):
        disk._tasks.set(("no", "string"), b"")


# --- disk: what goes wrong ----------------------------------------------------------------------


def test_a_store_of_another_format_is_refused(folder, monkeypatch):
    monkeypatch.setattr(module, "FORMAT", 99)
    DiskStore(folder).close()
    monkeypatch.undo()
    with pytest.raises(
        StoreError, match=r"has format 99, this wanx-sim reads and writes 1: delete"
    ):
        DiskStore(folder)


def test_a_folder_of_somebody_elses_diskcache_is_refused(folder):
    with diskcache.Cache(str(folder / "tasks")) as cache:
        cache["mine"] = b"value"
    with pytest.raises(StoreError, match="has format None"):
        DiskStore(folder)


def test_a_path_that_cannot_be_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot be used .* choose another folder") as caught:
        DiskStore(tmp_path / "file" / "store")
    assert str(tmp_path / "file") in str(caught.value)


def test_a_file_that_is_no_database_is_refused(folder):
    (folder / "tasks").mkdir(parents=True)
    (folder / "tasks" / "cache.db").write_bytes(b"not a database, but long enough to be one" * 50)
    with pytest.raises(StoreError, match="cannot be used"):
        DiskStore(folder)


def test_a_damaged_task_is_refused(disk, make_task):
    disk.add(make_task())
    disk._tasks.set(make_task().task_id, b'{"task_id": ')
    with pytest.raises(StoreError, match=r"holds a damaged task .* delete the folder"):
        disk.get(make_task().task_id)


def test_a_full_disk_is_a_store_error_and_loses_nothing(disk, make_task):
    ((pages,),) = disk._tasks._sql("PRAGMA page_count").fetchall()
    disk._tasks._sql(f"PRAGMA max_page_count = {pages + 1}").fetchall()
    added = []

    def fill():
        for number in range(1000):
            disk.add(make_task(number, prompt="花" * 500))
            added.append(make_task(number).task_id)

    with pytest.raises(StoreError, match=r"cannot be used \(database or disk is full\): make room"):
        fill()
    assert added
    assert [task.task_id for task in disk.tasks()] == added


@pytest.mark.parametrize("act", ["add", "get", "update", "tasks", "picture", "clear"])
def test_every_trouble_of_the_database_is_a_store_error(disk, monkeypatch, make_task, act):
    def broken(*_, **__):
        raise OperationalError("disk I/O error")

    for cache in (disk._tasks, disk._pictures):
        for name in ("add", "get", "set", "transact", "clear"):
            monkeypatch.setattr(cache, name, broken)
    monkeypatch.setattr(diskcache.Cache, "__iter__", broken)
    acts = {
        "add": lambda: disk.add(make_task()),
        "get": lambda: disk.get(make_task().task_id),
        "update": lambda: disk.update(make_task().task_id, cut),
        "tasks": lambda: list(disk.tasks()),
        "picture": lambda: disk.picture("key", lambda: b""),
        "clear": disk.clear,
    }
    with pytest.raises(StoreError, match="disk I/O error"):
        acts[act]()


# --- opening ------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["memory://", "memory:"])
def test_memory_is_opened_by_its_url(url):
    assert isinstance(open_store(url), MemoryStore)


def test_a_folder_is_opened_by_its_url(folder):
    store = open_store(f"disk:{folder}")
    assert repr(store) == f"<DiskStore {folder}>"
    store.close()


def test_the_default_folder_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "user_cache_path", lambda name, **_: tmp_path / name)
    store = open_store("disk:")
    assert store.folder == tmp_path / "wanx-sim" / "store"
    store.close()


@pytest.mark.parametrize("url", ["", "tape:", "memory://name", "/some/path"])
def test_any_other_url_is_refused_with_those_there_are(url):
    with pytest.raises(StoreError, match=r"no store is named .*; known: memory://, disk:"):
        open_store(url)
