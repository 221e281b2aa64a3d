"""Any ASGI server: one bare callable, no framework (a plain one serves twice the requests)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..errors import BudgetExceededError, CassetteMissError, WanxSimError
from ..protocol.responses import encode
from ..service import Service
from ..wire import ConnectionLost, Request, Response
from .transport import answered

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ABORT = "wanx_sim.abort"
"""The scope extension by which our own server lets an application reset the connection."""

_TROUBLE = 501
"""Ours, not the service's. No official client retries a 501, so the fault surfaces at once."""


class App:
    """A service as an ASGI application."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __repr__(self) -> str:
        return f"<App of {self._service!r}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope, await _body(receive))
        try:
            response = await answered(self._service, request)
        except ConnectionLost:
            abort = scope.get("extensions", {}).get(ABORT)
            if abort is None:
                raise
            abort()
            await receive()  # until the server has noticed: it wants to hear of no answer then
            return
        except (WanxSimError, CassetteMissError, BudgetExceededError) as trouble:
            response = _trouble(trouble)
        await _send(response, request, send)


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


def _request(scope: Scope, body: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
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


def _trouble(error: Exception) -> Response:
    body = {"code": f"WanxSim.{type(error).__name__}", "message": str(error)}
    return Response(_TROUBLE, (("content-type", "application/json"),), encode(body))


async def _send(response: Response, request: Request, send: Send) -> None:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers
    ]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    body = b"" if request.method == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body})
