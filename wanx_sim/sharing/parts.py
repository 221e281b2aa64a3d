"""The parts of a shared simulator: as their namesakes, but what they hold is on a board."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from secrets import token_hex
from typing import overload

import msgspec

from ..clock import Clock
from ..errors import StoreError
from ..faults.armed import Armed, Faults, named, scripted_for, turn
from ..faults.fault import Fault
from ..faults.subject import Subject
from ..journal import LIMIT, Entry, Journal
from ..limits import RateWindows
from ..protocol import errors
from ..protocol.errors import Refusal
from .board import Board, change

_encode = msgspec.msgpack.Encoder().encode
_armed = msgspec.msgpack.Decoder(list[Armed]).decode
_times = msgspec.msgpack.Decoder(list[float]).decode
_noted = msgspec.msgpack.Decoder(tuple[float, Entry]).decode

ChangeClock = Callable[[Callable[[Clock], None]], None]
ChangeArmed = Callable[[Callable[[list[Armed]], list[Armed]]], None]


class SharedClock(Clock):
    """A clock that moves in all processes at once.

    Args:
        change: changes the clock on the board by a function, and this one after it.
    """

    def __init__(self, change: ChangeClock) -> None:
        super().__init__()
        self._change = change

    @property
    def speed(self) -> float:
        """See `Clock.speed`."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._change(lambda clock: setattr(clock, "speed", speed))

    def freeze(self) -> None:
        """See `Clock.freeze`."""
        self._change(Clock.freeze)

    def resume(self) -> None:
        """See `Clock.resume`."""
        self._change(Clock.resume)

    def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> None:
        """See `Clock.advance`."""
        self._change(lambda clock: clock.advance(seconds, minutes=minutes, hours=hours, days=days))


class SharedFaults(Faults):
    """Faults that are armed in all processes, and strike as often as they are to in all together.

    Args:
        board: where the strikes of faults in prompts are counted.
        scope: whose faults they are.
        change: changes those on the board by a function, and these after it.
    """

    def __init__(self, board: Board, scope: str, change: ChangeArmed) -> None:
        super().__init__()
        self._board, self._scope, self._change = board, scope, change

    def now_are(self, armed: list[Armed]) -> None:
        """Take over what was read on the board."""
        self._armed = armed

    def add(self, *faults: Fault | str) -> None:
        """See `Faults.add`."""
        if more := new(faults):
            self._change(lambda armed: armed + more)

    def clear(self) -> None:
        """See `Faults.clear`."""
        self._change(lambda _: [])

    def rewind(self, seed: int) -> None:
        """Start this process's generator anew."""
        self._random = Random(f"{seed}/faults")

    def take(
        self, subject: Subject, *, outcome: bool = False, scripted: Sequence[Fault] = ()
    ) -> Armed | None:
        """See `Faults.take`."""
        chosen = self._of_armed(subject, outcome=outcome)
        scripted = [fault for fault in scripted if fault.outcome is outcome]
        if scripted:
            found = self._of_prompt_shared(subject, scripted, outcome=outcome, free=not chosen)
            chosen = chosen or found
        return chosen

    def _of_armed(self, subject: Subject, *, outcome: bool) -> Armed | None:
        if not any(
            not armed.spent and armed.meant_for(subject, outcome=outcome) for armed in self._armed
        ):
            return None
        chosen = None

        def taken(armed: list[Armed]) -> list[Armed]:
            nonlocal chosen
            chosen = turn(armed, subject, self._random, outcome=outcome)
            return armed

        self._change(taken)
        return chosen

    def _of_prompt_shared(
        self, subject: Subject, scripted: Sequence[Fault], *, outcome: bool, free: bool
    ) -> Armed | None:
        """The one of a prompt whose turn it is; if none is free to strike, all have seen it."""
        name, chosen = scripted_for(subject), None

        def taken(record: bytes | None) -> bytes:
            nonlocal chosen
            waiting = _armed(record) if record else [Armed(fault, name=name) for fault in scripted]
            chosen = turn(waiting, subject, self._random, outcome=outcome)
            if chosen and not free:
                chosen.struck -= 1
            return _encode(waiting)

        change(self._board, self._scope, name, taken)
        return chosen if free else None

    def give_back(self, armed: Armed) -> None:
        """See `Faults.give_back`."""

        def given(waiting: list[Armed]) -> list[Armed]:
            for one in waiting:
                if one.name == armed.name and one.fault == armed.fault:
                    one.struck -= 1
                    break
            return waiting

        if any(one.name == armed.name for one in self._armed):
            self._change(given)
        else:
            change(
                self._board, self._scope, armed.name,
                lambda record: _encode(given(_armed(record))) if record else None,
            )  # fmt: skip


def new(faults: Iterable[Fault | str]) -> list[Armed]:
    """Faults to arm, presets by their names; raises ValueError."""
    return [Armed(fault, name=token_hex(6)) for fault in named(faults)]


class SharedJournal(Journal):
    """The requests that all processes were sent.

    One that cannot be noted (Redis is gone) waits here, and is noted after the next one.
    """

    def __init__(self, board: Board, scope: str) -> None:
        super().__init__()
        self._board, self._scope = board, scope

    def __len__(self) -> int:
        return min(self._board.count(self._scope) + len(self._entries), LIMIT)

    @property
    def cut(self) -> bool:
        """See `Journal.cut`; a journal that is just full says so already."""
        return len(self) == LIMIT

    def __iter__(self) -> Iterator[Entry]:
        return iter([entry for entry, _ in self.timed()])

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> list[Entry]: ...
    def __getitem__(self, place: int | slice) -> Entry | list[Entry]:
        return list(self)[place]

    def timed(self) -> list[tuple[Entry, float]]:
        """See `Journal.timed`; on one machine only do the processes' clocks agree."""
        self._catch_up()
        found = [_noted(entry) for entry in self._board.noted(self._scope)]
        return [(entry, at) for at, entry in found] + super().timed()

    def add(self, entry: Entry) -> None:
        """See `Journal.add`."""
        super().add(entry)
        self._catch_up()

    def clear(self) -> None:
        """Forget all, in all processes; how often marks in prompts have struck, too."""
        super().clear()
        self._board.forget(self._scope)

    def _catch_up(self) -> None:
        while self._entries:
            try:
                self._board.note(self._scope, _encode((self._noted[0], self._entries[0])))
            except StoreError:
                return  # the request itself was answered, well or with a 503
            self._entries.popleft()
            self._noted.popleft()


class SharedRates(RateWindows):
    """Rate windows that all processes' requests fall into."""

    def __init__(self, board: Board, scope: str) -> None:
        super().__init__()
        self._board, self._scope = board, scope

    def enter(self, name: str, limit: int, now: float) -> None:
        """See `RateWindows.enter`."""

        def entered(record: bytes | None) -> bytes:
            seen = [at for at in _times(record) if at > now - 1.0] if record else []
            if len(seen) >= limit:
                raise Refusal(errors.RATE_QUOTA)
            return _encode([*seen, now])

        change(self._board, self._scope, name, entered)

    def clear(self) -> None:
        """Nothing of it is here."""
