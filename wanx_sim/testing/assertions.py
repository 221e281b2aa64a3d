"""What a test says of an application; when it is not so, the journal is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from ..journal import Entry, Journal

if TYPE_CHECKING:
    from ..simulator import Simulator
    from ..tasks import TaskView


def no_duplicate_submits(sim: Simulator) -> None:
    """Fail if the same picture was ordered twice, however the two requests were spelt."""
    __tracebackhide__ = True
    orders: dict[object, list[TaskView]] = defaultdict(list)
    for task in sim.tasks:
        orders[task.record.region, task.record.order].append(task)
    twice = [tasks for tasks in orders.values() if len(tasks) > 1]
    if not twice:
        return
    ids = {task.task_id for tasks in twice for task in tasks}
    marked = [entry for entry in sim.requests.creates if entry.task_id in ids]
    lines = [_ordered(tasks) for tasks in twice]
    _fail([*lines, "Each order is a task of its own, and each is billed."], sim.requests, marked)


def _ordered(tasks: list[TaskView]) -> str:
    first, paid = tasks[0], sum(task.record.price * task.record.good_images for task in tasks)
    what = f"{first.model} {first.size} n={first.n} {first.prompt!r}"
    return f"the same request was accepted {len(tasks)} times, ¥{paid:.2f} in all: {what}"


def polls_at_most(sim: Simulator, n: int, task_id: str | None) -> None:
    """Fail if a task (any task, if none is named) was polled more often."""
    __tracebackhide__ = True
    polls: dict[str, list[Entry]] = defaultdict(list)
    for entry in sim.requests.queries:
        polls[entry.task_id or ""].append(entry)
    if task_id is not None:
        polls = {task_id: polls.get(task_id, [])}
    often = {polled: entries for polled, entries in polls.items() if len(entries) > n}
    if often:
        lines = [
            f"task {polled} was polled {len(entries)} times, at most {n} are wanted"
            for polled, entries in often.items()
        ]
        _fail(lines, sim.requests, [entry for entries in often.values() for entry in entries[n:]])


def all_downloaded(sim: Simulator) -> None:
    """Fail if a picture that was delivered was not fetched."""
    __tracebackhide__ = True
    lines = [
        f"task {task.task_id} delivered {_pictures(wanted)}, {found or 'none'} of them fetched"
        for task in sim.tasks
        if task.record.plan.ended is not None
        and task.record.plan.ended <= sim.clock.now()
        and (found := downloads(sim.requests, task.task_id)) < (wanted := task.record.good_images)
    ]
    if lines:
        _fail(lines, sim.requests)


def downloads(requests: Journal, task_id: str) -> int:
    """How many different pictures of a task were fetched."""
    good = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)
    fetched = [entry for entry in requests.images if entry.task_id == task_id]
    return len({entry.path for entry in fetched if entry.status in good})


def _pictures(number: int) -> str:
    return "1 picture" if number == 1 else f"{number} pictures"


def _fail(lines: Iterable[str], requests: Journal, marked: Iterable[Entry] = ()) -> None:
    __tracebackhide__ = True
    raise AssertionError("\n".join([*lines, "", requests.table(list(marked))]))
