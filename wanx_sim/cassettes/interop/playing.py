"""A recording is played to a `Recorder`, as if it happened now; what it writes down are jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from http import HTTPStatus
from pathlib import Path

from msgspec.structs import replace

from ...clock import ManualClock
from ...errors import SecretFoundError, UpstreamError
from ...protocol import routes
from ...protocol.catalogue import API_HOSTS
from ...protocol.refusal import Refusal
from ...service import Service
from ...wire import ConnectionLost, Request, Response
from ..format import Keep
from ..recorder import Recorder
from .draft import Draft
from .interactions import Interaction

_FOREIGN = "not of the text-to-image API"
_STRANGERS = "polls of tasks whose create was not taken over"
_NOT_SENT = "creates whose body is not in the file"
_NO_ANSWER = "the file does not hold the answer"
_TELLING = (
    "creates that hold what is shaped like a secret; if it stands in the prompt, --redact-prompts "
    "takes them over"
)
_BROKEN = "requests whose connection broke"
_UNASKED = "pictures of no job in the file"
_NO_PICTURE = "the file does not hold it"


def played(
    interactions: list[Interaction],
    path: Path,
    *,
    modified: float,
    pictures: Keep = "full",
    redact_prompts: bool = False,
) -> tuple[Draft, Counter[str]]:
    """What a recorder makes of interactions, and how many were left aside, and why.

    Args:
        interactions: what was recorded, in order.
        path: the cassette that it is meant for.
        modified: the time of what has no other, in epoch seconds.
        pictures: what is kept of each picture.
        redact_prompts: whether prompts are written as hashes.
    """
    draft, past, clock = Draft(path), _Past(interactions), ManualClock(0.0)
    recorder = Recorder(past, draft, clock=clock, pictures=pictures, redact_prompts=redact_prompts)
    skipped: Counter[str] = Counter()
    hosts = _hosts(interactions)
    loaded = []
    for at, interaction in _timed(interactions, modified):
        route = _route(interaction.request, hosts)
        why = None
        if route is None:
            why = _FOREIGN
        elif route.operation == "image":
            loaded.append(_place(interaction.request))
        else:  # the image host has a clock of its own, which tells nothing of a job
            clock.advance(max(0.0, at - clock.now()))
            why = _unfit(interaction, route) or _happened(interaction, route, past, recorder, draft)
        if why:
            skipped[why] += 1
    recorder.close()
    skipped[_UNASKED] += sum(place not in past.asked for place in loaded)
    draft.host = next((one.request.host for one in interactions if _creates(one.request)), "")
    return draft, +skipped


class _Past(Service):
    """The service as it answered then: the answer of this moment, and every picture."""

    def __init__(self, interactions: Iterable[Interaction]) -> None:
        self.now: Interaction | None = None
        self.asked: set[tuple[str, str]] = set()
        """The places of the pictures that were asked for."""
        self._pictures = {
            _place(interaction.request): interaction.response
            for interaction in interactions
            if _is_picture(interaction)
        }

    def handle(self, request: Request) -> Response:
        """The answer of this moment, or the picture that the recorder asks for at once."""
        now, self.now = self.now, None
        if now is None:
            self.asked.add(_place(request))
            picture = self._pictures.get(_place(request))
            if picture is None:
                raise UpstreamError(_NO_PICTURE)
            return Response(200, picture.headers, picture.body)
        if now.response is None:
            raise ConnectionLost
        return now.response


def _place(request: Request) -> tuple[str, str]:
    """Where a picture lies, whatever became of the signature in the tool that wrote it down."""
    return request.hostname, request.path


def _is_picture(interaction: Interaction) -> bool:
    """Whether it holds a whole picture, as the image host gave it or as a browser kept it."""
    response = interaction.response
    if response is None or interaction.lacks or interaction.request.method != "GET":
        return False
    scaled = "x-oss-process" in interaction.request.parameters
    return response.status in (200, 304) and bool(response.body) and not scaled


def _timed(interactions: list[Interaction], modified: float) -> Iterator[tuple[float, Interaction]]:
    """The interactions with their times; one that has none came when the one before it did."""
    known = (one.at for one in interactions if one.at is not None)
    last = next(known, modified)
    for interaction in interactions:
        last = last if interaction.at is None else interaction.at
        yield last, interaction


def _creates(request: Request) -> bool:
    return request.method == "POST" and request.decoded_path.rstrip("/") == routes.CREATE_PATH


def _hosts(interactions: Iterable[Interaction]) -> set[str]:
    """Where the service was: at its own hosts, and wherever a task was created."""
    return {*API_HOSTS, *(one.request.host for one in interactions if _creates(one.request))}


def _route(request: Request, hosts: Collection[str]) -> routes.Route | None:
    """What a request asks of the service; None for what is none of its business."""
    if request.host not in hosts and not routes.IMAGE_HOST.fullmatch(request.hostname):
        return None
    try:
        return routes.route(request)
    except Refusal:
        return None


def _unfit(interaction: Interaction, route: routes.Route) -> str | None:
    """Why nothing can be made of an interaction, if that is so."""
    if route.operation == "create" and not interaction.request.body:
        return _NOT_SENT
    response = interaction.response
    if response and response.status == HTTPStatus.OK and not response.body:
        return interaction.lacks or _NO_ANSWER
    return interaction.lacks


def _happened(
    interaction: Interaction, route: routes.Route, past: _Past, recorder: Recorder, draft: Draft
) -> str | None:
    """Let it happen in front of the recorder; why nothing came of it, if that is so."""
    before = len(draft)
    past.now = sent = _as_sent(interaction)
    try:
        recorder.handle(sent.request)
    except SecretFoundError:
        return _TELLING
    except ConnectionLost:
        return None if len(draft) > before else _BROKEN
    strange = route.operation == "query" and not draft.job(route.task_id)
    return _STRANGERS if strange and len(draft) == before else None


def _as_sent(interaction: Interaction) -> Interaction:
    """A create that was answered with a task was asynchronous, whatever headers were kept."""
    request, response = interaction.request, interaction.response
    name = "x-dashscope-async"
    if name in request.headers or not _creates(request):
        return interaction
    if response is None or response.status != HTTPStatus.OK or b'"task_id"' not in response.body:
        return interaction
    asked = replace(request, headers={**request.headers, name: "enable"})
    return replace(interaction, request=asked)
