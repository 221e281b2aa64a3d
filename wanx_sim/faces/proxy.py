"""A forward proxy that leads to the service's hosts alone, for clients whose host is hard-coded.

A client tells its proxy ``CONNECT dashscope.aliyuncs.com:443`` and begins TLS. Here that tunnel
ends at once: TLS is answered with a certificate of the throw-away CA, and the connection handed to
the same uvicorn that serves the simulator's own port. Nothing in it can connect to anywhere, so it
is no open proxy, and no request reaches the real service by mistake.

So it is built of what the simulator stands on already (HTTP by uvicorn and httptools, TLS by
asyncio or uvloop) and of cryptography, which the extra brings; what is left to do here is to let
in and to refuse. Proxies from the package index do less with more (looked at in November 2026):
mitmproxy for Python 3.11 wants twenty packages and pins cryptography below 44.1 and h11 below
0.15; proxy.py, whose last release is of February 2025, runs processes of its own and takes a
second to stop; and both exist to connect to elsewhere, which would have to be forbidden them.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .names import reaches
from .sending import Message, Receive, Scope, Send

_HEAD_LIMIT = 65_536
"""Bytes of a request's head; more is no client of an API."""

_TLS_PORT = b"443"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

_HTTPS = "wanx-sim's proxy leads to port 443 of the simulated DashScope and its result hosts alone"
_HTTP = "wanx-sim's proxy leads to the simulated DashScope and its result hosts alone"
_EARLY = "wanx-sim's proxy wants TLS to begin after it has answered CONNECT"
_LONG = "the request's head is too long"


@dataclass(frozen=True)
class Proxy:
    """A proxy about to open on a listening socket."""

    listener: socket.socket
    context: ssl.SSLContext

    async def open(self, server: uvicorn.Server) -> asyncio.Server:
        """Let this server's application answer here too; its connections count as the server's."""
        plain = copy(server.config)
        plain.loaded_app = _ServiceHosts(server.config.loaded_app)
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: _Door(self.context, server, plain), sock=self.listener
        )


def _line(says: str, target: str = "") -> bytes:
    return f"{says}, not to {target!r}\n".encode() if target else f"{says}\n".encode()


class _ServiceHosts:
    """The application for ``http://`` URLs, whose requests come without a tunnel."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        if reaches(host.decode("latin-1").partition(":")[0]):
            await self._app(scope, receive, send)
            return
        body = _line(_HTTP, host.decode("latin-1"))
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        headers.append((b"content-length", str(len(body)).encode()))
        start: Message = {"type": "http.response.start", "status": 403, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})


class _Door(asyncio.Protocol):
    """Reads the head of a connection's first request, then lets uvicorn have the connection."""

    def __init__(
        self, context: ssl.SSLContext, server: uvicorn.Server, plain: uvicorn.Config
    ) -> None:
        self._context, self._server, self._plain = context, server, plain
        self._connections = server.server_state.connections
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._complete = False
        self._tunnel = False
        self._seen = b""

    # --- what httptools calls --------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_headers_complete(self) -> None:
        self._complete = True

    # --- what the event loop calls ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self._connections.add(self)  # type: ignore[arg-type]  # so that a stopping server closes it

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connections.discard(self)

    def shutdown(self) -> None:
        """Close the connection: the server stops."""
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._tunnel:
            return  # what comes right behind the handshake waits for `_hand_over`
        early = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            early = upgrade.args[0] < len(data)
        except httptools.HttpParserError:
            self._hand_over(self.transport, self._plain)  # which knows how to refuse it
            return
        if self._complete and self._parser.get_method() == b"CONNECT":
            self._connect(early=early)
        elif self._complete:
            self._hand_over(self.transport, self._plain)
        elif len(self._seen) > _HEAD_LIMIT:
            self._refuse(431, _LONG)

    # --- what a client may want ------------------------------------------------------------------

    def _connect(self, *, early: bool) -> None:
        host, _, port = self._target.rpartition(b":")
        if port != _TLS_PORT or not reaches(host.decode("latin-1")):
            self._refuse(403, _HTTPS, self._target.decode("latin-1"))
        elif early:
            self._refuse(400, _EARLY)
        else:
            self._tunnel, self._seen = True, b""
            self.transport.write(_ESTABLISHED)
            tasks = self._server.server_state.tasks
            securing = asyncio.get_running_loop().create_task(self._secure())
            tasks.add(securing)
            securing.add_done_callback(tasks.discard)

    async def _secure(self) -> None:
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self.transport, self, self._context, server_side=True
            )
        except OSError:  # a client that does not trust the CA, or thought better of it
            self.transport.abort()
            return
        if secured is not None and not secured.is_closing():
            self._hand_over(secured, self._server.config)

    def _hand_over(self, transport: asyncio.Transport, config: uvicorn.Config) -> None:
        self._connections.discard(self)
        protocol: HttpToolsProtocol = config.http_protocol_class(  # type: ignore[call-arg,assignment]
            config=config, server_state=self._server.server_state, app_state={}
        )
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._seen:
            protocol.data_received(self._seen)

    def _refuse(self, status: int, says: str, target: str = "") -> None:
        content = _line(says, target)
        # The line stands in the reason too: most clients show that, and drop a body of CONNECT's.
        head = (
            f"HTTP/1.1 {status} {says}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()
