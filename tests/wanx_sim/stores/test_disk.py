"""The store of a folder: what lasts, what is refused, what goes wrong."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from sqlite3 import OperationalError
from threading import Barrier

import diskcache
import msgspec
import pytest

from wanx_sim import Region, Simulator, StoreError
from wanx_sim.protocol.lifecycle import Leg, Status
from wanx_sim.protocol.listing import Filter
from wanx_sim.stores import Total, disk as module, open_store
from wanx_sim.stores.disk import DiskStore
from wanx_sim.stores.index import queue_of


@pytest.fixture
def disk(folder):
    opened = DiskStore(folder)
    yield opened
    opened.close()


def cut(task):
    return msgspec.structs.replace(task, links_cut=True)


# --- what lasts ---------------------------------------------------------------------------


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
    store.update(task_id, poll, 0.0)
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


# --- what is let go of --------------------------------------------------------------------

CREATES = """
import os, signal, sys
from decimal import Decimal
from wanx_sim import Region
from wanx_sim.protocol.lifecycle import Leg, Plan, begin
from wanx_sim.protocol.requests import Order
from wanx_sim.protocol.task import Task
from wanx_sim.stores import tables
from wanx_sim.stores.disk import DiskStore

folder, who, count, killed = sys.argv[1:]
store = DiskStore(folder, keep=20)
order = Order(model="wan2.2-t2i-flash", prompt="花", prompt_limit=500, width=1024, height=1024, n=1,
              prompt_extend=False, watermark=False)
plan = begin(Plan(submitted=1000.0, pending=Leg(seconds=0.0), running=Leg(seconds=0.0)))
deletes, delete = [], tables.Tables.delete

def dropping(self, numbers):
    deletes.append(numbers)
    delete(self, numbers)
    if len(deletes) == int(killed):
        os.kill(os.getpid(), signal.SIGKILL)

tables.Tables.delete = dropping
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(count)):
    task_id = f"{who}-{number}"
    store.add(Task(task_id=task_id, request_id=task_id, region=Region.BEIJING, order=order, seed=1,
                   plan=plan, price=Decimal("0.14")))
    print(task_id, flush=True)
