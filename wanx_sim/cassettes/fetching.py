"""Result pictures, fetched from the hosts that the service uses and from no other."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from ..errors import UpstreamError
from ..protocol import routes
from ..service import Service
from ..wire import Request, Response


def fetch(url: str, upstream: Service, host: str) -> Response:
    """The picture at a link: from an image host of the service, or from the upstream's own.

    Raises:
        UpstreamError: if it lies elsewhere, where nothing is sent to, or did not come.
        ConnectionLost: if the connection broke.
    """
    parts = urlsplit(url)
    if parts.netloc != host and not routes.IMAGE_HOST.fullmatch(parts.hostname or ""):
        raise UpstreamError(
            f"it lies on {parts.netloc}, which is no image host of the service, and was not fetched"
        )
    wanted = Request(
        method="GET", scheme=parts.scheme, host=parts.netloc, path=parts.path, query=parts.query
    )
    response = upstream.handle(wanted)
    if response.status != HTTPStatus.OK:
        raise UpstreamError(f"it could not be fetched: HTTP {response.status}")
    return response
