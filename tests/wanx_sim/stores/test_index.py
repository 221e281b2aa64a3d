"""The index says where a task stands, and agrees with the life cycle at every moment."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings, strategies as st

from wanx_sim.protocol.lifecycle import RETENTION, Failure, Leg, Plan, Status, begin, status
from wanx_sim.stores.index import SINCE, UNTIL, standing

QUARTERS = st.integers(0, 100).map(lambda quarters: quarters / 4)
LEGS = st.one_of(st.builds(Leg, seconds=QUARTERS), st.just(Leg()), st.just(Leg(seconds=1e6)))
PLANS = st.builds(
    lambda **fields: begin(Plan(submitted=1000.0, **fields)),
    pending=LEGS,
    running=LEGS,
    failure=st.sampled_from([None, Failure("Code", "text")]),
    forget=LEGS,
    canceled=st.sampled_from([None, 1001.0]),
)


def lists(standing, now):
    names = {name for name, _ in standing.entries(standing.stage(now))}
    return {name for name in names if name.startswith("beijing")}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # it only makes values
@given(plan=PLANS, waited=st.one_of(QUARTERS, st.just(RETENTION - 1)))
def test_a_task_is_in_the_lists_of_its_status(make_task, plan, waited):
    now = plan.submitted + waited
    shown = status(plan, now)
    in_lists = {"beijing//", f"beijing/{shown}/"}
    in_lists |= {f"{name}wan2.5-t2i-preview" for name in in_lists}
    found = lists(standing(make_task(plan=plan)), now)
    assert found == (set() if shown is Status.UNKNOWN else in_lists)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # it only makes values
@given(plan=PLANS)
@example(plan=begin(Plan(submitted=1000.0, pending=Leg(seconds=0.25), running=Leg(seconds=0.0))))
def test_it_stands_where_it_stands_from_one_turn_to_the_next(make_task, plan):
    found = standing(make_task(plan=plan))
    assert found.turns == sorted(set(found.turns))
    for stage, turn in enumerate(found.turns):
        assert (UNTIL, turn) in found.entries(stage)
        assert (SINCE, turn) in found.entries(stage + 1)
        assert found.stage(turn - 0.1) == stage
        assert found.stage(turn) == stage + 1
    assert not {name for name, _ in found.entries(len(found.turns))} & {UNTIL}
