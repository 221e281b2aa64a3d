"""Virtual sleep on trio, which itself knows when nothing else can run."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import trio
from trio.lowlevel import (
    add_instrument,
    current_statistics,
    current_task,
    current_trio_token,
    remove_instrument,
    spawn_system_task,
)
from trio.testing import wait_all_tasks_blocked

from .timeline import NAP, NAPS, Timeline


class Sleepers:
    """The sleepers of all runs of trio, and for each run with some a task that moves time."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._asleep: WeakKeyDictionary[trio.lowlevel.TrioToken, int] = WeakKeyDictionary()

    async def sleep(self, seconds: float) -> None:
        """Sleep until the timeline has come so far."""
        __tracebackhide__ = True
        token = current_trio_token()
        woken = trio.Event()
        moment = self._timeline.sleep(seconds, lambda: soon(token, woken))
        if token not in self._asleep:
            self._asleep[token] = 0
            spawn_system_task(self._watch, token)
        self._asleep[token] += 1
        try:
            await woken.wait()
        finally:
            self._timeline.drop(moment)
            if token in self._asleep:  # a run that ends takes the watch with it
                self._asleep[token] -= 1

    async def _watch(self, token: trio.lowlevel.TrioToken) -> None:
        steps = _Steps(current_task())
        add_instrument(steps)
        try:
            while self._asleep[token]:
                if await self._settled(steps):
                    self._timeline.move()
        finally:
            remove_instrument(steps)
            del self._asleep[token]

    async def _settled(self, steps: _Steps) -> bool:
        await wait_all_tasks_blocked()
        if not (self._timeline.held() or _network()) and self._timeline.alone:
            return True
        seen = self._timeline.changes, steps.of_others
        for _ in range(NAPS):
            await wait_all_tasks_blocked(NAP)
            if seen != (self._timeline.changes, steps.of_others):
                return False
        return not self._timeline.held()


class _Steps(trio.abc.Instrument):
    """Counts what other tasks do."""

    def __init__(self, watch: trio.lowlevel.Task) -> None:
        self._watch = watch
        self.of_others = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.of_others += task is not self._watch


def soon(token: trio.lowlevel.TrioToken, event: trio.Event) -> None:
    """Set an event, from any thread; if the run has ended, nobody waits for it."""
    try:
        token.run_sync_soon(event.set)
    except trio.RunFinishedError:
        return


def _network() -> bool:
    """Whether a task waits for a socket; one is trio's own."""
    statistics = current_statistics().io_statistics
    reading = getattr(statistics, "tasks_waiting_read", 2)
    return reading + getattr(statistics, "tasks_waiting_write", 0) > 1
