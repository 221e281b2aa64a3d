"""One request by httpx that never leaves the process.

`transport()` is held against the least that httpx can do: its MockTransport with a handler that
returns an empty 200. What is on top of that is the whole simulator: routing, the key, the journal,
the task's state, a signed link and some 600 bytes of JSON.

`intercept()` is held against what people use today to answer their application's own client:
respx with three canned routes (create, poll, picture), of which it finds the poll's. Both patch
httpx in the same place, and both clients are made before the measuring begins.

All poll a hundred finished tasks in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from ..harness.bench import Bench
from ..harness.figures import at_most, times_as_much
from ..harness.processes import Worker
from ..harness.rows import Result, Row

_NOTHING = "httpx.MockTransport that does nothing"

TRANSPORT = Row(
    name="transport", work="a poll through transport()", against=_NOTHING, goal=at_most(1.25)
)
TRANSPORT_ASYNC = Row(
    name="transport-async", work="the same, AsyncClient", against=_NOTHING, goal=at_most(1.25)
)
TRANSPORT_CREATE = Row(
    name="transport-create", work="a create through transport()", against=_NOTHING
)
INTERCEPT = Row(
    name="intercept",
    work="a poll through intercept()",
    against="respx with three canned routes",
    goal=at_most(1.1),
)
ROWS = (TRANSPORT, TRANSPORT_ASYNC, TRANSPORT_CREATE, INTERCEPT)

_PAIRS = (
    (TRANSPORT, "transport", "nothing", "poll"),
    (TRANSPORT_ASYNC, "transport", "nothing", "poll_async"),
    (TRANSPORT_CREATE, "transport", "nothing", "create"),
    (INTERCEPT, "intercept", "canned", "poll"),
)


def measure(bench: Bench) -> Iterator[Result]:
    """Measure the rows that are wanted."""
    count = bench.number(300, 10)
    wanted = [pair for pair in _PAIRS if bench.wants(pair[0])]
    with ExitStack() as stack:
        names = dict.fromkeys(who for _, *both, _ in wanted for who in both)
        workers = {who: stack.enter_context(Worker("in_process", who)) for who in names}
        for row, ours, theirs, task in wanted:
            contenders = {who: partial(workers[who].measure, task, count) for who in (ours, theirs)}
            found = bench.compare(row.name, contenders, 21)
            pair = found[ours], found[theirs]
            yield row.result(times_as_much(*pair), *pair)
