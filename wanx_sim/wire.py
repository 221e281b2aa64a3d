"""What travels between a face and a service: one request in, one response out.

Neither type knows a socket or an HTTP library, so every face (a transport, an interception, an
ASGI server) hands a service the same thing and sends out the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request as a service sees it.

    Header names are lower case. ``path`` is as it came, still percent-encoded, since an OSS
    signature depends on how the sender spelt it.
    """

    method: str
    scheme: str = "http"
    host: str = "localhost"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.scheme}://{self.host}{self.path}>"

    @property
    def hostname(self) -> str:
        """The host without its port, in lower case."""
        name, colon, port = self.host.rpartition(":")
        return (name if colon and port.isdigit() else self.host).lower()

    @property
    def decoded_path(self) -> str:
        """The path with percent-escapes undone."""
        return unquote(self.path)

    @property
    def parameters(self) -> dict[str, str]:
        """The query as a mapping; of a repeated name the last one counts."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response as a service gives it; faces add only framing."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case, or None."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), None)

    def with_headers(self, *headers: tuple[str, str]) -> Response:
        """The same response with more headers behind its own."""
        return Response(self.status, (*self.headers, *headers), self.body)


class ConnectionLost(Exception):  # noqa: N818 - an event on the wire, not an error of ours
    """Raised by a service to make the connection break where its answer should stand.

    In process a face turns it into the exception httpx would raise; on a socket it resets the
    connection. The request has been read and acted upon: what was accepted stays accepted.
    """
