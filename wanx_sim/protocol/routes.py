"""Which operation a request asks for."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

import msgspec

from ..wire import Request
from . import errors
from .behaviour import Behaviour
from .catalogue import API_HOSTS, Region
from .errors import Refusal

Operation = Literal["create", "query", "list", "cancel", "image", "other"]

CREATE_PATH = "/api/v1/services/aigc/text2image/image-synthesis"
TASKS_PATH = "/api/v1/tasks"

# dashscope-result-bj.oss-cn-beijing.aliyuncs.com, dashscope-7c2c.oss-accelerate.aliyuncs.com …
IMAGE_HOST = re.compile(r"(?P<bucket>dashscope-[a-z0-9-]+)\.oss-[a-z0-9-]+\.aliyuncs\.com")

# The official asyncio client ends every task path with a slash [observed: SDK 1.24, 2.0].
_TASK = re.compile(rf"{TASKS_PATH}/([^/]+)(/cancel)?/?")
_OSS = re.compile(r"/oss/(?P<bucket>[a-z0-9-]+)/(?P<key>.+)")

BEHAVIOURS = (
    Behaviour(
        "routes.create",
        f"POST {CREATE_PATH} creates a task",
        "documented",
        "seed §3",
    ),
    Behaviour("routes.query", f"GET {TASKS_PATH}/<id> asks for a task", "documented", "seed §3"),
    Behaviour(
        "routes.cancel",
        f"POST {TASKS_PATH}/<id>/cancel cancels one; its body is ignored",
        "documented",
        "task-management page; the SDKs send none, or an empty form",
    ),
    Behaviour("routes.list", f"GET {TASKS_PATH} lists them", "documented", "task-management page"),
    Behaviour(
        "routes.trailing-slash",
        "a slash at the end of a path, and parameters that a query does not know, are ignored",
        "observed",
        "what the SDKs' asyncio clients send, and live by",
    ),
    Behaviour(
        "routes.hosts",
        "dashscope.aliyuncs.com is Beijing, dashscope-intl.aliyuncs.com and "
        "<workspace>.ap-southeast-1.maas.aliyuncs.com are Singapore",
        "documented",
        "seed §3; pages of 2026-10",
    ),
    Behaviour(
        "routes.async-on-query",
        "a query that carries X-DashScope-Async is answered all the same",
        "assumed",
        "one user reports a 403; the SDKs send the header on creates only",
    ),
    Behaviour(
        "routes.header-names",
        "header names have no case, and a media type may have parameters",
        "observed",
        "SDK 2.0.2 sends `application/json; charset=utf-8`",
    ),
    Behaviour(
        "routes.one-region",
        "a task is unknown, and a key invalid, in the other region",
        "documented",
        "seed §2",
    ),
)


class Route(msgspec.Struct, frozen=True):
    """An operation and what it is about."""

    operation: Operation
    task_id: str = ""
    bucket: str = ""
    key: str = ""


def route(request: Request) -> Route:
    """The route of a request.

    Raises:
        Refusal: for a path that does not exist, or a method that it does not know.
    """
    find = _kept_route if len(request.path) <= _SHORT else _route
    return find(request.method, request.hostname, request.path)


def _route(method: str, hostname: str, path: str) -> Route:
    if match := IMAGE_HOST.fullmatch(hostname):
        return Route("image", bucket=match["bucket"], key=path.removeprefix("/"))
    if match := _OSS.fullmatch(path):
        return Route("image", bucket=match["bucket"], key=match["key"])
    path = unquote(path)
    if match := _TASK.fullmatch(path):
        if match[2]:
            return _expect(method, "POST", Route("cancel", task_id=match[1]))
        return _expect(method, "GET", Route("query", task_id=match[1]))
    if path.rstrip("/") == CREATE_PATH:
        return _expect(method, "POST", Route("create"))
    if path.rstrip("/") == TASKS_PATH:
        return _expect(method, "GET", Route("list"))
    raise Refusal(errors.NOT_FOUND)


# Creates have one route, and what was polled is polled again; what is long is nobody's task.
_SHORT = 256
_kept_route = lru_cache(1024)(_route)


def _expect(method: str, expected: str, found: Route) -> Route:
    if method != expected:
        says = f"Request method '{method}' is not supported."
        raise Refusal(errors.WRONG_METHOD, says)
    return found


def region_of(request: Request, default: Region) -> Region:
    """The region that a request's host names, or the default for a host of our own."""
    host = request.hostname
    if host.endswith(".ap-southeast-1.maas.aliyuncs.com"):
        return Region.SINGAPORE
    return API_HOSTS.get(host, default)
