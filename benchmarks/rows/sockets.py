"""Poll and create over a socket at 32 connections, by wrk.

Every server of `contenders` is up from the beginning, and all are asked in turn, a second each. The
load generator and the server share the machine: with two cores wrk keeps one busy, which holds
back servers of several threads (WireMock's JVM). The CPU time of the server a request, children and
Redis included, is the figure that a busy machine moves least.

A hundred tasks are polled in turn, each by the same bytes every time, as a client's polls are. Ours
makes use of that: a head that it has parsed it knows again, and a poll that nothing has happened to
it answers in the same words. Creates have prompts of their own and are worked out one by one.

Polls come first: aimock forgets all but its last 10,000 tasks, and the reference 50,000.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from ..harness.bench import Bench
from ..harness.figures import Measure, Series, at_least, times_as_fast
from ..harness.load import CONNECTIONS, Request, load
from ..harness.peers import Absent, program
from ..harness.processes import Server, WorkerError
from ..harness.rows import Result, Row, Shown
from .contenders import CONTENDERS, PEERS, SHOWN

_OURS = f"{{}}, {CONNECTIONS} connections, {{}} store"
_LIMIT = "the same work in a bare ASGI callable"
_BEST = "the fastest of aimock, WireMock (with its journal, as ours), mountebank and moto"


def _row(name: str, task: str, store: str, against: str, bound: float) -> Row:
    return Row(name=name, work=_OURS.format(task, store), against=against, goal=at_least(bound))


_POLL = {
    "reference": _row("poll", "poll", "memory", _LIMIT, 0.75),
    "peers": _row("poll-peers", "poll", "memory", _BEST, 2.5),
    "disk": _row("disk-poll", "poll", "disk", "our memory store", 0.55),
    "redis": _row("redis-poll", "poll", "Redis", "our memory store", 0.30),
}
_CREATE = {
    "reference": _row("create", "create", "memory", _LIMIT, 0.60),
    "peers": _row("create-peers", "create", "memory", _BEST, 2.5),
    "disk": _row("disk-create", "create", "disk", "our memory store", 0.30),
    "redis": _row("redis-create", "create", "Redis", "our memory store", 0.25),
}
ROWS = (*_POLL.values(), *_CREATE.values())


class _Up:
    """The servers that are up, and why the others are not."""

    def __init__(self) -> None:
        self.servers: dict[str, Sequence[Server]] = {}
        self.answers: dict[str, list[bytes]] = {}
        self.absent: dict[str, str] = {}

    def start(self, bench: Bench, names: Sequence[str], stack: ExitStack) -> None:
        for name in names:
            try:
                servers = CONTENDERS[name].start(bench)
                for server in reversed(servers):
                    stack.enter_context(server)
                self._ask(servers[0], CONTENDERS[name].before)
                self.answers[name] = self._ask(servers[0], CONTENDERS[name].creates)
                self.servers[name] = servers
            except (Absent, WorkerError) as why:
                bench.tell(f"{name} is left out: {why}")
                self.absent[name] = str(why)

    def _ask(self, server: Server, requests: Sequence[Request]) -> list[bytes]:
        answers = []
        for sent in requests:
            status, answer = server.ask(sent.method, sent.path, sent.headers, sent.body)
            if status != 200:
                raise WorkerError(f"{sent.path} was answered {status}: {answer[:200]!r}")
            answers.append(answer)
        return answers


def measure(bench: Bench) -> Iterator[Result]:
    """Measure the rows that are wanted."""
    program("wrk")
    with ExitStack() as stack:
        up = _Up()
        bench.tell("starting the servers")
        up.start(bench, _names(bench), stack)
        for task, rows in (("poll", _POLL), ("create", _CREATE)):
            if bench.wants(*rows.values()):
                yield from _results(bench, rows, _series(bench, task, up), up)


def _names(bench: Bench) -> list[str]:
    wanted = ["memory"]
    for rows in (_POLL, _CREATE):
        wanted += [name for name, row in rows.items() if bench.wants(row)]
    named = dict.fromkeys(wanted)
    others = (*PEERS, *SHOWN) if "peers" in named else ()
    return [*(name for name in named if name != "peers"), *others]


def _series(bench: Bench, task: str, up: _Up) -> dict[str, Series]:
    measures: dict[str, Measure] = {}
    for name, servers in up.servers.items():
        contender = CONTENDERS[name]
        sent = contender.polls(up.answers[name]) if task == "poll" else contender.creates
        measures[name] = load(servers, sent, bench.folder / f"{task}-{name}.lua")
        for _ in range(bench.number(contender.warm - 1, 0)):
            measures[name]()
    return bench.compare(task, measures, 7)


def _results(
    bench: Bench, rows: dict[str, Row], found: dict[str, Series], up: _Up
) -> Iterator[Result]:
    for name, row in rows.items():
        if not bench.wants(row):
            continue
        if name == "peers":
            yield _against_peers(row, found, up)
        elif name in found and "memory" in found:
            pair = _pair(name, found)
            yield row.result(times_as_fast(*pair), *pair, shown=Shown.RATE)
        else:
            yield row.skipped(up.absent.get(name) or up.absent.get("memory", ""))


def _pair(name: str, found: dict[str, Series]) -> tuple[Series, Series]:
    """Ours first: memory against the reference, another store against memory."""
    first, second = ("memory", name) if name == "reference" else (name, "memory")
    return found[first], found[second]


def _against_peers(row: Row, found: dict[str, Series], up: _Up) -> Result:
    peers = [found[name] for name in PEERS if name in found]
    shown = [*peers, *(found[name] for name in SHOWN if name in found)]
    absent = [f"{name}: {up.absent[name]}" for name in (*PEERS, *SHOWN) if name in up.absent]
    if not peers or "memory" not in found:
        return row.skipped("; ".join(absent))
    best = min(peers, key=lambda series: series.value)
    ratios = [f"{times_as_fast(found['memory'], one).value:.2f}x {one.who}" for one in shown]
    series = [found["memory"], best, *(one for one in shown if one is not best)]
    figure = times_as_fast(found["memory"], best)
    return row.result(figure, *series, shown=Shown.RATE, note=", ".join([*ratios, *absent]))
