"""The faults of a simulator: which are armed, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from os import PathLike
from random import Random
from threading import Lock

import msgspec

from ..latest import Latest
from .fault import Fault
from .subject import Subject

SCRIPTED = 10_000
"""For how many prompts it is known how often their marks have struck; the oldest strike anew."""


class Armed(msgspec.Struct, eq=False):
    """One fault that is waiting for its requests."""

    fault: Fault
    seen: int = 0
    """How many requests came that it is meant for."""
    struck: int = 0
    """How many of them it struck."""
    name: str = ""
    """What tells it from others, where several processes count its strikes."""

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it is to."""
        return self.fault.times is not None and self.struck >= self.fault.times

    def ready(self, random: Random) -> bool:
        """Whether it is its turn; only a probability draws from the generator."""
        if self.spent or self.seen < self.fault.nth:
            return False
        return self.fault.probability == 1 or random.random() < self.fault.probability

    def meant_for(self, subject: Subject, *, outcome: bool) -> bool:
        """Whether it may strike such a request: the answer to it, or the task that it makes."""
        return self.fault.outcome is outcome and self.fault.meant_for(subject)


def turn(
    waiting: Iterable[Armed], subject: Subject, random: Random, *, outcome: bool
) -> Armed | None:
    """The first whose turn it is, of those meant for a request; all of them have seen it."""
    meant = [armed for armed in waiting if armed.meant_for(subject, outcome=outcome)]
    for armed in meant:
        armed.seen += 1
    chosen = next((armed for armed in meant if armed.ready(random)), None)
    if chosen:
        chosen.struck += 1
    return chosen


def named(faults: Iterable[Fault | str]) -> list[Fault]:
    """Faults, with those of presets in place of their names; raises ValueError."""
    found = [(fault,) if isinstance(fault, Fault) else Fault.preset(fault) for fault in faults]
    return list(chain.from_iterable(found))


class Faults:
    """The faults that are armed, in the order in which they were added.

    Of those meant for a request the first whose turn it is strikes, and no other: two faults on
    create strike one create after the other. Only what becomes of the task is asked for apart.
    Every method may be called from any thread.
    """

    def __init__(self, faults: Iterable[Fault | str] | Fault | str = (), *, seed: int = 1) -> None:
        self._armed: list[Armed] = []
        self._scripted: Latest[str, list[Armed]] = Latest(SCRIPTED)
        self._lock = Lock()
        self.rewind(seed)
        self.add(*((faults,) if isinstance(faults, Fault | str) else faults))

    def __iter__(self) -> Iterator[Fault]:
        with self._lock:
            return iter([armed.fault for armed in self._armed if not armed.spent])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return bool(self._armed) and any(not armed.spent for armed in self._armed)

    def __repr__(self) -> str:
        return f"<Faults {list(self)!r}>"

    @property
    def unused(self) -> list[Fault]:
        """Those that have struck nothing so far: what a test armed in vain."""
        with self._lock:
            return [armed.fault for armed in self._armed if not armed.struck]

    @property
    def strikes(self) -> list[tuple[Fault, int]]:
        """Each with how often it has struck, those included that will strike no more."""
        with self._lock:
            return [(armed.fault, armed.struck) for armed in self._armed]

    def add(self, *faults: Fault | str) -> None:
        """Arm faults, or presets by their names, behind those already armed.

        Raises:
            ValueError: for a preset that does not exist, with those that do; none is armed then.
        """
        armed = [Armed(fault) for fault in named(faults)]
        with self._lock:
            self._armed += armed

    def load(self, path: str | PathLike[str]) -> None:
        """Arm the faults of a TOML file, all or none of them.

        Raises:
            ValueError: naming the file, the entry and the field that is wrong.
        """
        from .tables import load  # noqa: PLC0415 - TOML is read only where there is a file

        self.add(*load(path))

    def clear(self) -> None:
        """Disarm all."""
        with self._lock:
            self._armed.clear()

    def rewind(self, seed: int) -> None:
        """Start the generator anew, and forget how often marks in prompts have struck."""
        with self._lock:
            self._random = Random(f"{seed}/faults")
            self._scripted.clear()

    def take(
        self, subject: Subject, *, outcome: bool = False, scripted: Sequence[Fault] = ()
    ) -> Armed | None:
        """The fault that strikes a request, counted as used.

        Args:
            subject: the request.
            outcome: whether a fault about the task is wanted, or one about the answer.
            scripted: faults that the prompt itself asks for; they come after the armed ones, and
                each is counted for its prompt (in a create) or its task.
        """
        scripted = [fault for fault in scripted if fault.outcome is outcome]
        if not self._armed and not scripted:
            return None
        with self._lock:
            waiting = chain(self._armed, self._of_prompt(subject, scripted))
            return turn(waiting, subject, self._random, outcome=outcome)

    def _of_prompt(self, subject: Subject, scripted: Sequence[Fault]) -> list[Armed]:
        if not scripted:
            return []
        whose = scripted_for(subject)
        if whose not in self._scripted:
            self._scripted.keep(whose, [Armed(fault) for fault in scripted])
        return self._scripted[whose]

    def give_back(self, armed: Armed) -> None:
        """Count a strike as not done: the service itself refused the request before."""
        with self._lock:
            armed.struck -= 1


def scripted_for(subject: Subject) -> str:
    """What the faults of a prompt are counted for: the prompt in a create, else the task."""
    return f"{subject.operation} {subject.task_id or subject.prompt}"
