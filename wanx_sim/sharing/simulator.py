"""A simulator over a board: one of several processes that are one server."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from random import Random
from secrets import token_hex
from typing import Any

import msgspec

from .. import sessions
from ..account import Account
from ..clock import Clock
from ..errors import StoreError, StoreUnavailableError
from ..faults import Fault
from ..faults.armed import Armed
from ..limits import Limits
from ..protocol import errors, routes
from ..protocol.errors import Refusal
from ..protocol.timing import Timing
from ..simulator import SETTINGS, Simulator
from ..tasks import Tasks
from ..wire import Request, Response
from .board import CONTROLS, Board, Controls, change, decode, encode
from .parts import SharedClock, SharedFaults, SharedJournal, SharedRates, new

_OPEN = 64
"""Sessions that a process has at hand; what is on the board outlives them here."""


class SharedSimulator(Simulator):
    """A `Simulator` whose whole state lies in its store and on a board.

    Use it for each of several processes that are to be one server; ``wanx-sim serve`` does so
    with ``--workers`` and on Redis. What is asked or changed at ``/_sim/``, or by `meant`, is
    the same in all. Settings are shared when they are changed by `change`, not as attributes.

    Args:
        board: what the processes share besides the store.
        who: what tells this process's ids from those of the others; default: as the board says.
        scope: the session that it is; empty for the server's own.
        begin: its record, if there is none on the board yet; default: with faults and clock as
            given.
        clock, faults, **settings: as of a `Simulator`.
    """

    def __init__(
        self,
        board: Board,
        *,
        who: str | None = None,
        scope: str = "",
        begin: bytes | None = None,
        clock: Clock | None = None,
        faults: Iterable[Fault | str] = (),
        **settings: Any,
    ) -> None:
        self.board, self._scope = board, scope
        self.gathers = board.gathers
        self._who = board.who if who is None else who
        super().__init__(**settings)
        self._told = {name: getattr(self, name) for name in SETTINGS}
        self.first = begin or encode(
            Controls(born=token_hex(6), clock=(clock or Clock()).moment, faults=new(faults))
        )
        self.clock = SharedClock(self._change_clock)
        self.faults = self._faults = SharedFaults(board, scope, self._change_faults)
        self.requests = SharedJournal(board, scope)
        self.limits = Limits(self, self.store, SharedRates(board, scope))
        self.tasks = Tasks(self.store, self.clock, self.requests)
        self.sessions = SharedSessions(board, self)
        self.session_name = scope or None
        self.record = b""
        self._controls = Controls(born="", clock=self.clock.moment)
        self.refresh()

    # --- what is on the board --------------------------------------------------------------------

    @property
    def told(self) -> dict[str, Any]:
        """The settings as they were at its start, as plain values."""
        return {name: _plain(value) for name, value in self._told.items()}

    @property
    def born(self) -> str:
        """What tells a session from an earlier one of its name."""
        return self._controls.born

    def refresh(self, task_id: str = "") -> None:
        """Read the board, and do as it says; ``task_id``: the task that is asked for next."""
        found = self.board.read(self._scope, task_id=task_id)
        if found is None:
            # This is the first process, or the board has forgotten everything as the tasks were.
            found = change(self.board, self._scope, CONTROLS, lambda old: old or self.first)
        if found and found != self.record:
            self.follow(found)

    def follow(self, record: bytes) -> None:
        """Do as a record says."""
        before, found = self._controls, decode(record)
        self.record, self._controls = record, found
        self.clock.moment = found.clock
        self._faults.now_are(list(found.faults))
        if found.settings != before.settings:
            self._set(self._told | found.settings)
        if (found.born, found.resets) != (before.born, before.resets):
            self._begin()

    def _set(self, settings: dict[str, Any]) -> None:
        for name, value in settings.items():
            setattr(self, name, msgspec.convert(value, Account) if name == "account" else value)

    def _rewrite(self, made: Callable[[Controls], Controls]) -> None:
        record = change(
            self.board, self._scope, CONTROLS, lambda old: encode(made(decode(old or self.first)))
        )
        if record:
            self.follow(record)

    def _change_clock(self, move: Callable[[Clock], None]) -> None:
        def moved(controls: Controls) -> Controls:
            clock = Clock()
            clock.moment = controls.clock
            move(clock)
            return msgspec.structs.replace(controls, clock=clock.moment)

        self._rewrite(moved)

    def _change_faults(self, made: Callable[[list[Armed]], list[Armed]]) -> None:
        self._rewrite(lambda old: msgspec.structs.replace(old, faults=made(old.faults)))

    def change(self, **given: Any) -> None:
        """See `Settings.change`; in all processes."""
        before = {name: getattr(self, name) for name in given}
        super().change(**given)  # which refuses what is wrong
        plain = {name: _plain(value) for name, value in given.items()}
        try:
            self._rewrite(lambda old: msgspec.structs.replace(old, settings=old.settings | plain))
        except StoreError:
            super().change(**before)
            raise

    # --- as a simulator does ---------------------------------------------------------------------

    def _begin(self) -> None:
        super()._begin()
        if self._who:
            # With one seed all would draw the same ids, each after it was taken.
            self.task_random = Random(f"{self.seed}/{self._who}")
            self.request_random = Random(f"{self.seed}/requests/{self._who}")

    def reset(self) -> None:
        """See `Simulator.reset`; in all processes."""
        self.store.clear()
        self.board.forget(self._scope)
        self._rewrite(lambda old: msgspec.structs.replace(old, faults=[], resets=old.resets + 1))

    def close(self) -> None:
        """Close the store and the board."""
        if isinstance(self.sessions, SharedSessions):
            self.sessions.close()
        self.board.close()
        super().close()

    def meant(self, name: str | None) -> Simulator:
        """See `Simulator.meant`; as the board has it now."""
        if name is not None:
            return self.session(name)
        self.refresh()
        return self

    def expect(self, requests: Sequence[Request]) -> None:
        """See `Service.expect`; those of sessions read for themselves."""
        own = [request for request in requests if sessions.asked(request) is None]
        with suppress(StoreError):  # whoever is handled then finds out, and says so
            self.board.expect([(request, _task_of(request)) for request in own])

    def handle(self, request: Request) -> Response:
        """See `Simulator.handle`."""
        name = sessions.asked(request)
        try:
            one: Simulator = self
            if name is None:
                self._refresh_for(request)
            else:
                one = self.session(name)
        except ValueError as error:
            return self._answers.refuse(request, Refusal(errors.INVALID_PARAMETER, str(error)))
        except StoreUnavailableError as gone:
            return self._answers.store_gone(request, gone)
        try:
            return one._answers.handle(request)  # noqa: SLF001 - it is one of us
        finally:
            self.board.answered()

    def _refresh_for(self, request: Request) -> None:
        found = self.board.expected(request)
        if found is None:
            self.refresh(_task_of(request))
        elif found != self.record:
            self.follow(found)

    def open_session(self, name: str, record: bytes) -> SharedSimulator:
        """The session of a record, in this process."""
        one = SharedSimulator(
            self.board,
            who=self._who,
            scope=name,
            begin=record,
            store=self.board.store(name, decode(record).born, self.store),
            **self._told,
        )
        one.sessions = self.sessions
        return one

    def new_session(self) -> bytes:
        """The record of a new session: with this one's time and settings, and no faults."""
        controls = self._controls
        return encode(Controls(born=token_hex(6), clock=controls.clock, settings=controls.settings))


