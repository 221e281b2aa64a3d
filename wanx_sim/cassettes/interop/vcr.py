"""VCR's YAML, version 1: as vcrpy writes it, and as cassetter does.

Of vcrpy both spellings are read, that of today and that of its httpx stub before version 6.
vcrpy notes no times, but the service's answers hold theirs in a header, to the millisecond.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from ...errors import CassetteError
from ...wire import Response
from . import plain_yaml
from .bodies import Bodies
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
_MILLISECONDS = 14
"""Digits of a time in milliseconds, until the year 5138."""


class _Request(msgspec.Struct, frozen=True):
    method: str
    uri: str
    headers: Json | None = None
    body: Any = None


class _Status(msgspec.Struct, frozen=True):
    code: int


class _Response(msgspec.Struct, frozen=True):
    status: int | _Status | None = None
    status_code: int | None = None
    headers: Json | None = None
    body: Any = None
    content: Any = None


class _Interaction(msgspec.Struct, frozen=True):
    request: _Request
    response: _Response
    recorded_at: str | None = None


# --- reading --------------------------------------------------------------------------------------


def read(found: Any, name: object) -> list[Interaction]:
    """The interactions of a VCR file that was parsed, in the order in which they took place.

    Raises:
        CassetteError: for what is no such file, naming the interaction.
    """
    entries = found.get("interactions") if isinstance(found, dict) else None
    if not isinstance(entries, list):
        raise CassetteError(f"{name} is no VCR file: it has no list of interactions")
    bodies = Bodies()
    made = [
        _interaction(entry, f"{name}: interaction {number}", bodies)
        for number, entry in enumerate(entries, 1)
    ]
    if all(isinstance(entry, dict) and "recorded_at" in entry for entry in entries):
        made.sort(key=lambda interaction: interaction.at or 0.0)  # cassetter's stand by their URLs
    return made


def _interaction(entry: Any, where: str, bodies: Bodies) -> Interaction:
    try:
        found = msgspec.convert(entry, _Interaction, strict=False)
    except msgspec.ValidationError as error:
        raise CassetteError(f"{where}: {error}") from error
    asked, answered = found.request, found.response
    headers = list(_headers(answered.headers, where))
    packed = _body(answered.body if answered.status_code is None else answered.content, where)
    named = dict(headers)
    body = bodies.unpacked(packed, named.get("content-encoding", ""), where)
    kept = tuple((k, v) for k, v in headers if k not in ("content-encoding", "content-length"))
    return Interaction(
        at=moment(found.recorded_at, where) if found.recorded_at else _arrival(named),
        request=requested(
            asked.method,
            asked.uri,
            _headers(asked.headers, where),
            _body(asked.body, where),
            where,
        ),
        response=Response(_status(answered, where), kept, body or b""),
        lacks="its answer is packed in a way that is not known here" if body is None else None,
    )


def _status(answered: _Response, where: str) -> int:
    status = answered.status if answered.status_code is None else answered.status_code
    if status is None:
        raise CassetteError(f"{where}: its answer has no status")
    return checked_status(status.code if isinstance(status, _Status) else status, where)


def _headers(headers: Json | None, where: str) -> Iterator[tuple[str, str]]:
    for name, values in (headers or {}).items():
        for value in values if isinstance(values, list) else [values]:
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            if not isinstance(text, str):
                raise CassetteError(f"{where}: its header {name[:40]!r} is no text")
            yield name.lower(), str(text)


def _arrival(headers: dict[str, str]) -> float | None:
    """When an answer was given, by its own headers: the gateway's milliseconds, else its date."""
    arrived = headers.get("req-arrive-time", "")
    if arrived.isascii() and arrived.isdigit() and len(arrived) <= _MILLISECONDS:
        return int(arrived) / 1000
    try:
        return checked_moment(parsedate_to_datetime(headers.get("date", "")).timestamp(), "")
    except (TypeError, ValueError, OverflowError, CassetteError):
        return None


def _body(value: Any, where: str) -> bytes:
    """The bytes of a body: a text, bytes, vcrpy's `string` or cassetter's `type` and `content`."""
    if isinstance(value, dict) and "type" in value:
        return _typed(value["type"], value.get("content"), where)
    if isinstance(value, dict):
        value = value.get("string")
    if plain_yaml.is_null(value):
        return b""
    if isinstance(value, str):
        return _encoded(value, where)
    if isinstance(value, bytes):
        return value
    raise CassetteError(f"{where}: its body is neither a text nor bytes")


def _typed(kind: object, content: Any, where: str) -> bytes:
    if kind == "none":
        return b""
    if kind == "json":
        return _encoded(json.dumps(plain_yaml.resolved(content), ensure_ascii=False), where)
    if kind == "text" and isinstance(content, str):
        return _encoded(content, where)
    if kind == "binary" and isinstance(content, str):
        try:
            return bytes.fromhex(content)
        except ValueError:
            raise CassetteError(f"{where}: its body is not hexadecimal") from None
    raise CassetteError(f"{where}: its body is of no type that is known: json, text, binary, none")


def _encoded(text: str, where: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise CassetteError(f"{where}: its body holds half a character") from None


# --- writing --------------------------------------------------------------------------------------


def write(interactions: Iterable[Interaction]) -> bytes:
    """A file that vcrpy replays; what has no answer cannot be written in it."""
    module = plain_yaml.library()
    document = {
        "interactions": [_entry(interaction) for interaction in interactions],
        "version": 1,
    }
    dumper = getattr(module, "CSafeDumper", module.SafeDumper)
    made: bytes = module.dump(document, Dumper=dumper, allow_unicode=True, encoding="utf-8")
    return made


def can_hold(interaction: Interaction) -> bool:
    """Whether a VCR file has a way to say it: there is none for a connection that broke."""
    return interaction.response is not None


def _entry(interaction: Interaction) -> Json:
    request, response = interaction.request, interaction.response or Response(0)
    return {
        "request": {
            "body": _text(request.body) if request.body else None,
            "headers": {name: [value] for name, value in request.headers.items()},
            "method": request.method,
            "uri": url(request),
        },
        "response": {
            "body": {"string": _text(response.body)},
            "headers": _lists(response.headers),
            "status": {"code": response.status, "message": phrase(response.status)},
        },
    }


def _lists(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found


def _text(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body
