"""Jobs become interactions again: those of a client that asks once for each thing there is to see.

Links are those of the service's image hosts without a query: nothing in the file is, or looks like,
a signature, and tools that match by URL have one that does not change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec
from msgspec.structs import replace

from ...protocol import links, responses, routes
from ...protocol.catalogue import API_HOSTS, Region
from ...protocol.dialects import Kind
from ...protocol.times import http_date
from ...wire import Request, Response
from .. import files, secrets
from ..cassette import Cassette
from ..format import Exchange, Image, Job, Json, State
from . import har, vcr
from .interactions import Format, Interaction

_NO_BODY = "creates of which the cassette holds a hash alone"
_BROKEN = "requests whose connection broke, which VCR has no way to say"
_BEIJING = next(host for host, region in API_HOSTS.items() if region is Region.BEIJING)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written to a file."""

    format: Format
    jobs: int
    interactions: int
    pictures: int
    skipped: Counter[str]
    """How many of the cassette's interactions were left out, and why."""


def export_file(cassette: Cassette, path: Path, format: Format | None = None) -> Exported:  # noqa: A002
    """Write what a cassette holds to a file that HAR viewers, or vcrpy and cassetter, read.

    Args:
        cassette: the cassette.
        path: the file; it is replaced.
        format: ``har`` or ``vcr``; by default what the suffix (.har, .yaml or .yml) says.

    Raises:
        ValueError: if the suffix does not say which format is meant, or the file is the cassette.
        SecretFoundError: for a cassette that holds what is shaped like a secret.
        CassetteError: for a cassette that cannot be read, or a file that cannot be written.
    """
    kind = format or _format_of(path)
    if path.resolve() == cassette.path.resolve():
        raise ValueError(f"{path} is the cassette itself; give the file another name")
    entries = cassette.interactions
    for entry in entries:
        secrets.check(msgspec.to_builtins(entry), f"nothing was written to {path}")
    made = list(interactions(cassette))
    skipped = Counter({_NO_BODY: sum("malformed" in entry.request for entry in entries)})
    if kind == "vcr":
        skipped[_BROKEN] = sum(not vcr.can_hold(one) for one in made)
        made = [one for one in made if vcr.can_hold(one)]
    files.write(path, har.write(made) if kind == "har" else vcr.write(made))
    pictures = sum(bool(routes.IMAGE_HOST.fullmatch(one.request.hostname)) for one in made)
    return Exported(kind, len(cassette.jobs), len(made), pictures, +skipped)


def _format_of(path: Path) -> Format:
    suffix = path.suffix.lower()
    if suffix == ".har":
        return "har"
    if suffix in (".yaml", ".yml"):
        return "vcr"
    raise ValueError(
        f"{path} may be of any format: call it .har, .yaml or .yml, or say --format har or vcr"
    )


def interactions(cassette: Cassette) -> list[Interaction]:
    """What a client would have seen that polls just when there is something new, in order.

    A cassette of the service's own host keeps it, any other gets that of the service in Beijing.
    """
    own = cassette.host.endswith(".aliyuncs.com")
    host = cassette.host if own else _BEIJING
    made: list[Interaction] = []
    for entry in cassette.interactions:
        if "malformed" in entry.request:
            continue
        if isinstance(entry, Job):
            made.extend(_job(entry, cassette, host))
        else:
            made.append(_exchange(entry, host))
    return sorted(made, key=lambda one: one.at or 0.0)


# --- jobs -----------------------------------------------------------------------------------------


def _job(job: Job, cassette: Cassette, host: str) -> Iterator[Interaction]:
    """The create, a poll for each state, and a download of each picture."""
    at = job.at.timestamp()
    created = _answer(job.created, at, kind="gateway")
    yield Interaction(at=at, request=_create(host, job.request), response=created)
    places = _places(job, host)
    for state in job.states:
        at = round(max(at, job.at.timestamp() + state.offset), 3)
        poll = _request("GET", host, f"{routes.TASKS_PATH}/{job.task_id}")
        body = _linked(state, places) if state.lasting else state.body
        answer = _answer(body, at, status=state.status, kind="task")
        yield Interaction(at=at, request=poll, response=answer)
    for image in job.images:
        yield Interaction(
            at=at,
            request=_request("GET", *places[image.index]),
            response=_picture(image, cassette, at),
        )


