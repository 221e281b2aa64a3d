"""Virtual time as an object, and which one is in force for a caller."""

from __future__ import annotations

from collections.abc import Callable
from threading import current_thread
from typing import TYPE_CHECKING

from ..clock import Clock
from . import on_asyncio
from .callers import caller
from .timeline import Timeline

if TYPE_CHECKING:
    from . import on_trio


class VirtualTime:
    """Time as an application sees it by its own sleeping."""

    def __init__(self, clock: Clock, held: Callable[[], bool]) -> None:
        self.timeline = Timeline(clock, held)
        self.on_asyncio = on_asyncio.Sleepers(self.timeline)
        self._on_trio: on_trio.Sleepers | None = None

    def __repr__(self) -> str:
        return f"<VirtualTime {self.slept:g} s slept in {self.sleeps} sleeps>"

    @property
    def slept(self) -> float:
        """Seconds that have passed because somebody slept. Who sleeps at once counts once."""
        return self.timeline.elapsed

    @property
    def sleeps(self) -> int:
        """How often somebody slept."""
        return self.timeline.sleeps

    @property
    def on_trio(self) -> on_trio.Sleepers:
        """Those who sleep on trio."""
        if self._on_trio is None:
            from . import on_trio  # noqa: PLC0415 - only who sleeps on trio has it

            self._on_trio = on_trio.Sleepers(self.timeline)
        return self._on_trio


stack: list[VirtualTime] = []
"""Those of the blocks that are open, innermost last."""


def in_force(is_real: Callable[[str], bool], depth: int = 1) -> VirtualTime | None:
    """The virtual time of who called the function that asks; None if theirs is the real one."""
    if not stack or is_real(caller(depth + 1)) or not stack[-1].timeline.follows(current_thread()):
        return None
    return stack[-1]
