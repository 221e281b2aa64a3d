"""What a fault makes of an answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from ..wire import Delivery, Headers, Response
from .fault import Fault

if TYPE_CHECKING:
    from ..clock import Clock

_PAGE = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
"""A gateway's page [assumed: HTML on 502 to 504 is reported, its words are not]."""

_FIRST_ERROR = 400


def raw(fault: Fault) -> Response:
    """The answer that a fault gives in place of the service's."""
    status = fault.status or 200
    body = (_page(status) if fault.body is None else fault.body).encode()
    return Response(status, (("content-type", fault.content_type or "text/html"),), body)


def _page(status: int) -> str:
    if status < _FIRST_ERROR:
        return ""
    phrases = {known.value: known.phrase for known in HTTPStatus}
    return _PAGE.format(f"{status} {phrases.get(status, '')}".rstrip())


def changed(response: Response, fault: Fault, clock: Clock) -> Response:
    """The service's answer as a fault lets it leave."""
    if fault.raw:
        response = raw(fault)
    elif fault.content_type is not None:
        response = replace(response, headers=_typed(response.headers, fault.content_type))
    if fault.omit is not None:
        response = replace(response, body=_without(response.body, fault.omit.split(".")))
    declared = fault.content_length
    if fault.cut is not None:
        declared = len(response.body)
        response = replace(response, body=response.body[: fault.cut])
    return replace(response, delivery=delivery(fault, clock, declared))


def delivery(fault: Fault, clock: Clock, declared: int | None = None) -> Delivery | None:
    """How the answer travels; None for one that simply arrives."""
    if not fault.delay and fault.drip is None and declared is None:
        return None
    return Delivery(clock=clock, delay=fault.delay, rate=fault.drip, declared=declared)


def _typed(headers: Headers, content_type: str) -> Headers:
    others = tuple((name, value) for name, value in headers if name.lower() != "content-type")
    return (*others, ("content-type", content_type))


def _without(body: bytes, path: list[str]) -> bytes:
    """A JSON body without the key at a path; as it was if there is none."""
    tree: Any = msgspec.json.decode(body)
    place = tree
    for name in path[:-1]:
        place = place.get(name) if isinstance(place, dict) else None
    if isinstance(place, dict):
        place.pop(path[-1], None)
    return msgspec.json.encode(tree)
