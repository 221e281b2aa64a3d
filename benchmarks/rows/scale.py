"""A million stored tasks: what a poll, a create and a list then cost, against a thousand.

Two simulators of each store: one keeps its thousand tasks, one is filled, with steps at ten and a
hundred thousand for the plot. Both are asked in turn through `asgi_app()`, without a socket, which
would hide what a store costs behind what HTTP costs. One task in ten never ends; the lists are of
those that SUCCEEDED, ten a page, newest first. A thousand tasks have no page 1,000 of ten, so that
one is held against their last full page, the 90th.

A million is what a store keeps unless told otherwise: there each create drops an old task, too.

Memory is what is the process's own (RssAnon): what a store maps of its file, the kernel may take
back. A task's is what the last step added, so that a journal or cache that is full by then does not
count as the tasks'. For the same reason the disk store's is held against ten thousand tasks, when
the journal and all caches have just become full. The notes show all steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from ..harness.bench import Bench
from ..harness.figures import Sample, Series, alone, at_most, times_as_much
from ..harness.processes import Worker
from ..harness.rows import Result, Row, Shown, Unit, size

_STEPS = (1_000, 10_000, 100_000, 1_000_000)
_QUICK_STEPS = (200, 400)
_OPERATIONS = {
    "poll": ("a poll", 1000),
    "first_page": ("list, page 1 by status", 50),
    "deep_page": ("list, page 1,000 by status", 20),
    "create": ("a create", 300),  # the last, since it makes a thousand tasks more
}
_NAMES = {"first_page": "list-1", "deep_page": "list-1000"}
_STORES = ("memory", "disk")


def _row(store: str, operation: str) -> Row:
    return Row(
        name=f"{store}-million-{_NAMES.get(operation, operation)}",
        work=f"{_OPERATIONS[operation][0]}, 1,000,000 tasks in the {store} store",
        against="the same at 1,000",
        goal=at_most(1.5),
    )


_COSTS = {
    (store, operation): _row(store, operation) for store in _STORES for operation in _OPERATIONS
}
BYTES = Row(
    name="memory-million-bytes",
    work="memory a task, memory store",
    unit=Unit.BYTES,
    goal=at_most(450),
)
FLAT = Row(
    name="disk-million-memory",
    work="memory of the process, 1,000,000 tasks in the disk store",
    against="the same at 10,000, when the journal is full",
    goal=at_most(1.5),
)
ROWS = (*_COSTS.values(), BYTES, FLAT)


def steps(bench: Bench) -> tuple[int, ...]:
    """How many tasks are stored, the first time, the second time, and so on."""
    return _QUICK_STEPS if bench.quick else _STEPS


class _Store:
    """One store, small and filled."""

    def __init__(self, bench: Bench, name: str, stack: ExitStack) -> None:
        self.name, self.count = name, 0
        urls = [
            "memory://" if name == "memory" else f"disk:{bench.folder / f'million-{which}'}"
            for which in ("small", "filled")
        ]
        self.small, self.filled = (stack.enter_context(Worker("stored", url)) for url in urls)
        self.private: dict[int, int] = {}
        self.small.ask("fill", steps(bench)[0])

    def fill(self, count: int) -> None:
        self.filled.start("fill", count - self.count)
        self.count = count

    def filled_to(self, step: int) -> None:
        self.private[step] = self.filled.finish().get("private", 0)


def measure(bench: Bench) -> Iterator[Result]:
    """Measure the rows that are wanted."""
    with ExitStack() as stack:
        stores = [_Store(bench, name, stack) for name in _STORES if _wanted(bench, name)]
        found: dict[tuple[str, str], dict[str, Series]] = {}
        for step in steps(bench):
            bench.tell(f"filling to {step:,} tasks; a million take some minutes")
            for store in stores:  # at the same time, where there are cores for it
                store.fill(step)
            for store in stores:
                store.filled_to(step)
            for store in stores:
                found |= _asked(bench, store, step, last=step == steps(bench)[-1])
        yield from _results(bench, found, stores)


def _wanted(bench: Bench, name: str) -> bool:
    rows = [row for (store, _), row in _COSTS.items() if store == name]
    return bench.wants(*rows, BYTES if name == "memory" else FLAT)


def _asked(
    bench: Bench, store: _Store, step: int, *, last: bool
) -> dict[tuple[str, str], dict[str, Series]]:
    found = {}
    for operation, (_, full) in _OPERATIONS.items():
        count = bench.number(full, 10)
        contenders = {"filled": partial(store.filled.measure, operation, count)}
        if last:
            contenders["small"] = partial(store.small.measure, operation, count)
        what = f"{store.name} store, {step:,} tasks, {operation}"
        series = bench.compare(what, contenders, 9 if last else 3)
        found[store.name, operation] = series
        points = bench.curves.setdefault(store.name, {}).setdefault(operation, [])
        points.append((step, series["filled"].value))
    return found


def _results(
    bench: Bench,
    found: dict[tuple[str, str], dict[str, Series]],
    stores: list[_Store],
) -> Iterator[Result]:
    for place, row in _COSTS.items():
        if bench.wants(row) and place in found:
            pair = found[place]["filled"], found[place]["small"]
            yield row.result(times_as_much(*pair), *pair)
    full, (before, last) = steps(bench)[1], steps(bench)[-2:]
    for store in stores:
        held = {step: float(count) for step, count in store.private.items()}
        note = ", ".join(f"{size(count)} at {step:,}" for step, count in held.items())
        if store.name == "memory" and bench.wants(BYTES):
            each = Series("a task", (Sample((held[last] - held[before]) / (last - before)),))
            yield BYTES.result(alone(each), each, shown=Shown.SIZE, note=note)
        if store.name == "disk" and bench.wants(FLAT):
            pair = Series("filled", (Sample(held[last]),)), Series("full", (Sample(held[full]),))
            yield FLAT.result(times_as_much(*pair), *pair, shown=Shown.SIZE, note=note)
