"""Links to results: where an image lies, and the signed URL that leads there."""

from __future__ import annotations

from hashlib import sha256

from ..wire import Request
from .catalogue import Region
from .signing import signed_query
from .times import beijing_date

KEY_ID = "LTAI5tWanxSimNotARealKey"
SECRET = "wanx-sim signs, nobody is fooled"  # noqa: S105 - it protects nothing

LIFETIME = 86_399
"""Seconds from a task's end to its links' `Expires` [observed: 86 399, not 86 400]."""

BUCKETS = {Region.BEIJING: "dashscope-result-bj", Region.SINGAPORE: "dashscope-result-sgp"}
_ENDPOINTS = {
    Region.BEIJING: "oss-cn-beijing.aliyuncs.com",
    Region.SINGAPORE: "oss-ap-southeast-1.aliyuncs.com",
}
# Where results lie; clients must not rely on it, the service uses many hosts [observed].

_TASK_ID_LENGTH = 36


def object_key(task_id: str, index: int, ended: float) -> str:
    """Where one image lies in its bucket: ``1d/2 hex/date/8 hex/<task_id><nine digits>.png``.

    The shape is that of a wanx2.1 answer of 2025-04-15 [observed].
    """
    mark = sha256(f"{task_id}/{index}".encode()).hexdigest()
    digits = int(mark[10:20], 16) % 900_000_000 + 100_000_000
    return f"1d/{mark[:2]}/{beijing_date(ended)}/{mark[2:10]}/{task_id}{digits}.png"


def task_id_of(key: str) -> str:
    """The task id that an object key carries; whatever stands in its place if it carries none."""
    return key.rpartition("/")[2][:_TASK_ID_LENGTH]


def link(
    request: Request, region: Region, key: str, ended: float, *, public_url: str | None = None
) -> str:
    """The signed URL of an object, as the answer to a request gives it.

    A request to one of the service's own hosts gets a link to its image host; any other gets one
    to the host that it asked, so that a container's mapped port works.
    """
    bucket = BUCKETS[region]
    if public_url:
        base = f"{public_url.rstrip('/')}/oss/{bucket}"
    elif request.hostname.endswith(".aliyuncs.com"):
        base = f"https://{bucket}.{_ENDPOINTS[region]}"
    else:
        base = f"{request.scheme}://{request.host}/oss/{bucket}"
    query = signed_query(KEY_ID, SECRET, f"/{bucket}/{key}", int(ended) + LIFETIME)
    return f"{base}/{key}?{query}"
