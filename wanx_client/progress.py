"""How a wait is shown: live on a terminal, in plain lines in a pipe, not at all beside JSON."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from time import monotonic
from typing import TYPE_CHECKING, Self

from wanx_client.console import say

if TYPE_CHECKING:
    from types import TracebackType

    from wanx_client.models import Task


class Silence(AbstractContextManager["Silence"]):
    """Shows nothing, and is what the others are made of: it counts, and sees what changed."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._last: Task | None = None
        self._polls = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began."""
        return monotonic() - self._began

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def submitted(self, task: Task) -> None:
        """Show a task that was just created."""
        self._see(task)

    def __call__(self, task: Task) -> None:
        """Show a task that a poll brought."""
        self._polls += 1
        self._see(task)

    def _see(self, task: Task) -> None:
        changed = self._last is None or self._last.status is not task.status
        if self._last is None:
            self.began(task)
        self._last = task
        self.show(task, changed=changed)

    def began(self, task: Task) -> None:
        """Show the first sight of the task."""

    def show(self, task: Task, *, changed: bool) -> None:
        """Show the task again."""

    def stop(self) -> None:
        """Leave the terminal as it was."""


class Lines(Silence):
    """A plain line for each change of status, for pipes and logs."""

    def began(self, task: Task) -> None:
        """Print the ids, which a log needs."""
        self.line(f"task {task.id} (request {task.request_id})")

    def show(self, task: Task, *, changed: bool) -> None:
        """Print the status if it changed."""
        if changed:
            self.line(f"{task.status} after {self.elapsed:.1f} s")

    def line(self, text: str) -> None:
        """Print a line that stays."""
        say(text)


class Live(Lines):
    """A line that moves: spinner, status, elapsed time and polls; changes stay above it."""

    def __enter__(self) -> Self:
        # rich takes as long to import as the rest of the command: only a terminal needs it.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False, style="dim"),
            console=Console(stderr=True),
            transient=True,
        )
        self._progress.start()
        self._line = self._progress.add_task("submitting", total=None, note="")
        return self

    def show(self, task: Task, *, changed: bool) -> None:
        """Move the line, and print the status above it if it changed."""
        super().show(task, changed=changed)
        note = f"poll {self._polls} · task {task.id}"
        self._progress.update(self._line, description=task.status.value, note=note)

    def line(self, text: str) -> None:
        """Print a line that stays, above the one that moves."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        """Take the line away."""
        self._progress.stop()


def watcher(*, as_json: bool) -> Silence:
    """Choose how this run shows its waits."""
    if as_json:
        return Silence()
    return Live() if sys.stderr.isatty() else Lines()
