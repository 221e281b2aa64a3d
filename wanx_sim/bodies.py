"""The answers to polls, written once for each state of a task.

A task is polled far more often than it changes: what is said of it holds until the next moment of
its plan. So it is kept as bytes, all but the id of the request, which each answer has of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Self

import msgspec

from .protocol import lifecycle, responses
from .protocol.lifecycle import Status
from .protocol.task import Task

LIMIT = 1024
"""How many tasks' answers are kept, about 2 MB; the oldest go first, and are written again."""


class Said(msgspec.Struct, frozen=True):
    """What is said of a task: in which status, and in which words."""

    status: Status | None
    before: bytes
    after: bytes

    @classmethod
    def of(cls, status: Status | None, body: responses.Body) -> Self:
        """A body that has an empty id for that of the request, before all that may be empty."""
        before, _, after = responses.encode(body).partition(b'""')
        return cls(status, before, after)

    def to(self, request_id: str) -> bytes:
        """The body of one answer."""
        return b'%b"%b"%b' % (self.before, request_id.encode(), self.after)


class _Kept(msgspec.Struct, frozen=True):
    task: Task
    where: tuple[object, ...]
    since: float
    until: float
    said: Said


class Bodies:
    """The answers that were written of late, by the id of the task."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def said(
        self,
        task: Task,
        now: float,
        where: tuple[object, ...],
        write: Callable[[], responses.Body],
    ) -> Said:
        """What is said of a task now; it is written only if it was not, or holds no longer.

        Args:
            task: as the store gave it, which decodes a record that has not changed only once.
            now: the moment.
            where: all that the answer depends on beside task and moment.
            write: writes it, with an empty id for that of the request.
        """
        kept = self._kept.get(task.task_id)
        if (
            kept is None
            or kept.task is not task
            or not kept.since <= now < kept.until
            or kept.where != where
        ):
            said = Said.of(task.status(now), write())
            kept = self._kept[task.task_id] = _Kept(
                task, where, *lifecycle.span(task.plan, now), said
            )
            if len(self._kept) > LIMIT:
                self._kept.popitem(last=False)
        return kept.said

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
