"""The tasks of a simulator, as a test looks at them."""

from __future__ import annotations

import pytest


def test_tasks_come_oldest_first(api, sim):
    ids = [api.submit(prompt) for prompt in ("花", "鸟", "鱼")]
    assert [task.task_id for task in sim.tasks] == ids
    assert len(sim.tasks) == 3


def test_a_task_is_found_by_its_id_and_by_its_place(api, sim):
    ids = [api.submit(prompt) for prompt in ("花", "鸟")]
    assert sim.tasks[ids[1]].prompt == "鸟"
    assert sim.tasks[0].prompt == "花"
    assert sim.tasks[-1].prompt == "鸟"


def test_a_task_shows_what_was_asked_for(api, sim):
    task_id = api.submit("一间花店", "wan2.2-t2i-plus", size="800*1200", n=3, seed=7)
    task = sim.tasks.only
    assert (task.id, task.task_id) == (task_id, task_id)
    assert (task.model, task.prompt) == ("wan2.2-t2i-plus", "一间花店")
    assert (task.size, task.n, task.seed) == ("800*1200", 3, 7)


def test_a_task_always_shows_its_status_of_now(api, sim, clock):
    task_id = api.submit()
    task = sim.tasks.only
    assert task.status == "PENDING"
    sim.finish(task_id)
    assert task.status == "SUCCEEDED"
    clock.advance(hours=24)
    assert task.status == "UNKNOWN"


def test_looking_at_a_task_is_no_poll(api, sim):
    task_id = api.submit()
    for _ in range(10):
        assert sim.tasks.only.status == "PENDING"
    assert api.status(task_id) == "PENDING"


def test_an_unknown_id_is_a_key_error_that_counts_the_tasks(api, sim):
    api.submit()
    with pytest.raises(KeyError, match="no task has the id '1111'; there are 1"):
        sim.tasks["1111"]


def test_a_place_beyond_the_last_is_an_index_error(sim):
    with pytest.raises(IndexError):
        sim.tasks[0]


def test_only_wants_exactly_one_task(api, sim):
    with pytest.raises(AssertionError, match="expected exactly one task, found 0"):
        _ = sim.tasks.only
    first, second = api.submit("花"), api.submit("鸟")
    with pytest.raises(AssertionError, match="found 2") as caught:
        _ = sim.tasks.only
    assert first in str(caught.value)
    assert second in str(caught.value)


def test_of_many_tasks_a_message_shows_the_first(api, sim):
    ids = [api.submit() for _ in range(25)]
    with pytest.raises(AssertionError, match="found 25\n") as caught:
        _ = sim.tasks.only
    assert str(caught.value).endswith("\n  and 5 more")
    for text in (str(caught.value), repr(sim.tasks)):
        assert [task_id in text for task_id in ids] == [True] * 20 + [False] * 5
    assert repr(sim.tasks).endswith(", …]>")


def test_a_task_shows_itself_in_one_line(api, sim):
    task_id = api.submit(n=1)
    asked = "wan2.5-t2i-preview 1280*1280 n=1 '一间花店'"
    assert repr(sim.tasks.only) == f"<TaskView {task_id} PENDING {asked}>"
