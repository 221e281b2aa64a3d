"""Fallback: one service, else the next."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import msgspec
from msgspec.structs import replace

from ..errors import CassetteMissError
from ..protocol import listing, responses, routes
from ..protocol.errors import Refusal
from ..service import Service
from ..wire import Request, Response
from . import pages
from .format import Json

_PAGE = 100
"""Rows that are asked for at a time; that the real service gives more is not known."""

_SOURCE = "x-wanx-source"


class Fallback(Service):
    """Answers by the first service that can: what was recorded is replayed, the rest simulated.

    Use it for development, where some requests are recorded and others are not yet. Each answer
    says in ``X-Wanx-Source`` where it comes from: ``cassette``, ``simulator`` or ``live``. A task
    stays with the service that created it; the list shows the tasks of all.

    Args:
        services: in the order in which they are asked. A `Player` that has no answer hands on to
            the next; any other service answers for good.

    Raises:
        CassetteMissError: from a request that none answers.

    Example:
        ```python
        service = Fallback(Player("cassettes/flower-shop"), Simulator())
        client = httpx.Client(transport=service.transport())
        ```
    """

    def __init__(self, *services: Service) -> None:
        if not services:
            raise ValueError("a Fallback needs a service")
        self.services = services
        self.blocking = any(service.blocking for service in services)
        self.public_url: str | None = getattr(services[0], "public_url", None)

    def __repr__(self) -> str:
        return f"<Fallback {' else '.join(map(repr, self.services))}>"

    def close(self) -> None:
        """Close all services."""
        for service in self.services:
            service.close()

    def handle(self, request: Request) -> Response:
        """The answer of the first service that has one."""
        if _lists(request):
            return self._listed(request)
        *early, last = self.services
        for service in early:
            try:
                return _marked(service.handle(request))
            except CassetteMissError:
                continue
        return _marked(last.handle(request))

    def _listed(self, request: Request) -> Response:
        """One page of the tasks of all services, the newest first."""
        try:
            wanted = listing.Filter.read(request.parameters, now=0.0)
        except Refusal:
            return _marked(self.services[-1].handle(request))
        rows: dict[str, Json] = {}
        for service in self.services:
            for response in _pages(service, request):
                if response.status != HTTPStatus.OK:
                    return _marked(response)
                body = msgspec.json.decode(response.body, type=Json)
                rows = {row["task_id"]: row for row in body["data"]} | rows
        body = pages.page(list(rows.values()), wanted, body["request_id"])
        return _marked(replace(response, body=responses.encode(body)))


def _pages(service: Service, request: Request) -> Iterator[Response]:
    """A service's whole list, page by page."""
    number, last = 1, 1
    while number <= last:
        query = (*_others(request), f"page_no={number}", f"page_size={_PAGE}")
        response = service.handle(replace(request, query="&".join(query)))
        yield response
        number, last = number + 1, _last_page(response)


def _last_page(response: Response) -> int:
    if response.status != HTTPStatus.OK:
        return 0
    found: int = msgspec.json.decode(response.body, type=Json).get("total_page", 0)
    return found


def _lists(request: Request) -> bool:
    try:
        return routes.route(request).operation == "list"
    except Refusal:
        return False


def _others(request: Request) -> list[str]:
    """The query of a list without its page."""
    parts = request.query.split("&")
    paging = ("", "page_no", "page_size")
    return [part for part in parts if part.partition("=")[0] not in paging]


def _marked(response: Response) -> Response:
    """The answer with its source; what neither a cassette nor a recorder gave was simulated."""
    if response.header(_SOURCE):
        return response
    return response.with_headers((_SOURCE, "simulator"))
