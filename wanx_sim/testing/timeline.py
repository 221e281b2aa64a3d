"""The timeline: who sleeps until when, and the one place where virtual time moves.

Rules:

1. Time moves only when nothing else can run, and then to the next moment, no further.
2. A sleeper is a moment that time moves to. A deadline is one that it stops at on its way: by
   itself it moves nothing, so what waits for a real network is never timed out early.
3. Whoever wakes at one moment runs until it waits again before time moves to the next.

When "nothing else can run" holds is not decided here but by those who wait: `waiting`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from threading import Condition, Thread, current_thread, enumerate as threads

from ..clock import Clock
from ..errors import EndlessSleepError

NAP = 0.002
"""Real seconds of a nap. How long time stands still for others is counted in naps and not in
seconds: on a busy machine each of them takes longer, and gives the others their turn."""

NAPS = 25
"""Naps that time stands still for who might be waiting for a real network."""

FEW_NAPS = 10
"""Naps for another thread, and for who was waited for so long before without anything coming."""

MOST_SLEEPS = 10_000
"""How often a test may sleep: a loop without an end would else spin for ever."""

_ENDLESS = """the application slept {:,} times in this test, {:,.0f} s in all: this has no end.
Virtual time patches no clock, so a deadline read from time.monotonic() or time.time() never comes.
Let the application count its polls, or use asyncio.timeout, anyio.fail_after or trio.fail_after;
or let the task end: wanx_sim.finish(task_id)."""

FOREVER = 366 * 86_400.0
"""From so many seconds on, a sleep is one that nobody expects to end."""

SERVER_THREADS = "wanx-sim "
"""How the names of a simulator's own threads begin: nobody waits for them to go to sleep."""


_POOLS = {"anyio", "concurrent", "multiprocessing", "trio"}
"""Whose threads wait for work from anybody."""


@dataclass(order=True, slots=True)
class Moment:
    """One moment on the timeline, and what is to happen then."""

    due: float
    place: int
    reached: Callable[[], object] = field(compare=False)
    over: bool = field(default=False, compare=False)
    """Whether it was reached, or nobody waits for it any more."""


class Timeline:
    """The sleepers and deadlines of one test. Every method may be called from any thread."""

    def __init__(self, clock: Clock, held: Callable[[], bool] = lambda: False) -> None:
        self.held = held
        """Whether somebody is answering a request, so that time has to stand still."""
        self.changed = Condition()
        self.changes = 0
        """Grows with whatever happens here: who sees it unchanged knows that nobody moved."""
        self.elapsed = 0.0
        """Seconds that were slept so far."""
        self.sleeps = 0
        self._clock = clock
        self._sleepers: list[Moment] = []
        self._deadlines: list[Moment] = []
        self._places = count()
        self._asleep: set[Thread] = set()
        there = (thread for thread in threads() if not _of_a_pool(thread))
        self._others = {*there} - {current_thread()}

    def follows(self, thread: Thread) -> bool:
        """Whether a thread's sleeps are virtual.

        Not those of one that was there before and goes about a business of its own; a worker of
        a pool may have been made for any earlier test.
        """
        return thread not in self._others and not thread.name.startswith(SERVER_THREADS)

    @property
    def alone(self) -> bool:
        """Whether no other thread of the test could be at work."""
        awake = {thread for thread in threads() if self.follows(thread)}
        return awake <= {current_thread(), *self._asleep}

    def sleep(self, seconds: float, reached: Callable[[], object]) -> Moment:
        """Somebody sleeps.

        Raises:
            EndlessSleepError: after `MOST_SLEEPS`.
        """
        __tracebackhide__ = True
        with self.changed:
            self.sleeps += 1
            if self.sleeps > MOST_SLEEPS:
                raise EndlessSleepError(_ENDLESS.format(MOST_SLEEPS, self.elapsed))
            return self._add(self._sleepers, seconds, reached)

    def deadline(self, seconds: float, reached: Callable[[], object]) -> Moment:
        """Somebody will wait no longer than this."""
        with self.changed:
            return self._add(self._deadlines, seconds, reached)

    def _add(self, moments: list[Moment], seconds: float, reached: Callable[[], object]) -> Moment:
        moment = Moment(self.elapsed + max(0.0, seconds), next(self._places), reached)
        if seconds < FOREVER:
            heappush(moments, moment)
        self._note()
        return moment

    def drop(self, moment: Moment) -> None:
        """Nobody waits for this moment any more."""
        with self.changed:
            moment.over = True
            self._note()

    def _note(self) -> None:
        self.changes += 1
        self.changed.notify_all()

    def sleep_here(self, seconds: float) -> None:
        """Sleep in this thread, which can do nothing else meanwhile."""
        __tracebackhide__ = True
        me = current_thread()
        with self.changed:
            moment = self.sleep(seconds, lambda: None)
            self._asleep.add(me)
            try:
                while not moment.over:
                    self._wait_for_others()
            finally:
                moment.over = True
                self._asleep.discard(me)

    def _wait_for_others(self) -> None:
        if self.alone and not self.held():
            self.move()
            return
        seen = self.changes
        for _ in range(FEW_NAPS):
            self.changed.wait(NAP)
            if self.changes != seen:
                return
        if not self.held():
            self.move()

    def move(self) -> None:
        """Move time to the next moment. Only for who has seen that nothing else can run."""
        with self.changed:
            sleeper, deadline = _first(self._sleepers), _first(self._deadlines)
            if sleeper is None:
                return
            if deadline is not None and deadline.due <= sleeper.due:
                self._reach(self._deadlines, deadline.due)
            else:
                self._reach(self._sleepers, sleeper.due)
            self._note()

    def _reach(self, moments: list[Moment], due: float) -> None:
        self._clock.advance(due - self.elapsed)
        self.elapsed = due
        while (moment := _first(moments)) and moment.due <= due:
            moment.over = True
            moment.reached()


def _of_a_pool(thread: Thread) -> bool:
    target = getattr(thread, "_target", None)
    modules = {type(thread).__module__, getattr(target, "__module__", None) or ""}
    return any(module.partition(".")[0] in _POOLS for module in modules)


def _first(moments: list[Moment]) -> Moment | None:
    while moments and moments[0].over:
        heappop(moments)
    return moments[0] if moments else None
