"""Which operation a request asks for."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from ..wire import Request
from . import errors
from .catalogue import API_HOSTS, Region
from .errors import Refusal

Operation = Literal["create", "query", "list", "cancel", "image", "other"]

CREATE_PATH = "/api/v1/services/aigc/text2image/image-synthesis"
TASKS_PATH = "/api/v1/tasks"

# dashscope-result-bj.oss-cn-beijing.aliyuncs.com, dashscope-7c2c.oss-accelerate.aliyuncs.com …
IMAGE_HOST = re.compile(r"(?P<bucket>dashscope-[a-z0-9-]+)\.oss-[a-z0-9-]+\.aliyuncs\.com")

# The official asyncio client ends every task path with a slash [observed: SDK 1.24, 2.0].
_CANCEL = re.compile(rf"{TASKS_PATH}/([^/]+)/cancel/?")
_QUERY = re.compile(rf"{TASKS_PATH}/([^/]+)/?")
_OSS = re.compile(r"/oss/(?P<bucket>[a-z0-9-]+)/(?P<key>.+)")


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
    image = _image(request)
    if image:
        return image
    path, method = request.decoded_path, request.method
    if path.rstrip("/") == CREATE_PATH:
        return _expect(method, "POST", Route("create"))
    if path.rstrip("/") == TASKS_PATH:
        return _expect(method, "GET", Route("list"))
    if match := _CANCEL.fullmatch(path):
        return _expect(method, "POST", Route("cancel", task_id=match[1]))
    if match := _QUERY.fullmatch(path):
        return _expect(method, "GET", Route("query", task_id=match[1]))
    raise Refusal(errors.NOT_FOUND)


def _image(request: Request) -> Route | None:
    if host := IMAGE_HOST.fullmatch(request.hostname):
        return Route("image", bucket=host["bucket"], key=request.path.removeprefix("/"))
    if match := _OSS.fullmatch(request.path):
        return Route("image", bucket=match["bucket"], key=match["key"])
    return None


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
