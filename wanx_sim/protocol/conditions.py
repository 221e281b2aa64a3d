"""Conditional requests, as OSS understands them: whether to answer with an object at all."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def failed(headers: Mapping[str, str], etag: str, modified: float) -> str | None:
    """The header whose condition does not hold, if one does not.

    Args:
        headers: the request's.
        etag: the object's, without quotes.
        modified: when it was last changed.
    """
    if (tags := headers.get("if-match")) is not None and not _names(tags, etag):
        return "If-Match"
    since = _moment(headers.get("if-unmodified-since"))
    return "If-Unmodified-Since" if since is not None and int(modified) > since else None


def unchanged(headers: Mapping[str, str], etag: str, modified: float) -> bool:
    """Whether the client says that it already has the object; arguments as of `failed`."""
    if (tags := headers.get("if-none-match")) is not None:
        return _names(tags, etag)
    since = _moment(headers.get("if-modified-since"))
    return since is not None and int(modified) <= since


def _names(tags: str, etag: str) -> bool:
    given = [tag.strip().removeprefix("W/").strip('"').upper() for tag in tags.split(",")]
    return "*" in given or etag.upper() in given


def _moment(date: str | None) -> float | None:
    """Epoch seconds of an HTTP date; a date that cannot be read is as none."""
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
