"""Redaction by construction: only what is listed here is ever written to a cassette.

A blacklist forgets the field that the service adds next year; a whitelist cannot. Links lose
their signature because they are not written at all: a picture is named by its hash.
"""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]

_CREATED = ("task_status", "task_id")
_OUTPUT = (
    "task_id",
    "task_status",
    "submit_time",
    "scheduled_time",
    "end_time",
    "code",
    "message",
    "results",
    "task_metrics",
)
_RESULT = ("orig_prompt", "actual_prompt", "code", "message")
_METRICS = ("TOTAL", "SUCCEEDED", "FAILED")
_REFUSAL = ("request_id", "code", "message")

_SIGNED_QUERY = re.compile(
    r"""\?[^\s"'<>?]*(?:signature|accesskeyid|security-token)=[^\s"'<>]*""", re.IGNORECASE
)
_SHORTEST_KEY = 8
"""A shorter key is a test's own, and likely to be a word of the text around it."""


def created(body: Json) -> Json:
    """What is kept of the answer to a create."""
    return {"output": _only(body.get("output"), _CREATED)} | _only(body, ("request_id",))


def polled(body: Json) -> Json:
    """What is kept of the answer to a poll: no request id (each poll has its own), no link."""
    output = _only(body.get("output"), _OUTPUT)
    if isinstance(output.get("results"), list):
        output["results"] = [_only(result, _RESULT) for result in output["results"]]
    if isinstance(output.get("task_metrics"), dict):
        output["task_metrics"] = _only(output["task_metrics"], _METRICS)
    kept: Json = {"output": output}
    if "usage" in body:
        kept["usage"] = _only(body["usage"], ("image_count",))
    return kept


def refused(body: Json) -> Json:
    """What is kept of an error's body."""
    return _only(body, _REFUSAL)


def scrubbed(value: Any, key: str = "") -> Any:
    """The same, but for signed queries and the key, should a text within repeat one."""
    if isinstance(value, dict):
        return {name: scrubbed(item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [scrubbed(item, key) for item in value]
    if not isinstance(value, str):
        return value
    text = _SIGNED_QUERY.sub("", value)
    return text.replace(key, "[key]") if len(key) >= _SHORTEST_KEY else text


def _only(part: Any, names: tuple[str, ...]) -> Json:
    return (
        {key: value for key, value in part.items() if key in names}
        if isinstance(part, dict)
        else {}
    )
