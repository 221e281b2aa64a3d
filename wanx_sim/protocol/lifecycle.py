"""The life cycle of a task: rules, then tables, then a small engine.

Two rules keep it simple:

1. A status is never stored. It follows from the task's `Plan` and the present, so a restart loses
   nothing, time travel is only another present, and several processes agree without talking.
2. A plan holds *when* the task leaves PENDING and when it ends. Where that is not decided by time
   it is decided by polls, or by hand: then the moment is still None, and a poll (or a person)
   writes it down once it has come.

The flow is the seed document's (section 7, and the status table of section 10)::

    PENDING --schedule--> RUNNING --succeed--> SUCCEEDED
       |                     '------fail-----> FAILED
       '------cancel------> CANCELED           (only here: cancelling RUNNING is refused)

    any of them --forget, 24 h after submission--> UNKNOWN

A task never fails straight out of PENDING: even a parameter that is refused late was first
scheduled. What is forgotten is UNKNOWN, exactly as what never was.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from math import inf

import msgspec

from .behaviour import Behaviour

RETENTION = 24 * 3600.0
"""Seconds for which the service remembers a task [documented: seed §10, task-management page]."""

_MANAGEMENT = "task-management page"

BEHAVIOURS = (
    Behaviour(
        "lifecycle.flow", "PENDING, RUNNING, then SUCCEEDED or FAILED", "documented", "seed §7"
    ),
    Behaviour(
        "lifecycle.cancel-pending",
        "a PENDING task can be cancelled and is CANCELED",
        "documented",
        _MANAGEMENT,
    ),
    Behaviour(
        "lifecycle.cancel-else",
        "cancelling a task that runs or has ended is refused",
        "observed",
        "cnblogs recording of 2024-03-01",
    ),
    Behaviour(
        "lifecycle.cancel-unknown",
        "cancelling a task that is unknown or forgotten is refused in the same words",
        "assumed",
        "no source",
    ),
    Behaviour(
        "lifecycle.retention",
        "24 h after its submission a task is UNKNOWN, whatever it was",
        "documented",
        f"seed §10; {_MANAGEMENT}",
    ),
)


class Status(StrEnum):
    """What `task_status` can say."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    UNKNOWN = "UNKNOWN"

    # That of the text it equals. An enum's own is of the member's name, and written in Python.
    __hash__ = str.__hash__

    @property
    def terminal(self) -> bool:
        """Whether nothing more will happen to such a task."""
        return self not in (Status.PENDING, Status.RUNNING)


class Event(StrEnum):
    """What can happen to a task."""

    SCHEDULE = "schedule"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    FORGET = "forget"

    __hash__ = str.__hash__


TRANSITIONS: dict[Status, dict[Event, Status]] = {
    Status.PENDING: {
        Event.SCHEDULE: Status.RUNNING,
        Event.CANCEL: Status.CANCELED,
        Event.FORGET: Status.UNKNOWN,
    },
    Status.RUNNING: {
        Event.SUCCEED: Status.SUCCEEDED,
        Event.FAIL: Status.FAILED,
        Event.FORGET: Status.UNKNOWN,
    },
    Status.SUCCEEDED: {Event.FORGET: Status.UNKNOWN},
    Status.FAILED: {Event.FORGET: Status.UNKNOWN},
    Status.CANCELED: {Event.FORGET: Status.UNKNOWN},
    Status.UNKNOWN: {},
}


class IllegalTransition(Exception):  # noqa: N818 - named for what it is
    """An event that cannot happen to a task in its present status."""

    def __init__(self, status: Status, event: Event) -> None:
        self.status, self.event = status, event
        allowed = ", ".join(TRANSITIONS[status]) or "nothing"
        super().__init__(f"a {status} task cannot {event}; what can happen to it: {allowed}")


def fire(status: Status, event: Event) -> Status:
    """The status after an event; raises `IllegalTransition`."""
    try:
        return TRANSITIONS[status][event]
    except KeyError:
        raise IllegalTransition(status, event) from None


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """Why a task or one of its images failed, in the service's words."""

    code: str
    message: str


class Leg(msgspec.Struct, frozen=True, array_like=True):
    """How long one status lasts: so many seconds, so many polls, or (neither) until told."""

    seconds: float | None = None
    polls: int | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """All that decides a task's status: its legs, the moments known so far, how it ends."""

    submitted: float
    pending: Leg
    running: Leg
    scheduled: float | None = None
    ended: float | None = None
    canceled: float | None = None
    failure: Failure | None = None
    failed_images: dict[int, Failure] = {}
    forget: Leg = Leg()
    """When the task is forgotten before its time."""
    forgotten: float | None = None
    results_in: int = 0
    """How many polls from now show the results of a task that has succeeded; 0 is all."""

    @property
    def settled(self) -> bool:
        """Whether a poll changes nothing, since no moment that is still open is up to polls."""
        forgets = self.forget.polls is not None and self.forgotten is None
        return not (forgets or self.results_in or self._counts_polls)

    @property
    def _counts_polls(self) -> bool:
        if self.ended is not None or self.canceled is not None:
            return False
        return self.running.polls is not None or (
            self.scheduled is None and self.pending.polls is not None
        )

    @property
    def stuck(self) -> bool:
        """Whether neither time nor polls will ever end it."""
        return self.ended is None and Leg() in (self.pending, self.running)


