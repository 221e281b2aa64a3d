"""Any ASGI server: one bare callable, no framework (a plain one serves twice the requests)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property

from ..errors import BudgetExceededError, CassetteMissError, WanxSimError
from ..protocol.responses import encode
from ..service import Service
from ..wire import ConnectionLost, Request, Response
from . import console
from .guard import Denial, Guard
from .sending import ANSWERED, Receive, Scope, Send, break_off, send_response
from .turns import Turn

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_OPEN = Guard(any_host=True)

_TROUBLE = 501
"""Ours, not the service's. No official client retries a 501, so the fault surfaces at once."""


class App:
    """A service as an ASGI application, and under ``/_sim/`` what steers it.

    Whoever serves it decides where it can be reached. Unless the guard says otherwise the service
    answers everybody, and ``/_sim/`` this machine alone.
    """

    def __init__(self, service: Service, guard: Guard = _OPEN) -> None:
        self._service = service
        self._guard = guard
        self.turn = Turn(service) if service.gathers else None
        """Where requests wait for each other; None if each is better answered at once."""

    def __repr__(self) -> str:
        return f"<App of {self._service!r}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    @cached_property
    def _admin(self) -> ASGIApp:
        from .admin import admin  # noqa: PLC0415 - it takes a framework, which few runs need

        return admin(self._service)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        denial = self._guard.denies(headers.get("host", ""))
        control = scope["path"] == "/_sim" or scope["path"].startswith("/_sim/")
        page = None
        if control and denial is None:
            peer = (scope.get("client") or [None])[0]
            page = console.answer(scope["method"], scope["path"], headers.get("accept", ""))
            denial = self._guard.denies_control(scope["method"], headers, peer, secret=page is None)
        answer = _denied(denial, control=control) if denial else page
        if answer:
            await send_response(answer, _request(scope, headers, b""), scope, receive, send)
        elif control:
            await self._admin(scope, receive, send)
        else:
            await self._serve(_request(scope, headers, await _body(receive)), scope, receive, send)

    @property
    def answers_at_once(self) -> bool:
        """Whether `answer` may be asked: whether no answer of the service waits for anything."""
        return not self._service.blocking

    def answer(self, request: Request) -> Response | Exception | None:
        """What the service says to a request, or raises; None if it may not be asked."""
        if self._guard.denies(request.headers.get("host", "")):
            return None
        try:
            return self._service.handle(request)
        except Exception as error:  # noqa: BLE001 - it is raised where answers are sent
            return error

    async def _answered(self, request: Request, scope: Scope) -> Response:
        answer: Response | Exception | None = scope.get("extensions", {}).get(ANSWERED)
        if isinstance(answer, Exception):
            raise answer
        return answer or await self._service.async_handle(request)

    async def _serve(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answered(request, scope)
        except ConnectionLost as lost:
            await break_off(lost, scope, receive)
            return
        except (WanxSimError, CassetteMissError, BudgetExceededError) as trouble:
            response = _trouble(trouble)
        await send_response(response, request, scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _request(scope: Scope, headers: dict[str, str], body: bytes) -> Request:
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"],
        scheme=scope.get("scheme", "http"),
        host=headers.get("host", "localhost"),
        path=raw_path.partition(b"?")[0].decode("latin-1"),
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        body=body,
    )


def _denied(denial: Denial, *, control: bool) -> Response:
    headers = (("content-type", "application/json"), ("connection", "close"))
    body = {"code": "WanxSim.Denied", "message": denial.message}
    return Response(denial.status, headers, encode({"error": denial.message} if control else body))


def _trouble(error: Exception) -> Response:
    body = {"code": f"WanxSim.{type(error).__name__}", "message": str(error)}
    return Response(_TROUBLE, (("content-type", "application/json"),), encode(body))
