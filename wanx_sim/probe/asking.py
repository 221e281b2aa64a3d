"""Ask a live service and the simulator the same, compare, report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from ..cassettes.matching import Difference, difference
from ..clock import Clock
from ..errors import BudgetExceededError, UpstreamError
from ..protocol import catalogue, provenance
from ..protocol.catalogue import Region
from ..protocol.lifecycle import Status
from ..protocol.routes import TASKS_PATH
from ..service import Service
from ..simulator import Simulator
from ..wire import ConnectionLost, Request, Response
from .answers import Json, comparable
from .questions import FREE, PICTURE, Look, Question

Verdict = Literal["agrees", "differs", "unknown"]
_POLL_SECONDS = 3.0
_CHEAP = "wan2.2-t2i-flash"
_PATIENCE = 600.0
_ENDS = [status for status in Status if status.terminal]


_SUCCEEDED = Question(
    name="succeeded",
    tells="the body of a job that succeeded",
    behaviours=("answer.succeeded", "times.zone", "answer.absent-not-null"),
)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one question told."""

    name: str
    tells: str
    behaviours: tuple[str, ...]
    verdict: Verdict
    live: Json | None
    ours: Json
    differences: list[tuple[str, str, str]]
    """Field, the live service's, the simulator's."""


class Probe:
    """A live service beside a simulator of its region.

    Args:
        upstream: the live service, or whatever stands for it.
        host: its host, as requests name it.
        key: a key that is valid there. It is sent to it, and never reported.
        region: the region of its keys.
    """

    def __init__(
        self, upstream: Service, host: str, key: str, region: Region, *, scheme: str = "https"
    ) -> None:
        self._upstream, self._host, self._key, self._scheme = upstream, host, key, scheme
        self._region = region
        self._simulator = Simulator(timing="instant", region=region, api_keys={key: region})
        # A task of the simulator's own, so that its list shows how one is listed.
        self._simulator.handle(_paint(_CHEAP).request(host, scheme, key))

    def ask(self, question: Question) -> Finding:
        """Ask one question of both."""
        request = question.request(self._host, self._scheme, self._key)
        return self._compare(question, request, request)

    def _compare(self, asked: Question | Look, live: Request, ours: Request) -> Finding:
        return finding(asked, _answer(self._upstream, live), self._simulator.handle(ours))

    # --- a picture -----------------------------------------------------------------------------

    def buy(self, budget: Decimal, clock: Clock) -> list[Finding]:
        """Buy the cheapest picture, and compare the whole job and its link.

        Raises:
            BudgetExceededError: if even that costs more than the budget.
        """
        model = min(
            (m for m in catalogue.load().models.values() if self._region in m.price),
            key=lambda m: m.price[self._region],
        )
        price = model.price[self._region]
        if price > budget:
            raise BudgetExceededError(
                f"the cheapest picture ({model.name}) costs ¥{price}, more than the ¥{budget} "
                "that --spend allows; nothing was bought"
            )
        question = _paint(model.name)
        request = question.request(self._host, self._scheme, self._key)
        live, ours = _answer(self._upstream, request), self._simulator.handle(request)
        found = [finding(question, live, ours)]
        ids = [_task_id(answer) for answer in (live, ours)]
        if ids[0] and ids[1]:
            found += self._follow(ids[0], ids[1], clock)
        return found

    def _follow(self, live_id: str, our_id: str, clock: Clock) -> list[Finding]:
        found: list[Finding] = []
        answers = self._poll(live_id, clock)
        ours = self._simulator.handle(self._query(our_id))
        if answers:
            found.append(finding(_SUCCEEDED, answers[-1], ours))
        links = [_link(answer) for answer in (answers[-1] if answers else None, ours)]
        if links[0] and links[1]:
            found += self._pictures(links[0], links[1])
        return found

    def _poll(self, task_id: str, clock: Clock) -> list[Response]:
        answers: list[Response] = []
        deadline = clock.now() + _PATIENCE
        while clock.now() < deadline:
            answer = _answer(self._upstream, self._query(task_id))
            answers += [answer] if answer else []
            # A throttled poll, or a status nobody has seen yet, is no end: the picture is paid.
            if answer and _output(answer).get("task_status") in _ENDS:
                break
            clock.sleep(_POLL_SECONDS)
        return answers

    def _query(self, task_id: str) -> Request:
        asked = Question(name="", tells="", method="GET", path=f"{TASKS_PATH}/{task_id}")
        return asked.request(self._host, self._scheme, self._key)

    def _pictures(self, live: str, ours: str) -> list[Finding]:
        return [
            self._compare(
                look,
                _get(live + look.more, look.method, look.headers),
                _get(ours + look.more, look.method, look.headers),
            )
            for look in PICTURE
        ]


