"""Other tools' recordings (HAR, VCR's YAML, any text) without what is shaped like a secret.

They are taken as text, so that all else in them stays as it was: its order, its spelling, its
comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from .secrets import REDACTED, redact

Found = tuple[int, str]
"""The number of a line, and the kind of what was found there."""

_NAMES = (
    "(?:proxy-)?authorization|(?:set-)?cookie|x-api-key|api-key"
    "|x-(?:acs|oss|dashscope)-security-token"
)
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_IN_JSON = [
    # A mapping of headers, as cassettes in JSON have it: to a text, or to a list of texts.
    re.compile(rf'("(?:{_NAMES})"\s*:\s*)({_STRING}|\[(?:\s*{_STRING}\s*,?)*\s*\])', re.IGNORECASE),
    # A list of pairs, as HAR has it.
    re.compile(rf'("name"\s*:\s*"(?:{_NAMES})"\s*,\s*"value"\s*:\s*)({_STRING})', re.IGNORECASE),
    re.compile(
        rf'("value"\s*:\s*)({_STRING})(?=\s*,\s*"name"\s*:\s*"(?:{_NAMES})")', re.IGNORECASE
    ),
]
_COOKIES = re.compile(rf'("cookies"\s*:\s*)(\[(?:[^"\[\]]|{_STRING})*\])')
_VALUE = re.compile(rf'("value"\s*:\s*)({_STRING})')
_TEXT = re.compile(_STRING)

_HEADER = re.compile(rf"""([ \t]*(?:- )?['"]?(?:{_NAMES})['"]?[ \t]*:[ \t]*)(.*)""", re.IGNORECASE)
_ITEM = re.compile(r"([ \t]*-[ \t]+)(.*)")


def scrub(text: str, *, yaml: bool = False) -> tuple[str, list[Found]]:
    """The text with `REDACTED` where secrets stood, and what was found.

    Headers that carry secrets lose their values whatever those look like; elsewhere the shapes of
    `secrets` count. JSON is found out; ``yaml`` says that the text is YAML.
    """
    json = _is_json(text)
    found: list[Found] = []
    if json:
        text = _json_headers(text, found)
        lines = list(enumerate(text.splitlines(keepends=True), 1))
    else:
        lines = list(_plain_headers(text, found, yaml=yaml))
    kept = []
    for number, line in lines:
        clean, kinds = redact(line, json=json)
        found += [(number, kind) for kind in kinds]
        kept.append(clean)
    return "".join(kept), sorted(found)


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _json_headers(text: str, found: list[Found]) -> str:
    def hidden(match: re.Match[str]) -> str:
        clean = _TEXT.sub(f'"{REDACTED}"', match[2])
        if clean != match[2]:
            found.append((text.count("\n", 0, match.start()) + 1, "header"))
        return match[1] + clean

    def cookies(match: re.Match[str]) -> str:
        clean = _VALUE.sub(rf'\1"{REDACTED}"', match[2])
        if clean != match[2]:
            found.append((text.count("\n", 0, match.start()) + 1, "cookie"))
        return match[1] + clean

    for pattern in _IN_JSON:
        text = pattern.sub(hidden, text)
    return _COOKIES.sub(cookies, text)


def _plain_headers(text: str, found: list[Found], *, yaml: bool) -> Iterator[Found]:
    """The lines of YAML, or of headers as they are sent, each with its number.

    In YAML a value may go on in lines that are deeper than its own; they go with it.
    """
    key = value = None  # how deep the header stands, and the last of its values
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        bare = line.rstrip("\r\n")
        header, item = _HEADER.fullmatch(bare), _ITEM.fullmatch(bare)
        depth = len(bare) - len(bare.lstrip(" \t-" if header else None))
        if header:
            key, value = depth, depth if header[2] else None
        elif key is not None and item and depth >= key:
            value = depth
        elif yaml and value is not None and bare and depth > value:
            continue
        else:
            key = value = None
        here = header or item
        if here and key is not None and here[2] not in ("", REDACTED):
            found.append((number, "header"))
            yield number, f"{here[1]}{REDACTED}{line[len(bare) :]}"
        else:
            yield number, line
