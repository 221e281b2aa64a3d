"""One request on its way through a service, with what the journal will want to know of it."""

from __future__ import annotations

import msgspec

from .journal import Entry, asked
from .protocol.routes import Operation
from .wire import Request


class Call(msgspec.Struct):
    """A request, and what was found out about it so far."""

    request: Request
    now: float
    request_id: str
    operation: Operation = "other"
    task_id: str | None = None
    task_status: str | None = None
    model: str = ""
    prompt: str = ""

    def entry(self, status: int | None, code: str | None = None) -> Entry:
        """What the journal notes; no status means that the connection was broken instead."""
        return Entry(
            at=self.now,
            operation=self.operation,
            method=self.request.method,
            path=self.request.path,
            status=status,
            code=code,
            task_id=self.task_id,
            task_status=self.task_status,
            model=self.model or None,
            prompt=self.prompt or None,
            user_agent=self.request.headers.get("user-agent"),
            asked=asked(self.request.body) if self.operation == "create" else None,
        )
