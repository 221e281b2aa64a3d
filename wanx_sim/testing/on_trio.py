"""Virtual sleep on trio, which itself knows when nothing else can run."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import trio
from trio.lowlevel import current_statistics, current_trio_token, spawn_system_task
from trio.testing import wait_all_tasks_blocked

from .timeline import GRACE, Timeline


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
        try:
            while self._asleep[token]:
                await self._settle()
        finally:
            del self._asleep[token]

    async def _settle(self) -> None:
        await wait_all_tasks_blocked()
        if self._timeline.held() or _network() or not self._timeline.alone:
            seen = self._timeline.changes
            await wait_all_tasks_blocked(GRACE)
            if self._timeline.held() or seen != self._timeline.changes:
                return
        self._timeline.move()


def soon(token: trio.lowlevel.TrioToken, event: trio.Event) -> None:
    """Set an event, from any thread; if the run has ended, nobody waits for it."""
    try:
        token.run_sync_soon(event.set)
    except trio.RunFinishedError:
        return


def _network() -> bool:
    """Whether a task waits for a socket; one is trio's own."""
    statistics = current_statistics().io_statistics
    reading = getattr(statistics, "tasks_waiting_read", GRACE)
    return reading + getattr(statistics, "tasks_waiting_write", 0) > 1
