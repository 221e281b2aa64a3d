"""The plan of a new task: timing, the faults that it was given, what was wrong with the request."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec

from .faults.fault import Fault, leg
from .protocol import errors, lifecycle
from .protocol.errors import Refusal
from .protocol.lifecycle import Failure, Leg, Plan
from .protocol.requests import Order
from .protocol.timing import Timing

_NO_RESULT = Failure(errors.INTERNAL_TIMEOUT.code, errors.INTERNAL_TIMEOUT.message)


def new_plan(
    now: float,
    order: Order,
    *,
    timing: Timing,
    rng: Random,
    outcomes: Iterable[Fault] = (),
    problem: Refusal | None = None,
) -> Plan:
    """All that will become of a task accepted now; only realistic timing draws from ``rng``.

    Of two faults that disagree the later one has its way, and any over the request's problem.
    """
    pending, running = timing.legs(rng, prompt_extend=order.prompt_extend)
    failure = Failure(problem.code, problem.message) if problem else None
    plan = Plan(submitted=now, pending=pending, running=running, failure=failure)
    for fault in outcomes:
        plan = msgspec.structs.replace(plan, **_changes(fault, order.n))
    if len(plan.failed_images) == order.n and plan.failure is None:
        # One good image makes a task a success; without any it is a failure [documented].
        plan = msgspec.structs.replace(plan, failure=_NO_RESULT)
    return lifecycle.begin(plan)


def _changes(fault: Fault, images: int) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if fault.pending:
        changes["pending"] = leg(fault.pending)
    if fault.running:
        changes["running"] = leg(fault.running)
    if fault.stuck:
        changes[fault.stuck.lower()] = Leg()
    if row := fault.failure:
        changes["failure"] = Failure(row.code, fault.message or row.message)
    if fault.failed_images:
        bad = min(fault.failed_images, images)
        changes["failed_images"] = {images - 1 - place: _NO_RESULT for place in range(bad)}
    if fault.unknown_after:
        changes["forget"] = leg(fault.unknown_after)
    if fault.results_after:
        changes["results_in"] = fault.results_after + 1
    return changes
