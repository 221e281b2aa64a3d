"""Cassettes: replay, loading and size, against vcrpy and cassetter.

All three record the same job of the same stand-in for the live service (`programs.photographs`),
each through httpx and into its own format; `tapes` makes 3, 300 and 3,000 jobs of it. vcrpy is what
most people use, cassetter the fastest of its successors. Both are told to match the body as well,
for without it they take two prompts for one. Theirs replay to an httpx.Client whose connections
they patch, ours through `transport()`: what each tool's documentation tells its users to do.

replay   a create and three polls of a job drawn from all, per request. httpx.MockTransport that
         does nothing is the least that any answer through httpx costs
load     the cassette is opened and one create of a job in its middle answered: what a test pays
         that uses one job, however much of the work a tool puts off
unused   the same, against a cassette that lacks what this test does not use; once for the first
         test of a process that opens the file, and once for every other
size     ten jobs with a picture of 1 MB each, all files together
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copyfile

from ..harness.bench import Bench
from ..harness.figures import (
    Measure,
    Sample,
    Series,
    at_least,
    at_most,
    times_as_fast,
    times_as_much,
)
from ..harness.rows import Result, Row, Shown, duration
from ..programs.jobs import REQUESTS
from .tapes import PEERS, PHOTOGRAPH, Library

_SIZES = _FEW, _MIDDLE, _MANY = (3, 300, 3000)
_NOTHING = "httpx.MockTransport that does nothing"
_PHOTOGRAPHS = 10

REPLAY = {
    size: Row(
        name=f"replay-{size}",
        work=f"a replayed request, cassette of {size:,} jobs",
        against=_NOTHING,
        goal=at_most(1.4),
    )
    for size in _SIZES
}
FLAT = Row(
    name="replay-flat",
    work="a replayed request, cassette of 3,000 jobs",
    against="the same of 3 jobs",
    goal=at_most(1.2),
)
REPLAY_PEERS = {
    (size, who): Row(
        name=f"replay-{size}-{who}",
        work=f"requests replayed in the time of one, {size:,} jobs",
        against=who,
    )
    for size in _SIZES
    for who in PEERS
}
LOAD = {
    (size, who): Row(
        name=f"load-{size}-{who}",
        work=f"cassettes of {size:,} jobs opened in the time of one",
        against=who,
        goal=at_least(50) if (size, who) == (_MANY, "vcrpy") else None,
    )
    for size in _SIZES
    for who in PEERS
}
UNUSED_PHOTOGRAPHS = Row(
    name="load-unused-jobs",
    work="a cassette opened, 2,999 jobs not used",
    against="2 jobs not used",
    goal=at_most(1.5),
)
UNUSED_AGAIN = Row(
    name="load-unused-again",
    work="a cassette opened again in a process, 2,999 jobs not used",
    against="2 jobs not used",
    goal=at_most(1.5),
)
UNUSED_PICTURES = Row(
    name="load-unused-pictures",
    work="a cassette opened, 10 MB of pictures not used",
    against="the same without the pictures' files",
    goal=at_most(1.5),
)
SIZE = {
    who: Row(
        name=f"size-{who}",
        work="ten jobs with 1 MB pictures, on disk",
        against=who,
    )
    for who in PEERS
}
ROWS = (
    *REPLAY.values(),
    FLAT,
    *REPLAY_PEERS.values(),
    *LOAD.values(),
    UNUSED_PHOTOGRAPHS,
    UNUSED_AGAIN,
    UNUSED_PICTURES,
    *SIZE.values(),
)


def measure(bench: Bench) -> Iterator[Result]:
    """Measure the rows that are wanted."""
    library = Library(bench)
    sizes = (3, 6, 9) if bench.quick else _SIZES
    if bench.wants(*REPLAY.values(), FLAT, *REPLAY_PEERS.values()):
        yield from _replays(bench, library, dict(zip(_SIZES, sizes, strict=True)))
    if bench.wants(*LOAD.values(), UNUSED_PHOTOGRAPHS, UNUSED_AGAIN):
        yield from _loads(bench, library, dict(zip(_SIZES, sizes, strict=True)))
    if bench.wants(UNUSED_PICTURES):
        yield _unused_pictures(bench, library)
    if bench.wants(*SIZE.values()):
        yield from _sizes(bench, library)


# --- what is measured -----------------------------------------------------------------------------


def _replays(bench: Bench, library: Library, sizes: Mapping[int, int]) -> Iterator[Result]:
    ours: dict[int, Series] = {}
    for size, jobs in sizes.items():
        rows = [REPLAY[size], *(REPLAY_PEERS[size, who] for who in PEERS)]
        if not bench.wants(*rows, *([] if size == _MIDDLE else [FLAT])):
            continue
        with ExitStack() as stack:
            workers, absent = library.able(stack, jobs, "insert")
            nothing = library.worker("ours", library.of("ours", jobs), jobs)
            workers["nothing"] = stack.enter_context(nothing)
            measures = {
                who: partial(worker.measure, "replay", _requests(bench, who, size))
                for who, worker in workers.items()
            }
            series = bench.compare(f"replay, {jobs:,} jobs", measures, 15)
        ours[size] = series["ours"]
        yield from _replayed(bench, size, series, absent)
    if bench.wants(FLAT):
        pair = ours[_MANY], ours[_FEW]
        yield FLAT.result(times_as_much(*pair), *pair)


def _requests(bench: Bench, who: str, size: int) -> int:
    """How many a round; those that look through the whole cassette each time get fewer."""
    jobs = {_FEW: 50, _MIDDLE: 5, _MANY: 1}[size] if who in PEERS else 50
    return REQUESTS * bench.number(jobs, 1)


def _replayed(
    bench: Bench, size: int, found: Mapping[str, Series], absent: Mapping[str, str]
) -> Iterator[Result]:
    if bench.wants(REPLAY[size]):
        pair = found["ours"], found["nothing"]
        yield REPLAY[size].result(times_as_much(*pair), *pair)
    for who in PEERS:
        yield _faster(REPLAY_PEERS[size, who], found, who, absent)


def _loads(bench: Bench, library: Library, sizes: Mapping[int, int]) -> Iterator[Result]:
    for size, jobs in sizes.items():
        if not bench.wants(*(LOAD[size, who] for who in PEERS)):
            continue
        with ExitStack() as stack:
            workers, absent = library.able(stack, jobs, "open")
            measures = {who: partial(worker.measure, "open", 1) for who, worker in workers.items()}
            rounds = {_FEW: 15, _MIDDLE: 7, _MANY: 3}[size]
            found = bench.compare(f"load, {jobs:,} jobs", measures, rounds, warm=False)
        for who in PEERS:
            yield _faster(LOAD[size, who], found, who, absent)
    for row, task in ((UNUSED_PHOTOGRAPHS, "open"), (UNUSED_AGAIN, "open_again")):
        if bench.wants(row):
            yield _unused_jobs(bench, library, sizes, row, task)


def _faster(row: Row, found: Mapping[str, Series], who: str, absent: Mapping[str, str]) -> Result:
    if who not in found:
        return row.skipped(absent[who])
    return row.result(times_as_fast(found["ours"], found[who]), found["ours"], found[who])


def _unused_jobs(
    bench: Bench, library: Library, sizes: Mapping[int, int], row: Row, task: str
) -> Result:
    few, many = sizes[_FEW], sizes[_MANY]
    paths = {f"{jobs:,} jobs": (library.of("ours", jobs), jobs) for jobs in (many, few)}
    result = _unused(bench, library, row, paths, task)
    more, less = result.series
    each = duration((more.value - less.value) / (many - few))
    return replace(result, note=f"{each} a job that is not used")


def _unused_pictures(bench: Bench, library: Library) -> Result:
    jobs = bench.number(_PHOTOGRAPHS, 2)
    whole = library.recorded("ours", jobs, PHOTOGRAPH)
    bare = bench.folder / "cassettes" / "without-pictures" / whole.name
    bare.parent.mkdir()
    copyfile(whole, bare)
    paths = {"with pictures": (whole, jobs), "without": (bare, jobs)}
    return _unused(bench, library, UNUSED_PICTURES, paths)


def _unused(
    bench: Bench,
    library: Library,
    row: Row,
    paths: Mapping[str, tuple[Path, int]],
    task: str = "open",
) -> Result:
    with ExitStack() as stack:
        measures: dict[str, Measure] = {}
        for what, (path, jobs) in paths.items():
            worker = stack.enter_context(library.worker("ours", path, jobs))
            measures[what] = partial(worker.measure, task, bench.number(5, 1))
        more, less = bench.compare(row.name, measures, 15).values()
    return row.result(times_as_much(more, less), more, less)


def _sizes(bench: Bench, library: Library) -> Iterator[Result]:
    bench.tell("recording ten jobs with pictures of 1 MB")
    jobs = bench.number(_PHOTOGRAPHS, 2)
    found: dict[str, Series] = {}
    for who in library.tools:
        folder = library.recorded(who, jobs, PHOTOGRAPH).parent
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        found[who] = Series(who, (Sample(size),))
    for who, row in SIZE.items():
        if who not in found:
            yield row.skipped(library.absent[who])
            continue
        pair = found["ours"], found[who]
        yield row.result(times_as_much(*pair), *pair, shown=Shown.SIZE)