def finding(asked: Question | Look, live: Response | None, ours: Response) -> Finding:
    """Compare two answers."""
    own = comparable(ours)
    theirs = None if live is None else _alike(comparable(live), own)
    gaps = [] if theirs is None else difference(theirs, own)
    verdict: Verdict = "unknown" if theirs is None else "differs" if gaps else "agrees"
    return Finding(
        name=asked.name,
        tells=asked.tells,
        behaviours=asked.behaviours,
        verdict=verdict,
        live=theirs,
        ours=own,
        differences=[_printable(gap) for gap in gaps],
    )


def _alike(theirs: Json, own: Json) -> Json:
    """An account without tasks lists none: that says nothing of how one would be listed."""
    body, listed = theirs.get("body"), own.get("body")
    if isinstance(body, dict) and isinstance(listed, dict) and body.get("data") == []:
        return theirs | {"body": body | {"data": listed.get("data")}}
    return theirs


def _printable(gap: Difference) -> tuple[str, str, str]:
    return gap[0], str(gap[1]), str(gap[2])


def ask_all(probe: Probe, told: Callable[[Finding], None]) -> list[Finding]:
    """Ask every question that costs nothing; ``told`` hears of each finding as it comes."""
    found = []
    for question in FREE:
        found.append(probe.ask(question))
        told(found[-1])
    return found


def behaviours(found: list[Finding]) -> dict[str, Verdict]:
    """What the findings say of each behaviour of the provenance table.

    One that any finding differs on differs; one that none bears on is unknown.
    """
    verdicts: dict[str, set[Verdict]] = {row.key: set() for row in provenance.behaviours()}
    for one in found:
        for key in one.behaviours:
            verdicts[key].add(one.verdict)
    return {
        key: "differs" if "differs" in said else "agrees" if "agrees" in said else "unknown"
        for key, said in verdicts.items()
    }


def report(upstream: str, found: list[Finding]) -> bytes:
    """A report to attach to an issue: shapes, codes and texts, no ids, keys or links."""
    counts = Counter(one.verdict for one in found)
    document = {
        "upstream": urlsplit(upstream).netloc,
        "counts": counts,
        "behaviours": behaviours(found),
        "findings": found,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _answer(service: Service, request: Request) -> Response | None:
    try:
        return service.handle(request)
    except (ConnectionLost, UpstreamError):
        return None


def _paint(model: str) -> Question:
    order = {"model": model, "input": {"prompt": "一朵花"}, "parameters": {"n": 1}}
    body = msgspec.json.encode(order)
    tells = "the answer to a create"
    return Question(name="create", tells=tells, behaviours=("answer.create", "ids.task"), body=body)


def _get(url: str, method: str, headers: dict[str, str]) -> Request:
    parts = urlsplit(url)
    return Request(
        method=method,
        scheme=parts.scheme,
        host=parts.netloc,
        path=parts.path,
        query=parts.query,
        headers=headers,
    )


def _output(answer: Response) -> Json:
    try:
        found = msgspec.json.decode(answer.body, type=Json).get("output")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _task_id(answer: Response | None) -> str | None:
    return _output(answer).get("task_id") if answer else None


def _link(answer: Response | None) -> str | None:
    results = _output(answer).get("results") if answer else None
    return results[0].get("url") if results else None
