"""The queue: more tasks than may run at a time wait, in the order in which they came.

A place in the queue is worked out when a task is created, from the plans ahead of it, and again
when one of those ends otherwise than planned. So nobody has to watch the queue.

[documented: rate-limit page, "only N run at a time, the other queued jobs wait"; that page's own
heading speaks of throttling instead, hence `Account.over_running`]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from .lifecycle import RETENTION, Plan, Status, status


def waiting_or_running(plans: Iterable[Plan], now: float) -> list[Plan]:
    """Those that have not ended, in their order."""
    return [plan for plan in plans if not status(plan, now).terminal]


def place(plan: Plan, ahead: Sequence[Plan], running: int, now: float) -> Plan:
    """A plan's moments behind those ahead of it, of which ``running`` may run at a time.

    Only seconds queue: a task that goes by polls, or by hand, is told when to run.
    """
    if plan.pending.seconds is None or plan.running.seconds is None:
        return plan
    starts = [now, plan.submitted + plan.pending.seconds]
    starts += [other.scheduled for other in ahead if other.scheduled is not None]
    ends = sorted(_end(other) for other in ahead)
    # Its turn comes when all but running-1 of those ahead have ended.
    if len(ends) >= running:
        starts.append(ends[-running])
    start = max(starts)
    return msgspec.structs.replace(plan, scheduled=start, ended=start + plan.running.seconds)


def _end(plan: Plan) -> float:
    """When a plan gives its place free; one without an end is forgotten at last."""
    return plan.submitted + RETENTION if plan.ended is None else plan.ended


def replace_all(plans: Sequence[Plan], running: int, now: float) -> list[Plan]:
    """The plans of a whole queue, those that still wait placed anew."""
    placed: list[Plan] = []
    for plan in plans:
        waits = status(plan, now) is Status.PENDING
        ahead = waiting_or_running(placed, now)
        placed.append(place(plan, ahead, running, now) if waits else plan)
    return placed
