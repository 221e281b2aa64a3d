"""A service: whatever can answer a request of the API. And the doors to it, one a face.

The faces are imported when one is opened, so a service pulls in no HTTP library by itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from .wire import Request, Response

if TYPE_CHECKING:
    from .faces.asgi import App
    from .faces.server import Server
    from .faces.tls import CertificateAuthority
    from .faces.transport import Transport


class Service(ABC):
    """Answers requests; everything that a program can talk to stands in front of one."""

    blocking = False
    """Whether an answer may wait for a network; asynchronous faces then use a thread."""

    gathers = False
    """Whether `expect` pays; a face that gets several requests at once then calls it first."""

    def expect(self, requests: Sequence[Request]) -> None:
        """What is about to be asked, by calls of `handle` with these very objects in this thread.

        A service whose state lies far away reads in one round trip what all of them need. It uses
        that for each of them once, and not if anything of it has been changed meanwhile. A request
        that is left out in the end does no harm; no requests end what was expected before.
        """

    @abstractmethod
    def handle(self, request: Request) -> Response:
        """The answer to one request; may raise `wire.ConnectionLost` to break the connection."""

    async def async_handle(self, request: Request) -> Response:
        """`handle` for an asynchronous face; what may wait for a network waits in a thread."""
        if not self.blocking:
            return self.handle(request)
        from anyio import to_thread  # noqa: PLC0415 - few services are blocking

        return await to_thread.run_sync(self.handle, request)

    def close(self) -> None:
        """Let go of files and connections."""

    def transport(self) -> Transport:
        """A transport for httpx and httpx2, for sync and async clients alike.

        Use it where the application lets you hand one in: it is the fastest face, and the client
        builds no TLS context (28 ms of every ``httpx.Client()``).

        Example:
            ```python
            httpx.Client(transport=sim.transport(), base_url="https://dashscope.aliyuncs.com")
            ```
        """
        from .faces.transport import Transport  # noqa: PLC0415 - a face loads when it is opened

        return Transport(self)

    def intercept(self) -> AbstractContextManager[object]:
        """Catch, inside a ``with`` block, what httpx clients of this process send to the service.

        Both regions' API hosts and the image hosts are caught; other hosts are left alone.
        """
        from .faces.intercept import intercept  # noqa: PLC0415

        return intercept(self)

    def asgi_app(self, *, admin_token: str | None = None, allow_hosts: Iterable[str] = ()) -> App:
        """An ASGI application, for any ASGI server or test client.

        Args:
            admin_token: what ``/_sim/`` asks for; without one it answers this machine alone.
            allow_hosts: more names at which ``/_sim/`` answers without a token.
        """
        from .faces.asgi import App  # noqa: PLC0415
        from .faces.guard import Guard, hostname  # noqa: PLC0415

        hosts = frozenset(map(hostname, allow_hosts))
        return App(self, Guard(hosts=hosts, any_host=True, token=admin_token))

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        admin_token: str | None = None,
        allow_hosts: Iterable[str] = (),
        tls: CertificateAuthority | bool = False,
        proxy_port: int | None = None,
    ) -> Server:
        """A real HTTP server in a thread, up inside a ``with`` block.

        Args:
            host: the address to listen on (default loopback only).
            port: the port; 0, the default, takes a free one.
            admin_token: what ``/_sim/`` asks for in ``X-Wanx-Admin-Token`` or as a bearer. On
                loopback nothing, by default; elsewhere one is made up (`Server.admin_token`).
            allow_hosts: more names at which a loopback server answers: those it is reached by
                through a tunnel or a proxy. A stranger's web page is kept out by its name.
            tls: whether to speak HTTPS, with a certificate of the user's throw-away CA or of the
                one given (default no). Clients must trust ``server.ca_file``.
            proxy_port: the port of a forward proxy to the service's own hosts, for clients whose
                host is hard-coded; 0 takes a free one, None (the default) opens none.

        Raises:
            ServeError: on entering the block, if an address cannot be had.
            CertificateError: on entering the block, if the CA cannot be made or kept, or the
                extra ``wanx-kit[tls]`` is missing.

        Example:
            ```python
            with sim.serve() as server:
                print(server.base_url)  # http://127.0.0.1:40123/api/v1
            ```
        """
        from .faces.server import Server  # noqa: PLC0415

        return Server(
            self,
            host,
            port,
            admin_token=admin_token,
            allow_hosts=allow_hosts,
            tls=tls,
            proxy_port=proxy_port,
        )
