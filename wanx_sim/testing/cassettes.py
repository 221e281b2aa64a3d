"""The cassette of a test: `wanx_cassette`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlsplit

import msgspec
import pytest

from ..call import Call
from ..cassettes.format import Job, Json
from ..cassettes.modes import CassetteService, Mode
from ..cassettes.player import Player
from ..clock import Clock, ManualClock
from ..errors import BudgetExceededError, CassetteError, CassetteMissError, WanxSimError
from ..journal import Entry, Journal
from ..protocol import routes
from ..protocol.catalogue import API_HOSTS
from ..protocol.errors import Refusal
from ..service import Service
from ..wire import ConnectionLost, Request, Response
from . import budgets, marker, misses, network, servers
from .tally import Opened, tally_of
from .troubles import troubles_of
from .wanted import ANY_KEY, Wanted

_OVERSPENT = """{}
The budget is that of the whole run: pytest --wanx-budget=CNY (default 0)."""

_ELSEWHERE = """nothing was sent: this request is for {0} ({1}),
and this test records from {2} ({3}).
A key is valid in one region. Let the application ask in {3}, or record in {1}: set
WANX_REGION={1}, or @pytest.mark.wanx_cassette(region="{1}"), and no DASHSCOPE_HTTP_BASE_URL."""


class WanxCassette(Service):
    """The cassette of a test, as a service: it replays, or records what is not there yet.

    Attributes:
        path: its file.
        mode: the record mode that holds for it; ``none`` if it only replays.
        live: whether requests may go to the live service. If so, time is the real one.
        clock: the time that its links expire by; while it only replays, the test moves it.
        region: the region whose service it stands for.
        requests: what was asked so far, as in `Simulator.requests`.
    """

    def __init__(
        self, item: pytest.Item, service: CassetteService, wanted: Wanted, clock: Clock
    ) -> None:
        self._item, self._service, self._wanted = item, service, wanted
        self.path, self.mode = service.cassette.path, wanted.mode
        self.live = service.recorder is not None
        self.clock = clock
        self.region = wanted.region
        self.requests = Journal()
        self.blocking = service.blocking
        self._calls = 0

    def __repr__(self) -> str:
        return f"<WanxCassette {self.path} mode={self.mode}>"

    def close(self) -> None:
        """Write down what has not ended, and hang up."""
        self._service.close()

    def handle(self, request: Request) -> Response:
        """The recorded answer, or the live service's; what has neither fails the test."""
        call = _call(request, self.clock.now())
        try:
            response = self._answer(request, call)
        except ConnectionLost:
            self.requests.add(call.entry(None))
            raise
        except CassetteMissError as miss:
            raise CassetteMissError(self._troubled(self._missed(request, miss))) from None
        except BudgetExceededError as refused:
            raise BudgetExceededError(self._troubled(_OVERSPENT.format(refused))) from None
        except WanxSimError as error:
            self._troubled(str(error))
            raise
        self.requests.add(_answered(call, response))
        return response

    def _answer(self, request: Request, call: Call) -> Response:
        if not self.live:
            return self._service.handle(request)
        if call.operation != "image":
            self._check_region(request)
        with network.let_through():
            response = self._service.handle(request)
        self._calls += response.header("x-wanx-source") == "live"
        return response

    def _check_region(self, request: Request) -> None:
        host = urlsplit(self._wanted.upstream).hostname or ""
        asked, there = API_HOSTS.get(request.hostname), API_HOSTS.get(host)
        if asked and there and asked != there:
            raise CassetteError(_ELSEWHERE.format(request.hostname, asked, host, there))

    def _missed(self, request: Request, miss: CassetteMissError) -> str:
        player = self._service.player
        if player is None:
            return str(miss)
        said = misses.message(self._item, request, player.recordings, self.region, str(miss))
        return said + (f"\n{self._wanted.not_live}" if self._wanted.not_live else "")

    def _troubled(self, message: str) -> str:
        troubles_of(self._item).add(message)
        return message

    @property
    def guard(self) -> network.Guard:
        """What keeps the application from asking the live service past this cassette."""
        return network.PastTheCassette(lambda error: troubles_of(self._item).add(str(error)))

    # --- when the test is over -------------------------------------------------------------------

    def look_back(self) -> None:
        """Count what was replayed and bought, and see what was not used."""
        tally = tally_of(self._item)
        if recorder := self._service.recorder:
            tally["live"] += len(recorder.recorded)
            tally["calls"] += self._calls
            tally["spent"] = str(Decimal(tally["spent"]) + recorder.spent)
            if self._calls:
                tally["recorded"] = sorted({*tally["recorded"], str(self.path)})
        if player := self._service.player:
            tally["replayed"] += len(player.replayed)
            tally["saved"] = str(Decimal(tally["saved"]) + sum(map(_paid, player.replayed)))
            if self.path.exists():
                tally["opened"].append(self._opened(player))

    def _opened(self, player: Player) -> Opened:
        entries = player.recordings.cassettes[0].interactions
        # Who may buy asks for what is not there: what is left over then is no sign of anything.
        unused = set() if self.live else {*map(id, player.unused)}
        replayed = {*map(id, player.replayed)}
        age = self._wanted.max_age
        # The age of a file is no matter of the simulated time.
        oldest = None if age is None else datetime.now(UTC) - age
        return Opened(
            path=str(self.path),
            unused=[place for place, entry in enumerate(entries) if id(entry) in unused],
            stale=[
                place
                for place, entry in enumerate(entries)
                if oldest and entry.at < oldest and id(entry) in replayed
            ],
        )


