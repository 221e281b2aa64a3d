"""What a fault may look at when it asks whether a request is meant for it."""

from __future__ import annotations

import msgspec

from ..protocol.requests import Body, prompt_of
from ..protocol.task import Task
from ..wire import Request


class Subject(msgspec.Struct, frozen=True):
    """A request, in so far as faults tell requests apart."""

    operation: str
    model: str = ""
    prompt: str = ""
    key: str = ""
    task_id: str = ""

    def __repr__(self) -> str:
        # No key.
        return f"<Subject {self.operation} {self.model} {self.task_id}>"


def of_create(request: Request, body: Body | None) -> Subject:
    """A create, with what can be read of its body before anybody has judged it."""
    if body is None:
        return Subject("create", key=_key(request))
    return Subject("create", body.model or "", prompt_of(body), _key(request))


def of_task(operation: str, request: Request, task_id: str, task: Task | None) -> Subject:
    """Any other request, with what is known of the task that it is about."""
    if task is None:
        return Subject(operation, key=_key(request), task_id=task_id)
    order = task.order
    return Subject(operation, order.model, order.prompt, _key(request), task_id)


def _key(request: Request) -> str:
    return request.headers.get("authorization", "").partition(" ")[2].strip()
