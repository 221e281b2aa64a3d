"""The scanner: what is shaped like a secret is never saved, wherever it stands.

The whitelist of `redaction` keeps out the fields that carry secrets; this keeps them out of the
texts that are let in: a prompt, a message, a file of another tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import SecretFoundError

REDACTED = "REDACTED"
"""What stands in other tools' files where a secret stood: the word that theirs use."""

_SPELT = r"[A-Za-z0-9%._~+/=-]"
"""What tokens and escaped signatures are spelt with; what follows one is not its business."""

_SHAPES = {
    # Not \b: to it a Chinese character is a letter, and a key may stand right behind one.
    "key": r"(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{16,}|(?:LTAI|AKIA)[A-Za-z0-9]{12,}"
    rf"|Bearer +(?!{REDACTED}(?![A-Za-z0-9])){_SPELT}{{8,}})",
    "signature": r"(?:Signature|security-token|OSSAccessKeyId|AccessKeyId)="
    rf"(?!{REDACTED}(?![A-Za-z0-9])){_SPELT}+",
    "account id": r"(?<![0-9A-Za-z])(?<![0-9]\.)[0-9]{16}(?![0-9A-Za-z])",
    # What stands before it keeps a long run of letters from being tried at each of them.
    "e-mail address": r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]+"
    r"@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}",
}
"""An Alibaba Cloud account's id has 16 digits; `LTAI` begins its access keys."""

_PATTERNS = {kind: re.compile(shape, re.IGNORECASE) for kind, shape in _SHAPES.items()}

_NAME = re.compile(r"Bearer +|[A-Za-z-]+=", re.IGNORECASE)
_BEFORE, _BEHIND = ("", ":", "[", ",", "-", "+"), ("", ",", "]", "}")
"""What stands around a number in JSON."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that is shaped like a secret: what it is, and the dotted path where it stands."""

    kind: str
    where: str


def mask(text: str) -> str:
    """The text with the name of its kind where a secret stood."""
    for kind, pattern in _PATTERNS.items():
        text = pattern.sub(f"[{kind}]", text)
    return text


def redact(text: str, *, json: bool = False) -> tuple[str, list[str]]:
    """A line of another tool's file without its secrets, and the kind of each.

    What names a secret stays (``Bearer``, ``Signature=``), and so does what it is as JSON: an
    account's id that is a number becomes 0.
    """
    found: list[str] = []

    def hidden(kind: str, match: re.Match[str]) -> str:
        found.append(kind)
        rest = match.string[match.end() :].lstrip()[:1]
        before = match.string[: match.start()].rstrip()[-1:]
        if json and kind == "account id" and before in _BEFORE and rest in _BEHIND:
            return "0"
        name = _NAME.match(match[0])
        return f"{name[0] if name else ''}{REDACTED}"

    for kind, pattern in _PATTERNS.items():
        text = pattern.sub(partial(hidden, kind), text)
    return text, found


def kinds(text: str) -> list[str]:
    """The kinds of secrets that a text holds."""
    return [kind for kind, pattern in _PATTERNS.items() if pattern.search(text)]


def find(value: Any, where: str = "") -> Iterator[Secret]:
    """The secrets of a JSON value, its keys included."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from find(str(key), f"{where} (a key)" if where else "a key")
            yield from find(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from find(item, f"{where}.{place}")
    elif isinstance(value, str):
        yield from (Secret(kind, where) for kind in kinds(value))


def a(kind: str) -> str:
    """A kind with its article."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def check(value: Any, what: str) -> None:
    """Let nothing pass that holds a secret; ``what`` says what does not happen then.

    Raises:
        SecretFoundError: names the field and the kind, never the secret.
    """
    found = list(dict.fromkeys(find(value)))
    if found:
        places = ", ".join(
            f"{secret.where} holds what looks like {a(secret.kind)}" for secret in found
        )
        raise SecretFoundError(
            f"{what}: {places}. Take it out, or record with "
            "redacted prompts (--redact-prompts, redact_prompts=True), which writes hashes"
        )