def _paid(job: Job) -> Decimal:
    """What a job cost: pictures that failed were not billed."""
    asked = (job.request.get("parameters") or {}).get("n")
    number = asked if isinstance(asked, int) and asked > 0 else 1
    return (job.price or Decimal(0)) * len(job.images) / number


def _call(request: Request, now: float) -> Call:
    call = Call(request, now, request_id="")
    try:
        route = routes.route(request)
    except Refusal:
        return call
    call.operation, call.task_id = route.operation, route.task_id or None
    if call.operation == "create":
        body = _json(request.body)
        model, prompt = body.get("model"), _part(body, "input").get("prompt")
        call.model, call.prompt = str(model or ""), str(prompt or "")
    return call


def _answered(call: Call, response: Response) -> Entry:
    """What the journal notes of a request and its answer."""
    body = {} if call.operation == "image" else _json(response.body)
    output = _part(body, "output")
    call.task_id = call.task_id or output.get("task_id")
    call.task_status = output.get("task_status")
    return call.entry(response.status, body.get("code"))


def _json(content: bytes) -> Json:
    try:
        return msgspec.json.decode(content, type=Json)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _part(body: Json, name: str) -> Json:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


# --- how it is opened -----------------------------------------------------------------------------


@contextmanager
def cassette(item: pytest.Item, monkeypatch: pytest.MonkeyPatch) -> Iterator[WanxCassette]:
    """The cassette of a test, which catches what httpx sends to the real hosts."""
    wanted = Wanted.of(item)
    live = wanted.mode is not Mode.NONE
    clock = Clock() if live else ManualClock()
    try:
        service = CassetteService(
            wanted.path,
            wanted.mode,
            upstream=wanted.upstream,
            clock=clock,
            play=wanted.play,
            record=wanted.record,
        )
    except (CassetteError, TypeError, ValueError) as error:
        marker.refuse(f"wanx_cassette: {error}")
    if service.recorder:
        service.recorder.budget = budgets.allowance(item.config)
    servers.ask_the_real_hosts(monkeypatch, ANY_KEY)
    with closing(WanxCassette(item, service, wanted, clock)) as opened:
        try:
            with network.in_force(opened.guard), opened.intercept():
                yield opened
        finally:
            opened.look_back()
