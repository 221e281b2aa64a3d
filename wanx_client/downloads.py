"""Pictures: from a signed URL into a file.

An image host is not the service. It is sent no key, and nothing else that it does not need: with an
`Authorization` or `Content-Type` header it refuses a signed URL [documented]. Its errors are XML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx

from wanx_client.account import USER_AGENT
from wanx_client.errors import (
    ConnectionFailedError,
    ExpiredUrlError,
    ResponseFormatError,
    ServiceError,
    WanxError,
)
from wanx_client.models import Image, Task, without_query

if TYPE_CHECKING:
    from pathlib import Path

# Uncompressed, so that Content-Length counts what we count; a PNG would gain nothing anyway.
IMAGE_HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}

_PICTURE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,150}\.(png|jpe?g|webp)", re.IGNORECASE)


def target_paths(task: Task, directory: Path) -> list[tuple[Image, Path]]:
    """Choose a file for each good image: named as its URL, if that is a plain picture name.

    Otherwise, and when two URLs end alike (seen in a recorded answer), it is
    `<task_id>-<index>.png`. Nothing that the service sends leads out of the directory.
    """
    taken: set[str] = set()
    targets = []
    for image in task.good_images:
        name = without_query(image.url).rpartition("/")[2]
        if name.lower() in taken or not _PICTURE_NAME.fullmatch(name):
            name = f"{re.sub(r'[^A-Za-z0-9_-]', '_', task.id)}-{image.index}.png"
        taken.add(name.lower())
        targets.append((image, directory / name))
    return targets


def check_url(url: str) -> None:
    """Refuse a URL that is none, or that would make httpx send credentials."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL("")
    if parts.scheme not in {"http", "https"} or not parts.host or parts.userinfo:
        raise ResponseFormatError("The service names a picture by something that is not a URL.")


def read_picture(response: httpx.Response, url: str) -> bytes:
    """Return the picture in an image host's answer, or raise what the answer means."""
    if response.status_code != 200:  # noqa: PLR2004  # a range was not asked for: 206 is as wrong
        raise _refusal(response, url)
    content = response.content
    announced = response.headers.get("Content-Length", "")
    counted = announced.isdigit() and "Content-Encoding" not in response.headers
    whole = int(announced) if counted else None
    if not content or whole not in {None, len(content)}:
        raise ConnectionFailedError(
            f"The picture {without_query(url)} arrived cut short:"
            f" {len(content)} of {whole or '?'} bytes."
        )
    if response.headers.get("Content-Type", "").startswith("text/"):
        raise ResponseFormatError(f"In place of the picture {without_query(url)} came a text page.")
    return content


def save(content: bytes, target: Path) -> Path:
    """Write a file so that it is whole or absent, also when the program dies half-way."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
    try:
        part.write_bytes(content)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _refusal(response: httpx.Response, url: str) -> WanxError:
    code, message = _element(response, "Code"), _element(response, "Message")
    request_id = _element(response, "RequestId") or response.headers.get("x-oss-request-id")
    if response.status_code == 403 and "expired" in (message or ""):  # noqa: PLR2004
        return ExpiredUrlError(
            f"The URL of {without_query(url)} has expired: pictures are kept for 24 hours, and to"
            " fetch the task again brings none back. Generate anew, with the same seed for a like"
            " picture, and download at once.",
            url=without_query(url),
            code=code,
            http_status=response.status_code,
            request_id=request_id,
        )
    return ServiceError(
        f"The image host did not give {without_query(url)}:"
        f" {message or f'it answered HTTP {response.status_code}'}",
        code=code,
        http_status=response.status_code,
        request_id=request_id,
    )


def _element(response: httpx.Response, name: str) -> str | None:
    # Flat XML, of which three texts matter: no reason to hand a stranger's XML to a parser.
    match = re.search(f"<{name}>([^<]*)</{name}>", response.text[:10_000])
    return match[1].strip() if match else None
