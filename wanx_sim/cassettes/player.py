"""The player: a service made of cassettes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import Random
from threading import RLock
from typing import Literal
from urllib.parse import unquote

import msgspec

from ..access import authenticate
from ..bodies import Said
from ..call import Call
from ..clock import Clock
from ..errors import CassetteMissError
from ..journal import Journal
from ..protocol import errors, links, listing, oss, requests, responses, routes
from ..protocol.catalogue import Region
from ..protocol.errors import Refusal
from ..protocol.lifecycle import RETENTION, Status
from ..service import Service
from ..wire import ConnectionLost, Request, Response
from . import pages
from .cassette import Cassette
from .format import Entry, Exchange, Job, Json, State
from .matching import asked
from .playing import Pace, Playing, checked_pace, status_of
from .recordings import Found, OnExpired, Recordings
from .redaction import is_hashed

_SOURCE = ("x-wanx-source", "cassette")


class _Call(Call):
    """A request, and the canonical form that it is matched by."""

    form: Json = msgspec.field(default_factory=dict)


class Player(Service):
    """Replays cassettes: any number of polls, at any pace, with pictures that load and expire.

    Ids stay as they were recorded. Times are shifted to the present; links, their `Expires` and
    their signatures are made anew and enforced on the clock. Each recorded job answers one create:
    identical requests replay in the order in which they were recorded. A cancel takes effect on a
    job that shows PENDING, unless its own was recorded as refused; the list shows the jobs that
    were asked for so far.

    Args:
        cassette: a `Cassette`, the path of one, or of a folder of them.
        pace: ``steps`` (default): each poll shows the next distinct state; ``recorded``: as time
            passed then; ``instant``: finished at once; or a number, that many times as fast.
        clock: the time; default the real one.
        ignore: fields that play no part in matching, such as ``seed``.
        repeat: whether jobs may be replayed again, in their order, once all that match were. One
            that another client still waits for does not start over under its eyes: both see it go
            on from where it is.
        public_url: where links begin, if not at the host that a request asked.
        max_age: how long ago a job may have been recorded; None (default) is any time.
        on_expired: what becomes of one that is older: ``warn`` (default) with a
            `StaleCassetteWarning`, ``error`` with a `CassetteExpiredError`, or ``record``: it
            counts as not recorded, so that a `Recorder` behind this one records it anew.
        unfinished: whether jobs whose end was not recorded are replayed as far as they go.

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
        pace: str | float = "steps",
        clock: Clock | None = None,
        ignore: Collection[str] = (),
        repeat: bool = False,
        public_url: str | None = None,
        max_age: timedelta | None = None,
        on_expired: OnExpired = "warn",
        unfinished: bool = True,
    ) -> None:
        self.recordings = Recordings(
            cassette,
            ignore=ignore,
            repeat=repeat,
            max_age=max_age,
            on_expired=on_expired,
            unfinished=unfinished,
        )
        self.pace: Pace = checked_pace(pace)
        self.clock = clock or Clock()
        self.public_url = public_url
        self.requests = Journal()
        self.replayed: list[Job] = []
        """The jobs that were asked for so far, each as often as it was."""
        self._playing: dict[str, Playing] = {}
        self._objects: dict[tuple[str, str], oss.StoredObject] = {}
        self._random = Random(0)
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"<Player of {self.recordings.name}>"

    @property
    def stale(self) -> list[Entry]:
        """What was replayed though it is older than `max_age`."""
        return self.recordings.stale

    @property
    def unused(self) -> list[Entry]:
        """What was recorded and not asked for so far."""
        resumed = self._playing  # a job that was polled without a create of its own
        return [
            entry
            for entry in self.recordings.unused
            if not (isinstance(entry, Job) and entry.task_id in resumed)
        ]

    def handle(self, request: Request) -> Response:
        """The recorded answer to one request."""
        with self._lock:
            request_id = responses.request_id(self._random.getrandbits(128))
            call = _Call(request, self.clock.now(), request_id)
            code = None
            try:
                response = self._answer(call)
            except Refusal as refusal:
                response, code = _refused(call, refusal), refusal.code
            except ConnectionLost:
                self.requests.add(call.entry(None))
                raise
            self.requests.add(call.entry(response.status, code))
        headers = (*response.headers, _SOURCE)
        return Response(response.status, headers, response.body, response.delivery)

    def _answer(self, call: _Call) -> Response:
        route = routes.route(call.request)
        call.operation, call.task_id = route.operation, route.task_id or None
        if route.operation == "image":
            return self._image(call, route)
        authenticate(call.request, Region.BEIJING, None)
        if route.operation == "create":
            return self._create(call)
        if route.operation == "query":
            return self._query(call, route.task_id)
        if route.operation == "cancel":
            return self._cancel(call, route.task_id)
        return self._list(call)

    def _take(self, call: _Call) -> Found | None:
        call.form = asked(call.request, call.operation)
        if call.operation == "create":
            call.model = _text(call.form.get("model"))
            call.prompt = _text(call.form.get("input", {}).get("prompt"))
        return self.recordings.take(call.form)

    # --- create --------------------------------------------------------------------------------

    def _create(self, call: _Call) -> Response:
        taken = self._take(call)
        if taken is None:
            if call.request.headers.get("x-dashscope-async", "").lower() != "enable":
                raise Refusal(errors.NO_ASYNC_HEADER)
            if "malformed" in call.form:
                raise Refusal(errors.INVALID_BODY)
            requests.decode(call.request.body)  # what is no request is refused as one
            raise self.recordings.miss(call.form)
        cassette, entry = taken
        if isinstance(entry, Exchange):
            return _exchanged(call, entry, "gateway")
        self._play(entry, cassette, call)
        call.task_id, call.task_status = entry.task_id, Status.PENDING
        body = entry.created | {"request_id": entry.created.get("request_id", call.request_id)}
        return responses.answer(body, call.now, kind="gateway")

    def _play(self, job: Job, cassette: Cassette, call: _Call) -> None:
        self.replayed.append(job)
        current = self._playing.get(job.task_id)
        if self.recordings.repeat and current and current.watched(call.now):
            return
        canceled = any(state.task_status == Status.CANCELED for state in job.states)
        held = canceled and self._took_effect(job.task_id)
        playing = Playing(job, cassette, call.now, prompt=call.prompt or None, held=held)
        self._playing[job.task_id] = playing

    def _took_effect(self, task_id: str) -> bool:
        """Whether a cancel of a task was recorded, and not as refused."""
        cancels = self.recordings.all(_cancel_of(task_id))
        return any(
            isinstance(entry, Exchange) and entry.status == HTTPStatus.OK for entry in cancels
        )

    # --- query ---------------------------------------------------------------------------------

    def _query(self, call: _Call, task_id: str) -> Response:
        playing = self._find(task_id, call)
        if playing is None:
            return self._other(call)
        if call.now >= playing.started + RETENTION:
            call.task_status = Status.UNKNOWN
            return responses.answer(responses.unknown(task_id, call.request_id), call.now)
        state = playing.poll(call.now, self.pace)
        if not state.lasting:
            body: Json = {"request_id": call.request_id} | state.body
            return responses.answer(body, call.now, status=state.status)
        said = self._said(call, playing, state)
        call.task_status = said.status
        return responses.written(said.to(call.request_id), call.request_id, call.now)

    def _said(self, call: _Call, playing: Playing, state: State) -> Said:
        """What is said of a job in a state; it is written once, however often it is polled."""
        where = call.request.scheme, call.request.host
        if playing.said is None or playing.said[0] is not state or playing.said[1] != where:
            output = playing.shown(state, call.now)
            if "results" in output:
                output["results"] = self._results(call.request, playing, output["results"])
            body = {"request_id": ""} | state.body | {"request_id": "", "output": output}
            playing.said = state, where, Said.of(status_of(state), body)
        return playing.said[2]

    def _find(self, task_id: str, call: _Call) -> Playing | None:
        """A job that was asked for, or that is polled without its create: one that is resumed."""
        if task_id not in self._playing and (found := self.recordings.job(task_id)):
            self._play(found[1], found[0], call)
        return self._playing.get(task_id)

    def _other(self, call: _Call) -> Response:
        """The answer to a request about a task that is no job of these cassettes.

        However often it is asked for, the last one stays.
        """
        found = self._take(call) or self.recordings.last(call.form)
        if found is None or not isinstance(found[1], Exchange):
            raise self.recordings.miss(call.form)
        return _exchanged(call, found[1], "task")

    def _trouble(self, call: _Call) -> Response | None:
        """The refusal that was recorded of such a request, once."""
        taken = self._take(call)
        if taken and isinstance(taken[1], Exchange) and taken[1].status != HTTPStatus.OK:
            return _exchanged(call, taken[1], "task")
        return None

    def _results(self, request: Request, playing: Playing, results: list[Json]) -> list[Json]:
        """The recorded results, with links of today to those of which there is a picture."""
        region, ended = playing.cassette.region, playing.ended or playing.started
        linked = [_worded(result, playing.prompt) for result in results]
        for image in playing.job.images:
            if image.index < len(results):
                key = links.object_key(playing.job.task_id, image.index, ended)
                content = partial(playing.cassette.image, image)
                self._objects[links.BUCKETS[region], key] = oss.StoredObject(content, ended)
                url = links.link(request, region, key, ended, public_url=self.public_url)
                linked[image.index] |= {"url": url}
        return linked

    # --- cancel, list --------------------------------------------------------------------------

    def _cancel(self, call: _Call, task_id: str) -> Response:
        playing = self._find(task_id, call)
        if playing is None:
            return self._other(call)
        if refused := self._trouble(call):
            return refused
        status = playing.status(call.now, self.pace)
        if status is not Status.PENDING or call.now >= playing.started + RETENTION:
            raise Refusal(errors.CANCEL_REFUSED)
        playing.cancel(call.now)
        call.task_status = Status.CANCELED
        return responses.answer(responses.canceled(call.request_id), call.now)

    def _list(self, call: _Call) -> Response:
        if refused := self._trouble(call):
            return refused
        wanted = listing.Filter.read(call.request.parameters, call.now)
        rows = [
            pages.row(playing, playing.cassette.region, call.now, self.pace)
            for playing in self._playing.values()
        ]
        rows = [row for row in rows if pages.admitted(row, wanted, call.now)]
        return responses.answer(pages.page(rows, wanted, call.request_id), call.now)

    # --- pictures ------------------------------------------------------------------------------

    def _image(self, call: _Call, route: routes.Route) -> Response:
        call.task_id = links.task_id_of(route.key)
        found = self._objects.get((route.bucket, unquote(route.key)))
        if found is None:
            raise CassetteMissError(
                f"{self.recordings.name} has no job with the picture {route.key}, or it was not "
                "asked for yet"
            )
        return oss.respond(
            call.request, route.bucket, route.key, call.now, lambda _bucket, _key: found
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _worded(result: Json, prompt: str | None) -> Json:
    """A result with the prompt where only its hash was recorded."""
    known = prompt is not None
    return {key: prompt if known and is_hashed(text) else text for key, text in result.items()}


def _cancel_of(task_id: str) -> Json:
    return {"method": "POST", "path": f"{routes.TASKS_PATH}/{task_id}/cancel", "query": {}}


def _refused(call: _Call, refusal: Refusal) -> Response:
    kind = responses.kind_of(call.operation, refusal.status)
    body = responses.refused(refusal, call.request_id, kind=kind)
    return responses.answer(body, call.now, status=refusal.status, kind=kind)


def _exchanged(call: _Call, entry: Exchange, kind: Literal["task", "gateway"]) -> Response:
    """The recorded answer to a request that is no job."""
    if entry.status is None:
        raise ConnectionLost(entry.operation)
    if entry.text is not None:
        media = "text/html" if entry.text.lstrip().startswith("<") else "text/plain"
        headers = (("content-type", f"{media}; charset=utf-8"),)
        return Response(entry.status, headers, entry.text.encode())
    body = {"request_id": call.request_id} | entry.body if kind == "task" else entry.body
    body = body | {"request_id": body.get("request_id", call.request_id)}
    return responses.answer(body, call.now, status=entry.status, kind=kind)
