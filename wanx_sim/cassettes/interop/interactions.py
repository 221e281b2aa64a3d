"""What other tools record, in our words: requests and answers, one after another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from ...errors import CassetteError
from ...wire import Request, Response

Format = Literal["har", "vcr"]
"""HAR 1.2, as browsers and proxies save it; VCR YAML, as vcrpy and cassetter write it."""

_LATEST = datetime(9000, 1, 1, tzinfo=UTC).timestamp()


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """A request and its answer, as another tool keeps them.

    Args:
        at: epoch seconds at which the answer came; None if the file does not say.
        request: what was asked.
        response: what was answered; None if the connection broke.
        lacks: what of it the file does not hold, such as the body of the answer.
    """

    at: float | None
    request: Request
    response: Response | None
    lacks: str | None = None


def requested(
    method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes, where: str
) -> Request:
    """A request from its parts; raises `CassetteError` for what is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise CassetteError(f"{where}: its URL cannot be read") from None
    return Request(
        method=method.upper(),
        scheme=parts.scheme,
        host=parts.netloc.rpartition("@")[2],
        path=parts.path or "/",
        query=parts.query,
        headers=_joined(headers),
        body=body,
    )


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by their lower-case names, without the pseudo-headers of HTTP/2."""
    found: dict[str, str] = {}
    for spelt, value in headers:
        name = spelt.lower()
        if not name.startswith(":"):
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def url(request: Request) -> str:
    """The URL of a request."""
    query = f"?{request.query}" if request.query else ""
    return f"{request.scheme}://{request.host}{request.path}{query}"


def moment(text: str, where: str) -> float:
    """Epoch seconds of an ISO 8601 time, in UTC unless it says otherwise."""
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
    except ValueError:
        raise CassetteError(f"{where}: {text[:40]!r} is no time") from None
    return checked_moment(found.timestamp(), where)


def checked_moment(seconds: float, where: str) -> float:
    """Epoch seconds; raises `CassetteError` for a time that no clock of ours shows."""
    if not 0 <= seconds < _LATEST:
        raise CassetteError(f"{where}: no recording is of {seconds:.0f} s after 1970")
    return seconds


def checked_status(status: int, where: str) -> int:
    """An HTTP status; raises `CassetteError` for what is none."""
    if not 100 <= status <= 599:  # noqa: PLR2004 - HTTP's own
        raise CassetteError(f"{where}: {str(status)[:20]} is no HTTP status")
    return status


def phrase(status: int) -> str:
    """What HTTP calls a status; nothing for one that it does not know."""
    return HTTPStatus(status).phrase if status in list(HTTPStatus) else ""