def begin(plan: Plan) -> Plan:
    """A new plan with the moments that follow from its seconds written down."""
    if plan.forget.seconds is not None:
        forgotten = plan.submitted + plan.forget.seconds
        plan = msgspec.structs.replace(plan, forgotten=forgotten)
    if plan.pending.seconds is None:
        return plan
    return _schedule(plan, plan.submitted + plan.pending.seconds)


def _schedule(plan: Plan, at: float) -> Plan:
    ended = None if plan.running.seconds is None else at + plan.running.seconds
    return msgspec.structs.replace(plan, scheduled=at, ended=ended)


def events(plan: Plan, now: float) -> Iterator[Event]:
    """What has happened to the task by now, in order."""
    if plan.canceled is not None:
        yield Event.CANCEL
    elif plan.scheduled is not None and plan.scheduled <= now:
        yield Event.SCHEDULE
        if plan.ended is not None and plan.ended <= now:
            yield Event.FAIL if plan.failure else Event.SUCCEED
    if now >= end_of_memory(plan):
        yield Event.FORGET


def end_of_memory(plan: Plan) -> float:
    """When the task is forgotten."""
    kept = plan.submitted + RETENTION
    return kept if plan.forgotten is None else min(kept, plan.forgotten)


def status(plan: Plan, now: float) -> Status:
    """The task's status at a moment."""
    current = Status.PENDING
    for event in events(plan, now):
        current = fire(current, event)
    return current


def span(plan: Plan, now: float) -> tuple[float, float]:
    """From when until before when the status is, and all moments known are, what they are now."""
    known = [at for at in (plan.scheduled, plan.ended, end_of_memory(plan)) if at is not None]
    since = max((at for at in known if at <= now), default=-inf)
    return since, min((at for at in known if at > now), default=inf)


def timeline(plan: Plan) -> list[tuple[float, Status]]:
    """What the task is, and from when on, as far as its plan says; later rows overrule earlier."""
    if plan.canceled is not None:
        found = [(plan.submitted, Status.CANCELED)]
    else:
        found = [(plan.submitted, Status.PENDING)]
        if plan.scheduled is not None:
            found.append((plan.scheduled, Status.RUNNING))
            if plan.ended is not None:
                found.append((plan.ended, Status.FAILED if plan.failure else Status.SUCCEEDED))
    found.append((end_of_memory(plan), Status.UNKNOWN))
    return found


def moments(plan: Plan, now: float) -> tuple[float | None, float | None]:
    """When the task was scheduled and when it ended, as far as both have come."""
    if plan.canceled is not None:
        return None, plan.canceled
    past = [at if at is not None and at <= now else None for at in (plan.scheduled, plan.ended)]
    return past[0], past[1]


def polled(plan: Plan, now: float) -> Plan:
    """The plan after one poll: where polls decide, they count."""
    plan = _ripened(_remembered(plan, now), now)
    if plan.results_in and status(plan, now) is Status.SUCCEEDED:
        plan = msgspec.structs.replace(plan, results_in=plan.results_in - 1)
    return plan


def _remembered(plan: Plan, now: float) -> Plan:
    if plan.forget.polls is None or plan.forgotten is not None:
        return plan
    if plan.forget.polls > 0:
        return msgspec.structs.replace(plan, forget=Leg(polls=plan.forget.polls - 1))
    return msgspec.structs.replace(plan, forgotten=now)


def _ripened(plan: Plan, now: float) -> Plan:
    if status(plan, now) is Status.PENDING and plan.pending.polls is not None:
        if plan.pending.polls > 0:
            return msgspec.structs.replace(plan, pending=Leg(polls=plan.pending.polls - 1))
        plan = _schedule(plan, now)
    if status(plan, now) is Status.RUNNING and plan.running.polls is not None:
        if plan.running.polls > 0:
            return msgspec.structs.replace(plan, running=Leg(polls=plan.running.polls - 1))
        plan = msgspec.structs.replace(plan, ended=now)
    return plan


def cancel(plan: Plan, now: float) -> Plan:
    """The plan of a task cancelled now; raises `IllegalTransition` unless it is PENDING."""
    fire(status(plan, now), Event.CANCEL)
    return msgspec.structs.replace(plan, canceled=now)


def finish(plan: Plan, now: float, failure: Failure | None = None) -> Plan:
    """The plan of a task that ends now, as told; raises `IllegalTransition` if it has ended."""
    current = status(plan, now)
    scheduled = plan.scheduled
    if current is Status.PENDING:
        current, scheduled = fire(current, Event.SCHEDULE), now
    fire(current, Event.FAIL if failure else Event.SUCCEED)
    return msgspec.structs.replace(plan, scheduled=scheduled, ended=now, failure=failure)
