"""A real socket: uvicorn, in a thread of a test or as a process of its own."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..errors import ServeError
from ..service import Service
from .asgi import ABORT, App

_STARTUP_SECONDS = 10
_SHUTDOWN_SECONDS = 1


class _Protocol(HttpToolsProtocol):
    """uvicorn's own, which also lets the application reset the connection."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.scope["extensions"] = {ABORT: self.transport.abort}  # type: ignore[dict-item]


class _Uvicorn(uvicorn.Server):
    """uvicorn that says when it is up and stops at once, instead of looking ten times a second."""

    def __init__(self, config: uvicorn.Config, up: Callable[[], None]) -> None:
        super().__init__(config)
        self._up = up

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._up()
        await self._stop.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self.stop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_SHUTDOWN_SECONDS)


def _uvicorn(service: Service, up: Callable[[], None]) -> _Uvicorn:
    config = uvicorn.Config(
        App(service),
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # the service's own dates follow the simulator's clock
    )
    return _Uvicorn(config, up)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":
            # Elsewhere this lets a restart take the port of connections that linger; on Windows
            # it would let two servers share one.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        raise ServeError(
            f"cannot listen on {host}:{port} ({error.strerror or error}): stop what uses it, "
            "choose another with --port, or take a free one with --port 0"
        ) from error
    return listener


def _url(listener: socket.socket, host: str) -> str:
    port = listener.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104
    return f"http://{shown}:{port}"


class Server:
    """A service on a socket: in a thread, from ``with`` to the end of its block, or by `run`.

    Attributes:
        url: where it listens, such as ``http://127.0.0.1:40123``.
        base_url: the API's base, ``url`` + ``/api/v1``: what `DASHSCOPE_HTTP_BASE_URL` wants.
    """

    def __init__(self, service: Service, host: str, port: int) -> None:
        self.service = service
        self._host, self._port = host, port
        self.url = ""

    def __repr__(self) -> str:
        return f"<Server {self.url or 'not started'} of {self.service!r}>"

    @property
    def base_url(self) -> str:
        """The base of the API."""
        return f"{self.url}/api/v1"

    def run(self, announce: Callable[[], None]) -> None:
        """Serve in this thread until a signal ends it; ``announce`` is called when it is up.

        Raises:
            ServeError: if the address cannot be had.
        """
        listener = self._listen()
        _uvicorn(self.service, announce).run(sockets=[listener])

    def _listen(self) -> socket.socket:
        listener = _listen(self._host, self._port)
        self.url = _url(listener, self._host)
        return listener

    def __enter__(self) -> Self:
        listener, up = self._listen(), Event()
        self._uvicorn = _uvicorn(self.service, up.set)
        self._thread = Thread(
            target=self._uvicorn.run, args=([listener],), name=f"wanx-sim {self.url}", daemon=True
        )
        self._thread.start()
        if not up.wait(_STARTUP_SECONDS):
            raise ServeError(f"the server at {self.url} did not start in {_STARTUP_SECONDS} s")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._uvicorn.stop()
        self._thread.join()
