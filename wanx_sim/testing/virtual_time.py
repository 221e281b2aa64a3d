"""Virtual time: what an application sleeps is over at once, and the simulator's clock moves on.

No clock is patched. What is replaced are the functions by which a program waits, wherever the
application refers to them; they look who calls, and leave the machinery alone (`callers`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..clock import Clock
from . import sleeping
from .callers import holds_references
from .replacements import pairs
from .sleeping import VirtualTime


@contextmanager
def virtual_time(
    clock: Clock, *, held: Callable[[], bool] = lambda: False, real: bool = False
) -> Iterator[VirtualTime]:
    """Let the application sleep on a clock, inside the block.

    Use it where there is no pytest; there the fixture `wanx_virtual_time` does it. Sleeps of
    `time`, `asyncio`, `anyio` and `trio` are over as soon as nothing else can run, in the order
    in which they would really end, and so are the deadlines that the application sets over them.

    Args:
        clock: what moves by the seconds slept, such as ``sim.clock``.
        held: whether somebody else is at work, so that time has to stand still.
        real: whether sleeps are real all the same, as they must be before a live service.
    """
    virtual = VirtualTime(clock, held)
    if real:
        yield virtual
        return
    found = list(pairs())
    sleeping.stack.append(virtual)
    _replace(found)
    try:
        yield virtual
    finally:
        sleeping.stack.remove(virtual)
        if not sleeping.stack:
            _replace([(replacement, original) for original, replacement in found])


def _replace(pairs: list[tuple[object, object]]) -> None:
    """Put one function for another wherever the application refers to it by a module's name."""
    new = {id(before): after for before, after in pairs}
    for name, module in list(sys.modules.items()):
        if not holds_references(name):
            continue
        for key, value in list(getattr(module, "__dict__", {}).items()):
            if id(value) in new:
                setattr(module, key, new[id(value)])
