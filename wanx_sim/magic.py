"""Magic prompts: outcomes scripted inside a prompt, for clients in any language.

`[[fail:InternalError.Algo]] 一间花店` makes that one task fail, with no admin call and no Python.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from .faults.fault import Fault, leg
from .protocol import errors
from .protocol.errors import Refusal

MARK = "[["
"""What every prompt has that scripts something."""

_MARK = re.compile(r"\[\[\s*([^\[\]:]*?)\s*(?::\s*([^\[\]]*?)\s*)?\]\]")
SPELLINGS = (
    "[[fail:CODE]], [[partial:K]], [[moderation]], [[pending:10s]], [[running:3polls]], "
    "[[stuck]], [[lost-response]], [[throttle:K]], [[fault:NAME]]"
)


def parse(prompt: str) -> tuple[Fault, ...]:
    """The faults that a prompt asks for: those of its answer, and last what becomes of its task.

    Raises:
        Refusal: for a mark that is misspelt, with a message that lists them all.
    """
    return _parsed(prompt) if MARK in prompt else ()


@lru_cache(256)
def _parsed(prompt: str) -> tuple[Fault, ...]:
    answers: list[Fault] = []
    outcome: dict[str, object] = {}
    for name, argument in _MARK.findall(prompt):
        try:
            made = _read(name, argument)
        except (KeyError, ValueError) as error:
            mark = f"[[{name}:{argument}]]" if argument else f"[[{name}]]"
            why = f" ({error})" if isinstance(error, ValueError) else ""
            raise Refusal(
                errors.INVALID_PARAMETER,
                f"wanx-sim knows no magic prompt {mark}{why}; known: {SPELLINGS}; "
                "magic_prompts=False or --no-magic sends such text as it is",
            ) from None
        if isinstance(made, dict):
            outcome |= made
        else:
            answers += made
    answers.sort(key=_turn)
    return (*answers, *([msgspec.convert(outcome, Fault)] if outcome else ()))


def _turn(fault: Fault) -> int:
    # Of the marks of one prompt a throttle comes first: it ends, and the next has its turn.
    codes = (errors.RATE_QUOTA.code, errors.INPUT_REJECTED.code)
    return codes.index(fault.code) if fault.code in codes else len(codes)


def _read(name: str, argument: str) -> dict[str, object] | tuple[Fault, ...]:
    """What a mark asks for: fields of what becomes of the task, or faults of the answer."""
    if name == "fail":
        errors.by_code(argument)
        return {"fail": argument}
    if name == "partial":
        return {"failed_images": _count(argument)} if _count(argument) else {}
    if name == "throttle":
        times = _count(argument)
        return (Fault(code=errors.RATE_QUOTA.code, times=times),) if times else ()
    if name in ("pending", "running"):
        leg(argument)
        return {name: argument}
    if name == "fault":
        return Fault.preset(argument)
    flags: dict[str, dict[str, object] | tuple[Fault, ...]] = {
        "moderation": (Fault(code=errors.INPUT_REJECTED.code, times=None),),
        "stuck": {"stuck": "RUNNING"},
        "lost-response": (Fault(lost_response=True),),
    }
    if argument:
        raise ValueError(f"{name} takes no argument")
    return flags[name]


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("K is a whole number")
    return int(text)
