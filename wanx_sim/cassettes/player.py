"""The player: a service made of a cassette."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from random import Random
from threading import RLock
from typing import Any

from ..access import authenticate
from ..clock import Clock
from ..errors import CassetteMissError
from ..journal import Entry, Journal
from ..protocol import errors, links, oss, responses, routes
from ..protocol.catalogue import Region
from ..protocol.errors import Refusal
from ..protocol.lifecycle import RETENTION, Status
from ..protocol.times import BEIJING, wire_time
from ..service import Service
from ..wire import Request, Response
from .format import Cassette, Image, Job, Refused
from .matching import canonical, difference, explain

Json = dict[str, Any]
Pace = str | float

_TIMES = ("submit_time", "scheduled_time", "end_time")


class _Playing:
    """A job that is being replayed: when it began, and how far its polls have come."""

    def __init__(self, job: Job, started: float) -> None:
        self.job, self.started = job, started
        self.polls = 0
        self.ended: float | None = None

    def body(self, now: float, pace: Pace) -> Json:
        """The recorded answer that this poll gets; the create's own stands in before the first."""
        states = self.job.states
        if not states:
            return {"output": dict(self.job.created.get("output", {}))}
        place = self._place(now, pace)
        self.polls += 1
        if place < 0:
            return {"output": dict(self.job.created["output"])}
        return states[place].body

    def _place(self, now: float, pace: Pace) -> int:
        states = self.job.states
        if pace == "instant":
            return len(states) - 1
        if pace == "steps":
            return min(self.polls, len(states) - 1)
        elapsed = (now - self.started) * (1.0 if pace == "recorded" else float(pace))
        return sum(state.offset <= elapsed for state in states) - 1


def checked_pace(pace: Pace) -> Pace:
    """A pace, or ValueError with those there are."""
    if pace in ("steps", "recorded", "instant"):
        return pace
    try:
        factor = float(pace)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise ValueError(
            f"no pace is {pace!r}; known: steps, recorded, instant, or how many times as fast "
            "as it was recorded, such as 10"
        )
    return factor


