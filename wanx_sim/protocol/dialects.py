"""How the service wrote its answers, then and now: nothing that a client may rely on.

Key order and the lesser headers changed between the recordings of 2024 and those of 2026. A
client that notices is wrong, and had better notice here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from .behaviour import Behaviour

Kind = Literal["gateway", "door", "task"]
"""Which way an answer came: creates and their refusals pass the ``gateway``, a wrong key is turned
away at the ``door`` before it, queries, cancels and lists come from the ``task`` endpoints."""


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """The habits of one year."""

    ids_first: bool
    """Whether `request_id` leads, and `task_id` stands before `task_status`, in gateway answers."""
    task_json: str
    """The Content-Type of the task endpoints."""
    vary: str
    trace: bool
    """Whether the gateway sends `eagleeye-traceid`."""
    timeout: str | None
    """What the gateway sends as `x-dashscope-timeout`, if anything."""


DIALECTS = {
    "2025-10": Dialect(
        ids_first=False,
        task_json="application/json;charset=UTF-8",
        vary="Accept-Encoding",
        trace=True,
        timeout=None,
    ),
    "2026-10": Dialect(
        ids_first=True,
        task_json="application/json; charset=utf-8",
        vary=(
            "Origin,Access-Control-Request-Method,Access-Control-Request-Headers, Accept-Encoding"
        ),
        trace=False,
        timeout="298",
    ),
}
"""The dialect of each profile; that of ``2025-10`` is recorded in 2024, the latest before it."""

RECORDED = DIALECTS["2025-10"]

_2024 = "cnblogs recordings of 2024"
_2026 = "cnblogs recording of 2026-06, of the image2image endpoint"

BEHAVIOURS = (
    Behaviour(
        "dialect.2025-10",
        "a create is answered output first, task_status before task_id; refusals code first",
        "observed",
        _2024,
    ),
    Behaviour(
        "dialect.2026-10",
        "a create is answered request_id first, task_id before task_status; refusals too",
        "observed",
        f"{_2026}; spring-ai-extensions#251",
    ),
    Behaviour(
        "headers.request-id",
        "`x-request-id` repeats the body's `request_id`",
        "observed",
        f"{_2026}; in 2024 only on a 401",
    ),
    Behaviour(
        "headers.gateway",
        "creates and their refusals carry `x-dashscope-call-gateway: true`, others do not",
        "observed",
        _2024,
    ),
    Behaviour(
        "headers.timing",
        "every answer has req-cost-time, req-arrive-time, resp-start-time (ms) and "
        "x-envoy-upstream-service-time",
        "observed",
        _2024,
    ),
    Behaviour("headers.server", "`server: istio-envoy`", "observed", _2024),
    Behaviour(
        "headers.content-type",
        "application/json from the gateway, with a charset from the task endpoints",
        "observed",
        _2024,
    ),
    Behaviour(
        "headers.trace",
        "in the older dialect, what passes or is turned away before the gateway has "
        "`eagleeye-traceid`, 32 hex digits",
        "observed",
        _2024,
    ),
    Behaviour(
        "headers.timeout",
        "in the newer dialect, the gateway sends `x-dashscope-timeout: 298`",
        "observed",
        _2026,
    ),
    Behaviour(
        "headers.wrong-key",
        "a 401 is JSON and says so, with the gateway's key order on every endpoint",
        "observed",
        "a Python SDK's log of 2025-04-28 has code and request_id, which it reads of JSON only; "
        "the recording of 2024-11-25 has no content-type",
    ),
    Behaviour(
        "headers.no-limits",
        "no answer has `Retry-After` or `x-ratelimit-*`",
        "observed",
        "users' reports: none has ever seen one",
    ),
)
