"""The simulator's own HTTP API, ``/_sim/``: the controls, on Starlette.

Whatever is wrong with a request is said in one sentence, as ``{"error": …}``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, get_args

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import StoreUnavailableError, WanxSimError
from ..protocol.lifecycle import IllegalTransition
from ..service import Service
from ..sessions import HEADER
from ..simulator import Simulator
from ..wire import Request as WireRequest
from . import controls  # noqa: F401 - makes them
from .control import CONTROLS, ROOT, Control
from .messages import ErrorMessage

_JSON = "application/json"
_NAMES = (
    (" | null", ""), ("`float`", "a number"), ("`int`", "a whole number"), ("`str`", "a string"),
    ("`bool`", "true or false"), ("`object`", "an object"), ("`array`", "an array"),
    ("`object | array`", "an object or an array"),
)  # fmt: skip
_PATH = re.compile(r"(?P<says>.*?) - at `\$\.?(?P<name>\w*).*`", re.DOTALL)


def admin(service: Service) -> Starlette:
    """``/_sim/`` of a service, as an ASGI application: of what is no simulator, health alone."""
    paths: dict[str, dict[str, Control]] = defaultdict(dict)
    for one in CONTROLS:
        if one.suits(service):
            paths[one.path][one.method] = one
    routes = [
        Route(path, _endpoint(service, found), methods=list(found)) for path, found in paths.items()
    ]
    if f"{ROOT}/" in paths:
        routes.append(Route(ROOT, _endpoint(service, paths[f"{ROOT}/"]), methods=["GET"]))
    app = Starlette(routes=routes, exception_handlers=_HANDLERS)
    app.router.redirect_slashes = False
    return app


def _endpoint(
    service: Service, methods: dict[str, Control]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        one = methods["GET" if request.method == "HEAD" else request.method]
        body = await request.body()
        try:
            return _answer(one.run(_meant(service, request), **_given(one, request, body)))
        except msgspec.ValidationError as problem:
            raise HTTPException(400, _explained(str(problem), one)) from None
        except ValueError as problem:
            raise HTTPException(400, str(problem)) from None
        except KeyError as problem:
            raise HTTPException(404, problem.args[0]) from None
        except IllegalTransition as problem:
            raise HTTPException(409, str(problem)) from None

    return endpoint


def _meant(service: Service, request: Request) -> Service:
    """The session that a request is about, or the service itself."""
    if not isinstance(service, Simulator):
        return service
    return service.meant(request.query_params.get(HEADER, request.headers.get(HEADER)))


def _given(one: Control, request: Request, body: bytes) -> dict[str, Any]:
    """What a control is called with."""
    types = one.types
    given: dict[str, Any] = dict(request.path_params)
    if "wanted" in types:
        query = {name: value for name, value in request.query_params.items() if name != HEADER}
        given["wanted"] = msgspec.convert(query, types["wanted"], strict=False)
    if "order" in types:
        given["order"] = _decoded(body, request.headers.get("content-type", ""), types["order"])
    if "asked" in types:
        host = request.headers.get("host", "localhost")
        given["asked"] = WireRequest(method=request.method, scheme=request.url.scheme, host=host)
    return given


def _decoded(body: bytes, content_type: str, kind: Any) -> Any:
    # A web page may send other types without asking, so none of them is taken.
    if content_type.partition(";")[0].strip().lower() != _JSON:
        raise HTTPException(415, f"send JSON, and say so: Content-Type: {_JSON}")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise HTTPException(400, f"the body is no JSON ({problem})") from None


def _explained(text: str, one: Control) -> str:
    """A message of msgspec's with what would have been allowed; our own say it themselves."""
    if text[:1].islower():
        return text
    kind = one.types.get("order") or one.types.get("wanted")
    match = _PATH.fullmatch(text)
    says, name = match.group("says", "name") if match else (text, "")
    allowed = _allowed(kind, name)
    for ours, json in _NAMES:
        says = says.replace(ours, json)
    says = (f"{name}: " if name else "") + says[:1].lower() + says[1:]
    return f"{says}; known: {allowed}" if allowed else says


def _allowed(kind: Any, name: str) -> str:
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return ""
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return ", ".join(_values(fields[name])) if name in fields else ", ".join(fields)


def _values(kind: Any) -> list[str]:
    """The values of an enumeration, or of those in a union; nothing for other types."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(member) for member in kind]
    return [
        value
        for part in get_args(kind)
        for value in ([part] if isinstance(part, str) else _values(part))
    ]


def _answer(message: object, status: int = 200) -> Response:
    if isinstance(message, bytes):
        return Response(message, status, media_type="image/png")
    return Response(msgspec.json.encode(message), status, media_type=_JSON)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        again = isinstance(error, StoreUnavailableError)
        return _answer(ErrorMessage(error=str(error)), 503 if again else 500)
    says = error.detail
    if error.status_code == 404 and says == "Not Found":  # noqa: PLR2004
        says = f"there is no {request.url.path}; GET {ROOT}/ lists what there is"
    if error.status_code == 405:  # noqa: PLR2004
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        says = f"{request.url.path} cannot be asked with {request.method}, only with {allowed}"
    response = _answer(ErrorMessage(error=says), error.status_code)
    response.headers.update(error.headers or {})
    return response


_HANDLERS: dict[Any, Any] = {HTTPException: _refused, WanxSimError: _refused}
