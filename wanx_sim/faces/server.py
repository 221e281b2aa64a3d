"""A real socket: uvicorn, in a thread of a test or as a process of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from ..errors import ServeError
from ..service import Service
from .asgi import App
from .direct import Protocol
from .guard import guard_of, loopback

if TYPE_CHECKING:
    from .proxy import Proxy
    from .tls import CertificateAuthority

_STARTUP_SECONDS = 10
_SHUTDOWN_SECONDS = 1


class _Uvicorn(uvicorn.Server):
    """uvicorn that says when it is up and stops at once, instead of looking ten times a second."""

    def __init__(self, config: uvicorn.Config, up: Callable[[], None], proxy: Proxy | None) -> None:
        super().__init__(config)
        self._up, self._proxy = up, proxy

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        if self._proxy:
            self.servers.append(await self._proxy.open(self))
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
        await asyncio.sleep(0)  # for those whose request waits for the end of its turn
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_SHUTDOWN_SECONDS)
        for connection in list(self.server_state.connections):
            if connection.transport.get_extra_info("sslcontext"):
                # Closing TLS waits half a minute for a client that only keeps its connection.
                connection.transport.abort()


def _uvicorn(
    app: App,
    up: Callable[[], None],
    context: ssl.SSLContext | None = None,
    proxy: Proxy | None = None,
) -> _Uvicorn:
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # the service's own dates follow the simulator's clock
    )
    config.load()
    config.ssl = context
    return _Uvicorn(config, up, proxy)


def _listen(host: str, port: int, option: str = "--port", *, group: bool = False) -> socket.socket:
    """A socket that listens; in a group, one of several that share an address."""
    listener = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":
            # Elsewhere this lets a restart take the port of connections that linger; on Windows
            # it would let two servers share one.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if group:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise ServeError(
            f"cannot listen on {host}:{port} ({error.strerror or error}): stop what uses it, "
            f"choose another with {option}, or take a free one with {option} 0"
        ) from error
    return listener


def _listen_often(times: int, host: str, port: int, option: str = "--port") -> list[socket.socket]:
    """One listening socket a process.

    Where all have the same one, whoever wakes first takes all connections that wait: of 32 that
    came together one of two workers got all. Linux deals connections out to the sockets of a
    group; elsewhere SO_REUSEPORT means something else, and all have the same one.
    """
    first = _listen(host, port, option)
    if times == 1 or sys.platform != "linux":
        return [first] * times
    # The address was free, which a group would not have been told.
    port = first.getsockname()[1]
    first.close()
    return [_listen(host, port, option, group=True) for _ in range(times)]


def _url(listener: socket.socket, host: str, scheme: str = "http") -> str:
    port = listener.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"{scheme}://[{shown}]:{port}" if ":" in shown else f"{scheme}://{shown}:{port}"


def _authority(tls: CertificateAuthority | bool) -> CertificateAuthority:
    from .tls import CertificateAuthority  # noqa: PLC0415 - few servers need one

    return CertificateAuthority() if isinstance(tls, bool) else tls


def _token() -> str:
    from secrets import token_urlsafe  # noqa: PLC0415 - few servers need one

    return token_urlsafe(24)


class Server:
    """A service on a socket: in a thread, from ``with`` to the end of its block, or by `run`.

    Attributes:
        url: where it listens, such as ``http://127.0.0.1:40123``.
        base_url: the API's base, ``url`` + ``/api/v1``: what `DASHSCOPE_HTTP_BASE_URL` wants.
        admin_token: what ``/_sim/`` asks for: the one given or, where others than this machine
            can reach the server, one made up (`token_made_up`); None if it asks for nothing.
        proxy_url: the forward proxy, such as ``http://127.0.0.1:40124``: what `HTTPS_PROXY`
            wants; empty without one.
    """

    def __init__(
        self,
        service: Service,
        host: str,
        port: int,
        *,
        admin_token: str | None = None,
        allow_hosts: Iterable[str] = (),
        tls: CertificateAuthority | bool = False,
        proxy_port: int | None = None,
    ) -> None:
        self.service = service
        self.host, self._port, self._proxy_port = host, port, proxy_port
        self.tls, self.allow_hosts = bool(tls), list(allow_hosts)
        self._authority = _authority(tls) if tls or proxy_port is not None else None
        self.url = self.proxy_url = ""
        self.token_made_up = not (admin_token or loopback(host))
        self.admin_token = _token() if self.token_made_up else admin_token or None
        self._guard = guard_of(
            host,
            public_url=getattr(service, "public_url", None),
            token=self.admin_token,
            allow_hosts=self.allow_hosts,
        )

    def __repr__(self) -> str:
        return f"<Server {self.url or 'not started'} of {self.service!r}>"

    @property
    def base_url(self) -> str:
        """The base of the API."""
        return f"{self.url}/api/v1"

    @property
    def busy(self) -> bool:
        """Whether it is answering a request right now."""
        return bool(self._uvicorn.server_state.tasks)

    @property
    def ca_file(self) -> Path | None:
        """The certificate that clients must trust; None without TLS and without a proxy."""
        return self._authority.ca_file if self._authority else None

    def run(
        self, announce: Callable[[], None], listeners: Sequence[socket.socket] | None = None
    ) -> None:
        """Serve in this thread until a signal or `stop` ends it.

        Args:
            announce: called when it is up.
            listeners: what `listen` has opened, in another process perhaps; default: opened here.

        Raises:
            ServeError: if an address cannot be had.
            CertificateError: if the throw-away CA cannot be used.
        """
        self._uvicorn, listener = self._open(announce, listeners)
        self._uvicorn.run(sockets=[listener])

    def stop(self) -> None:
        """End what `run` does, from any thread; it must be up."""
        self._uvicorn.stop()

    def listen(self, times: int = 1) -> list[tuple[socket.socket, ...]]:
        """Take the addresses; connections wait there until somebody serves them.

        Args:
            times: how many processes will serve them, each what one row of the result holds.

        Raises:
            ServeError: if one cannot be had.
        """
        proxies: list[socket.socket] = []
        if self._proxy_port is not None:
            proxies = _listen_often(times, self.host, self._proxy_port, "--proxy-port")
        try:
            own = _listen_often(times, self.host, self._port)
        except ServeError:
            for proxy in proxies:
                proxy.close()
            raise
        rows: list[tuple[socket.socket, ...]] = [(each,) for each in own]
        if proxies:
            rows = [*zip(own, proxies, strict=True)]
        self._settle(rows[0])
        return rows

    def _settle(self, listeners: Sequence[socket.socket]) -> None:
        """Note where it is."""
        self.url = _url(listeners[0], self.host, "https" if self.tls else "http")
        if self._proxy_port is not None:
            self.proxy_url = _url(listeners[1], self.host)

    def _open(
        self, announce: Callable[[], None], listeners: Sequence[socket.socket] | None = None
    ) -> tuple[_Uvicorn, socket.socket]:
        context, of_proxy = self.contexts()
        if listeners:
            self._settle(listeners)
        else:
            (listeners,) = self.listen()
        proxy = None
        if of_proxy:
            from .proxy import Proxy  # noqa: PLC0415 - few servers have one

            proxy = Proxy(listeners[1], of_proxy)
        return _uvicorn(App(self.service, self._guard), announce, context, proxy), listeners[0]

    def contexts(self) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
        """The TLS contexts of the server and of its proxy, where they have one.

        Raises:
            CertificateError: if the throw-away CA cannot be used.
        """
        if self._authority is None:
            return None, None
        own = self._authority.context(self.host) if self.tls else None
        return own, self._authority.context() if self._proxy_port is not None else None

    def __enter__(self) -> Self:
        up = Event()
        self._uvicorn, listener = self._open(up.set)
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
