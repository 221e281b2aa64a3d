"""What ``/_sim/`` can do; how a control is made of a function, `control` says."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import Any, TypeVar

import msgspec

from ..clock import Clock
from ..faults import presets, read
from ..pictures import content
from ..protocol.catalogue import PROFILES
from ..protocol.errors import ERRORS
from ..protocol.lifecycle import moments
from ..protocol.links import LIFETIME
from ..protocol.task import Task
from ..rendering import thumbnail
from ..service import Service
from ..sessions import LIMIT as MOST_SESSIONS
from ..simulator import Simulator
from ..wire import Request
from .control import CONTROLS, control
from .finding import find
from .messages import (
    Choices,
    ClockOrder,
    ClockState,
    Counts,
    Done,
    Endpoint,
    FaultList,
    Health,
    Index,
    PictureSize,
    PictureState,
    RequestFilter,
    Requests,
    SessionList,
    SessionState,
    SettingsOrder,
    SettingsState,
    Situation,
    Strikes,
    TaskFilter,
    TaskList,
    TaskOrder,
    TaskState,
    Usage,
)

_Row = TypeVar("_Row")


@cache
def version() -> str:
    """The version of wanx-kit."""
    return metadata.version("wanx-kit")


# --- the simulator as a whole -----------------------------------------------------------------


@control("GET", "/")
def index(sim: Simulator) -> Index:  # noqa: ARG001 - every simulator has the same
    """List what can be asked here."""
    found = [Endpoint(method=one.method, path=one.path, does=one.does) for one in CONTROLS]
    return Index(service=f"wanx-sim {version()}", endpoints=found)


@control("GET", "/health")
def health(service: Service) -> Health:
    """Say that it runs, and in what state."""
    if not isinstance(service, Simulator):
        return Health(ok=True, service=type(service).__name__.lower(), version=version())
    return Health(
        ok=True,
        service="simulator",
        version=version(),
        region=service.region,
        profile=service.profile,
        clock=_clock(service.clock),
        counts=Counts(
            tasks=len(service.tasks),
            requests=len(service.requests),
            faults=len(service.faults),
            sessions=len(service.sessions),
        ),
    )


@control("POST", "/reset")
def reset(sim: Simulator) -> Done:
    """Start over: no tasks, no requests, no faults; settings and the clock stay."""
    sim.reset()
    return Done()


@control("GET", "/settings")
def settings(sim: Simulator) -> SettingsState:
    """Show the settings."""
    return SettingsState(
        timing=str(sim.timing),
        seed=sim.seed,
        region=sim.region,
        validation=sim.validation,
        profile=sim.profile,
        rate_limits=sim.rate_limits,
        account=sim.account,
        magic_prompts=sim.magic_prompts,
        public_url=sim.public_url,
    )


@control("POST", "/settings")
def change_settings(sim: Simulator, order: SettingsOrder) -> SettingsState:
    """Change settings, all that are sent or, if one of them is wrong, none."""
    given = {
        name: value
        for name in order.__struct_fields__
        if (value := getattr(order, name)) is not msgspec.UNSET
    }
    sim.change(**given)
    return settings(sim)


@control("GET", "/choices")
def choices(sim: Simulator) -> Choices:  # noqa: ARG001 - every simulator has the same
    """List what orders can name: situations to arm, codes to fail with, profiles."""
    named = [Situation(name=one.name, what=one.what, tag=one.tag) for one in presets().values()]
    codes = list(dict.fromkeys(row.code for row in ERRORS))
    return Choices(presets=named, codes=codes, profiles=list(PROFILES))


@control("GET", "/usage")
def usage(sim: Simulator) -> Usage:
    """Show what the tasks would have cost."""
    ledger = sim.ledger
    return Usage(
        tasks=ledger.tasks,
        dropped=sim.tasks.dropped,
        images=ledger.images,
        cost=ledger.cost,
        currency="CNY",
        by_model=ledger.by_model,
    )


@control("GET", "/openapi.json")
def openapi(sim: Simulator) -> dict[str, object]:  # noqa: ARG001 - every simulator has the same
    """Give the OpenAPI document of the service and of what is here."""
    from .openapi import document  # noqa: PLC0415 - it is made of the controls

    return document()


# --- time -------------------------------------------------------------------------------------


def _clock(clock: Clock) -> ClockState:
    iso = clock.datetime.isoformat(timespec="milliseconds")
    return ClockState(now=clock.now(), iso=iso, speed=clock.speed, frozen=clock.speed == 0)


@control("GET", "/clock")
def clock(sim: Simulator) -> ClockState:
    """Show the clock."""
    return _clock(sim.clock)


@control("POST", "/clock")
def move_clock(sim: Simulator, order: ClockOrder) -> ClockState:
    """Let the clock jump, stand still, go on, or go faster."""
    sim.clock.advance(order.advance or 0)  # first, since only a jump may be too far
    if order.freeze is not None:
        (sim.clock.freeze if order.freeze else sim.clock.resume)()
    if order.speed is not None:
        sim.clock.speed = order.speed
    return _clock(sim.clock)


# --- faults -----------------------------------------------------------------------------------


@control("GET", "/faults")
def faults(sim: Simulator) -> FaultList:
    """List the armed faults."""
    strikes = [Strikes(fault=fault, struck=struck) for fault, struck in sim.faults.strikes]
    return FaultList(faults=list(sim.faults), strikes=strikes)


@control("POST", "/faults")
def arm(sim: Simulator, order: dict[str, Any] | list[dict[str, Any]]) -> FaultList:
    """Arm a fault, or a list of them; a preset by its name."""
    rows = order if isinstance(order, list) else [order]
    sim.faults.add(*(fault for row in rows for fault in read(row)))
    return faults(sim)


@control("DELETE", "/faults")
def disarm(sim: Simulator) -> FaultList:
    """Disarm all faults."""
    sim.faults.clear()
    return faults(sim)


# --- requests and tasks -----------------------------------------------------------------------


@control("GET", "/requests")
def requests(sim: Simulator, wanted: RequestFilter) -> Requests:
    """List the requests that were sent, newest last."""
    found = [
        entry
        for entry in sim.requests
        if wanted.operation in (None, entry.operation) and wanted.task_id in (None, entry.task_id)
    ]
    newest = _newest(found, wanted.limit)
    return Requests(total=len(found), cut=sim.requests.cut, requests=newest)


@control("GET", "/tasks")
def tasks(sim: Simulator, wanted: TaskFilter, asked: Request) -> TaskList:
    """List the tasks, newest last."""
    now = sim.clock.now()
    total, newest = find(sim.store, wanted, now)
    found = [_task(sim, task, now, asked) for task in reversed(newest)]
    return TaskList(total=total, dropped=sim.tasks.dropped, tasks=found)


def _newest(rows: list[_Row], limit: int | None) -> list[_Row]:
    return rows if limit is None else rows[-limit:]


@control("GET", "/tasks/{task_id}")
def task(sim: Simulator, task_id: str, asked: Request) -> TaskState:
    """Show one task."""
    return _task(sim, sim.tasks[task_id].record, sim.clock.now(), asked)


@control("POST", "/tasks/{task_id}")
def change_task(sim: Simulator, task_id: str, order: TaskOrder, asked: Request) -> TaskState:
    """Let a task succeed or fail now, or its links expire."""
    if order.finish:
        sim.finish(task_id)
    if order.fail is not None:
        sim.fail(task_id, order.fail)
    if order.expire_urls:
        sim.expire_urls(task_id)
    return task(sim, task_id, asked)


@control("GET", "/tasks/{task_id}/pictures/{index}")
def picture(sim: Simulator, task_id: str, index: str, wanted: PictureSize) -> bytes:
    """Show a picture of a task; to look is no download, whatever becomes of its links."""
    task = sim.tasks[task_id].record
    places = {str(place): place for place in _pictures(task, sim.clock.now())}
    if index not in places:
        known = ", ".join(places) or "none"
        raise KeyError(f"task {task_id} has no picture {index!r}; it has {known}")
    found = content(sim.store, task, places[index])
    return found if wanted.within is None else thumbnail(found, wanted.within)


def _pictures(task: Task, now: float) -> list[int]:
    """Which images of a task are there; none before it has succeeded."""
    plan = task.plan
    if plan.failure or plan.canceled is not None or moments(plan, now)[1] is None:
        return []
    return [index for index in range(task.order.n) if index not in plan.failed_images]


def _results(sim: Simulator, task: Task, now: float, asked: Request) -> list[PictureState]:
    there, failed = _pictures(task, now), task.plan.failed_images
    expires = int(task.plan.ended or 0) + LIFETIME
    expired = task.links_cut or now > expires
    if not there:
        return []
    return [
        PictureState(code=failed[index].code, message=failed[index].message)
        if index in failed
        else PictureState(url=sim.link(task, index, asked), expires=expires, expired=expired)
        for index in range(task.order.n)
    ]


def _task(sim: Simulator, task: Task, now: float, asked: Request) -> TaskState:
    scheduled, ended = moments(task.plan, now)
    failure = task.plan.failure if ended is not None else None
    return TaskState(
        task_id=task.task_id,
        status=task.status(now),
        region=task.region,
        model=task.order.model,
        prompt=task.order.prompt,
        size=task.order.size,
        n=task.order.n,
        seed=task.seed,
        images=task.good_images,
        price=float(task.price),
        submitted=task.plan.submitted,
        scheduled=scheduled,
        ended=ended,
        code=failure.code if failure else None,
        message=failure.message if failure else None,
        negative_prompt=task.order.negative_prompt,
        prompt_extend=task.order.prompt_extend,
        watermark=task.order.watermark,
        results=_results(sim, task, now, asked),
    )


# --- sessions ---------------------------------------------------------------------------------


@control("GET", "/sessions")
def sessions(sim: Simulator) -> SessionList:
    """List the sessions."""
    found = [_session(name, one) for name, one in sim.sessions.items()]
    return SessionList(sessions=found, full=len(found) >= MOST_SESSIONS)


def _session(name: str, sim: Simulator) -> SessionState:
    return SessionState(name=name, tasks=len(sim.tasks), requests=len(sim.requests))


@control("DELETE", "/sessions/{name}")
def end_session(sim: Simulator, name: str) -> Done:
    """End a session; whoever names it again gets a new one."""
    del sim.sessions[name]
    return Done()
