"""Redaction by construction: only what is listed here is ever written to a cassette.

A blacklist forgets the field that the service adds next year; a whitelist cannot. Links lose
their signature because they are not written at all: a picture is named by its hash.
"""

from __future__ import annotations

import re
from collections.abc import Container
from hashlib import sha256
from typing import Any

from . import secrets

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
_PROMPTS = ("orig_prompt", "actual_prompt")
_METRICS = ("TOTAL", "SUCCEEDED", "FAILED")
_REFUSAL = ("request_id", "code", "message")
_PAGE = ("total", "data", "total_page", "page_no", "request_id", "page_size")
_ROW = (
    "end_time",
    "gmt_create",
    "model_name",
    "region",
    "request_id",
    "start_time",
    "status",
    "task_id",
    "code",
    "message",
)

_SIGNED_QUERY = re.compile(
    r"""\?[^\s"'<>?]*(?:signature|accesskeyid|security-token)=[^\s"'<>]*""", re.IGNORECASE
)
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_SHORTEST_KEY = 8
"""A shorter key is a test's own, and likely to be a word of the text around it."""


def hashed(text: str) -> str:
    """A prompt as a cassette with redacted prompts names it."""
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def is_hashed(text: object) -> bool:
    """Whether a recorded prompt is a hash."""
    return (
        isinstance(text, str)
        and text.startswith("sha256:")  # of thousands of prompts few are
        and _HASH.fullmatch(text) is not None
    )


def created(body: Json) -> Json:
    """What is kept of the answer to a create."""
    return {"output": _only(body.get("output"), _CREATED)} | _only(body, ("request_id",))


def polled(body: Json) -> Json:
    """What is kept of the answer to a poll: no request id (each poll has its own), no link."""
    output = _only(body.get("output"), _OUTPUT)
    if isinstance(output.get("results"), list):
        output["results"] = [_only(result, _RESULT) for result in output["results"]]
    else:
        output.pop("results", None)
    if isinstance(output.get("task_metrics"), dict):
        output["task_metrics"] = _only(output["task_metrics"], _METRICS)
    kept: Json = {"output": output}
    if "usage" in body:
        kept["usage"] = _only(body["usage"], ("image_count",))
    return kept


def links(body: Json) -> dict[int, str]:
    """Where the pictures of a poll's answer lie, each with its place among the results."""
    results = _only(body.get("output"), ("results",)).get("results")
    found = enumerate(results if isinstance(results, list) else [])
    urls = {index: result.get("url") for index, result in found if isinstance(result, dict)}
    return {index: url for index, url in urls.items() if isinstance(url, str)}


def without_prompts(body: Json) -> Json:
    """An answer to a poll in which the texts that repeat the prompt are hashed."""
    output = body["output"]
    if not isinstance(output.get("results"), list):
        return body
    results = [
        result | {name: _hidden(result[name]) for name in _PROMPTS if name in result}
        for result in output["results"]
    ]
    return body | {"output": output | {"results": results}}


def _hidden(text: object) -> str:
    return str(text) if is_hashed(text) else hashed(str(text))


def refused(body: Json) -> Json:
    """What is kept of an error's body, or of the answer to a cancel."""
    return _only(body, _REFUSAL)


def listed(body: Json, task_ids: Container[str]) -> Json:
    """What is kept of a page of the task list: the rows of the cassette's own tasks.

    The other rows are an account's other business, and so are its ids in every row.
    """
    page, rows = _only(body, _PAGE), body.get("data")
    if isinstance(rows, list):
        kept = [_only(row, _ROW) for row in rows if isinstance(row, dict)]
        page["data"] = [row for row in kept if row.get("task_id") in task_ids]
    return page


def scrubbed(value: Any, key: str = "") -> Any:
    """The same, but for signed queries and the key, should a text within repeat one."""
    if isinstance(value, dict):
        return {name: scrubbed(item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [scrubbed(item, key) for item in value]
    if not isinstance(value, str):
        return value
    text = _SIGNED_QUERY.sub("", value) if "?" in value else value
    return text.replace(key, "[key]") if len(key) >= _SHORTEST_KEY else text


def masked(value: Any, key: str = "") -> Any:
    """An answer as it is written: whatever in its texts is shaped like a secret is masked.

    What was asked cannot be masked, since it has to match: `secrets.check` refuses it.
    """
    if isinstance(value, dict):
        return {name: masked(item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [masked(item, key) for item in value]
    return secrets.mask(scrubbed(value, key)) if isinstance(value, str) else value


def _only(part: Any, names: tuple[str, ...]) -> Json:
    return (
        {key: value for key, value in part.items() if key in names}
        if isinstance(part, dict)
        else {}
    )
