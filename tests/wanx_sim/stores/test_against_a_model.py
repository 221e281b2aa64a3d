"""Every store against a list of tasks that is searched from end to end: whatever is done to both,
in whatever order, and wherever the clock is moved, both say the same.
"""

from __future__ import annotations

from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test as run,
)

from wanx_sim import Region, stores
from wanx_sim.protocol.lifecycle import (
    RETENTION,
    Failure,
    IllegalTransition,
    Leg,
    Plan,
    Status,
    begin,
    cancel,
    finish,
    polled,
    status,
)
from wanx_sim.protocol.listing import Filter
from wanx_sim.protocol.queue import frees, place, starts
from wanx_sim.stores import KEPT, Total, indexed, memory, open_store, ranked, sorted_sets
from wanx_sim.stores.index import queue_of

MODELS = ("wan2.5-t2i-preview", "wan2.2-t2i-flash")
ACCOUNTS = ("", "0123456789abcdef")
BROKEN = Failure("InternalError", "broken")

# Quarters of seconds are exact in a float, so that no two ways of adding them disagree.
QUARTERS = st.integers(0, 200).map(lambda quarters: quarters / 4)
LEGS = st.one_of(
    st.builds(Leg, seconds=QUARTERS), st.builds(Leg, polls=st.integers(0, 2)), st.just(Leg())
)
NUMBERS = st.integers(0, 10**6)
LATE, FEW, FORGOTTEN = 3, 6, 3


class Model(RuleBasedStateMachine):
    """A store, and the list of tasks that it should hold."""

    url = "memory://"
    keep = KEPT
    make_task = make_plan = None

    def __init__(self):
        super().__init__()
        self.place = self.new_place()
        self.store = open_store(self.place, keep=self.keep)
        self.tasks, self.dropped = [], []
        self.now = 1_700_000_000.0

    def new_place(self):
        return self.url

    def teardown(self):
        self.store.clear()
        self.store.close()

    # --- what is done

    @rule(
        pending=LEGS, running=LEGS, region=st.sampled_from(Region), model=st.sampled_from(MODELS),
        account=st.sampled_from(ACCOUNTS), n=st.integers(1, 4), bad=st.integers(0, 4),
        fails=st.booleans(), forget=st.one_of(st.none(), QUARTERS), queued=st.booleans(),
        times=st.sampled_from([1, 1, 1, 5]),
    )  # fmt: skip
    def add(self, pending, running, region, model, account, n, bad, fails, forget, queued, times):
        for _ in range(times):
            plan = self.make_plan(
                self.now, pending, running, failure=BROKEN if fails else None,
                failed_images=dict.fromkeys(range(min(bad, n)), BROKEN),
                forget=Leg() if forget is None else Leg(seconds=forget),
            )  # fmt: skip
            if queued:
                plan = place(plan, self.store.line(queue_of(account, model), 2), self.now)
            number = len(self.dropped) + len(self.tasks)
            made = self.make_task(number, plan=plan, region=region, model=model, n=n)
            task = msgspec.structs.replace(made, account=account)
            assert self.store.add(task)
            self.tasks.append(task)
            self.follow()

    def follow(self):
        """Drop what the store has dropped, if it may: the oldest, and at any time."""
        forgotten = [task.plan.submitted + RETENTION <= self.now for task in self.tasks]
        gone = len(self.tasks) - self.store.count()
        assert 0 <= gone <= max(0, len(self.tasks) - self.keep, forgotten.count(True) - FORGOTTEN)
        self.dropped += self.tasks[:gone]
        del self.tasks[:gone]
        assert len(self.tasks) < self.keep + LATE

    @precondition(lambda self: self.tasks)
    @rule(number=NUMBERS, kind=st.sampled_from(["poll", "cancel", "finish", "fail", "cut"]))
    def change(self, number, kind):
        number %= len(self.tasks)
        changes = {
            "poll": lambda plan: polled(plan, self.now),
            "cancel": lambda plan: cancel(plan, self.now),
            "finish": lambda plan: finish(plan, self.now),
            "fail": lambda plan: finish(plan, self.now, BROKEN),
            "cut": lambda plan: plan,
        }

        def changed(task):
            plan = changes[kind](task.plan)
            return msgspec.structs.replace(task, plan=plan, links_cut=kind == "cut")

        try:
            expected = changed(self.tasks[number])
        except IllegalTransition:
            with pytest.raises(IllegalTransition):
                self.store.update(self.tasks[number].task_id, changed, self.now)
            return
        assert self.store.update(self.tasks[number].task_id, changed, self.now) == expected
        self.tasks[number] = expected

    @precondition(lambda self: self.tasks)
    @rule(number=NUMBERS)
    def add_again(self, number):
        assert not self.store.add(self.tasks[number % len(self.tasks)])

    @rule(seconds=st.one_of(QUARTERS, st.just(80_000.0)))
    def wait(self, seconds):
        self.now += seconds

    @rule(seconds=QUARTERS)
    def set_the_clock_back(self, seconds):
        """No further than the last task, which cannot be of the future."""
        self.now = max(
            self.now - seconds, *(task.plan.submitted for task in self.tasks), 1_700_000_000.0
        )

    @precondition(lambda self: self.dropped)
    @rule(number=NUMBERS)
    def ask_for_what_is_gone(self, number):
        task = self.dropped[number % len(self.dropped)]
        assert self.store.get(task.task_id) is None
        assert self.store.update(task.task_id, lambda same: same, self.now) is None

    @rule()
    def clear(self):
        self.store.clear()
        self.tasks, self.dropped = [], []

    # --- what must hold

    @rule(
        region=st.sampled_from(Region), model=st.sampled_from([None, *MODELS]),
        wanted=st.sampled_from([None, *Status]), page=st.integers(1, 4), size=st.integers(1, 5),
        back=st.one_of(st.none(), st.tuples(QUARTERS, QUARTERS)),
    )  # fmt: skip
    def list(self, region, model, wanted, page, size, back):
        end = self.now if back is None else self.now - back[0]
        start = end - 86_400 if back is None else end - back[1]
        asked = Filter(start=start, end=end, model=model, status=wanted, page=page, size=size)
        found = [
            (task.plan.submitted, number)
            for number, task in enumerate(self.tasks)
            if task.region is region and asked.admits(task, self.now)
        ]
        listed = self.store.page(region, asked, self.now)
        rows = [self.tasks[number] for _, number in sorted(found, reverse=True)]
        assert listed.total == len(found)
        assert listed.tasks == rows[(page - 1) * size : page * size]

    @rule(
        account=st.sampled_from(ACCOUNTS), model=st.sampled_from(MODELS), places=st.integers(1, 3)
    )
    def look_at_the_queue(self, account, model, places):
        def of_queue(tasks):
            return [task for task in tasks if (task.account, task.order.model) == (account, model)]

        queue = of_queue(self.tasks)
        open_ones = [task for task in queue if not status(task.plan, self.now).terminal]
        name = queue_of(account, model)
        assert self.store.holders(name, self.now) == open_ones
        line = self.store.line(name, places)
        assert line.full(self.now) == (len(open_ones) >= places)
        ends = sorted(frees(task.plan) for task in open_ones)
        if line.full(self.now):
            assert line.turn == ends[-places]
        assert line.waits(self.now) == any(starts(task.plan) > self.now for task in open_ones)
        billed = queue + of_queue(self.dropped)
        assert self.store.images(name) == sum(task.good_images for task in billed)

    @rule()
    def read_all(self):
        assert [*self.store.tasks()] == self.tasks
        assert [*self.store.tasks(newest_first=True)] == self.tasks[::-1]

    @rule()
    def add_up(self):
        expected = {}
        for task in self.dropped + self.tasks:
            images, gone = task.good_images, task not in self.tasks
            bill = Total(1, images, int(task.price * images * 1_000_000), gone)
            expected[task.order.model] = expected.get(task.order.model, Total()).plus(bill)
        assert [*self.store.totals().items()] == [*expected.items()]
        assert self.store.dropped() == len(self.dropped)

    @invariant()
    def count(self):
        assert self.store.count() == len(self.tasks)


