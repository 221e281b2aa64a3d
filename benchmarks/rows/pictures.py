"""A result picture, 1024 x 1024 with a Chinese prompt on it: the first time, and again.

Ours is got by its signed link through `asgi_app()`, as a server would ask for it, so a figure holds
the routing and the check of the signature too. First is the first time that anybody asks for that
picture; every picture has another prompt. What the first picture of a process costs on top (glyphs,
gradients) is in the round that does not count.

Against it, what Pillow needs to draw and encode as much: an RGB gradient and two lines of text, at
zlib's level 6, which is Pillow's own default.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from ..harness.bench import Bench
from ..harness.figures import Measure, Sample, Series, alone, at_most, times_as_fast
from ..harness.peers import Absent
from ..harness.processes import Worker
from ..harness.rows import Result, Row, Shown, Unit

_PILLOW = "Pillow, RGB, level 6"

FIRST = Row(
    name="picture-first",
    work="a 1024 x 1024 picture, first time",
    against=f"({_PILLOW})",
    unit=Unit.MILLISECONDS,
    goal=at_most(5),
)
FASTER = Row(name="picture-pillow", work="pictures in the time of one of Pillow's", against=_PILLOW)
AGAIN = Row(
    name="picture-again",
    work="the same picture again",
    unit=Unit.MILLISECONDS,
    goal=at_most(0.1),
)
SIZE = Row(
    name="picture-size",
    work="bytes of the largest",
    against=f"({_PILLOW})",
    unit=Unit.KILOBYTES,
    goal=at_most(40),
)
ROWS = (FIRST, FASTER, AGAIN, SIZE)


def measure(bench: Bench) -> Iterator[Result]:
    """Measure the rows that are wanted."""
    sizes: dict[str, int] = {}
    with ExitStack() as stack:
        measures, absent = _measures(bench, stack, sizes)
        found = bench.compare("pictures", measures, 15)
    first, pillow = found["first"], found.get("Pillow")
    others = [pillow] if pillow else []
    if bench.wants(FIRST):
        yield FIRST.result(alone(first), first, *others)
    if bench.wants(FASTER):
        yield _faster(first, pillow, absent)
    if bench.wants(AGAIN):
        yield AGAIN.result(alone(found["again"]), found["again"])
    if bench.wants(SIZE):
        largest = [Series(who, (Sample(size),)) for who, size in sizes.items()]
        yield SIZE.result(alone(largest[0]), *largest, shown=Shown.SIZE)


def _faster(first: Series, pillow: Series | None, absent: str) -> Result:
    if pillow is None:
        return FASTER.skipped(absent)
    return FASTER.result(times_as_fast(first, pillow), first, pillow)


def _measures(
    bench: Bench, stack: ExitStack, sizes: dict[str, int]
) -> tuple[dict[str, Measure], str]:
    ours = stack.enter_context(Worker("pictures"))
    count, often = bench.number(20, 2), bench.number(500, 10)

    def largest(worker: Worker, task: str, who: str) -> Sample:
        said = worker.ask(task, count)
        sizes[who] = max(sizes.get(who, 0), said["result"])
        return Sample(said["seconds"] / count, said["cpu_seconds"] / count)

    def first() -> Sample:
        ours.ask("prepare", count)
        return largest(ours, "first", "ours")

    measures: dict[str, Measure] = {"first": first, "again": lambda: ours.measure("again", often)}
    try:
        python = bench.peers.needed("pylopdf_fonts_zh_cn")
    except Absent as why:
        return measures, str(why)
    theirs = stack.enter_context(Worker("pillow_picture", python=python))
    measures["Pillow"] = lambda: largest(theirs, "draw", "Pillow")
    return measures, ""
