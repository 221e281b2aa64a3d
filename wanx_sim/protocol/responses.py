"""The service's answers: bodies in the observed key order, headers as recorded.

What does not apply is absent, never null [observed: every recorded body].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal

import msgspec

from ..wire import Headers, Response
from .behaviour import Behaviour
from .dialects import RECORDED, Dialect, Kind
from .lifecycle import Status, moments
from .refusal import Refusal
from .task import Task
from .times import http_date, wire_time

Body = dict[str, Any]
encode = msgspec.json.encode

_RECORDED = "cnblogs recordings of 2024"

BEHAVIOURS = (
    Behaviour(
        "ids.task",
        "a task id is a lower-case UUID of version 4",
        "observed",
        _RECORDED,
    ),
    Behaviour(
        "ids.request",
        "a request id looks like a UUID, its third group beginning with 8 or 9",
        "observed",
        f"{_RECORDED}; a wanx2.1 answer of 2025-04-15",
    ),
    Behaviour(
        "ids.request-own",
        "a poll's request_id is its own, not the create's",
        "observed",
        _RECORDED,
    ),
    Behaviour("answer.create", "a create is answered PENDING with the id", "documented", "seed §6"),
    Behaviour(
        "answer.status-200",
        "a query is answered 200 whatever became of the task, FAILED and UNKNOWN included",
        "observed",
        f"{_RECORDED}; live probes of 2026",
    ),
    Behaviour("answer.absent-not-null", "what does not apply is left out", "observed", _RECORDED),
    Behaviour(
        "answer.pending",
        "PENDING has task_id, task_status, submit_time and task_metrics",
        "assumed",
        "no raw answer was found; formed as RUNNING",
    ),
    Behaviour(
        "answer.running",
        "RUNNING has scheduled_time too, and nothing succeeded nor failed yet",
        "observed",
        _RECORDED,
    ),
    Behaviour(
        "answer.succeeded",
        "SUCCEEDED has end_time, results, task_metrics, and usage beside output",
        "observed",
        f"{_RECORDED}; a wanx2.1 answer of 2025-04-15",
    ),
    Behaviour(
        "answer.failed-full",
        "FAILED has its times, code, message and task_metrics (failed_shape=full)",
        "assumed",
        "a reseller's log has the times, the sketch-to-image page the metrics",
    ),
    Behaviour(
        "answer.failed-metrics",
        "FAILED has code, message and task_metrics (failed_shape=metrics)",
        "documented",
        "sketch-to-image page",
    ),
    Behaviour(
        "answer.failed-plain",
        "FAILED has code and message alone (failed_shape=plain)",
        "documented",
        "video pages of 2025 and 2026",
    ),
    Behaviour(
        "answer.canceled",
        "CANCELED has submit_time and end_time",
        "assumed",
        "no raw answer was found",
    ),
    Behaviour(
        "answer.unknown",
        "UNKNOWN has the id that was asked for and nothing else, for what never was, is forgotten "
        "or somebody else's",
        "observed",
        f"{_RECORDED}; live probes of 2026",
    ),
    Behaviour(
        "answer.partial",
        "one good picture makes a task SUCCEEDED; a bad one has code and message in place of url",
        "documented",
        "V2 page of 2025-12; sketch-to-image page",
    ),
    Behaviour(
        "answer.actual-prompt",
        "actual_prompt is there with prompt_extend only",
        "documented",
        "V2 page of 2025-12",
    ),
    Behaviour(
        "answer.orig-prompt",
        "orig_prompt is the prompt as it was sent, even where the model saw less of it",
        "assumed",
        "no source",
    ),
    Behaviour("answer.only-links", "wanx-v1's results hold their url alone", "observed", _RECORDED),
    Behaviour(
        "answer.no-metrics",
        "qwen-image's SUCCEEDED has no task_metrics",
        "documented",
        "qwen-image page of 2025",
    ),
    Behaviour(
        "answer.cancel",
        "a cancel that took effect is answered with a request_id alone",
        "documented",
        "task-management page",
    ),
    Behaviour(
        "answer.list",
        "the list's keys in the recorded order, times in epoch milliseconds, no results; end_time "
        "is absent while a task runs",
        "observed",
        _RECORDED,
    ),
    Behaviour(
        "answer.refusal",
        "a refusal is flat: code, message, request_id; from the task endpoints request_id leads",
        "observed",
        _RECORDED,
    ),
)

FailedShape = Literal["full", "metrics", "plain"]
"""What a FAILED answer holds beside `code` and `message`: times and metrics, metrics, nothing."""


def request_id(bits: int) -> str:
    """A request id from 128 random bits.

    Shaped as a UUID whose third group begins with 8 or 9 [observed], so not a valid version 4.
    """
    return _spelt(bits & _ID_FREE | ((8 + (bits >> 100 & 1)) << 76) | _VARIANT)


def task_id(bits: int) -> str:
    """A task id from 128 random bits: a lower-case UUID of version 4 [observed]."""
    return _spelt(bits & _ID_FREE | (4 << 76) | _VARIANT)


_VARIANT = 0x8 << 60
_ID_FREE = ~(0xF << 76) & ~(0xC << 60)
"""What of 128 bits is left to chance: all but the version and the variant."""


def _spelt(bits: int) -> str:
    # As uuid.UUID does, in a third of the time: two are made for each create.
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def created(task: Task, dialect: Dialect = RECORDED) -> Body:
    """The answer to a create [documented: seed §6; observed key order]."""
    status, ids = {"task_status": Status.PENDING}, {"task_id": task.task_id}
    if dialect.ids_first:
        return {"request_id": task.request_id, "output": ids | status}
    return {"output": status | ids, "request_id": task.request_id}


def unknown(asked: str, request: str) -> Body:
    """A task that never was, is forgotten, or is somebody else's: 200 and UNKNOWN [observed]."""
    return {"request_id": request, "output": {"task_id": asked, "task_status": Status.UNKNOWN}}


