"""Virtual sleep on asyncio: when is it certain that nothing else in a loop can run?

A loop does not say so. Each of its tasks does: it can run, or it waits for other tasks, or it
waits for something else, and that might be a real network. The last kind holds time for some real
naps from when it was last seen to move (`timeline.NAPS`), so that answers arrive before time goes
on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from .timeline import FEW_NAPS, NAP, NAPS, Timeline

Task = asyncio.Task[Any]

_QUIET = 5
"""Passes of the loop in a row in which no task could run. One is not enough: who wakes a task is
often a callback of a callback."""

_SPINNING = 1000
"""Passes after which tasks that are always ready count as waiting: ``while …: await sleep(0)``."""

_WAITS_FOR_TASKS = {
    ("asyncio.tasks", "wait_for"),  # on Python 3.11, whose wait_for runs a task of its own
    ("asyncio.tasks", "_wait"),
    ("asyncio.taskgroups", "TaskGroup.__aexit__"),
    ("asyncio.taskgroups", "TaskGroup._aexit"),
    ("anyio._backends._asyncio", "TaskGroup.__aexit__"),
    ("anyio._backends._asyncio", "TestRunner._call_in_runner_task"),
}
"""Where a task stands that waits for other tasks by a future of its own: module and function."""


class Sleepers:
    """The sleepers of all loops, and for each loop with some a watch over it."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()

    async def sleep(self, seconds: float) -> None:
        """Sleep until the timeline has come so far."""
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        moment = self._timeline.sleep(seconds, lambda: soon(loop, _wake, woken))
        watch = self._watches.setdefault(loop, _Watch(loop, self._timeline))
        watch.add(woken)
        try:
            await woken
        finally:
            watch.remove(woken)
            self._timeline.drop(moment)


def soon(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
    """Call something in a loop, from any thread; if the loop has ended, nobody waits there."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


class _Watch:
    """Looks at one loop while somebody sleeps there, and moves time when nothing else can run."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeline: Timeline) -> None:
        self._loop, self._timeline = loop, timeline
        self._sleeping: set[asyncio.Future[None]] = set()
        self._looking = False
        self._changes = self._quiet = self._passes = self._naps = 0
        self._waits: dict[Task, object] = {}
        self._in_vain: dict[Task, object] = {}
        """What was waited for already, and did not come."""
        self._since = 0.0

    def add(self, woken: asyncio.Future[None]) -> None:
        self._sleeping.add(woken)
        if not self._looking:
            self._looking = True
            self._loop.call_soon(self._look)

    def remove(self, woken: asyncio.Future[None]) -> None:
        self._sleeping.discard(woken)

    def _look(self) -> None:
        if not self._sleeping:
            self._looking = False
            return
        tasks = [(task, waited_for(task)) for task in asyncio.all_tasks(self._loop)]
        others = [(task, future) for task, future in tasks if future not in self._sleeping]
        self._see_changes({task: future for task, future in others if _external(task, future)})
        if any(future is None or future.done() for _, future in others):
            self._quiet = 0
        else:
            self._quiet += 1
        if self._settled():
            self._in_vain = self._waits
            self._timeline.move()
        if self._quiet <= _QUIET:
            self._loop.call_soon(self._look)
        else:
            self._naps += 1
            self._loop.call_later(NAP, self._look)

    def _see_changes(self, waits: dict[Task, object]) -> None:
        self._passes += 1
        if self._changes != self._timeline.changes or waits != self._waits:
            self._changes, self._waits = self._timeline.changes, waits
            self._passes = self._quiet = self._naps = 0
            self._since = time.monotonic()

    def _settled(self) -> bool:
        if self._timeline.held():
            return False
        if self._quiet >= _QUIET:
            return self._naps >= self._naps_wanted()
        return self._passes >= _SPINNING and time.monotonic() - self._since >= NAPS * NAP

    def _naps_wanted(self) -> int:
        if self._waits.items() <= self._in_vain.items():
            return 0 if not self._waits and self._timeline.alone else FEW_NAPS
        return NAPS


def waited_for(task: Task) -> asyncio.Future[Any] | None:
    """The future that a task waits for; None if it can run."""
    future: asyncio.Future[Any] | None = getattr(task, "_fut_waiter", None)
    return future


def _external(task: Task, future: asyncio.Future[Any] | None) -> bool:
    """Whether a task waits for something that is no task of its loop, as far as one can see."""
    if future is None or isinstance(future, asyncio.Task) or hasattr(future, "_children"):
        return False  # `_children` are what `gather` waits for
    return _place(task) not in _WAITS_FOR_TASKS


def _place(task: Task) -> tuple[str, str]:
    """Where a task stands: the innermost coroutine that it is in."""
    coroutine: Any = task.get_coro()
    while hasattr(inner := getattr(coroutine, "cr_await", None), "cr_frame"):
        coroutine = inner
    frame = getattr(coroutine, "cr_frame", None)
    if frame is None:
        return "", ""
    return frame.f_globals.get("__name__", ""), frame.f_code.co_qualname