def _places(job: Job, host: str) -> dict[int, tuple[str, str]]:
    """Where the pictures of a job lie, by their results: the image host, and the path there."""
    region = routes.region_of(_request("GET", host, "/"), Region.BEIJING)
    ended = job.at.timestamp() + max((state.offset for state in job.states), default=0.0)
    indexes = {image.index for image in job.images} | _unfetched(job)
    keys = {index: links.object_key(job.task_id, index, ended) for index in sorted(indexes)}
    return {index: (links.place(region, key)[1], f"/{quote(key)}") for index, key in keys.items()}


def _unfetched(job: Job) -> set[int]:
    """The results that had a link, though their pictures could not be fetched."""
    if job.complete:
        return set()
    results = [result for state in job.states for result in enumerate(_results(state))]
    return {index for index, result in results if "code" not in result}


def _results(state: State) -> list[Json]:
    results = state.body["output"].get("results") if state.lasting else None
    found = results if isinstance(results, list) else []
    return [result if isinstance(result, dict) else {} for result in found]


def _linked(state: State, places: dict[int, tuple[str, str]]) -> Json:
    """The body of a state, with links to the pictures of its results."""
    results = [
        result | ({"url": f"https://{''.join(places[index])}"} if index in places else {})
        for index, result in enumerate(_results(state))
    ]
    return state.body | ({"output": state.body["output"] | {"results": results}} if results else {})


def _picture(image: Image, cassette: Cassette, at: float) -> Response:
    headers = (("content-type", image.media_type), ("date", http_date(at)), ("server", "AliyunOSS"))
    return Response(200, headers, cassette.image(image))


# --- requests and answers -------------------------------------------------------------------------


def _request(method: str, host: str, path: str, query: str = "") -> Request:
    return Request(method=method, scheme="https", host=host, path=path, query=query)


def _create(host: str, form: Json) -> Request:
    synchronous = {} if form.get("synchronous") else {"x-dashscope-async": "enable"}
    body = {key: part for key, part in form.items() if key != "synchronous"}
    return replace(
        _request("POST", host, routes.CREATE_PATH),
        headers={"content-type": "application/json"} | synchronous,
        body=msgspec.json.encode(body),
    )


def _exchange(entry: Exchange, host: str) -> Interaction:
    """A request that is no job, and its answer."""
    form = entry.request
    if entry.operation == "create":
        request = _create(host, form)
    else:
        given = form.get("query")
        query = urlencode(given if isinstance(given, dict) else {})
        request = _request(str(form.get("method")), host, str(form.get("path")), query)
    at = entry.at.timestamp()
    if entry.status is None:
        return Interaction(at=at, request=request, response=None)
    kind: Kind = "gateway" if entry.operation == "create" else "task"
    answer = _answer(entry.body, at, status=entry.status, kind=kind)
    if entry.text is not None:
        media = "text/html" if entry.text.lstrip().startswith("<") else "text/plain"
        headers = (("content-type", f"{media}; charset=utf-8"), *answer.headers[1:])
        answer = Response(entry.status, headers, entry.text.encode())
    return Interaction(at=at, request=request, response=answer)


def _answer(body: Json, at: float, *, status: int = 200, kind: Kind) -> Response:
    """A recorded answer with the headers that such answers have, and an id of its own.

    A cassette keeps no id of a poll, since each has another; what was kept stays as it is.
    """
    seed = sha256(f"{at}".encode() + msgspec.json.encode(body)).digest()
    given = body.get("request_id")
    made = responses.request_id(int.from_bytes(seed[:16]))
    own = {"request_id": given if isinstance(given, str) else made}
    answer = responses.answer(own, at, status=status, kind=kind)
    if kind == "task" and "output" in body:
        body = own | body
    return replace(answer, body=msgspec.json.encode(body))
