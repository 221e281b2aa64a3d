"""How long tasks wait and run."""

from __future__ import annotations

import re
from enum import StrEnum
from random import Random

import msgspec

from .behaviour import Behaviour
from .lifecycle import Leg

PROMPT_EXTEND_SECONDS = 3.5
"""What rewriting the prompt adds [documented: 3 to 4 seconds, V2 page of January 2025]."""

BEHAVIOURS = (
    Behaviour(
        "timing.realistic",
        "a task takes one to two minutes, mostly queueing",
        "documented",
        "seed §1; the split between waiting and running is assumed",
    ),
    Behaviour(
        "timing.prompt-extend",
        "rewriting the prompt adds 3.5 s",
        "documented",
        "V2 page of 2025-01: 3 to 4 s",
    ),
)

_GRAMMAR = (
    "instant, polls:P,R (PENDING for P polls, RUNNING for R polls), seconds:P,R, "
    "fast (= seconds:0.5,2), realistic, or manual"
)
_NUMBERS = re.compile(r"(polls|seconds):\s*([0-9.]+)\s*,\s*([0-9.]+)")


class _Kind(StrEnum):
    FIXED = "fixed"
    REALISTIC = "realistic"
    MANUAL = "manual"


class Timing(msgspec.Struct, frozen=True):
    """How long a task stays PENDING, then RUNNING; make one with `Timing.parse`.

    * ``instant``: already finished at the first poll.
    * ``polls:P,R``: PENDING for P polls, then RUNNING for R polls.
    * ``seconds:P,R``: PENDING for P seconds, then RUNNING for R seconds, on the simulator's clock.
    * ``fast``: ``seconds:0.5,2``, for a dev server that one watches.
    * ``realistic``: 60 to 120 seconds, mostly queue, drawn from the simulator's seed
      [documented: seed §1, "1–2 minutes, affected by queueing"; the split is assumed].
    * ``manual``: until `Simulator.finish` or `Simulator.fail` says so.
    """

    kind: str
    pending: Leg = Leg()
    running: Leg = Leg()

    @classmethod
    def parse(cls, text: str) -> Timing:
        """The timing that a text spells; raises ValueError with the grammar if none does."""
        text = text.strip()
        if text == "instant":
            return cls(_Kind.FIXED, Leg(seconds=0.0), Leg(seconds=0.0))
        if text == "fast":
            return cls(_Kind.FIXED, Leg(seconds=0.5), Leg(seconds=2.0))
        if text in (_Kind.REALISTIC, _Kind.MANUAL):
            return cls(text)
        if match := _NUMBERS.fullmatch(text):
            try:
                unit, pending, running = match.groups()
                return cls(_Kind.FIXED, _leg(unit, pending), _leg(unit, running))
            except ValueError:
                pass
        raise ValueError(f"no timing is spelt {text!r}; known: {_GRAMMAR}")

    def __str__(self) -> str:
        if self.kind != _Kind.FIXED:
            return self.kind
        if self.pending.polls is not None:
            return f"polls:{self.pending.polls},{self.running.polls}"
        return f"seconds:{self.pending.seconds:g},{self.running.seconds:g}"

    def legs(self, rng: Random, *, prompt_extend: bool = False) -> tuple[Leg, Leg]:
        """The two legs of one task; only ``realistic`` draws from the generator."""
        if self.kind != _Kind.REALISTIC:
            return self.pending, self.running
        total, running = rng.uniform(60.0, 120.0), rng.uniform(15.0, 30.0)
        extra = PROMPT_EXTEND_SECONDS if prompt_extend else 0.0
        return Leg(seconds=total - running), Leg(seconds=running + extra)


def _leg(unit: str, number: str) -> Leg:
    return Leg(polls=int(number)) if unit == "polls" else Leg(seconds=float(number))