def _task_of(request: Request) -> str:
    """The task that a poll is about."""
    _, tasks, task_id = request.path.partition(f"{routes.TASKS_PATH}/")
    return task_id if tasks and "/" not in task_id else ""


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Timing) else msgspec.to_builtins(value)


class SharedSessions(sessions.Sessions):
    """The sessions on a board; a process has those at hand that it used of late."""

    def __init__(self, board: Board, simulator: SharedSimulator) -> None:
        super().__init__(simulator.session)
        self._board, self._simulator = board, simulator
        self._at_hand: OrderedDict[str, SharedSimulator] = OrderedDict()

    def __iter__(self) -> Iterator[str]:
        """See `Sessions.__iter__`."""
        return iter(self._board.scopes())

    def __len__(self) -> int:
        return len(self._board.scopes())

    def __contains__(self, name: object) -> bool:
        return name in self._board.scopes()

    def items(self) -> Iterator[tuple[str, Simulator]]:
        """See `Sessions.items`; one after the other, since there may be more than are at hand."""
        return ((name, self[name]) for name in self)

    def __getitem__(self, name: str) -> SharedSimulator:
        """See `Sessions.__getitem__`."""
        one = self._at_hand.get(name)
        if one is None:
            sessions.checked(name)
        record = self._board.read(name) or self._begun(name)
        if one is None or one.record != record:
            one = self._followed(name, one, record)
        self._at_hand.move_to_end(name)
        return one

    def _begun(self, name: str) -> bytes:
        self._simulator.refresh()
        first = self._simulator.new_session()
        record = change(self._board, name, CONTROLS, lambda old: old or first)
        names = self._board.scopes()
        for oldest in names[: max(0, len(names) - sessions.LIMIT)]:
            self._drop(oldest)
        return record or first

    def _followed(self, name: str, one: SharedSimulator | None, record: bytes) -> SharedSimulator:
        """The session as its record says: another one, if another process has ended this."""
        if one and one.born == decode(record).born:
            one.follow(record)
            return one
        if one:
            one.store.close()
        self._at_hand[name] = one = self._simulator.open_session(name, record)
        if len(self._at_hand) > _OPEN:
            self._at_hand.popitem(last=False)[1].store.close()
        return one

    def __delitem__(self, name: str) -> None:
        """See `Sessions.__delitem__`."""
        if not self._drop(name):
            raise KeyError(f"no session is called {name!r}; there are {len(self)}")

    def _drop(self, name: str) -> bool:
        if one := self._at_hand.pop(name, None):
            one.store.close()
        record = self._board.read(name)
        if record:
            self._board.drop(name, decode(record).born)
        return record is not None

    def close(self) -> None:
        """Let go of those at hand."""
        while self._at_hand:
            self._at_hand.popitem()[1].store.close()
