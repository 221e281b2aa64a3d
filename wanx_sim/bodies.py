"""The answers to polls, written once for each state of a task.

A task is polled far more often than it changes: what is said of it holds until the next moment of
its plan. So it is kept as bytes, all but the id of the request, which each answer has of its own.
"""

from __future__ import annotations

from typing import Self

import msgspec

from .journal import Entry
from .protocol import lifecycle, responses
from .protocol.catalogue import Region
from .protocol.lifecycle import Status
from .protocol.task import Task
from .wire import Request

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


class Asked(msgspec.Struct, frozen=True):
    """All of a request that its answer depends on, beside the path."""

    method: str
    scheme: str
    host: str
    query: str
    authorization: str | None

    @classmethod
    def by(cls, request: Request) -> Self:
        """What a request asks."""
        key = request.headers.get("authorization")
        return cls(request.method, request.scheme, request.host, request.query, key)


class Poll(msgspec.Struct, frozen=True):
    """A good poll of a task that polls do not change, and what all was so when it was answered."""

    asked: Asked
    key: str
    region: Region
    task: Task
    """As the store gave it, which gives the same object as long as nothing of it changes."""
    settings: int
    """How often a setting had been changed by then."""
    since: float
    until: float
    said: Said

    @classmethod
    def of(
        cls, request: Request, key: str, task: Task, settings: int, now: float, said: Said
    ) -> Self:
        """A poll that was answered just now."""
        since, until = lifecycle.span(task.plan, now)
        return cls(Asked.by(request), key, task.region, task, settings, since, until, said)

    def entry(self, request: Request, now: float) -> Entry:
        """What the journal notes of one more poll that is answered so."""
        return Entry(
            at=now,
            operation="query",
            method=request.method,
            path=request.path,
            status=200,
            task_id=self.task.task_id,
            task_status=self.said.status,
            user_agent=request.headers.get("user-agent"),
        )
