"""Foreign recordings become jobs: they are played to a `Recorder`, as if they happened now.

So redaction, the distinct states and their offsets, pictures by their hashes and the marks of what
is incomplete are the recorder's own work, here as in front of the live service.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path

import msgspec

from ...clock import ManualClock
from ...errors import SecretFoundError, UpstreamError
from ...protocol import routes
from ...protocol.catalogue import API_HOSTS
from ...protocol.refusal import Refusal
from ...service import Service
from ...wire import ConnectionLost, Request, Response
from ..cassette import Cassette
from ..format import Entry, Exchange, Job, Keep
from ..recorder import Recorder
from . import har, reading, vcr
from .draft import Draft
from .interactions import Format, Interaction

_FOREIGN = "not of the text-to-image API"
_STRANGERS = "polls of tasks whose create was not taken over"
_NOT_SENT = "creates whose body is not in the file"
_TELLING = (
    "creates that hold what is shaped like a secret; if it stands in the prompt, --redact-prompts "
    "takes them over"
)
_BROKEN = "requests whose connection broke"
_UNASKED = "pictures of no job in the file"
_NO_PICTURE = "the file does not hold it"


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of another tool: its name, its format, what it holds."""

    path: Path
    format: Format
    interactions: list[Interaction]
    modified: float
    """When the file was written, in epoch seconds: the time of what has no other."""


@dataclass(slots=True)
class Imported:
    """What became of one file."""

    recording: Recording
    entries: list[Entry]
    files: dict[str, bytes] = field(repr=False)
    """Pictures, by the hashes that name them."""
    host: str
    """Where the service was."""
    skipped: Counter[str]
    """How many of its interactions were left aside, and why."""
    known: int = 0
    """How many of its jobs and exchanges the cassette had."""

    @property
    def jobs(self) -> list[Job]:
        """The jobs of the file, in order."""
        return [entry for entry in self.entries if isinstance(entry, Job)]

    @property
    def exchanges(self) -> list[Exchange]:
        """What else of it is kept: errors, lists, cancels."""
        return [entry for entry in self.entries if isinstance(entry, Exchange)]


# --- files ----------------------------------------------------------------------------------------


def read(path: Path, format: Format | None = None) -> Recording:  # noqa: A002 - the option's name
    """The recording in a file.

    Args:
        path: the file.
        format: ``har`` or ``vcr``; by default what its content looks like.

    Raises:
        CassetteError: for what cannot be read, is too large, or is none, naming file and entry.
    """
    content = reading.content(path)
    is_json = content.lstrip()[:1] == b"{"
    if format is None:
        format = "har" if is_json and not _is_vcr_json(content) else "vcr"  # noqa: A001
    if format == "har":
        found = har.read(content, path)
    else:
        found = vcr.read((reading.json if is_json else reading.yaml)(content, path), path)
    return Recording(path, format, found, path.stat().st_mtime)


class _Head(msgspec.Struct, frozen=True):
    interactions: msgspec.Raw = msgspec.Raw()


def _is_vcr_json(content: bytes) -> bool:
    try:
        return bool(bytes(msgspec.json.decode(content, type=_Head).interactions))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def import_files(
    paths: Iterable[Path],
    cassette: Cassette,
    *,
    format: Format | None = None,  # noqa: A002
    pictures: Keep = "full",
    redact_prompts: bool = False,
    dry_run: bool = False,
) -> list[Imported]:
    """Add what HAR and VCR files hold to a cassette, all of them or none.

    A job whose task the cassette holds is not added again, unless only the file's is complete.

    Args:
        paths: the files.
        cassette: where it goes; it need not be there yet.
        format: of all the files; by default what the content of each looks like.
        pictures: what is stored of each picture: ``full``, ``thumbnail`` or ``placeholder``.
        redact_prompts: whether prompts are written as hashes.
        dry_run: whether nothing is written.

    Raises:
        CassetteError: for a file that cannot be read, or a cassette that cannot be written. The
            cassette is as it was before.
    """
    made = [
        _taken_over(read(path, format), cassette, pictures, redact_prompts=redact_prompts)
        for path in paths
    ]
    entries = [entry for imported in made for entry in imported.entries]
    if cassette.exists:
        cassette.reload()
    new = cassette.lacking(entries)
    for imported in made:
        imported.known = sum(all(entry is not other for other in new) for entry in imported.entries)
    if new and not dry_run:
        cassette.host = cassette.host or next((one.host for one in made if one.host), "")
        files = {digest: content for one in made for digest, content in one.files.items()}
        cassette.extend(entries, files)
    return made


# --- one file -------------------------------------------------------------------------------------


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
        if self.now is None or request is not self.now.request:
            self.asked.add(_place(request))
            picture = self._pictures.get(_place(request))
            if picture is None:
                raise UpstreamError(_NO_PICTURE)
            return Response(200, picture.headers, picture.body)
        if self.now.response is None:
            raise ConnectionLost
        return self.now.response


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


def _taken_over(
    recording: Recording, cassette: Cassette, pictures: Keep, *, redact_prompts: bool
) -> Imported:
    """What a recorder makes of a recording."""
    draft, past, clock = Draft(cassette.path), _Past(recording.interactions), ManualClock(0.0)
    recorder = Recorder(past, draft, clock=clock, pictures=pictures, redact_prompts=redact_prompts)
    skipped: Counter[str] = Counter()
    hosts = _hosts(recording.interactions)
    loaded = []
    for at, interaction in _timed(recording):
        route = _route(interaction.request, hosts)
        why = None
        if route is None:
            why = _FOREIGN
        elif route.operation == "image":
            loaded.append(_place(interaction.request))
        else:  # the image host has a clock of its own, which tells nothing of a job
            clock.advance(max(0.0, at - clock.now()))
            why = _unfit(interaction, route) or _played(interaction, route, past, recorder, draft)
        if why:
            skipped[why] += 1
    recorder.close()
    skipped[_UNASKED] += sum(place not in past.asked for place in loaded)
    host = next((one.request.host for one in recording.interactions if _creates(one.request)), "")
    return Imported(recording, draft.interactions, draft.files, host, +skipped)


def _timed(recording: Recording) -> Iterator[tuple[float, Interaction]]:
    """The interactions with their times; one that has none came when the one before it did."""
    known = (one.at for one in recording.interactions if one.at is not None)
    last = next(known, recording.modified)
    for interaction in recording.interactions:
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
    return interaction.lacks


def _played(
    interaction: Interaction, route: routes.Route, past: _Past, recorder: Recorder, draft: Draft
) -> str | None:
    """Let it happen in front of the recorder; why nothing came of it, if that is so."""
    before = len(draft)
    past.now = _as_sent(interaction)
    try:
        recorder.handle(past.now.request)
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
