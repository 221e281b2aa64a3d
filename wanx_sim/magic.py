"""Magic prompts: outcomes scripted inside a prompt, for clients in any language.

`[[fail:InternalError.Algo]] 一间花店` makes that one task fail, with no admin call and no Python.
"""

from __future__ import annotations

import re

import msgspec

from .protocol import errors
from .protocol.errors import ErrorRow, Refusal
from .protocol.lifecycle import Leg

_MARK = re.compile(r"\[\[\s*([^\[\]:]*?)\s*(?::\s*([^\[\]]*?)\s*)?\]\]")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*s|(\d+)\s*polls?", re.ASCII)

SPELLINGS = (
    "[[fail:CODE]], [[partial:K]], [[moderation]], [[pending:10s]], [[running:3polls]], "
    "[[stuck]], [[lost-response]], [[throttle:K]]"
)


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What the marks of one prompt ask for."""

    fail: ErrorRow | None = None
    partial: int = 0
    moderation: bool = False
    pending: Leg | None = None
    running: Leg | None = None
    lost_response: bool = False
    throttle: int = 0


NOTHING = Script()


def parse(prompt: str) -> Script:
    """The script of a prompt.

    Raises:
        Refusal: for a mark that is misspelt, with a message that lists them all.
    """
    if "[[" not in prompt:
        return NOTHING
    script = NOTHING
    for name, argument in _MARK.findall(prompt):
        try:
            script = msgspec.structs.replace(script, **_read(name, argument))
        except (KeyError, ValueError) as error:
            mark = f"[[{name}:{argument}]]" if argument else f"[[{name}]]"
            why = f" ({error})" if isinstance(error, ValueError) else ""
            raise Refusal(
                errors.INVALID_PARAMETER,
                f"wanx-sim knows no magic prompt {mark}{why}; known: {SPELLINGS}; "
                "magic_prompts=False or --no-magic sends such text as it is",
            ) from None
    return script


def _read(name: str, argument: str) -> dict[str, object]:
    if name == "fail":
        return {"fail": errors.by_code(argument)}
    if name in ("partial", "throttle"):
        return {name: int(argument)}
    if name in ("pending", "running"):
        return {name: _leg(argument)}
    flags: dict[str, dict[str, object]] = {
        "moderation": {"moderation": True},
        "stuck": {"running": Leg()},
        "lost-response": {"lost_response": True},
    }
    if argument:
        raise ValueError(f"{name} takes no argument")
    return flags[name]


def _leg(text: str) -> Leg:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("a duration is spelt 10s or 3polls")
    seconds, polls = match.groups()
    return Leg(seconds=float(seconds)) if seconds else Leg(polls=int(polls))
