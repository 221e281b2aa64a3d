"""In process, for clients that take a transport."""

from __future__ import annotations

from typing import Any

import httpx

from ..service import Service
from ..wire import ConnectionLost, Request
from .delivery import async_wait, lost, wait, written

_BASE = "https://dashscope.aliyuncs.com/api/v1"


def addressed(request: Any) -> Any:
    """The request, with the service's address and some key if it came without any.

    `dashscope.Client(http_client=…)` leaves both to the client it is handed, and the one that is
    handed a simulator's transport usually has neither [observed: SDK 2.0.2].
    """
    if not request.url.host:
        request.url = type(request.url)(f"{_BASE}/{str(request.url).lstrip('/')}")
        request.headers.setdefault("authorization", "Bearer sk-handed-in")
    return request


def read(request: Any) -> Request:
    """What a service sees of an httpx or httpx2 request whose body has been read."""
    url = request.url
    path, _, query = url.raw_path.decode("ascii").partition("?")
    return Request(
        method=request.method,
        scheme=url.scheme,
        host=url.netloc.decode("ascii"),
        path=path,
        query=query,
        headers={
            name.lower().decode("latin-1"): value.decode("latin-1")
            for name, value in request.headers.raw
        },
        body=request.content,
    )


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A service as a transport of httpx or httpx2; one object serves sync and async clients.

    Closing a client leaves the service open, so many clients can share it.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def __repr__(self) -> str:
        return f"<Transport to {self._service!r}>"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a synchronous client."""
        request.read()
        try:
            response = self._service.handle(read(addressed(request)))
        except ConnectionLost as broken:
            wait(broken.delivery, request)
            raise lost(request) from None
        wait(response.delivery, request)
        return written(response, request)  # type: ignore[no-any-return]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer an asynchronous client, on asyncio or trio."""
        await request.aread()
        try:
            response = await self._service.async_handle(read(addressed(request)))
        except ConnectionLost as broken:
            await async_wait(broken.delivery, request)
            raise lost(request) from None
        await async_wait(response.delivery, request)
        return written(response, request)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Leave the service open."""

    async def aclose(self) -> None:
        """Leave the service open."""
