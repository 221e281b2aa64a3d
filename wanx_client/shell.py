"""One run of the `wanx` command: how it reaches the service, and how it breaks off.

Each error is one line on stderr, and beside `--json` also a document on stdout; never a traceback.
Once a task exists, whatever breaks off names it and how to go on with it: it may be paid for.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import click

from wanx_client.client import WanxClient
from wanx_client.console import INTERRUPTED, USAGE, error_document, exit_code, print_json, say
from wanx_client.errors import (
    AmbiguousSubmitError,
    ConnectionFailedError,
    RateLimitError,
    ServiceError,
    WaitTimeoutError,
    WanxError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORTH_RESUMING = (ConnectionFailedError, RateLimitError, ServiceError, WaitTimeoutError)


@dataclass
class Session:
    """What the commands of one run share.

    Attributes:
        as_json: Whether stdout is to hold one JSON document.
        options: The arguments for `WanxClient`.
        command: `wanx` and its options, as they have to be typed again.
        task_id: The task at stake, once there is one.
        resume: The command that goes on with it.
        creating: Whether a create is on its way: a task may exist whose id is not known.
    """

    as_json: bool
    options: dict[str, Any] = field(default_factory=dict)
    command: str = "wanx"
    task_id: str | None = None
    resume: str | None = None
    creating: bool = False

    def client(self) -> WanxClient:
        """Open the client of this run."""
        try:
            return WanxClient(**self.options)
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def stake(self, task_id: str, resume: str) -> None:
        """Name the task that is lost sight of if the run breaks off from here on."""
        self.task_id, self.resume, self.creating = task_id, f"{self.command} {resume}", False

    def hint(self, error: WanxError) -> str:
        """Say how to go on after an error, if there is a way."""
        if isinstance(error, AmbiguousSubmitError):
            return f" Look with: {self.command} tasks"
        if self.resume and isinstance(error, _WORTH_RESUMING):
            return f" Resume with: {self.resume}"
        return ""

    def interruption(self) -> str:
        """Say what Ctrl-C leaves behind."""
        if self.creating:
            return (
                "interrupted while the task was being created: it may exist and be billed."
                f" Look with: {self.command} tasks"
            )
        if self.resume:
            return f"interrupted; task {self.task_id} goes on. Resume with: {self.resume}"
        return "interrupted"


class CannotWriteError(click.ClickException):
    """The pictures could not be written."""

    exit_code = USAGE


class WanxGroup(click.Group):
    """A group of commands whose errors end as one line and an exit code."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Begin a session. `obj=` may hold arguments for `WanxClient`, such as a transport."""
        # Looked up by hand, since the line may be one that click can't parse.
        as_json = "--json" in takewhile(lambda arg: arg != "--", args)
        extra["obj"] = Session(as_json=as_json, options=dict(extra.get("obj") or {}))
        with _reporting(extra["obj"]):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; report how it breaks off."""
        with _reporting(ctx.obj):
            return super().invoke(ctx)


@contextmanager
def _reporting(session: Session) -> Iterator[None]:
    """Turn what breaks the run off into its line, its document and its exit code."""
    try:
        yield
    except WanxError as error:
        line = f"{error}{session.hint(error)}"
        raise _end(session, line, error_document(error, exit_code(error))) from error
    except KeyboardInterrupt as error:
        line = session.interruption()
        facts = {"type": "Interrupted", "message": line, "task_id": session.task_id}
        raise _end(session, line, {"error": {**facts, "exit_code": INTERRUPTED}}) from error
    except click.ClickException as error:
        if session.as_json:
            print_json(error_document(error, error.exit_code))
        raise  # click prints the line


def _end(session: Session, line: str, document: dict[str, Any]) -> click.exceptions.Exit:
    if session.as_json:
        print_json(document)
    say(f"wanx: {line}")
    return click.exceptions.Exit(document["error"]["exit_code"])
