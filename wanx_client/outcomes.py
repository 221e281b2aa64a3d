"""How a task ended, as an error where it did not end in pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wanx_client.errors import (
    TaskCanceledError,
    TaskFailedError,
    TaskNotFinishedError,
    TaskOutcomeError,
    TaskUnknownError,
)
from wanx_client.models import TaskStatus

if TYPE_CHECKING:
    from wanx_client.models import Task

_UNKNOWN = (
    "The service does not know this task: the id is wrong, or the task is older than 24 hours,"
    " or it belongs to another account or region."
)

_OUTCOMES: dict[TaskStatus, tuple[type[TaskOutcomeError], str]] = {
    TaskStatus.PENDING: (TaskNotFinishedError, "The task is still PENDING: wait for it first."),
    TaskStatus.RUNNING: (TaskNotFinishedError, "The task is still RUNNING: wait for it first."),
    TaskStatus.FAILED: (TaskFailedError, "The task failed."),
    TaskStatus.CANCELED: (TaskCanceledError, "The task was canceled."),
    TaskStatus.UNKNOWN: (
        TaskUnknownError,
        _UNKNOWN,
    ),
}


def outcome_error(task: Task) -> TaskOutcomeError | None:
    """Return what stands between a task and its pictures; None if it SUCCEEDED."""
    if task.status is TaskStatus.SUCCEEDED:
        return None
    kind, message = _OUTCOMES[task.status]
    if task.error is not None and task.error.message:
        message = f"The task failed: {task.error.message}"
    return kind(
        message,
        task=task,
        code=task.error.code if task.error else None,
        request_id=task.request_id,
        task_id=task.id,
    )


def succeeded(task: Task) -> Task:
    """Return the task if it SUCCEEDED, else raise what it is instead."""
    if error := outcome_error(task):
        raise error
    return task
