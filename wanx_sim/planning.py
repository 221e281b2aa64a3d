"""The plan of a new task: timing, what the prompt scripts, what was wrong with the request."""

from __future__ import annotations

from random import Random

from .magic import Script
from .protocol import errors, lifecycle
from .protocol.errors import Refusal
from .protocol.lifecycle import Failure, Plan
from .protocol.requests import Order
from .protocol.timing import Timing

_NO_RESULT = Failure(errors.INTERNAL_TIMEOUT.code, errors.INTERNAL_TIMEOUT.message)


def new_plan(
    now: float,
    order: Order,
    *,
    timing: Timing,
    rng: Random,
    script: Script,
    problem: Refusal | None = None,
) -> Plan:
    """All that will become of a task accepted now; only realistic timing draws from ``rng``."""
    pending, running = timing.legs(rng, prompt_extend=order.prompt_extend)
    bad = min(script.partial, order.n)
    return lifecycle.begin(
        Plan(
            submitted=now,
            pending=script.pending or pending,
            running=script.running or running,
            failure=_failure(script, problem, all_bad=bad == order.n),
            failed_images={order.n - 1 - place: _NO_RESULT for place in range(bad)},
        )
    )


def _failure(script: Script, problem: Refusal | None, *, all_bad: bool) -> Failure | None:
    if script.fail:
        return Failure(script.fail.code, script.fail.message)
    if problem:
        return Failure(problem.code, problem.message)
    # One good image makes a task a success; without any it is a failure [documented].
    return _NO_RESULT if all_bad else None
