"""The life cycle of a task: the table, then the engine, then what holds for any history."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from wanx_sim.protocol import lifecycle
from wanx_sim.protocol.lifecycle import (
    RETENTION,
    TRANSITIONS,
    Event,
    Failure,
    IllegalTransition,
    Leg,
    Plan,
    Status,
    fire,
)

LEGAL = {
    (Status.PENDING, Event.SCHEDULE): Status.RUNNING,
    (Status.PENDING, Event.CANCEL): Status.CANCELED,
    (Status.PENDING, Event.FORGET): Status.UNKNOWN,
    (Status.RUNNING, Event.SUCCEED): Status.SUCCEEDED,
    (Status.RUNNING, Event.FAIL): Status.FAILED,
    (Status.RUNNING, Event.FORGET): Status.UNKNOWN,
    (Status.SUCCEEDED, Event.FORGET): Status.UNKNOWN,
    (Status.FAILED, Event.FORGET): Status.UNKNOWN,
    (Status.CANCELED, Event.FORGET): Status.UNKNOWN,
}
FAILURE = Failure("InternalError", "broken")


# --- the table ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("event", Event)
def test_an_event_leads_where_the_flow_says_or_is_illegal(status, event):
    expected = LEGAL.get((status, event))
    if expected is None:
        with pytest.raises(IllegalTransition):
            fire(status, event)
    else:
        assert fire(status, event) is expected


def test_every_status_has_its_row_in_the_table():
    assert set(TRANSITIONS) == set(Status)


def test_an_illegal_event_names_status_and_event_and_what_is_legal():
    with pytest.raises(IllegalTransition) as caught:
        fire(Status.RUNNING, Event.CANCEL)
    assert str(caught.value) == (
        "a RUNNING task cannot cancel; what can happen to it: succeed, fail, forget"
    )
    assert (caught.value.status, caught.value.event) == (Status.RUNNING, Event.CANCEL)


def test_nothing_can_happen_to_a_task_that_is_forgotten():
    with pytest.raises(IllegalTransition, match="what can happen to it: nothing"):
        fire(Status.UNKNOWN, Event.FORGET)


@pytest.mark.parametrize("status", Status)
def test_all_but_pending_and_running_are_terminal(status):
    assert status.terminal == (status not in ("PENDING", "RUNNING"))


# --- by time ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (0.0, "PENDING"),
        (9.999, "PENDING"),
        (10.0, "RUNNING"),
        (29.999, "RUNNING"),
        (30.0, "SUCCEEDED"),
        (RETENTION - 0.001, "SUCCEEDED"),
        (RETENTION, "UNKNOWN"),
    ],
)
def test_seconds_decide_the_status(make_plan, after, expected):
    assert lifecycle.status(make_plan(submitted=1000.0), 1000.0 + after) == expected


def test_a_plan_with_a_failure_ends_in_failed(make_plan):
    plan = make_plan(failure=FAILURE)
    assert lifecycle.status(plan, 1015.0) == "RUNNING"
    assert lifecycle.status(plan, 1030.0) == "FAILED"


def test_a_task_that_never_ends_is_forgotten_too(make_plan):
    plan = make_plan(pending=Leg(), running=Leg())
    assert lifecycle.status(plan, 1000.0 + RETENTION - 1) == "PENDING"
    assert lifecycle.status(plan, 1000.0 + RETENTION) == "UNKNOWN"


# --- by polls -----------------------------------------------------------------------------------


def seen_by_polls(plan, polls, now=1000.0):
    statuses = []
    for _ in range(polls):
        plan = lifecycle.polled(plan, now)
        statuses.append(str(lifecycle.status(plan, now)))
    return statuses


@pytest.mark.parametrize("pending", [0, 1, 2, 5])
@pytest.mark.parametrize("running", [0, 1, 3])
def test_polls_count_exactly(make_plan, pending, running):
    plan = make_plan(pending=Leg(polls=pending), running=Leg(polls=running))
    expected = ["PENDING"] * pending + ["RUNNING"] * running + ["SUCCEEDED"] * 2
    assert seen_by_polls(plan, pending + running + 2) == expected


def test_looking_at_a_task_is_no_poll(make_plan):
    plan = make_plan(pending=Leg(polls=1), running=Leg(polls=1))
    for now in range(1000, 1100):
        assert lifecycle.status(plan, float(now)) == "PENDING"


def test_the_poll_that_ends_a_leg_writes_down_the_moment(make_plan):
    plan = make_plan(pending=Leg(polls=0), running=Leg(polls=1))
    plan = lifecycle.polled(plan, 1005.0)
    assert (plan.scheduled, plan.ended) == (1005.0, None)
    plan = lifecycle.polled(plan, 1007.0)
    assert (plan.scheduled, plan.ended, plan.settled) == (1005.0, 1007.0, True)


def test_a_leg_of_polls_may_be_followed_by_one_of_seconds(make_plan):
    plan = lifecycle.polled(make_plan(pending=Leg(polls=0), running=Leg(seconds=5.0)), 1002.0)
    assert lifecycle.status(plan, 1006.9) == "RUNNING"
    assert lifecycle.status(plan, 1007.0) == "SUCCEEDED"


def test_a_leg_of_seconds_may_be_followed_by_one_of_polls(make_plan):
    plan = make_plan(pending=Leg(seconds=10.0), running=Leg(polls=1))
    assert seen_by_polls(plan, 3, now=1001.0) == ["PENDING"] * 3
    assert seen_by_polls(plan, 3, now=1010.0) == ["RUNNING", "SUCCEEDED", "SUCCEEDED"]


def test_a_poll_of_a_forgotten_task_changes_nothing(make_plan):
    plan = make_plan(pending=Leg(polls=0), running=Leg(polls=0))
    assert lifecycle.polled(plan, 1000.0 + RETENTION) == plan


# --- by hand ------------------------------------------------------------------------------------


def test_a_pending_task_can_be_cancelled(make_plan):
    plan = lifecycle.cancel(make_plan(), 1005.0)
    assert plan.canceled == 1005.0
    assert plan.settled
    assert lifecycle.status(plan, 1031.0) == "CANCELED"


@pytest.mark.parametrize("now", [1010.0, 1029.0, 1030.0, 1000.0 + RETENTION])
def test_no_other_task_can_be_cancelled(make_plan, now):
    with pytest.raises(IllegalTransition):
        lifecycle.cancel(make_plan(), now)


def test_a_task_cannot_be_cancelled_twice(make_plan):
    with pytest.raises(IllegalTransition, match="a CANCELED task cannot cancel"):
        lifecycle.cancel(lifecycle.cancel(make_plan(), 1001.0), 1002.0)


@pytest.mark.parametrize(("failure", "expected"), [(None, "SUCCEEDED"), (FAILURE, "FAILED")])
@pytest.mark.parametrize("now", [1003.0, 1015.0])
def test_a_task_can_be_ended_at_once(make_plan, failure, expected, now):
    plan = lifecycle.finish(make_plan(), now, failure)
    assert lifecycle.status(plan, now) == expected
    assert plan.ended == now
    assert plan.scheduled == min(now, 1010.0)


def test_finishing_a_task_undoes_a_failure_that_was_planned(make_plan):
    plan = lifecycle.finish(make_plan(failure=FAILURE), 1001.0)
    assert lifecycle.status(plan, 1001.0) == "SUCCEEDED"


@pytest.mark.parametrize("failure", [None, FAILURE])
def test_a_task_that_has_ended_cannot_be_ended_again(make_plan, failure):
    with pytest.raises(IllegalTransition):
        lifecycle.finish(make_plan(), 1030.0, failure)


@pytest.mark.parametrize(
    ("pending", "running", "stuck"),
    [
        (Leg(), Leg(seconds=1.0), True),
        (Leg(seconds=1.0), Leg(), True),
        (Leg(polls=1), Leg(polls=1), False),
        (Leg(seconds=1.0), Leg(seconds=0.0), False),
    ],
)
def test_a_task_is_stuck_if_a_leg_has_no_end(make_plan, pending, running, stuck):
    assert make_plan(pending=pending, running=running).stuck == stuck


# --- whatever happens ---------------------------------------------------------------------------

LEGS = st.one_of(
    st.builds(Leg),
    st.builds(Leg, seconds=st.floats(0, 100_000)),
    st.builds(Leg, polls=st.integers(0, 4)),
)
PLANS = st.builds(
    Plan,
    submitted=st.just(1000.0),
    pending=LEGS,
    running=LEGS,
    failure=st.sampled_from([None, FAILURE]),
).map(lifecycle.begin)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["look", "poll", "poll", "poll", "cancel", "finish", "fail"]),
        st.one_of(st.just(0.0), st.floats(0, 50.0), st.floats(0, 50_000.0)),
    ),
    max_size=12,
)


def taken(plan, step, now):
    try:
        if step == "poll":
            return lifecycle.polled(plan, now)
        if step == "cancel":
            return lifecycle.cancel(plan, now)
        if step in ("finish", "fail"):
            return lifecycle.finish(plan, now, FAILURE if step == "fail" else None)
    except IllegalTransition:
        pass
    return plan


def history(plan, steps):
    now, seen = plan.submitted, [lifecycle.status(plan, plan.submitted)]
    for step, seconds in steps:
        now += seconds
        seen.append(lifecycle.status(plan, now))
        plan = taken(plan, step, now)
        seen.append(lifecycle.status(plan, now))
    return seen


def reachable(status):
    """The statuses that the table lets follow, however many events lie between."""
    found, todo = {status}, [status]
    while todo:
        news = set(TRANSITIONS[todo.pop()].values()) - found
        found |= news
        todo += news
    return found


@settings(deadline=None)
@given(plan=PLANS, steps=STEPS)
def test_a_status_never_goes_backwards(plan, steps):
    seen = history(plan, steps)
    for earlier, later in pairwise(seen):
        assert later in reachable(earlier)


@settings(deadline=None)
@given(plan=PLANS, steps=STEPS)
def test_a_task_ends_in_one_way_only(plan, steps):
    ends = {status for status in history(plan, steps) if status.terminal}
    assert len(ends - {Status.UNKNOWN}) <= 1


@settings(deadline=None)
@given(plan=PLANS, steps=STEPS)
def test_only_a_pending_task_is_ever_cancelled(plan, steps):
    now = plan.submitted
    for step, seconds in steps:
        now += seconds
        before, after = plan, taken(plan, step, now)
        if step == "cancel":
            pending = lifecycle.status(before, now) is Status.PENDING
            assert (after.canceled == now and before.canceled is None) == pending
        plan = after


@settings(deadline=None)
@given(plan=PLANS, polls=st.integers(0, 10), now=st.floats(1000.0, 100_000.0))
def test_polling_a_task_whose_moments_are_known_changes_nothing(plan, polls, now):
    for _ in range(polls):
        plan = lifecycle.polled(plan, now)
    if plan.settled:
        assert lifecycle.polled(plan, now + 1.0) == plan
