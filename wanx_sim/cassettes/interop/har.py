"""HAR 1.2, as browsers, proxies and Playwright save it.

http://www.softwareishard.com/blog/har-12-spec/
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from ...errors import CassetteError
from ...wire import Response
from .bodies import bounded
from .interactions import (
    Interaction,
    checked_moment,
    checked_status,
    moment,
    phrase,
    requested,
    url,
)

Json = dict[str, Any]
_BINARY = "base64"


class _Pair(msgspec.Struct, frozen=True):
    name: str
    value: str = ""


class _PostData(msgspec.Struct, frozen=True):
    text: str | None = None
    params: list[_Pair] = []
    encoding: str | None = None


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    method: str
    url: str
    headers: list[_Pair] = []
    post_data: _PostData | None = None


class _Content(msgspec.Struct, frozen=True):
    size: float = 0
    text: str | None = None
    encoding: str | None = None


class _Response(msgspec.Struct, frozen=True):
    status: int
    headers: list[_Pair] = []
    content: _Content = _Content()


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    started_date_time: str
    request: _Request
    response: _Response
    time: float | None = None


class _Log(msgspec.Struct, frozen=True):
    entries: list[msgspec.Raw]


class _File(msgspec.Struct, frozen=True):
    log: _Log


# --- reading --------------------------------------------------------------------------------------


def read(content: bytes, name: object) -> list[Interaction]:
    """The interactions of a HAR file, in the order in which their answers came.

    Raises:
        CassetteError: for what is no HAR file, naming the entry.
    """
    entries = _decoded(content, _File, f"{name} is no HAR file").log.entries
    made = [_interaction(raw, f"{name}: entry {n}") for n, raw in enumerate(entries, 1)]
    return sorted(made, key=lambda interaction: interaction.at or 0.0)


def _decoded(content: bytes | msgspec.Raw, kind: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CassetteError(f"{where}: {error}") from error


def _interaction(raw: msgspec.Raw, where: str) -> Interaction:
    entry = _decoded(raw, _Entry, where)
    asked, answered = entry.request, entry.response
    request = requested(
        asked.method,
        asked.url,
        [(pair.name, pair.value) for pair in asked.headers],
        _posted(asked.post_data, where),
        where,
    )
    content = answered.content
    body = bounded(_bytes(content.text or "", content.encoding, where), where)
    response = None
    if answered.status > 0:  # 0 is what browsers write where no answer came
        status = checked_status(answered.status, where)
        headers = ((pair.name, pair.value) for pair in answered.headers)
        response = Response(status, tuple(headers), body)
    at = moment(entry.started_date_time, where) + max(0.0, entry.time or 0.0) / 1000
    return Interaction(
        at=checked_moment(at, where),
        request=request,
        response=response,
        lacks=_lacks(content, body),
    )


def _posted(posted: _PostData | None, where: str) -> bytes:
    if posted is None:
        return b""
    if posted.text is None:
        return urlencode([(pair.name, pair.value) for pair in posted.params]).encode()
    return _bytes(posted.text, posted.encoding, where)


def _bytes(text: str, encoding: str | None, where: str) -> bytes:
    if not encoding:
        return text.encode()
    if encoding.lower() != _BINARY:
        raise CassetteError(f"{where}: no encoding of a body is called {encoding[:40]!r}")
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise CassetteError(f"{where}: its body is not base64") from None


def _lacks(content: _Content, body: bytes) -> str | None:
    """What the file leaves out: browsers can save it without bodies, and cut off long ones."""
    if not content.text and content.size > 0:
        return "the file does not hold the answer"
    if content.encoding and len(body) < content.size:
        return "the file holds a part of the answer alone"
    return None


# --- writing --------------------------------------------------------------------------------------


def write(interactions: Iterable[Interaction]) -> bytes:
    """A HAR 1.2 file."""
    from wanx_client import __version__  # noqa: PLC0415 - both packages are one distribution

    log = {
        "version": "1.2",
        "creator": {"name": "wanx-kit", "version": __version__},
        "entries": [_entry(interaction) for interaction in interactions],
    }
    return msgspec.json.format(msgspec.json.encode({"log": log}), indent=2) + b"\n"


def _entry(interaction: Interaction) -> Json:
    at = datetime.fromtimestamp(interaction.at or 0.0, UTC)
    return {
        "startedDateTime": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "time": 0,
        "request": _asked(interaction),
        "response": _answered(interaction.response or Response(0)),
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
    }


def _asked(interaction: Interaction) -> Json:
    request = interaction.request
    made = {
        "method": request.method,
        "url": url(request),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(request.headers.items()),
        "queryString": _pairs(parse_qsl(request.query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": len(request.body),
    }
    if not request.body:
        return made
    kind = request.headers.get("content-type", "")
    return made | {"postData": {"mimeType": kind, "text": request.body.decode()}}


def _answered(response: Response) -> Json:
    return {
        "status": response.status,
        "statusText": phrase(response.status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(response.headers),
        "content": _content(response),
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": len(response.body),
    }


def _content(response: Response) -> Json:
    made: Json = {"size": len(response.body), "mimeType": response.header("content-type") or ""}
    try:
        return made | {"text": response.body.decode()}
    except UnicodeDecodeError:
        return made | {"text": b64encode(response.body).decode(), "encoding": _BINARY}


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in pairs]
