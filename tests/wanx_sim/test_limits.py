"""The limits of an account: rates, the queue of running tasks, quota and good standing."""

from __future__ import annotations

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st

from wanx_sim import Account, ManualClock, Simulator, Status
from wanx_sim.cli import cli
from wanx_sim.faces.server import Server

CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
FLASH = "wan2.2-t2i-flash"  # two creates a second, two running tasks


class Caller:
    """An application with one key."""

    def __init__(self, sim, key="sk-a"):
        self.sim = sim
        self.http = httpx.Client(
            transport=sim.transport(),
            base_url="https://dashscope.aliyuncs.com",
            headers={"authorization": f"Bearer {key}", "x-dashscope-async": "enable"},
        )

    def create(self, model=FLASH, prompt="一间花店", n=1):
        body = {"model": model, "input": {"prompt": prompt}, "parameters": {"n": n}}
        return self.http.post(CREATE, json=body)

    def created(self, **order):
        """Create a task at a rate that no limit minds; its id."""
        self.sim.clock.advance(1)
        return self.create(**order).json()["output"]["task_id"]

    def cancel(self, task_id):
        return self.http.post(f"/api/v1/tasks/{task_id}/cancel")

    def statuses(self, *ids):
        return [self.sim.tasks[task_id].status for task_id in ids]


def simulator(**more):
    return Simulator(timing="seconds:0,60", clock=ManualClock(), rate_limits=True, **more)


@pytest.fixture
def sim():
    return simulator()


@pytest.fixture
def caller(sim):
    return Caller(sim)