"""


def creating(folder, who, count, killed=0):
    command = [sys.executable, "-c", CREATES, str(folder), who, str(count), str(killed)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def consistent(store):
    """The ids that a store holds, once it is sure that index, bill and records agree."""
    found = [task.task_id for task in store.tasks()]
    total, page = store.page(Region.BEIJING, Filter(start=0.0, end=1e9, size=10**6), 1000.0)
    assert total == len(page) == len(found) == store.count()
    assert [task.task_id for task in page] == found[::-1]
    assert store.totals()["wan2.2-t2i-flash"].tasks == store.count() + store.dropped()
    return found


def test_two_processes_that_drop_lose_and_double_nothing(folder, disk):
    disk.close()
    with creating(folder, "a", 400) as one, creating(folder, "b", 400) as two:
        assert [one.stdout.readline(), two.stdout.readline()] == ["ready\n", "ready\n"]
        for process in (one, two):
            process.stdin.write("go\n")
            process.stdin.flush()
        created = [process.communicate()[0].split() for process in (one, two)]
    assert [len(ids) for ids in created] == [400, 400]
    store = DiskStore(folder)
    kept = consistent(store)
    assert 20 <= len(kept) < 20 + 64
    assert store.totals()["wan2.2-t2i-flash"].tasks == 800
    for ids in created:  # of each the newest are left
        mine = [task_id for task_id in kept if task_id in ids]
        assert mine == ids[len(ids) - len(mine) :]
    store.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 on this system")
def test_a_kill_in_the_middle_of_a_drop_leaves_all_as_it_was_before(folder):
    with creating(folder, "a", 1000, killed=3) as process:
        said = process.communicate("go\n")[0].split()[1:]
    assert process.returncode == -signal.SIGKILL
    store = DiskStore(folder, keep=20)
    kept = consistent(store)
    assert kept == said[-len(kept) :]  # the create that was to drop them was never answered
    assert len(kept) == 20 + 63
    store.close()


def test_a_full_disk_in_the_middle_of_a_drop_takes_the_create_back(folder, make_task, monkeypatch):
    def full(*_):
        raise OperationalError("database or disk is full")

    store = DiskStore(folder, keep=20)
    flash = {"model": "wan2.2-t2i-flash"}
    for number in range(127):
        store.add(make_task(number, **flash))
    monkeypatch.setattr(store._tables, "delete", full)
    with pytest.raises(StoreError, match="disk is full"):
        store.add(make_task(127, **flash))
    assert len(consistent(store)) == 127 - store.dropped()
    assert store.get(make_task(127).task_id) is None
    monkeypatch.undo()
    assert store.add(make_task(127, **flash))
    assert len(consistent(store)) == 128 - store.dropped() == 20
    store.close()


def test_a_store_at_its_limit_stops_growing(folder, make_task, make_plan):
    store = DiskStore(folder, keep=500)

    def fill(numbers):
        for number in numbers:
            store.add(make_task(number, plan=make_plan(1000.0 + number), prompt="花" * 100))
        return store._tables.one("PRAGMA page_count")[0]

    full = fill(range(1500))
    assert fill(range(1500, 6000)) <= full * 1.1
    (chunks,) = store._tables.one("SELECT count(*) FROM chunk")
    assert chunks < 20
    store.close()


def test_a_store_that_was_written_before_anything_was_dropped_is_read(folder, disk, make_task):
    disk.add(make_task())
    disk.totals()
    disk._tables.run("ALTER TABLE total DROP COLUMN dropped")
    disk.close()
    store = DiskStore(folder)
    assert store.totals()["wan2.5-t2i-preview"] == Total(1, 2, 400_000, 0)
    store.close()


# --- pickle is never read -----------------------------------------------------------------


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

    def put(key):
        with diskcache.Cache(str(folder / "pictures")) as cache:
            cache[key] = Trap(marker)
        return folder

    return put


def test_the_trap_works_on_a_diskcache_as_it_comes(trapped, marker):
    with diskcache.Cache(str(trapped("key") / "pictures")) as cache:
        cache.get("key")
    assert marker.exists()


def test_a_pickled_picture_is_refused_not_loaded(trapped, marker):
    store = DiskStore(trapped("key"))
    with pytest.raises(StoreError, match="pickled value, which wanx-sim never writes and never"):
        store.picture("key", lambda: b"new")
    store.close()
    assert not marker.exists()


def test_a_pickled_key_is_refused_not_loaded(folder, disk, marker):
    with diskcache.Cache(str(folder / "pictures")) as cache:
        cache[("a", Trap(marker))] = b"value"
    with pytest.raises(StoreError, match="pickled"):
        list(disk._pictures)
    disk.clear()
    assert not marker.exists()


def test_a_task_is_no_place_for_a_pickle(disk, make_task, marker):
    disk.add(make_task())
    disk._tables.run("UPDATE task SET record = ?", pickle.dumps(Trap(marker)))
    with pytest.raises(StoreError, match="damaged task"):
        disk.get(make_task().task_id)
    assert not marker.exists()


def test_nothing_is_ever_pickled(disk):
    with pytest.raises(TypeError, match="a store's values are bytes, not list"):
        disk._pictures.set("some-key", ["no", "bytes"])
    with pytest.raises(TypeError, match="a store's keys are strings, not tuple"):
        disk._pictures.set(("no", "string"), b"")


# --- what goes wrong ----------------------------------------------------------------------


def test_a_store_of_another_format_is_refused(folder, monkeypatch):
    monkeypatch.setattr(module, "FORMAT", 99)
    DiskStore(folder).close()
    monkeypatch.undo()
    with pytest.raises(
        StoreError, match=r"has format 99, this wanx-sim reads and writes 2: delete"
    ):
        DiskStore(folder)


def test_a_folder_whose_tasks_are_in_a_diskcache_is_refused(folder):
    with diskcache.Cache(str(folder / "tasks")) as cache:
        cache["format"] = 1
    with pytest.raises(StoreError, match="has format 1, this wanx-sim reads and writes 2"):
        DiskStore(folder)


def test_a_database_of_somebody_elses_is_refused(folder):
    folder.mkdir()
    with closing(sqlite3.connect(folder / "tasks.sqlite3")) as database:
        database.execute("CREATE TABLE mine (value)")
    with pytest.raises(StoreError, match="has format 0"):
        DiskStore(folder)


def test_a_path_that_cannot_be_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot be used .* choose another folder") as caught:
        DiskStore(tmp_path / "file" / "store")
    assert str(tmp_path / "file") in str(caught.value)


def test_a_file_that_is_no_database_is_refused(folder):
    folder.mkdir()
    (folder / "tasks.sqlite3").write_bytes(b"not a database, but long enough to be one" * 50)
    with pytest.raises(StoreError, match="cannot be used"):
        DiskStore(folder)


def test_a_damaged_task_is_refused(disk, make_task):
    disk.add(make_task())
    disk._tables.run("UPDATE task SET record = ?", b"\x91")
    with pytest.raises(StoreError, match=r"holds a damaged task .* delete the folder"):
        disk.get(make_task().task_id)


def test_a_full_disk_is_a_store_error_and_loses_nothing(disk, make_task):
    (pages,) = disk._tables.one("PRAGMA page_count")
    disk._tables.run(f"PRAGMA max_page_count = {pages + 20}").fetchall()
    added = []

    def fill():
        for number in range(1000):
            disk.add(make_task(number, prompt="花" * 500))
            added.append(make_task(number).task_id)

    with pytest.raises(StoreError, match=r"cannot be used \(database or disk is full\): make room"):
        fill()
    assert added
    assert [task.task_id for task in disk.tasks()] == added
    disk._tables.run(f"PRAGMA max_page_count = {pages + 10_000}").fetchall()
    assert disk.totals()["wan2.5-t2i-preview"].tasks == len(added)
    assert disk.add(make_task(1000))


@pytest.mark.parametrize(
    "act", ["add", "get", "update", "tasks", "count", "page", "line", "totals", "picture", "clear"]
)
def test_every_trouble_of_the_database_is_a_store_error(disk, monkeypatch, make_task, act):
    def broken(*_, **__):
        raise OperationalError("disk I/O error")

    disk.add(make_task())
    for name in ("run", "one", "all"):
        monkeypatch.setattr(disk._tables, name, broken)
    for name in ("get", "set", "clear"):
        monkeypatch.setattr(disk._pictures, name, broken)
    acts = {
        "add": lambda: disk.add(make_task()),
        "get": lambda: disk.get(make_task().task_id),
        "update": lambda: disk.update(make_task().task_id, cut, 0.0),
        "tasks": lambda: list(disk.tasks()),
        "count": disk.count,
        "page": lambda: disk.page(Region.BEIJING, Filter(start=0.0, end=1.0), 1.0),
        "line": lambda: disk.line("queue", 1),
        "totals": disk.totals,
        "picture": lambda: disk.picture("key", lambda: b""),
        "clear": disk.clear,
    }
    with pytest.raises(StoreError, match="disk I/O error"):
        acts[act]()


# --- no scan ------------------------------------------------------------------------------------


def steps(store, act):
    """How many hundreds of SQLite's steps something takes: the same on every machine."""
    counted = []
    store._tables._connection.set_progress_handler(lambda: counted.append(1), 100)
    act()
    store._tables._connection.set_progress_handler(None, 0)
    return len(counted)


