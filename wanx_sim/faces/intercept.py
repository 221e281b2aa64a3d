"""In process, for httpx clients that nothing can be handed to: respx catches their requests."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

import httpx
import respx

from ..protocol.catalogue import API_HOSTS
from ..protocol.routes import IMAGE_HOST
from ..service import Service
from ..upstream import LIVE
from ..wire import ConnectionLost, Response
from .delivery import async_wait, lost, wait, written
from .transport import read

_open: list[Service] = []
"""The services of the blocks that are open, innermost last: respx would ask the outermost."""


_WAITS = "wanx_sim.waits"
"""The response extension that says what is still to be waited for."""


_LOST = "wanx_sim.lost"
"""The response extension that says that it never arrives."""

_ASYNC = "wanx_sim.async"
"""The request extension of an asynchronous client, whose loop nothing may block."""


class _Router(respx.MockRouter):
    """respx's own, which also lets time pass: by the clock, in the way of the client's loop."""

    def handler(self, request: httpx.Request) -> httpx.Response:
        response = super().handler(request)
        wait(response.extensions.get(_WAITS), request)
        return _arrived(response, request)

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        request.extensions[_ASYNC] = True
        response = await super().async_handler(request)
        await async_wait(response.extensions.get(_WAITS), request)
        return _arrived(response, request)


def _arrived(response: httpx.Response, request: httpx.Request) -> httpx.Response:
    if response.extensions.get(_LOST):
        raise lost(request)
    return response


def _answered(service: Service, request: httpx.Request) -> httpx.Response:
    try:
        answer = service.handle(read(request))
    except ConnectionLost as broken:
        return _never(broken)
    return _in_time(answer, request)


async def _answered_async(service: Service, request: httpx.Request) -> httpx.Response:
    try:
        answer = await service.async_handle(read(request))
    except ConnectionLost as broken:
        return _never(broken)
    return _in_time(answer, request)


def _in_time(answer: Response, request: httpx.Request) -> httpx.Response:
    response: httpx.Response = written(answer, request)
    response.extensions[_WAITS] = answer.delivery
    return response


def _never(broken: ConnectionLost) -> httpx.Response:
    return httpx.Response(200, extensions={_WAITS: broken.delivery, _LOST: True})


@contextmanager
def intercept(service: Service) -> Iterator[respx.Router]:
    """Answer, by the service, what httpx sends to its hosts; let everything else pass."""

    # respx also hands over what the named groups of a pattern matched; routing reads it again.
    def respond(
        request: httpx.Request, **_matched: str
    ) -> httpx.Response | httpx.Request | Awaitable[httpx.Response]:
        if request.extensions.get(LIVE):
            return request  # a recorder's own way up: what respx gets back, it lets pass
        if request.extensions.get(_ASYNC):
            return _answered_async(_open[-1], request)
        return _answered(_open[-1], request)

    # Patching httpx's clients, not httpcore below them: what goes to any other host goes by the
    # client's own transport (ASGI, a mock), so an application's test client keeps working.
    router = _Router(assert_all_called=False, using="httpx")
    router.route(host__in=tuple(API_HOSTS)).mock(side_effect=respond)
    router.route(host__regex=f"^{IMAGE_HOST.pattern}$").mock(side_effect=respond)
    router.route().pass_through()
    _open.append(service)
    try:
        with router:
            yield router
    finally:
        _open.remove(service)
