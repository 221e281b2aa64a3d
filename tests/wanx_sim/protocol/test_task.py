"""A task as it is kept: its pictures, their seeds, what it costs."""

from __future__ import annotations

import msgspec
import pytest

from wanx_sim.protocol import links
from wanx_sim.protocol.lifecycle import Failure, Leg, cancel
from wanx_sim.protocol.task import Task

FAILURE = Failure("InternalError", "broken")


def test_every_picture_is_found_by_its_key(make_task):
    task = make_task(n=4)
    keys = [links.object_key(task.task_id, index, 1030.0) for index in range(4)]
    assert [task.index_of(key) for key in keys] == [0, 1, 2, 3]


def test_a_picture_that_was_not_ordered_is_not_found(make_task):
    task = make_task(n=2)
    assert task.index_of(links.object_key(task.task_id, 2, 1030.0)) is None


def test_a_picture_that_failed_is_not_found(make_task, make_plan):
    task = make_task(plan=make_plan(failed_images={1: FAILURE}))
    assert task.index_of(links.object_key(task.task_id, 1, 1030.0)) is None


def test_a_task_without_an_end_has_no_pictures(make_task, make_plan):
    task = make_task(plan=make_plan(running=Leg(polls=1)))
    assert task.index_of(links.object_key(task.task_id, 0, 1030.0)) is None


def test_seeds_follow_each_other(make_task):
    assert [make_task().seed_of(index) for index in range(4)] == [7, 8, 9, 10]


@pytest.mark.proves("images.seeds")
def test_seeds_go_on_from_0_past_the_end_of_their_range(make_task):
    last = msgspec.structs.replace(make_task(), seed=2**31 - 1)
    assert [last.seed_of(index) for index in range(3)] == [2**31 - 1, 0, 1]


@pytest.mark.parametrize(
    ("plan", "good"),
    [
        ({}, 2),
        ({"failed_images": {0: FAILURE}}, 1),
        ({"failure": FAILURE}, 0),
        ({"running": Leg()}, 0),
        ({"running": Leg(polls=3)}, 2),
    ],
    ids=["good", "one failed", "failed", "stuck", "undecided by polls"],
)
def test_a_task_delivers_what_its_plan_does(make_task, make_plan, plan, good):
    assert make_task(plan=make_plan(**plan), n=2).good_images == good


def test_a_cancelled_task_delivers_nothing(make_task, make_plan):
    assert make_task(plan=cancel(make_plan(), 1001.0)).good_images == 0


def test_a_task_is_the_same_after_it_was_written_and_read(make_task, make_plan):
    plan = make_plan(failure=FAILURE, failed_images={1: FAILURE}, running=Leg(polls=2))
    task = make_task(plan=plan, negative_prompt="人物", seed=None, price="0.220177")
    assert msgspec.json.decode(msgspec.json.encode(task), type=Task) == task
