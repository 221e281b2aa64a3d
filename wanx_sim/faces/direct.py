"""HTTP/1.1 on a socket: uvicorn's protocol, which answers on the spot what need not wait.

For each request uvicorn makes a task and an event, checks each header and writes head and body
apart: more work than the service has. A request to a service that never waits needs none of it,
so it is answered as soon as it is read. Everything else goes uvicorn's way, as if it had come
just now: other paths, clients that do not read, answers that are troubled.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ..wire import Request, Response
from .asgi import App
from .sending import ANSWERED, CONNECTION

_PATHS = (b"/api/v1/", b"/oss/")
"""How the paths of the service begin; that under ``/_sim/`` is no business of ours."""


class Protocol(HttpToolsProtocol):
    """A connection to an application; requests are answered here only if that is an `App`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        app: object = self.app
        if isinstance(app, ProxyHeadersMiddleware):  # uvicorn's own, for X-Forwarded-… alone
            app = app.app
        self._service = app if isinstance(app, App) and app.answers_at_once else None
        self._body: bytearray | None = None
        """What has come so far of a request that is answered here."""

    def on_headers_complete(self) -> None:
        self._body = bytearray() if self._simple() else None
        if self._body is None:
            self._pass_on(None)

    def on_body(self, body: bytes) -> None:
        if self._body is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        if self._body is None or self._service is None:
            super().on_message_complete()
            return
        request = self._request(bytes(self._body))
        answer = self._service.answer(request)
        if isinstance(answer, Response) and self._sent(answer, request):
            return
        self._pass_on(answer)
        if self._body:
            super().on_body(bytes(self._body))
        super().on_message_complete()

    def _simple(self) -> bool:
        """Whether a request, by its head, can be answered here."""
        cycle: RequestResponseCycle | None = self.cycle
        return (
            self._service is not None
            and (cycle is None or cycle.response_complete)  # else it waits for its turn
            and self.url.startswith(_PATHS)
            and b"#" not in self.url
            and not (self.expect_100_continue or self.flow.write_paused)
            and not (self.parser.should_upgrade() or self.transport.is_closing())
            and not any(name.startswith(b"x-forwarded-") for name, _ in self.headers)
        )

    def _pass_on(self, answer: Response | Exception | None) -> None:
        """Let uvicorn go on, with the answer if there is one already."""
        super().on_headers_complete()
        extensions = {CONNECTION: self.transport, ANSWERED: answer}
        self.scope["extensions"] = extensions  # type: ignore[typeddict-item]

    def _request(self, body: bytes) -> Request:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        path, _, query = self.url.decode("latin-1").partition("?")
        return Request(
            method=self.parser.get_method().decode("ascii"),
            scheme=self.scheme or "http",
            host=headers.get("host", "localhost"),
            path=path,
            query=query,
            headers=headers,
            body=body,
        )

    def _sent(self, response: Response, request: Request) -> bool:
        """Send an answer, if it is one that simply arrives."""
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        head = _head(response, keep_alive=keep_alive)
        if response.delivery or head is None:
            return False
        self.transport.write(head if request.method == "HEAD" else head + response.body)
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()
        return True


def _head(response: Response, *, keep_alive: bool) -> bytes | None:
    """The head of an answer; None for headers that would break it, which uvicorn reports."""
    lines = [f"{name}: {value}\r\n" for name, value in response.headers]
    lines.append(f"content-length: {len(response.body)}\r\n")
    if not keep_alive:
        lines.append("connection: close\r\n")
    fields = "".join(lines)
    if not fields.count("\r") == fields.count("\n") == len(lines) or "\0" in fields:
        return None
    return f"{_status_line(response.status)}{fields}\r\n".encode("latin-1")


@lru_cache(64)
def _status_line(status: int) -> str:
    try:
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    except ValueError:
        return f"HTTP/1.1 {status} \r\n"
