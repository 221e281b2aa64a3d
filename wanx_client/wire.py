"""The service's JSON, both ways: what a request says, and what an answer means.

The answers are read leniently where that is safe (key order, absent fields, more fields than we
know) and strictly where a wrong guess would cost: an answer without a task id or with a status that
nobody has documented raises `ResponseFormatError`.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import starmap
from typing import TYPE_CHECKING, Any, TypeAlias

from wanx_client.errors import ResponseFormatError
from wanx_client.models import (
    Image,
    ImageFailure,
    Task,
    TaskError,
    TaskPage,
    TaskStatus,
    TaskSummary,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Json: TypeAlias = dict[str, Any]

DEFAULT_MODEL = "wan2.5-t2i-preview"
DEFAULT_SIZE = "1024*1024"

# The service writes its times without a zone. They are UTC+8: a recorded end_time plus 24 hours
# equals its picture's Expires only so [observed].
SERVICE_ZONE = timezone(timedelta(hours=8))


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is asked for: the arguments of `submit`."""

    prompt: str
    model: str
    size: str | None
    n: int
    seed: int | None
    negative_prompt: str | None
    prompt_extend: bool | None
    watermark: bool | None

    def body(self) -> bytes:
        """Return the request body. What is None is left out, so the service's default holds."""
        given = _without_none(prompt=self.prompt, negative_prompt=self.negative_prompt)
        parameters = _without_none(
            size=None if self.size is None else _with_star(self.size),
            n=self.n,
            seed=self.seed,
            prompt_extend=self.prompt_extend,
            watermark=self.watermark,
        )
        body = {"model": self.model, "input": given, "parameters": parameters}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def list_query(
    *,
    status: TaskStatus | str | None,
    model: str | None,
    start: datetime | None,
    end: datetime | None,
    page: int,
    page_size: int,
) -> dict[str, str]:
    """Return the query of a task list.

    Raises:
        ValueError: A time without a zone, or a status that does not exist.
    """
    return _without_none(
        start_time=None if start is None else _stamp(start),
        end_time=None if end is None else _stamp(end),
        model_name=model,
        status=None if status is None else TaskStatus(status).value,
        page_no=str(page),
        page_size=str(page_size),
    )


def read_task(body: Json) -> Task:
    """Read the answer to a create or a poll."""
    with _strictly():
        output = body["output"]
        return Task(
            id=_text(output, "task_id"),
            status=TaskStatus(output["task_status"]),
            request_id=body.get("request_id"),
            submit_time=_time(output.get("submit_time")),
            scheduled_time=_time(output.get("scheduled_time")),
            end_time=_time(output.get("end_time")),
            images=tuple(starmap(_read_image, enumerate(output.get("results") or ()))),
            usage_images=(body.get("usage") or {}).get("image_count"),
            error=_read_error(output),
        )


def read_page(body: Json) -> TaskPage:
    """Read a page of the task list. Its keys are `data` and `total_page` [observed]."""
    with _strictly():
        return TaskPage(
            tasks=tuple(_read_summary(row) for row in body["data"]),
            total=int(body["total"]),
            page=int(body["page_no"]),
            page_size=int(body["page_size"]),
            total_pages=int(body["total_page"]),
        )


def _read_image(index: int, entry: Json) -> Image | ImageFailure:
    if entry.get("url"):
        return Image(
            index=index,
            url=_text(entry, "url"),
            orig_prompt=entry.get("orig_prompt"),
            actual_prompt=entry.get("actual_prompt"),
        )
    return ImageFailure(
        index=index, code=entry.get("code", "Unknown"), message=entry.get("message", "")
    )


def _read_error(output: Json) -> TaskError | None:
    if not (code := output.get("code")):
        return None
    return TaskError(code=code, message=output.get("message", ""))


def _read_summary(row: Json) -> TaskSummary:
    return TaskSummary(
        id=_text(row, "task_id"),
        status=TaskStatus(row["status"]),
        model=row.get("model_name"),
        request_id=row.get("request_id"),
        submit_time=_moment(row.get("gmt_create")),
        scheduled_time=_moment(row.get("start_time")),
        end_time=_moment(row.get("end_time")),
    )


def _text(fields: Json, name: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is {value!r}")
    return value


@contextmanager
def _strictly() -> Iterator[None]:
    """Raise what is missing or of another kind as one error of ours."""
    try:
        yield
    except KeyError as error:
        raise ResponseFormatError(f"The service's answer lacks {error}.") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise ResponseFormatError(f"The service's answer is not understood: {error}.") from error


def _time(text: Any) -> datetime | None:
    # A picture that was paid for must not be lost over a date in a new dress: then it is unknown.
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=SERVICE_ZONE)


def _moment(milliseconds: Any) -> datetime | None:
    """Read a time of the task list: epoch milliseconds there, unlike in a poll [observed]."""
    if not isinstance(milliseconds, int):
        return None
    return datetime.fromtimestamp(milliseconds / 1000, tz=SERVICE_ZONE)


def _stamp(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"a time needs its zone: {moment!r} could be any of 24 hours")
    # That the service reads the stamp in its own zone is [assumed]: no page says it.
    return moment.astimezone(SERVICE_ZONE).strftime("%Y%m%d%H%M%S")


def _with_star(size: str) -> str:
    """Write `1024x1024` and `1024×1024` as the service wants it; the official SDK does so too."""
    return size.lower().replace("x", "*").replace("×", "*")


def _without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
