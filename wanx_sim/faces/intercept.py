"""In process, for httpx clients that nothing can be handed to: respx catches their requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import respx

from ..protocol.catalogue import API_HOSTS
from ..protocol.routes import IMAGE_HOST
from ..service import Service
from ..wire import ConnectionLost
from .transport import lost, read, written


@contextmanager
def intercept(service: Service) -> Iterator[respx.Router]:
    """Answer, by the service, what httpx sends to its hosts; let everything else pass."""

    # respx also hands over what the named groups of a pattern matched; routing reads it again.
    def respond(request: httpx.Request, **_matched: str) -> httpx.Response:
        try:
            return written(service.handle(read(request)), request)  # type: ignore[no-any-return]
        except ConnectionLost:
            raise lost(request) from None

    # Patching httpx's own transports leaves a client with a transport of its own (ASGI, a mock)
    # alone: an application's test client keeps working inside the block.
    router = respx.MockRouter(assert_all_called=False, using="httpx")
    router.route(host__in=tuple(API_HOSTS)).mock(side_effect=respond)
    router.route(host__regex=f"^{IMAGE_HOST.pattern}$").mock(side_effect=respond)
    router.route().pass_through()
    with router:
        yield router
