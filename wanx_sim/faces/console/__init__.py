"""The console: a page to keep open in a browser beside the server that an application talks to.

It is what a browser gets at ``/_sim/``, where all others get the index. What it shows it asks of
the JSON API beside it, and so it holds no secret: it is served without the admin token, which no
browser could send before it has a page to ask for one. Everything else about the guard holds.

The files are written by hand and served as they are: no build, nothing from elsewhere.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ...wire import Headers, Response
from ..control import ROOT

_KINDS = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FOLDER, _INDEX = Path(__file__).parent, "index.html"

# blob: pictures are fetched with the token, then shown. Trusted types: prompts are hostile, and to
# make markup of text is an error then.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The page's Content-Security-Policy: its own files, its own server, no markup made of text."""

_HEADERS: Headers = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-cache"),
)


def answer(method: str, path: str, accept: str) -> Response | None:
    """The page or one of its files, if that is what a request asks for.

    Args:
        method: of the request.
        path: of the request, decoded.
        accept: its Accept header; of ``/_sim/`` only who prefers HTML gets the page.
    """
    if method not in ("GET", "HEAD"):
        return None
    if path in (ROOT, f"{ROOT}/"):
        if not prefers_html(accept):
            return None
        if path == ROOT:  # relative, so that it also holds behind a proxy that adds to the path
            return Response(307, (("location", f"{ROOT[1:]}/"), ("vary", "accept")))
        return _sent(_INDEX, ("vary", "accept"))
    name = path.removeprefix(f"{ROOT}/console/")
    return _sent(name) if name in _names() - {_INDEX} else None


def prefers_html(accept: str) -> bool:
    """Whether an Accept header says that HTML is better than JSON; to curl both are the same."""
    asked = [_range(part) for part in accept.lower().split(",")]
    return _quality(asked, "text/html") > _quality(asked, "application/json")


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return kind, float(quality)
    except ValueError:
        return kind, 0.0


def _quality(asked: list[tuple[str, float]], kind: str) -> float:
    """How welcome a type is; the most specific range that covers it says so (RFC 9110)."""
    ranges = dict(asked)
    covering = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((ranges[one] for one in covering if one in ranges), 0.0)


@cache
def _names() -> frozenset[str]:
    """The files of the page."""
    found = (file.name for file in _FOLDER.iterdir() if file.is_file())
    return frozenset(name for name in found if name.rpartition(".")[2] in _KINDS)


@cache
def _sent(name: str, *more: tuple[str, str]) -> Response:
    body = (_FOLDER / name).read_bytes()
    kind = _KINDS[name.rpartition(".")[2]]
    return Response(200, (("content-type", kind), *_HEADERS, *more), body)
