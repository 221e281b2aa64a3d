"""The queue: more tasks than may run at a time wait, in the order in which they came.

A place in the queue is worked out when a task is created, from what is ahead of it, and again
when one of those ends otherwise than planned. So nobody has to watch the queue.

Two moments of each plan are all it takes: when it starts, for nobody overtakes, and when it frees
its place. Those of tasks that have ended change nothing, since they lie in the past.

[documented: rate-limit page, "only N run at a time, the other queued jobs wait"; that page's own
heading speaks of throttling instead, hence `Account.over_running`]
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappush, heappushpop
from typing import NamedTuple

import msgspec

from .lifecycle import Plan, Status, end_of_memory, status

NEVER = float("-inf")


class Line(NamedTuple):
    """What a new task has ahead of it."""

    start: float = NEVER
    """When the last of those ahead starts."""
    turn: float = NEVER
    """When there is a place free for it."""

    def full(self, now: float) -> bool:
        """Whether as many tasks as may run have not ended."""
        return self.turn > now

    def waits(self, now: float) -> bool:
        """Whether somebody waits."""
        return self.start > now


def frees(plan: Plan) -> float:
    """When a plan gives its place free: at its end, or when it is forgotten."""
    if plan.canceled is not None:
        return plan.canceled
    kept = end_of_memory(plan)
    return kept if plan.ended is None else min(plan.ended, kept)


def starts(plan: Plan) -> float:
    """When a plan is over its waiting; one whose end of waiting is not known holds nobody up."""
    return NEVER if plan.scheduled is None else min(plan.scheduled, frees(plan))


def place(plan: Plan, line: Line, now: float) -> Plan:
    """A plan's moments behind those ahead of it.

    Only seconds queue: a task that goes by polls, or by hand, is told when to run.
    """
    if plan.pending.seconds is None or plan.running.seconds is None:
        return plan
    start = max(now, plan.submitted + plan.pending.seconds, line.start, line.turn)
    return msgspec.structs.replace(plan, scheduled=start, ended=start + plan.running.seconds)


def replace_all(plans: Sequence[Plan], running: int, now: float) -> list[Plan]:
    """The plans of a whole queue, in their order, those that still wait placed anew."""
    placed: list[Plan] = []
    start = NEVER
    ends: list[float] = []  # a heap of the last ends, as many as may run
    for plan in plans:
        if status(plan, now) is Status.PENDING:
            line = Line(start, ends[0] if len(ends) == running else NEVER)
            placed.append(place(plan, line, now))
        else:
            placed.append(plan)
        start = max(start, starts(placed[-1]))
        (heappush if len(ends) < running else heappushpop)(ends, frees(placed[-1]))
    return placed
