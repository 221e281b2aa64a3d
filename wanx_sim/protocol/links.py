"""Links to results: where an image lies, and the signed URL that leads there."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Literal

from ..wire import Request
from .behaviour import Behaviour
from .catalogue import Region
from .signing import signed_query
from .times import beijing_date

KEY_ID = "LTAI5tWanxSimNotARealKey"
SECRET = "wanx-sim signs, nobody is fooled"  # noqa: S105 - it protects nothing

LIFETIME = 86_399
"""Seconds from a task's end to its links' `Expires` [observed: 86 399, not 86 400]."""

ResultHosts = Literal["region", "spread", "accelerate"]
"""Where results lie: in one bucket of the region, in any on its white-list, or off that list."""

BUCKETS = {Region.BEIJING: "dashscope-result-bj", Region.SINGAPORE: "dashscope-result-sgp"}

_BEIJING = {
    "dashscope-result-bj": "oss-cn-beijing",
    "dashscope-result-hz": "oss-cn-hangzhou",
    "dashscope-result-sh": "oss-cn-shanghai",
    "dashscope-result-wlcb": "oss-cn-wulanchabu",
    "dashscope-result-zjk": "oss-cn-zhangjiakou",
    "dashscope-result-sz": "oss-cn-shenzhen",
    "dashscope-result-hy": "oss-cn-heyuan",
    "dashscope-result-cd": "oss-cn-chengdu",
    "dashscope-result-gz": "oss-cn-guangzhou",
    "dashscope-result-wlcb-acdr-1": "oss-cn-wulanchabu-acdr-1",
}
_SINGAPORE = {"dashscope-result-sgp": "oss-ap-southeast-1"}
_ACCELERATED = dict.fromkeys(
    ("dashscope-7c2c", "dashscope-a717", "dashscope-463f"), "oss-accelerate"
)
_WHITE_LISTS = {Region.BEIJING: _BEIJING, Region.SINGAPORE: _SINGAPORE}

BEHAVIOURS = (
    Behaviour(
        "links.lifetime",
        "a link's Expires is 86 399 s after the task's end",
        "observed",
        "a wanx2.1 answer of 2025-04-15",
    ),
    Behaviour(
        "links.key",
        "objects lie under 1d/<2 hex>/<date in Beijing>/<8 hex>/<task id><9 digits>.png",
        "observed",
        "a wanx2.1 answer of 2025-04-15; wanx-v1's ended in <uuid>-1.png",
    ),
    Behaviour(
        "links.query",
        "a link has Expires, OSSAccessKeyId and Signature, in that order; %2B and %2F in it are "
        "encoded",
        "observed",
        "a wanx2.1 answer of 2025-04-15",
    ),
    Behaviour(
        "links.hosts-region",
        "links lead to https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com, in Singapore to "
        "dashscope-result-sgp.oss-ap-southeast-1",
        "observed",
        "cnblogs recording of 2024-03-01; users' links",
    ),
    Behaviour(
        "links.hosts-spread",
        "results may lie on any host of the white-list, one picture here, one there",
        "documented",
        "V2 page of 2025-12; the recording of 2024-03-01 has two in one answer",
    ),
    Behaviour(
        "links.hosts-accelerate",
        "results may lie on dashscope-<4 hex>.oss-accelerate.aliyuncs.com, off the white-list",
        "observed",
        "users' links of 2026",
    ),
)

_NAME = re.compile(r"(.+)\d{9}\.png", re.ASCII)


def object_key(task_id: str, index: int, ended: float) -> str:
    """Where one image lies in its bucket: ``1d/2 hex/date/8 hex/<task_id><nine digits>.png``.

    The shape is that of a wanx2.1 answer of 2025-04-15 [observed].
    """
    mark = sha256(f"{task_id}/{index}".encode()).hexdigest()
    digits = int(mark[10:20], 16) % 900_000_000 + 100_000_000
    return f"1d/{mark[:2]}/{beijing_date(ended)}/{mark[2:10]}/{task_id}{digits}.png"


def task_id_of(key: str) -> str:
    """The task id that an object key carries; whatever stands in its place if it carries none."""
    name = key.rpartition("/")[2]
    match = _NAME.fullmatch(name)
    return match[1] if match else name


def buckets(region: Region) -> frozenset[str]:
    """The buckets that a region's results may lie in."""
    return frozenset(_WHITE_LISTS[region]) | frozenset(_ACCELERATED)


def place(region: Region, key: str, hosts: ResultHosts = "region") -> tuple[str, str]:
    """The bucket and the host of an object; the same key lies in the same place each time."""
    if hosts == "region":
        bucket, endpoints = BUCKETS[region], _WHITE_LISTS[region]
    else:
        endpoints = _ACCELERATED if hosts == "accelerate" else _WHITE_LISTS[region]
        bucket = sorted(endpoints)[sha256(key.encode()).digest()[0] % len(endpoints)]
    return bucket, f"{bucket}.{endpoints[bucket]}.aliyuncs.com"


def link(
    request: Request,
    region: Region,
    key: str,
    ended: float,
    *,
    public_url: str | None = None,
    hosts: ResultHosts = "region",
) -> str:
    """The signed URL of an object, as the answer to a request gives it.

    A request to one of the service's own hosts gets a link to its image host; any other gets one
    to the host that it asked, so that a container's mapped port works.
    """
    bucket, host = place(region, key, hosts)
    if public_url:
        base = f"{public_url.rstrip('/')}/oss/{bucket}"
    elif request.hostname.endswith(".aliyuncs.com"):
        base = f"https://{host}"
    else:
        base = f"{request.scheme}://{request.host}/oss/{bucket}"
    query = signed_query(KEY_ID, SECRET, f"/{bucket}/{key}", int(ended) + LIFETIME)
    return f"{base}/{key}?{query}"
