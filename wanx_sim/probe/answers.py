"""What of an answer is compared, and may stand in a report: shapes, codes and texts, no values.

A whitelist again: an id, a key, a link or a moment becomes the name of its kind.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ..wire import Response

Json = dict[str, Any]

# Told word for word, since applications act upon them; the service's help link is cut off.
_LITERAL = ("code", "message", "task_status", "status")
_HELP = re.compile(r" ?For details, see: https?://\S+$")

_KINDS = (
    ("uuid", re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
    ("time", re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")),
    ("url", re.compile(r"https?://.*", re.DOTALL)),
    ("digits", re.compile(r"\d+")),
)

_HEADERS = ("content-type", "x-dashscope-call-gateway", "x-request-id", "x-oss-ec", "etag")


def comparable(response: Response) -> Json:
    """An answer as it is compared and reported."""
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _headed(response) | {"body": _text_shape(response)}
    keys = list(body) if isinstance(body, dict) else []
    return _headed(response) | {"keys in order": keys, "body": _shape("", body)}


def _headed(response: Response) -> Json:
    found = {name: response.header(name) for name in _HEADERS}
    headers = {
        name: value if name in ("content-type", "x-oss-ec") else "present"
        for name, value in found.items()
        if value is not None
    }
    return {"status": response.status, "headers": headers}


def _shape(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(name, item) for item in value[:1]]
    if isinstance(value, str):
        return _HELP.sub("", value) if name in _LITERAL else _kind(value)
    return type(value).__name__


def _kind(text: str) -> str:
    return next((kind for kind, pattern in _KINDS if pattern.fullmatch(text)), "text")


def _text_shape(response: Response) -> str:
    text = response.body[:4096].decode("utf-8", "replace")
    code = re.search(r"<Code>(\w+)</Code>", text)
    if code:
        return f"OSS error {code[1]}"
    return response.header("content-type") or ("nothing" if not response.body else "unknown bytes")