def queried(
    task: Task,
    now: float,
    request: str,
    link: Callable[[int], str],
    failed_shape: FailedShape = "full",
) -> Body:
    """The answer to a query; ``link`` gives the URL of the image with an index."""
    status = task.status(now)
    if status is Status.UNKNOWN:
        return unknown(task.task_id, request)
    output: Body = {"task_id": task.task_id, "task_status": status}
    body: Body = {"request_id": request, "output": output}
    if status is Status.FAILED:
        output |= _failed(task, now, failed_shape)
        return body
    output |= _times(task, now)
    if status is Status.SUCCEEDED and not task.plan.results_in:
        output["results"] = [_result(task, index, link) for index in range(task.order.n)]
        body["usage"] = {"image_count": task.good_images}
    if status is not Status.CANCELED and not (status.terminal and task.order.no_metrics):
        output["task_metrics"] = _metrics(task, status)
    return body


def _failed(task: Task, now: float, shape: FailedShape) -> Body:
    failure = task.plan.failure
    says = {"code": failure.code, "message": failure.message} if failure else {}
    times = _times(task, now) if shape == "full" else {}
    metrics = {} if shape == "plain" else {"task_metrics": _metrics(task, Status.FAILED)}
    return {**times, **says, **metrics}


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
    if task.order.only_links:
        return {"url": link(index)}
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


def refused(
    refusal: Refusal,
    request: str,
    *,
    kind: str,
    message: str | None = None,
    dialect: Dialect = RECORDED,
) -> Body:
    """The body of every refusal, flat [documented: seed §6].

    The task endpoints put the request id first, and so does today's gateway [observed].
    ``message`` replaces the refusal's own, as when a link to the service's pages ends it.
    """
    says = {"code": refusal.code, "message": message or refusal.message}
    if kind == "task" or dialect.ids_first:
        return {"request_id": request} | says
    return says | {"request_id": request}


def listed(
    rows: Sequence[Task], total: int, now: float, request: str, *, page: int, size: int
) -> Body:
    """One page of the task list, in the observed key order; times in epoch milliseconds."""
    return {
        "total": total,
        "data": [_row(task, now) for task in rows],
        "total_page": -(-total // size),
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


def kind_of(operation: str, status: int) -> Kind:
    """Which way the refusal of a request comes: a wrong key is turned away before all else."""
    if status == 401:  # noqa: PLR2004 - as in the error table
        return "door"
    return "task" if operation in ("query", "cancel", "list") else "gateway"


def answer(
    body: Body,
    now: float,
    *,
    status: int = 200,
    kind: Kind = "task",
    dialect: Dialect = RECORDED,
) -> Response:
    """An answer with the headers of the recordings; which depends on the way it came (`Kind`)."""
    return written(
        encode(body), _header(body["request_id"]), now, status=status, kind=kind, dialect=dialect
    )


def written(
    content: bytes,
    request: str,
    now: float,
    *,
    status: int = 200,
    kind: Kind = "task",
    dialect: Dialect = RECORDED,
) -> Response:
    """`answer`, of a body that is encoded already."""
    headers: Headers = (
        ("content-type", dialect.task_json if kind == "task" else "application/json"),
        ("x-request-id", request),
        *_gateway_headers(request, kind, dialect),
        *_common_headers(int(now * 1000), dialect.vary),
    )
    return Response(status, headers, content)


@lru_cache(64)  # a millisecond of a busy server has many answers, a frozen clock has but one
def _common_headers(arrived: int, vary: str) -> Headers:
    return (
        ("req-cost-time", "12"),
        ("req-arrive-time", str(arrived)),
        ("resp-start-time", str(arrived + 12)),
        ("x-envoy-upstream-service-time", "9"),
        ("vary", vary),
        ("date", http_date(arrived / 1000)),
        ("server", "istio-envoy"),
    )


def _header(value: object) -> str:
    """A value as a header can hold it: a cassette's may be anything, a line feed included."""
    text = str(value)
    return text if text.isascii() and text.isprintable() else ""


def _gateway_headers(request: str, kind: Kind, dialect: Dialect) -> Headers:
    if kind == "task":
        return ()
    found: Headers = ()
    if dialect.trace:
        found += (("eagleeye-traceid", sha256(request.encode()).hexdigest()[:32]),)
    if kind == "gateway":
        found += (("x-dashscope-call-gateway", "true"),)
        found += (("x-dashscope-timeout", dialect.timeout),) if dialect.timeout else ()
    return found
