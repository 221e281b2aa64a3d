"""The service's answers: bodies in the observed key order, headers as recorded.

What does not apply is absent, never null [observed: every recorded body].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from ..wire import Headers, Response
from .errors import Refusal
from .lifecycle import Status, moments
from .task import Task
from .times import http_date, wire_time

Body = dict[str, Any]
encode = msgspec.json.encode

# The 2024 recordings of polls, cancels and lists say charset=UTF-8; creates and refusals say none.
_TASK_JSON = "application/json;charset=UTF-8"
_JSON = "application/json"


def request_id(bits: int) -> str:
    """A request id from 128 random bits.

    Shaped as a UUID whose third group begins with 8 or 9 [observed], so not a valid version 4.
    """
    shape = bits & ~(0xF << 76) & ~(0xC << 60) | ((8 + (bits >> 100 & 1)) << 76) | (0x8 << 60)
    return str(UUID(int=shape))


def task_id(bits: int) -> str:
    """A task id from 128 random bits: a lower-case UUID of version 4 [observed]."""
    return str(UUID(int=bits, version=4))


def created(task: Task) -> Body:
    """The answer to a create [documented: seed §6; observed key order]."""
    return {
        "output": {"task_status": Status.PENDING, "task_id": task.task_id},
        "request_id": task.request_id,
    }


def unknown(asked: str, request: str) -> Body:
    """A task that never was, is forgotten, or is somebody else's: 200 and UNKNOWN [observed]."""
    return {"request_id": request, "output": {"task_id": asked, "task_status": Status.UNKNOWN}}


def queried(task: Task, now: float, request: str, link: Callable[[int], str]) -> Body:
    """The answer to a query; ``link`` gives the URL of the image with an index."""
    status = task.status(now)
    if status is Status.UNKNOWN:
        return unknown(task.task_id, request)
    output: Body = {"task_id": task.task_id, "task_status": status} | _times(task, now)
    body: Body = {"request_id": request, "output": output}
    if status is Status.SUCCEEDED:
        output["results"] = [_result(task, index, link) for index in range(task.order.n)]
        body["usage"] = {"image_count": task.good_images}
    if status is Status.FAILED and task.plan.failure:
        output |= {"code": task.plan.failure.code, "message": task.plan.failure.message}
    if status is not Status.CANCELED:
        output["task_metrics"] = _metrics(task, status)
    return body


def _times(task: Task, now: float) -> dict[str, str]:
    scheduled, ended = moments(task.plan, now)
    named = {"submit_time": task.plan.submitted, "scheduled_time": scheduled, "end_time": ended}
    return {name: wire_time(moment) for name, moment in named.items() if moment is not None}


def _metrics(task: Task, status: Status) -> dict[str, int]:
    total, good = task.order.n, task.good_images
    if not status.terminal:
        return {"TOTAL": total, "SUCCEEDED": 0, "FAILED": 0}
    return {"TOTAL": total, "SUCCEEDED": good, "FAILED": total - good}


def _result(task: Task, index: int, link: Callable[[int], str]) -> dict[str, str]:
    failure = task.plan.failed_images.get(index)
    if failure:
        return {"code": failure.code, "message": failure.message}
    result = {"orig_prompt": task.order.prompt}
    if task.order.prompt_extend:
        result["actual_prompt"] = extended(task.order.used_prompt)
    return result | {"url": link(index)}


def extended(prompt: str) -> str:
    """What prompt_extend makes of a prompt: the service asks a model, ours adds a phrase."""
    chinese = any("\u4e00" <= character <= "\u9fff" for character in prompt)
    more = (
        "，画面细节丰富，光线柔和，构图完整。"
        if chinese
        else ", rich in detail, soft light, balanced."
    )
    return prompt.rstrip("。.，, ") + more


def canceled(request: str) -> Body:
    """The answer to a cancel that took effect [documented: task-management page]."""
    return {"request_id": request}


def refused(refusal: Refusal, request: str, *, kind: str) -> Body:
    """The body of every refusal, flat [documented: seed §6].

    The gateway puts the request id last, the task endpoints put it first [observed].
    """
    says = {"code": refusal.code, "message": refusal.message}
    return says | {"request_id": request} if kind == "gateway" else {"request_id": request} | says


def listed(found: Sequence[Task], now: float, request: str, *, page: int, size: int) -> Body:
    """One page of the task list, in the observed key order; times in epoch milliseconds."""
    first = (page - 1) * size
    return {
        "total": len(found),
        "data": [_row(task, now) for task in found[first : first + size]],
        "total_page": -(-len(found) // size),
        "page_no": page,
        "request_id": request,
        "page_size": size,
    }


_CN = {"beijing": "cn-beijing", "singapore": "ap-southeast-1"}


def _row(task: Task, now: float) -> Body:
    # The account's ids are invented: real ones are nobody's business.
    row: Body = {"api_key_id": "10000", "caller_parent_id": "1" + "0" * 15}
    row["caller_uid"] = row["caller_parent_id"]
    scheduled, ended = moments(task.plan, now)
    if ended is not None:
        row["end_time"] = int(ended * 1000)
    row |= {
        "gmt_create": int(task.plan.submitted * 1000),
        "model_name": task.order.model,
        "region": _CN[task.region],
        "request_id": task.request_id,
    }
    if scheduled is not None:
        row["start_time"] = int(scheduled * 1000)
    return row | {
        "status": task.status(now),
        "task_id": task.task_id,
        "user_api_unique_key": f"apikey:v1:aigc:text2image:image-synthesis:{task.order.model}",
    }


def answer(body: Body, now: float, *, status: int = 200, kind: str = "task") -> Response:
    """An answer with the headers of the recordings.

    ``kind`` is ``gateway`` for creates and refusals, which pass another gateway than the task
    endpoints do: they carry `x-dashscope-call-gateway` and no charset [observed].
    """
    arrived = int(now * 1000)
    headers: Headers = (
        (
            "vary",
            "Origin,Access-Control-Request-Method,Access-Control-Request-Headers, Accept-Encoding",
        ),
        ("content-type", _JSON if kind == "gateway" else _TASK_JSON),
        ("x-request-id", body["request_id"]),
        *((("x-dashscope-call-gateway", "true"),) if kind == "gateway" else ()),
        ("req-cost-time", "12"),
        ("req-arrive-time", str(arrived)),
        ("resp-start-time", str(arrived + 12)),
        ("x-envoy-upstream-service-time", "9"),
        ("date", http_date(now)),
        ("server", "istio-envoy"),
    )
    return Response(status, headers, encode(body))