class Player(Service):
    """Replays a cassette: any number of polls, at any pace, with pictures that load and expire.

    Ids stay as they were recorded. Times are shifted to the present; links, their `Expires` and
    their signatures are made anew and enforced on the clock. Each recorded job answers one create:
    identical requests replay in the order in which they were recorded.

    Args:
        cassette: a `Cassette`, or the path of one.
        pace: ``steps`` (default): each poll shows the next distinct state; ``recorded``: as time
            passed then; ``instant``: finished at once; or a number, that many times as fast.
        clock: the time; default the real one.
        ignore: fields that play no part in matching, such as ``parameters.seed``.
        repeat: whether a job may be replayed again once it was.

    Raises:
        CassetteError: for a cassette that cannot be read.
        CassetteMissError: from a request that nothing recorded answers, with the nearest.

    Example:
        ```python
        player = Player("cassettes/flower-shop.json")
        client = httpx.Client(transport=player.transport(), base_url="https://dashscope.aliyuncs.com")
        ```
    """

    def __init__(
        self,
        cassette: Cassette | str | Path,
        *,
        pace: Pace = "steps",
        clock: Clock | None = None,
        ignore: Collection[str] = (),
        repeat: bool = False,
        public_url: str | None = None,
    ) -> None:
        self.cassette = cassette if isinstance(cassette, Cassette) else Cassette.load(cassette)
        self.pace = checked_pace(pace)
        self.clock = clock or Clock()
        self.ignore = frozenset(ignore)
        self.repeat = repeat
        self.public_url = public_url
        self.requests = Journal()
        self._left = list(self.cassette.interactions)
        self._playing: dict[str, _Playing] = {}
        self._random = Random(0)
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"<Player of {self.cassette!r}>"

    @property
    def unused(self) -> list[Job | Refused]:
        """What was recorded and not asked for so far."""
        resumed = self._playing  # a job that was polled without a create of its own
        return [
            entry
            for entry in self._left
            if isinstance(entry, Refused) or entry.task_id not in resumed
        ]

    def handle(self, request: Request) -> Response:
        """The recorded answer to one request."""
        now = self.clock.now()
        request_id = responses.request_id(self._random.getrandbits(128))
        operation: routes.Operation = "other"
        with self._lock:
            try:
                route = routes.route(request)
                operation = route.operation
                response = self._answer(request, route, now, request_id)
            except Refusal as refusal:
                kind = responses.kind_of(operation, refusal.status)
                body = responses.refused(refusal, request_id, kind=kind)
                response = responses.answer(body, now, status=refusal.status, kind=kind)
        self.requests.add(
            Entry(
                at=now,
                operation=operation,
                method=request.method,
                path=request.path,
                status=response.status,
            )
        )
        return response.with_headers(("x-wanx-source", "cassette"))

    def _answer(
        self, request: Request, route: routes.Route, now: float, request_id: str
    ) -> Response:
        if route.operation == "image":
            return oss.respond(request, route.bucket, route.key, now, self._object)
        authenticate(request, self._region, None)
        if route.operation == "create":
            return self._create(request, now, request_id)
        if route.operation == "query":
            return self._query(request, route.task_id, now, request_id)
        if route.operation == "cancel":
            raise Refusal(errors.CANCEL_REFUSED)
        raise CassetteMissError(f"{self.cassette.path} holds no task list; only jobs are replayed")

    @property
    def _region(self) -> Region:
        return Region.SINGAPORE if "-intl" in self.cassette.host else Region.BEIJING

    # --- create --------------------------------------------------------------------------------

    def _create(self, request: Request, now: float, request_id: str) -> Response:
        if request.headers.get("x-dashscope-async", "").lower() != "enable":
            raise Refusal(errors.NO_ASYNC_HEADER)
        entry = self._take(canonical(request.body))
        if isinstance(entry, Refused):
            body = entry.body | {"request_id": entry.body.get("request_id", request_id)}
            return responses.answer(body, now, status=entry.status, kind="gateway")
        self._playing[entry.task_id] = _Playing(entry, now)
        body = entry.created | {"request_id": entry.created.get("request_id", request_id)}
        return responses.answer(body, now, kind="gateway")

    def _take(self, asked: Json) -> Job | Refused:
        for entries in (self._left, self.cassette.interactions if self.repeat else []):
            for entry in entries:
                if not difference(entry.request, asked, ignore=self.ignore):
                    if entry in self._left:
                        self._left.remove(entry)
                    return entry
        raise CassetteMissError(self._miss(asked))

    def _miss(self, asked: Json) -> str:
        entries = self.cassette.interactions
        if not entries:
            return f"{self.cassette.path} holds nothing; record it with wanx-sim record"
        gaps = [difference(entry.request, asked, ignore=self.ignore) for entry in entries]
        nearest = min(gaps, key=len)
        if not nearest:
            return (
                f"{self.cassette.path} holds this request {gaps.count([])} time(s), and it was "
                "asked for once more: record it again, or play with repeat=True"
            )
        return (
            f"nothing in {self.cassette.path} answers this request. The nearest recorded job "
            f"differs in:\n{explain(nearest)}\nTo record it: wanx-sim record --cassette "
            f"{self.cassette.path} --upstream URL"
        )

    # --- query ---------------------------------------------------------------------------------

    def _query(self, request: Request, task_id: str, now: float, request_id: str) -> Response:
        playing = self._playing.get(task_id) or self._begin(task_id, now)
        if playing is None or now >= playing.started + RETENTION:
            return responses.answer(responses.unknown(task_id, request_id), now)
        body = playing.body(now, self.pace)
        output = _shifted(body.get("output", {}), now, playing)
        if output.get("task_status") == Status.SUCCEEDED and playing.ended is None:
            playing.ended = max(playing.started, _moment(output.get("end_time")) or now)
        if "results" in output:
            output["results"] = self._linked(request, playing, output["results"])
        return responses.answer({"request_id": request_id} | body | {"output": output}, now)

    def _begin(self, task_id: str, now: float) -> _Playing | None:
        """A job that is polled without its create: an application that resumes."""
        job = next((job for job in self.cassette.jobs if job.task_id == task_id), None)
        if job is None:
            return None
        return self._playing.setdefault(task_id, _Playing(job, now))

    def _linked(self, request: Request, playing: _Playing, results: list[Json]) -> list[Json]:
        region, ended = self._region, playing.ended or playing.started
        found = {image.index for image in playing.job.images}

        def linked(index: int, result: Json) -> Json:
            if index not in found:
                return result
            key = links.object_key(playing.job.task_id, index, ended)
            url = links.link(request, region, key, ended, public_url=self.public_url)
            return result | {"url": url}

        return [linked(index, result) for index, result in enumerate(results)]

    # --- pictures ------------------------------------------------------------------------------

    def _object(self, bucket: str, key: str) -> oss.StoredObject | None:
        playing = self._playing.get(links.task_id_of(key))
        if playing is None or playing.ended is None or bucket != links.BUCKETS[self._region]:
            return None
        ended, task_id = playing.ended, playing.job.task_id
        for image in playing.job.images:
            if key == links.object_key(task_id, image.index, ended):
                return oss.StoredObject(self._content(image), ended)
        return None

    def _content(self, image: Image) -> Callable[[], bytes]:
        return lambda: self.cassette.image(image)


def _shifted(output: Json, now: float, playing: _Playing) -> Json:
    """An answer's output with its moments moved to this replay.

    They are counted from the recorded `submit_time`, since the service's clock and the recorder's
    need not agree. No moment may lie in the future: a job that took a minute may be replayed in a
    second.
    """
    recorded = {name: moment for name in _TIMES if (moment := _moment(output.get(name)))}
    shift = playing.started - recorded.get("submit_time", playing.job.submitted)
    moved = {name: wire_time(min(moment + shift, now)) for name, moment in recorded.items()}
    return output | moved


def _moment(text: Any) -> float | None:
    """Epoch seconds of a time as the service writes it; None for what is no such time."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=BEIJING).timestamp()
    except (TypeError, ValueError):
        return None
