"""What travels between a face and a service: one request in, one response out.

Neither type knows a socket or an HTTP library, so every face (a transport, an interception, an
ASGI server) hands a service the same thing and sends out the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

import msgspec

if TYPE_CHECKING:
    from .clock import Clock


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request as a service sees it.

    Header names are lower case. ``path`` is as it came, still percent-encoded, since an OSS
    signature depends on how the sender spelt it.
    """

    method: str
    scheme: str = "http"
    host: str = "localhost"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.scheme}://{self.host}{self.path}>"

    @property
    def hostname(self) -> str:
        """The host without its port, in lower case."""
        return _hostname(self.host)

    @property
    def decoded_path(self) -> str:
        """The path with percent-escapes undone."""
        return unquote(self.path)

    @property
    def parameters(self) -> dict[str, str]:
        """The query as a mapping; of a repeated name the last one counts."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


# Asked several times a request, of one or two hosts.
@lru_cache(256)
def _hostname(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


Headers = tuple[tuple[str, str], ...]

_TICK = 0.1
"""Seconds between two pieces of a body that comes slowly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How an answer travels that does not simply arrive. Services ask for it, faces carry it out.

    Args:
        clock: whose seconds are meant.
        delay: seconds before anything arrives.
        rate: bytes of the body a second; None is all at once.
        declared: what Content-Length says; None is the truth. Where the body is shorter the
            connection ends with it, where it is longer the client stops reading there.
    """

    clock: Clock
    delay: float = 0.0
    rate: float | None = None
    declared: int | None = None

    def pieces(self, body: bytes) -> Iterator[tuple[float, bytes]]:
        """The body in pieces, each with the seconds that pass before it."""
        if self.rate is None:
            yield 0.0, body
            return
        size = max(1, int(self.rate * _TICK))
        for start in range(0, len(body), size):
            piece = body[start : start + size]
            yield len(piece) / self.rate, piece

    def patience(self, seconds: float) -> float:
        """A client's timeout on the clock. On a frozen clock its own seconds are the clock's."""
        return seconds * (self.clock.speed or 1.0)


class Response(msgspec.Struct, frozen=True):
    """One HTTP response as a service gives it; faces add only framing."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    delivery: Delivery | None = None

    def __repr__(self) -> str:
        # No body: it may hold signed links.
        return f"<Response {self.status}, {len(self.body)} bytes>"

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case, or None."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), None)

    def with_headers(self, *headers: tuple[str, str]) -> Response:
        """The same response with more headers behind its own."""
        return msgspec.structs.replace(self, headers=(*self.headers, *headers))


class ConnectionLost(Exception):  # noqa: N818 - an event on the wire, not an error of ours
    """Raised by a service to make the connection break where its answer should stand.

    In process a face turns it into the exception httpx would raise; on a socket it resets the
    connection. What was accepted by then stays accepted.
    """

    def __init__(self, operation: str = "request", *, delivery: Delivery | None = None) -> None:
        super().__init__(f"the connection was closed before the answer to this {operation}")
        self.delivery = delivery