@pytest.mark.proves("account.create-rate")
def test_creates_beyond_the_rate_get_429(caller):
    codes = [caller.create().status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_a_second_later_the_rate_is_free_again(caller, sim):
    for _ in range(2):
        caller.create()
    sim.clock.advance(1)
    assert caller.create().status_code == 200


def test_a_refused_create_leaves_no_task(caller, sim):
    for _ in range(3):
        caller.create()
    assert len(sim.tasks) == 2


def test_each_model_has_a_rate_of_its_own(caller):
    for _ in range(2):
        caller.create()
    assert caller.create(model="wan2.2-t2i-plus").status_code == 200


def test_each_key_has_a_rate_of_its_own(caller, sim):
    for _ in range(2):
        caller.create()
    assert Caller(sim, "sk-b").create().status_code == 200


def test_the_twenty_first_query_of_a_second_gets_429(caller):
    codes = [caller.http.get("/api/v1/tasks/1111").status_code for _ in range(21)]
    assert codes == [200] * 20 + [429]


def test_queries_lists_and_cancels_share_their_rate(caller):
    for _ in range(19):
        caller.http.get("/api/v1/tasks/1111")
    caller.http.get("/api/v1/tasks")
    assert caller.cancel("1111").json()["code"] == "Throttling.RateQuota"


def test_without_the_switch_nothing_is_limited(caller, sim):
    sim.rate_limits = False
    assert {caller.create().status_code for _ in range(30)} == {200}


@pytest.mark.proves("account.queue")
def test_tasks_beyond_the_running_limit_stay_pending(caller, sim):
    ids = [caller.created() for _ in range(3)]
    sim.clock.advance(30)
    assert caller.statuses(*ids) == [Status.RUNNING, Status.RUNNING, Status.PENDING]


def test_the_next_in_the_queue_runs_when_a_place_is_free(caller, sim):
    ids = [caller.created() for _ in range(3)]
    sim.clock.advance(58)  # the first, two seconds older than the third, ends at its 60th
    assert caller.statuses(*ids) == [Status.SUCCEEDED, Status.RUNNING, Status.RUNNING]


def test_the_running_of_one_key_does_not_hold_up_another(caller, sim):
    for _ in range(2):
        caller.created()
    task_id = Caller(sim, "sk-b").created()
    assert caller.statuses(task_id) == [Status.RUNNING]


def test_a_cancelled_task_gives_its_place_in_the_queue_to_the_next(caller, sim):
    ids = [caller.created() for _ in range(5)]  # two run; the third and fourth come next
    before = sim.tasks[ids[4]].record.plan.scheduled
    assert caller.cancel(ids[2]).status_code == 200
    assert sim.tasks[ids[4]].record.plan.scheduled < before


def test_a_task_that_is_finished_by_hand_lets_the_next_run_at_once(caller, sim):
    ids = [caller.created() for _ in range(3)]
    sim.finish(ids[0])
    assert caller.statuses(ids[2]) == [Status.RUNNING]


def test_a_stuck_task_holds_its_place(caller, sim):
    caller.created(prompt="[[stuck]]")
    caller.created(prompt="[[stuck]]")
    task_id = caller.created()
    sim.clock.advance(hours=1)
    assert caller.statuses(task_id) == [Status.PENDING]


def test_nobody_overtakes_in_the_queue(caller, sim):
    first = caller.created(prompt="[[pending:100s]] 慢")
    second = caller.created(prompt="快")
    assert caller.statuses(first, second) == [Status.PENDING, Status.PENDING]
    sim.clock.advance(100)
    assert caller.statuses(first, second) == [Status.RUNNING, Status.RUNNING]


@pytest.mark.proves("account.over-running")
def test_a_task_over_the_limit_can_be_refused_instead(caller, sim):
    sim.account = Account(over_running="refuse")
    for _ in range(2):
        caller.created()
    sim.clock.advance(1)
    assert caller.create().json()["code"] == "Throttling.RateQuota"


def test_the_queue_survives_a_restart(tmp_path):
    sim = simulator(store=f"disk:{tmp_path}")
    caller = Caller(sim)
    for _ in range(2):
        caller.created()
    sim.close()
    again = simulator(store=f"disk:{tmp_path}")
    again.clock.advance(max(0.0, sim.clock.now() - again.clock.now()))
    assert Caller(again).statuses(Caller(again).created()) == [Status.PENDING]
    again.close()


@pytest.mark.proves("account.arrears", "account.granted")
@pytest.mark.parametrize(
    ("account", "status", "code"),
    [
        (Account(arrears=True), 400, "Arrearage"),
        (Account(granted=frozenset({"wan2.5-t2i-preview"})), 403, "Model.AccessDenied"),
    ],
)
def test_an_account_that_is_not_in_order_is_refused(caller, sim, account, status, code):
    sim.account = account
    answer = caller.create()
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(sim.tasks) == 0


@pytest.mark.proves("account.free-tier")
def test_the_free_tier_ends_with_its_last_free_image(caller, sim):
    sim.account = Account(free_tier_only=True)
    for _ in range(25):  # 4 images each: the model has 100
        caller.created(n=4)
    sim.clock.advance(1)
    assert caller.create().json()["code"] == "AllocationQuota.FreeTierOnly"


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.sampled_from(["create", "cancel", "finish", "wait"]), max_size=25))
def test_never_do_more_run_than_may_and_the_first_to_come_is_the_first_to_run(steps):
    sim = simulator()
    caller, ids = Caller(sim), []
    for step in steps:
        pending = [i for i in ids if sim.tasks[i].status is Status.PENDING]
        running = [i for i in ids if sim.tasks[i].status is Status.RUNNING]
        if step == "create":
            ids.append(caller.created())
        elif step == "cancel" and pending:
            caller.cancel(pending[len(pending) // 2])
        elif step == "finish" and running:
            sim.finish(running[0])
        else:
            sim.clock.advance(37)
        statuses = caller.statuses(*ids)
        assert statuses.count(Status.RUNNING) <= 2
        waiting = statuses.index(Status.PENDING) if Status.PENDING in statuses else len(ids)
        assert Status.RUNNING not in statuses[waiting:]


# --- the command


def test_the_command_line_sets_limits_and_account(monkeypatch):
    served = []
    monkeypatch.setattr(Server, "run", lambda server, **_: served.append(server.service))
    arguments = ["--rate-limits", "--over-running", "refuse", "--arrears", "--free-tier-only"]
    arguments += ["--grant", FLASH, "--grant", "wan2.2-t2i-plus"]
    done = CliRunner().invoke(cli, ["serve", "--store", "memory://", *arguments])
    assert done.exit_code == 0, done.output
    assert served[0].rate_limits
    assert served[0].account == Account(
        arrears=True,
        free_tier_only=True,
        granted=frozenset({FLASH, "wan2.2-t2i-plus"}),
        over_running="refuse",
    )


def test_without_options_the_account_is_in_order(monkeypatch):
    served = []
    monkeypatch.setattr(Server, "run", lambda server, **_: served.append(server.service))
    CliRunner().invoke(cli, ["serve", "--store", "memory://"])
    assert served[0].account == Account()
