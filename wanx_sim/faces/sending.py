"""Over ASGI: how an answer goes out, whole or troubled.

ASGI has no word for a broken connection. Our own server hands the connection over, so that it
really breaks; a server of another make hears an exception, and most then close the connection.
"""

from __future__ import annotations

import socket
import struct
import sys
from asyncio import WriteTransport
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..wire import ConnectionLost, Delivery, Request, Response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CONNECTION = "wanx_sim.connection"
"""The scope extension in which our own server hands over the connection."""

ANSWERED = "wanx_sim.answered"
"""The scope extension in which our own server hands over what the service said, if it has."""

_NO_LINGERING = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


async def send_response(
    response: Response, request: Request, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send an answer."""
    delivery = response.delivery
    body = b"" if request.method == "HEAD" else response.body
    if delivery is None:
        await _start(response, len(response.body), send)
        await send({"type": "http.response.body", "body": body})
        return
    declared = len(response.body) if delivery.declared is None else delivery.declared
    await delivery.clock.async_sleep(delivery.delay)
    await _start(response, declared, send)
    if request.method == "HEAD":
        await send({"type": "http.response.body"})
    else:
        await _deliver(delivery, body, declared, _connection(scope), receive, send)


async def _start(response: Response, length: int, send: Send) -> None:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers
    ]
    headers.append((b"content-length", str(length).encode()))
    if length < len(response.body):
        # Else a client might already send its next request on a connection that is about to end.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})


async def _deliver(
    delivery: Delivery,
    body: bytes,
    declared: int,
    connection: WriteTransport | None,
    receive: Receive,
    send: Send,
) -> None:
    if connection and len(body) > declared:
        connection.write(body)
        await _close(connection, receive)
        return
    for seconds, piece in delivery.pieces(body[:declared]):
        if connection and connection.is_closing():
            return  # the client has gone; a long body would keep us for nothing
        await delivery.clock.async_sleep(seconds)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    if len(body) < declared:
        await _close(connection, receive)
        return
    await send({"type": "http.response.body"})


async def _close(connection: WriteTransport | None, receive: Receive) -> None:
    if connection is None:
        raise ConnectionLost
    connection.close()
    await receive()  # until the server has noticed: it wants to hear of no more body then


async def break_off(lost: ConnectionLost, scope: Scope, receive: Receive) -> None:
    """Reset the connection; raises `ConnectionLost` where nobody lets us."""
    if lost.delivery:
        await lost.delivery.clock.async_sleep(lost.delivery.delay)
    connection = _connection(scope)
    if connection is None:
        raise lost
    _reset(connection)
    await receive()


def _reset(connection: WriteTransport) -> None:
    # Closing alone would be a polite end (FIN); with no time to linger it is a reset (RST).
    handle = connection.get_extra_info("socket")
    if handle is not None:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
    connection.abort()


def _connection(scope: Scope) -> WriteTransport | None:
    connection: WriteTransport | None = scope.get("extensions", {}).get(CONNECTION)
    return connection
