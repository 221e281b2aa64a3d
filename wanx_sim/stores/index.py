"""The index: in which sorted sets a task stands, so that nobody need read all tasks.

Pure, and the same for every engine. A set has a name; a task stands in it with a score:

* ``REGION/STATUS/MODEL``, each of the last two left empty as well: the lists, by submission;
* ``starts/QUEUE`` and ``frees/QUEUE``: the queues, by the moments that `protocol.queue` speaks of;
* ``until`` and ``since``: all tasks whose status time changes, by when it does, by when it did.

A status is never stored, so the lists by status are right only for the moment at which they were
last settled: whoever reads one first moves the tasks whose ``until`` has come or whose ``since``
has not (a clock may have been set back). Each task moves once for each of its turns, however many
there are of it and however often lists are read.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from functools import lru_cache
from operator import add, sub
from typing import NamedTuple

import msgspec

from ..protocol.catalogue import Region
from ..protocol.lifecycle import RETENTION, Plan, timeline
from ..protocol.listing import Filter
from ..protocol.queue import frees, starts
from ..protocol.task import Task

UNTIL, SINCE = "until", "since"
MILLION = 1_000_000


Entry = tuple[str, float]
"""A place in a sorted set: its name, and the score there."""


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """Where a task stands; which of it holds now depends on how many of its turns have come."""

    submitted: float
    region: str
    model: str
    statuses: list[str]
    """Its status before the first turn and after each; empty once it is forgotten."""
    turns: list[float]
    """The moments, after its submission, at which time changes its status."""
    queue: list[Entry]

    def stage(self, now: float) -> int:
        """How many turns have come."""
        return bisect_right(self.turns, now)

    def entries(self, stage: int) -> list[Entry]:
        """All places of the task, after so many turns."""
        lists = _lists(self.region, self.model, self.statuses[stage])
        found = [(name, self.submitted) for name in lists]
        if stage < len(self.turns):
            found.append((UNTIL, self.turns[stage]))
        if stage:
            found.append((SINCE, self.turns[stage - 1]))
        found += self.queue
        return found


def standing(task: Task) -> Standing:
    """Where a task stands."""
    plan, model = task.plan, task.order.model
    turns, statuses = _turns(plan)
    queue = _queued(plan, queue_of(task.account, model))
    return Standing(plan.submitted, task.region, model, statuses, turns, queue)


def _turns(plan: Plan) -> tuple[list[float], list[str]]:
    """When time changes the status of a task, and its statuses before and after each."""
    rows = timeline(plan)
    first, end = plan.submitted, rows.pop()[0]
    turns: list[float] = []
    statuses = [""]
    for at, status in rows:
        if at <= (turns[-1] if turns else first):  # of two at one moment the later row counts
            statuses[-1] = status
        elif at < end:
            turns.append(at)
            statuses.append(status)
    if end < first + RETENTION:  # after a day it is forgotten anyway: no list reaches so far back
        turns.append(end)
        statuses.append("")
    return turns, statuses


def _queued(plan: Plan, queue: str) -> list[Entry]:
    free = frees(plan)
    if plan.canceled is not None or free <= plan.submitted:
        return []
    held = (f"frees/{queue}", free)
    if plan.scheduled is None:
        return [held]
    return [held, (f"starts/{queue}", starts(plan))]


@lru_cache(1000)
def _lists(region: str, model: str, status: str) -> tuple[str, ...]:
    if not status:
        return ()
    return (
        f"{region}//",
        f"{region}//{model}",
        f"{region}/{status}/",
        f"{region}/{status}/{model}",
    )


def queue_of(account: str, model: str) -> str:
    """The name of the queue that an account's tasks of a model wait in."""
    return f"{account}/{model}"


def list_of(region: Region, wanted: Filter) -> str:
    """The name of the list that a filter asks for."""
    return f"{region}/{wanted.status or ''}/{wanted.model or ''}"


def counted(name: str) -> bool:
    """Whether anybody wants to know how many tasks are in a set: they do of lists."""
    return name not in (UNTIL, SINCE) and not name.startswith(("frees/", "starts/"))


class Total(NamedTuple):
    """What was ordered: tasks accepted, images on the bill, their cost in millionths of a CNY."""

    tasks: int = 0
    images: int = 0
    cost: int = 0
    dropped: int = 0
    """How many of the tasks are no longer kept."""

    def plus(self, more: Total) -> Total:
        """Both together."""
        return Total(*map(add, self, more))

    def minus(self, less: Total) -> Total:
        """What this one has more."""
        return Total(*map(sub, self, less))


def bill(task: Task) -> Total:
    """What one task adds to the totals."""
    images = task.good_images
    return Total(1, images, images * _millionths(task.price))


@lru_cache(1000)
def _millionths(price: Decimal) -> int:
    return int(price * MILLION)  # no price has more than six decimals
