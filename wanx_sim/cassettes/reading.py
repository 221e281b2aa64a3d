"""What a recorder reads in the requests and the answers that pass through it."""

from __future__ import annotations

from uuid import uuid4

import msgspec

from ..access import authenticate
from ..protocol import responses, routes
from ..protocol.catalogue import Region
from ..protocol.errors import Refusal
from ..wire import Request, Response
from . import redaction
from .format import Job, Json, State


def is_new(job: Job, state: State) -> bool:
    """Whether a state differs from the last of its kind: of the task, or of a trouble."""
    seen = [known for known in job.states if known.lasting or not state.lasting]
    return not seen or (seen[-1].status, seen[-1].body) != (state.status, state.body)


def about(request: Request) -> tuple[routes.Operation, str]:
    """The operation that a request asks for, and the task it is about."""
    try:
        route = routes.route(request)
    except Refusal:
        return "other", ""
    return route.operation, route.task_id


def keyless(request: Request, now: float) -> Response | None:
    """The service's own refusal of a request without a key; None if there is one."""
    try:
        authenticate(request, Region.BEIJING, None)
    except Refusal as refusal:
        body = responses.refused(refusal, responses.request_id(uuid4().int), kind="door")
        return responses.answer(body, now, status=refusal.status, kind="door")
    return None


def json_of(response: Response) -> Json:
    """An answer's body; nothing for what is no object, or nested as no answer is."""
    try:
        body = msgspec.json.decode(response.body, type=Json)
        redaction.masked(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return body


def names_a_task(body: Json) -> bool:
    """Whether an answer to a create names a task."""
    found = body["output"].get("task_id")
    return isinstance(found, str) and bool(found)


def key_of(request: Request) -> str:
    """The key that a request carries; empty if it has none."""
    return request.headers.get("authorization", "").strip().rpartition(" ")[2]
