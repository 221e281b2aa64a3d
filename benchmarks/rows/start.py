"""From `wanx-sim serve` to its first answer, and what it then holds in memory.

Both are started as a user starts them and asked, a thousand times a second, for a task that does
not exist, until they answer. aimock is the peer that starts fastest. Ours has the disk store, which
is its default, in an empty folder. Memory is the resident set, children included, half a second
after the first answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from ..harness.bench import Bench
from ..harness.figures import Sample, alone, at_most, times_as_much
from ..harness.peers import Absent
from ..harness.processes import Server
from ..harness.rows import Result, Row, Shown, Unit
from .contenders import aimock, ours

FIRST = Row(
    name="first-answer",
    work="wanx-sim serve, to its first answer",
    against="aimock",
    goal=at_most(1.0),
)
IDLE = Row(
    name="idle-memory",
    work="resident memory of wanx-sim serve, idle",
    against="(aimock)",
    unit=Unit.MEGABYTES,
    goal=at_most(45),
)
ROWS = (FIRST, IDLE)

_SETTLING = 0.5

Start = Callable[[], Server]


def measure(bench: Bench) -> Iterator[Result]:
    """Measure the rows that are wanted."""
    starts: dict[str, Start] = {"wanx-sim": partial(ours, f"disk:{bench.folder / 'started'}")}
    absent = ""
    try:
        aimock(bench)
        starts["aimock"] = partial(aimock, bench)
    except Absent as why:
        absent = str(why)
    if bench.wants(FIRST):
        yield FIRST.skipped(absent) if absent else _first(bench, starts)
    if bench.wants(IDLE):
        memory = {who: partial(_memory, start) for who, start in starts.items()}
        found = bench.compare("memory", memory, 3, warm=False)
        yield IDLE.result(alone(found["wanx-sim"]), *found.values(), shown=Shown.SIZE)


def _first(bench: Bench, starts: dict[str, Start]) -> Result:
    times = {who: partial(_first_answer, start) for who, start in starts.items()}
    found = bench.compare("first answer", times, 11)
    pair = found["wanx-sim"], found["aimock"]
    return FIRST.result(times_as_much(*pair), *pair)


def _first_answer(start: Start) -> Sample:
    with start() as server:
        return Sample(server.first_answer, server.cpu())


def _memory(start: Start) -> Sample:
    with start() as server:
        time.sleep(_SETTLING)
        held = server.memory()
    if held is None:
        raise Absent("nothing here says how much memory a process holds")
    return Sample(held)
