"""What the `wanx` command shows: results on stdout, everything else on stderr.

With `--json` there is one JSON document on stdout, also when something goes wrong.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from wanx_client.errors import (
    AmbiguousSubmitError,
    AuthenticationError,
    ConnectionFailedError,
    TaskCanceledError,
    TaskFailedError,
    TaskNotFinishedError,
    TaskUnknownError,
    WaitTimeoutError,
    WanxError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from wanx_client.models import Task, TaskPage

FAILED, USAGE, REFUSED, TIMED_OUT, NETWORK, INTERRUPTED = 1, 2, 3, 4, 5, 130

# An error counts as its nearest ancestor here.
_EXIT_CODES: dict[type[WanxError], int] = {
    WanxError: REFUSED,
    TaskFailedError: FAILED,
    TaskCanceledError: FAILED,
    TaskUnknownError: FAILED,
    TaskNotFinishedError: USAGE,
    WaitTimeoutError: TIMED_OUT,
    ConnectionFailedError: NETWORK,
    AmbiguousSubmitError: NETWORK,
}


def exit_code(error: WanxError) -> int:
    """Return the exit code for an error of the client."""
    if isinstance(error, AuthenticationError) and error.http_status is None:
        return USAGE  # no key was given: nobody refused it
    return next(_EXIT_CODES[kind] for kind in type(error).__mro__ if kind in _EXIT_CODES)


def say(line: str) -> None:
    """Print one line to stderr, whatever line breaks the service put into it."""
    click.echo(" ".join(line.split()), err=True)


def print_json(document: dict[str, Any]) -> None:
    """Print the one JSON document of this run."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=_isoformat))


def error_document(error: BaseException, code: int) -> dict[str, Any]:
    """Return an error as JSON, with the fields of a `WanxError` as far as they are known."""
    facts = {
        "type": type(error).__name__,
        "message": getattr(error, "message", None) or str(error),
        "code": getattr(error, "code", None),
        "http_status": getattr(error, "http_status", None),
        "request_id": getattr(error, "request_id", None),
        "task_id": getattr(error, "task_id", None),
    }
    known = {name: value for name, value in facts.items() if value is not None}
    return {"error": {**known, "exit_code": code}}


def task_document(task: Task, files: Iterable[Path] | None = None) -> dict[str, Any]:
    """Return a task as JSON: the fields of `Task`, and the files if there are any."""
    document = asdict(task)
    return document if files is None else {**document, "files": [str(path) for path in files]}


def print_task(task: Task) -> None:
    """Print a task for people."""
    rows: list[tuple[str, object]] = [("task", task.id), ("status", task.status)]
    moments = {
        "submitted": task.submit_time,
        "scheduled": task.scheduled_time,
        "ended": task.end_time,
    }
    rows += [(name, moment.isoformat(" ", "seconds")) for name, moment in moments.items() if moment]
    rows += [(f"image {image.index}", image.url) for image in task.good_images]
    if task.error:
        rows.append(("error", f"{task.error.code}: {task.error.message}"))
    for name, value in rows:
        click.echo(f"{name:<10} {value}")
    say_failed_images(task)


def say_failed_images(task: Task) -> None:
    """Print a line for each image of a task that could not be made."""
    for failure in task.failed_images:
        say(f"image {failure.index} failed: {failure.code}: {failure.message}")


def print_page(page: TaskPage) -> None:
    """Print a page of the task list, a line a task."""
    for task in page.tasks:
        submitted = task.submit_time.isoformat(" ", "seconds") if task.submit_time else ""
        click.echo(f"{task.id}  {task.status:<9}  {submitted:<25}  {task.model or ''}".rstrip())
    say(f"page {page.page} of {page.total_pages}, {page.total} tasks in all")


def _isoformat(moment: datetime) -> str:
    return moment.isoformat()
