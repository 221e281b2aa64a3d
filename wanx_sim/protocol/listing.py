"""The filters of the task list [documented: task-management page]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import inf, nextafter

import msgspec

from . import errors
from .behaviour import Behaviour
from .errors import Refusal
from .lifecycle import RETENTION, Status
from .task import Task
from .times import BEIJING

_DAY = 24 * 3600.0
_FORMAT = "%Y%m%d%H%M%S"
_PAGE = "task-management page"

BEHAVIOURS = (
    Behaviour(
        "list.filters",
        "the list can be filtered by task_id, model_name, status, start_time and end_time",
        "documented",
        _PAGE,
    ),
    Behaviour("list.paging", "page_no is 1, page_size 10, unless asked for", "documented", _PAGE),
    Behaviour(
        "list.span",
        "times are YYYYMMDDhhmmss; without any the last 24 h are listed, with one the 24 h on its "
        "other side, and no span may be longer",
        "documented",
        _PAGE,
    ),
    Behaviour("list.zone", "times of the filter are UTC+8", "assumed", "as all times elsewhere"),
    Behaviour(
        "list.milliseconds",
        "epoch milliseconds are understood as well",
        "observed",
        "a test of the Java SDK sends them",
    ),
    Behaviour(
        "list.order", "the newest task comes first", "assumed", "the recording has a single task"
    ),
    Behaviour(
        "list.forgotten", "forgotten tasks are not listed", "assumed", "they are kept for 24 h"
    ),
    Behaviour("list.page-size", "page_size has no upper limit", "assumed", "none is documented"),
)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What of the list is asked for."""

    start: float
    end: float
    task_id: str | None = None
    model: str | None = None
    status: Status | None = None
    page: int = 1
    size: int = 10

    @classmethod
    def read(cls, query: Mapping[str, str], now: float) -> Filter:
        """The filter of a query; what it leaves out has the documented defaults.

        Raises:
            Refusal: for a value that cannot be read, or a span of more than 24 hours. The
                service's own texts for this are not known; ours are assumed.
        """
        start, end = _span(query, now)
        return cls(
            start=start,
            end=end,
            task_id=query.get("task_id") or None,
            model=query.get("model_name") or None,
            status=_status(query.get("status")),
            page=_positive("page_no", query, 1),
            size=_positive("page_size", query, 10),
        )

    @property
    def skip(self) -> int:
        """How many tasks come before its page."""
        return (self.page - 1) * self.size

    def span(self, now: float) -> tuple[float, float]:
        """The first and the last moment of submission that it admits, both included."""
        return max(self.start, nextafter(now - RETENTION, inf)), self.end

    def admits(self, task: Task, now: float) -> bool:
        """Whether a task belongs in the list."""
        status = task.status(now)
        return (
            status is not Status.UNKNOWN
            and self.start <= task.plan.submitted <= self.end
            and self.task_id in (None, task.task_id)
            and self.model in (None, task.order.model)
            and self.status in (None, status)
        )


def _span(query: Mapping[str, str], now: float) -> tuple[float, float]:
    start = _moment("start_time", query)
    # The list's moments have whole seconds: the last one belongs to it as a whole.
    end = None if (given := _moment("end_time", query)) is None else given + 0.999
    if start is None:
        end = now if end is None else end
        start = end - _DAY
    elif end is None:
        end = start + _DAY
    if not 0 <= end - start < _DAY + 1:
        raise _invalid("end_time must be at most 24 hours after start_time, and not before it")
    return start, end


def _moment(name: str, query: Mapping[str, str]) -> float | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        if len(text) == 13:  # noqa: PLR2004 - the Java SDK's test sends epoch milliseconds
            return int(text) / 1000
        return datetime.strptime(text, _FORMAT).replace(tzinfo=BEIJING).timestamp()
    except ValueError:
        raise _invalid(f"{name} must be written YYYYMMDDhhmmss (UTC+8), not '{text}'") from None


def _status(text: str | None) -> Status | None:
    try:
        return Status(text) if text else None
    except ValueError:
        raise _invalid(f"status must be one of {', '.join(Status)}, not '{text}'") from None


def _positive(name: str, query: Mapping[str, str], default: int) -> int:
    text = query.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1):
        raise _invalid(f"{name} must be a whole number from 1, not '{text}'")
    return int(text[:9])


def _invalid(message: str) -> Refusal:
    return Refusal(errors.LIST_FILTER, message)
