"""In process, for httpx clients that nothing can be handed to: respx catches their requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import httpx
import respx

from ..protocol.catalogue import API_HOSTS
from ..protocol.routes import IMAGE_HOST
from ..service import Service
from ..upstream import LIVE
from .transport import Transport

_open: list[Transport] = []
"""The services of the blocks that are open, innermost last: respx would ask the outermost."""


class _Router(respx.MockRouter):
    """respx's own, which patches the clients; what is meant for the service it need not match.

    Its routes would keep each request and answer for as long as the block is open.
    """

    def handler(self, request: httpx.Request) -> httpx.Response:
        if _meant(request):
            return _open[-1].handle_request(request)
        return super().handler(request)

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        if _meant(request):
            return await _open[-1].handle_async_request(request)
        return await super().async_handler(request)


def _meant(request: httpx.Request) -> bool:
    """Whether the service answers a request; a recorder's own way up leads to the live one."""
    return _caught(request.url.host) and not request.extensions.get(LIVE)


@lru_cache(256)
def _caught(host: str) -> bool:
    return host in API_HOSTS or IMAGE_HOST.fullmatch(host) is not None


@contextmanager
def intercept(service: Service) -> Iterator[respx.Router]:
    """Answer, by the service, what httpx sends to its hosts; let everything else pass."""
    # Patching httpx's clients, not httpcore below them: what goes to any other host goes by the
    # client's own transport (ASGI, a mock), so an application's test client keeps working.
    router = _Router(assert_all_called=False, using="httpx")
    router.route().pass_through()
    transport = Transport(service)
    _open.append(transport)
    try:
        with router:
            yield router
    finally:
        _open.remove(transport)
