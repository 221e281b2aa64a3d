"""HTTP/1.1 on a socket: uvicorn's protocol, which answers on the spot what need not wait.

For each request uvicorn makes a task and an event, checks each header and writes head and body
apart: more work than the service has. A request to a service that never waits needs none of it,
so it is answered as soon as it is read. Everything else goes uvicorn's way, as if it had come
just now: other paths, clients that do not read, answers that are troubled.

Nor is a head parsed twice: a client that polls sends the same bytes again and again.
"""

from __future__ import annotations

from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ..latest import Latest
from ..wire import Request, Response
from .asgi import App
from .sending import ANSWERED, CONNECTION

_PATHS = (b"/api/v1/", b"/oss/")
"""How the paths of the service begin; that under ``/_sim/`` is no business of ours."""

_END = b"\r\n\r\n"


class _Head(msgspec.Struct, frozen=True):
    """What the head of a request says: the request without its body, and how long that is."""

    request: Request
    length: int


HEADS, LONGEST = 4096, 2048
"""How many heads are remembered, and how many bytes the longest may have."""

_heads: dict[str, Latest[bytes, _Head]] = {"http": Latest(HEADS), "https": Latest(HEADS)}
"""The heads that were parsed of late, by the scheme and their bytes."""


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
        self._between = True
        """Whether the parser has seen the end of a request, and nothing of the next one."""
        self._came = b""
        """What came last, if a request began with it."""
        self._said: list[Response | Exception | None] = []
        """What the service has said to the request that comes next, if it was asked already."""
        self._used = False
        """Whether a request came since the timer of an idle connection was set."""
        self._waits = self._ends = False
        """Whether a request waits for the end of its turn, and the connection is to end then."""

    # --- a head that is known --------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        request = self._known(data)
        if request is None or self._service is None:
            self._parse(data)
            return
        self._used = True
        if self._service.turn is None:
            self._answer(self._service, data, request)
            return
        self._waits = True
        self.flow.pause_reading()  # what comes behind it waits
        self._service.turn.add(request, partial(self._in_turn, self._service, data))

    def _in_turn(self, service: App, data: bytes, request: Request) -> None:
        self._waits = False
        self.flow.resume_reading()
        self._answer(service, data, request)
        if self._ends:
            self.shutdown()

    def _answer(self, service: App, data: bytes, request: Request) -> None:
        """Answer a request whose head is known."""
        answer = service.answer(request)
        if self.transport.is_closing():
            return  # it was heard, but nobody listens any more
        if not (isinstance(answer, Response) and self._sent(answer, request, keep_alive=True)):
            self._said.append(answer)
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        self._came = data if self._between else b""
        super().data_received(data)

    def _known(self, data: bytes) -> Request | None:
        """The request that the data is, if it is one whole, and its head is known."""
        end = data.find(_END) + len(_END)
        head = _heads[self.scheme or "http"].get(data[:end])
        if head is None or not (self._between and self._free()) or len(data) != end + head.length:
            return None
        if not head.length:
            return head.request
        return msgspec.structs.replace(head.request, body=data[end:])

    def _free(self) -> bool:
        """Whether an answer can be written now."""
        cycle: RequestResponseCycle | None = self.cycle
        return (
            (cycle is None or cycle.response_complete)  # else it waits for its turn
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _learn(self, request: Request) -> None:
        """Remember the head of a request, if it came in one piece with nothing behind."""
        length = len(request.body)
        end = len(self._came) - length
        if self._came.find(_END) + len(_END) == end <= LONGEST:
            head = _Head(msgspec.structs.replace(request, body=b""), length)
            _heads[request.scheme].keep(self._came[:end], head)

    def timeout_keep_alive_handler(self) -> None:
        # The timer is not set anew for each request, which would cost as much as its state.
        if self._used:
            self._used = False
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        # What waits will be done, so whoever asked for it is to hear of it.
        if self._waits:
            self._ends = True
        else:
            super().shutdown()

    # --- one that is parsed ----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._between = False
        super().on_message_begin()

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
        self._between = True
        if self._body is None or self._service is None:
            super().on_message_complete()
            return
        request = self._request(bytes(self._body))
        answer = self._said.pop() if self._said else self._service.answer(request)
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        if isinstance(answer, Response) and self._sent(answer, request, keep_alive=keep_alive):
            if keep_alive:
                self._learn(request)
            else:
                self.transport.close()
            self.on_response_complete()
            return
        self._pass_on(answer)
        if self._body:
            super().on_body(bytes(self._body))
        super().on_message_complete()

    def _simple(self) -> bool:
        """Whether a request, by its head, can be answered here."""
        return (
            self._service is not None
            and self._free()
            and self.url.startswith(_PATHS)
            and b"#" not in self.url
            and not (self.expect_100_continue or self.parser.should_upgrade())
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

    def _sent(self, response: Response, request: Request, *, keep_alive: bool) -> bool:
        """Send an answer, if it is one that simply arrives."""
        head = _head(response, keep_alive=keep_alive)
        if response.delivery or head is None:
            return False
        self.transport.write(head if request.method == "HEAD" else head + response.body)
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