def test_what_is_asked_of_many_tasks_costs_no_more_than_of_a_few(disk, make_task, make_plan):
    asked = {
        "get": lambda: disk.get(make_task(1).task_id),
        "count": disk.count,
        "totals": disk.totals,
        "line": lambda: disk.line(queue_of("", "wan2.5-t2i-preview"), 2),
        "page": lambda: disk.page(Region.BEIJING, Filter(start=0.0, end=1e4), 9000.0),
        "page by status": lambda: disk.page(
            Region.BEIJING, Filter(start=0.0, end=1e4, status=Status.SUCCEEDED, page=90), 9000.0
        ),
        "page of a span": lambda: disk.page(
            Region.BEIJING, Filter(start=1000.5, end=1000.9), 9000.0
        ),
    }
    cost = []
    for numbers in (range(1, 1001), range(1001, 12_001)):
        with disk.exclusively("quicker"):
            for number in numbers:
                disk.add(make_task(number, plan=make_plan(1000.0 + number * 0.01)))
        asked["page"]()  # what has ended since is moved once
        cost.append({name: steps(disk, act) for name, act in asked.items()})
    few, many = cost
    assert {name: count for name, count in many.items() if count > few[name] + 100} == {}


# --- opening ------------------------------------------------------------------------------------


def test_a_folder_is_opened_by_its_url(folder):
    store = open_store(f"disk:{folder}")
    assert repr(store) == f"<DiskStore {folder}>"
    store.close()


def test_the_default_folder_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name, **_: tmp_path / name)
    store = open_store("disk:")
    assert store.folder == tmp_path / "wanx-sim" / "store"
    store.close()


def test_many_may_open_a_new_store_at_once(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        for round_ in range(60):
            ready = Barrier(4)

            def opened(folder=tmp_path / str(round_), ready=ready):
                ready.wait()
                DiskStore(folder).close()

            for one in [pool.submit(opened) for _ in range(4)]:
                one.result(60)