class Lasting(Model):
    """Also opened anew, and by two at a time."""

    @rule()
    def open_anew(self):
        self.store.close()
        self.store = open_store(self.place, keep=self.keep)

    @rule()
    def give_to_another(self):
        another = open_store(self.place, keep=self.keep)
        self.store, another = another, self.store
        another.close()


@pytest.fixture
def machine(make_task, monkeypatch):
    """Makes a machine; small blocks, so that there are many, and few forgotten tasks."""
    monkeypatch.setattr(ranked, "FULL", 4)
    monkeypatch.setattr(sorted_sets, "FULL", 4)
    monkeypatch.setattr(memory, "_CUT", 5)
    monkeypatch.setattr(indexed, "LATE", LATE)
    monkeypatch.setattr(stores, "FORGOTTEN_KEPT", FORGOTTEN)

    def plan(submitted, pending, running, **more):
        return begin(Plan(submitted=submitted, pending=pending, running=running, **more))

    def made(base, new_place, keep):
        members = {"new_place": new_place, "make_task": staticmethod(make_task), "keep": keep}
        return type("Machine", (base,), members | {"make_plan": staticmethod(plan)})

    return made


def examples(count):
    checks = list(HealthCheck)
    return settings(
        max_examples=count, stateful_step_count=40, deadline=None, suppress_health_check=checks
    )


@pytest.fixture(params=[KEPT, FEW], ids=["all", "few"])
def keep(request):
    """How many tasks a store keeps."""
    return request.param


def test_memory_says_what_a_plain_list_says(machine, keep):
    run(machine(Model, lambda _: "memory://", keep), settings=examples(50))


def test_disk_says_what_a_plain_list_says(machine, keep, tmp_path):
    def new_place(_):
        return f"disk:{tmp_path / uuid4().hex}"

    run(machine(Lasting, new_place, keep), settings=examples(15))


def test_redis_says_what_a_plain_list_says(machine, keep, redis_server):
    def new_place(_):
        return redis_server.url(f"model-{uuid4().hex}")

    run(machine(Lasting, new_place, keep), settings=examples(20))
