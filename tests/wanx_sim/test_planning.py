"""The plan of a new task: what decides it, and which has its way."""

from __future__ import annotations

from random import Random

import pytest

from wanx_sim import Fault, Timing
from wanx_sim.planning import new_plan
from wanx_sim.protocol import errors
from wanx_sim.protocol.errors import Refusal
from wanx_sim.protocol.lifecycle import Leg


@pytest.fixture
def plan(make_task):
    """Makes the plan of a task of some images."""

    def made(*outcomes, n=2, timing="seconds:10,20", problem=None):
        return new_plan(
            1000.0,
            make_task(n=n).order,
            timing=Timing.parse(timing),
            rng=Random(1),
            outcomes=outcomes,
            problem=problem,
        )

    return made


def test_a_plan_follows_the_timing(plan):
    made = plan()
    assert (made.scheduled, made.ended, made.failure) == (1010.0, 1030.0, None)


def test_a_fault_sets_how_long(plan):
    made = plan(Fault(pending="1s", running="2polls"))
    assert (made.scheduled, made.running) == (1001.0, Leg(polls=2))


@pytest.mark.parametrize(("status", "leg"), [("PENDING", "pending"), ("RUNNING", "running")])
def test_a_stuck_task_waits_for_nothing(plan, status, leg):
    assert getattr(plan(Fault(stuck=status)), leg) == Leg()
    assert plan(Fault(stuck=status)).ended is None


def test_a_problem_fails_the_task(plan):
    made = plan(problem=Refusal(errors.INVALID_PARAMETER, "no"))
    assert (made.failure.code, made.failure.message) == ("InvalidParameter", "no")


def test_a_fault_has_its_way_over_a_problem(plan):
    problem = Refusal(errors.INVALID_PARAMETER)
    made = plan(Fault(fail="SystemError", message="x"), problem=problem)
    assert (made.failure.code, made.failure.message) == ("SystemError", "x")


def test_a_problem_has_its_way_over_failed_images(plan):
    problem = Refusal(errors.INVALID_PARAMETER)
    assert plan(Fault(failed_images=2), problem=problem).failure.code == "InvalidParameter"


def test_the_later_fault_has_its_way(plan):
    made = plan(Fault(pending="1s", fail="SystemError"), Fault(pending="2s"))
    assert (made.scheduled, made.failure.code) == (1002.0, "SystemError")


def test_the_last_images_fail(plan):
    assert sorted(plan(Fault(failed_images=2), n=4).failed_images) == [2, 3]


@pytest.mark.parametrize("bad", [2, 9])
def test_without_a_good_image_the_task_fails(plan, bad):
    assert plan(Fault(failed_images=bad)).failure.code == "InternalError.Timeout"


def test_a_task_may_be_forgotten_early(plan):
    assert plan(Fault(unknown_after="60s")).forgotten == 1060.0
    assert plan(Fault(unknown_after="3polls")).forget == Leg(polls=3)
