"""One job while it is replayed: what each poll shows, and when."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Literal

from ..bodies import Said
from ..protocol.lifecycle import Status
from ..protocol.times import BEIJING, wire_time
from . import redaction
from .cassette import Cassette
from .format import Job, Json, State

Pace = Literal["steps", "recorded", "instant"] | float
"""How fast states come: one a poll, as time passed then, the last at once,
or so many times as fast."""

_WATCHED = 60.0
"""Seconds after which a job that nobody has asked about any more counts as given up."""

_TIMES = ("submit_time", "scheduled_time", "end_time")
_STATUSES = {status.value: status for status in Status}


def checked_pace(pace: str | float) -> Pace:
    """A pace, or ValueError with those there are."""
    if pace in ("steps", "recorded", "instant"):
        return pace  # type: ignore[return-value]
    try:
        factor = float(pace)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise ValueError(
            f"no pace is {pace!r}; known: steps, recorded, instant, or how many times as fast "
            "as it was recorded, such as 10"
        )
    return factor


class Playing:
    """A job that is being replayed: when it began, and how far its polls have come.

    Args:
        job: what was recorded.
        cassette: where its pictures are.
        started: epoch seconds of the create that it answers.
        prompt: what that create asked for, to stand where only a hash was recorded.
        held: whether its CANCELED waits for a cancel, since one was recorded with it.
    """

    def __init__(
        self,
        job: Job,
        cassette: Cassette,
        started: float,
        *,
        prompt: str | None = None,
        held: bool = False,
    ) -> None:
        self.job, self.cassette, self.started = job, cassette, started
        self.prompt = prompt
        self.canceled: float | None = None
        self.ended: float | None = None
        self._states = job.states
        if held:
            self._states = [one for one in job.states if one.task_status != Status.CANCELED]
        self._asked = started
        self.said: tuple[State, object, Said] | None = None
        """What was said last: of which state, and with links that begin where."""
        self._created: State | None = None
        self._polls = 0
        self._moments: dict[float, str] = {}
        self._troubles: set[int] = set()

    # --- which state ---------------------------------------------------------------------------

    def poll(self, now: float, pace: Pace) -> State:
        """What the next poll is answered."""
        self._asked = now
        if self.canceled is not None:
            return self._last_canceled()
        self._polls += 1
        if pace == "steps":
            place = self._polls - 1
            return self._states[place] if place < len(self._states) else self._lasting()
        due = self._due(now, pace)
        for place in range(due if pace != "instant" else 0):
            if not self._states[place].lasting and place not in self._troubles:
                self._troubles.add(place)
                return self._states[place]
        return self._lasting(due)

    def status(self, now: float, pace: Pace) -> Status:
        """What the task is at present, as far as an application can know."""
        if self.canceled is not None:
            return Status.CANCELED
        due = self._polls if pace == "steps" else self._due(now, pace)
        return status_of(self._lasting(due)) or Status.PENDING

    def watched(self, now: float) -> bool:
        """Whether some client still waits for its end."""
        return self.ended is None and self.canceled is None and now - self._asked < _WATCHED

    def _due(self, now: float, pace: Pace) -> int:
        """How many states time has brought."""
        if pace == "instant":
            return len(self._states)
        factor = 1.0 if pace in ("recorded", "steps") else float(pace)
        elapsed = (now - self.started) * factor
        return sum(state.offset <= elapsed for state in self._states)

    def _lasting(self, until: int | None = None) -> State:
        """The last state of the task before a place; before the first, what the create said."""
        for state in reversed(self._states[:until]):
            if state.lasting:
                return state
        if self._created is None:
            self._created = State(offset=0.0, body=redaction.created(self.job.created))
        return self._created

    # --- cancel --------------------------------------------------------------------------------

    def cancel(self, now: float) -> None:
        """From now on it is CANCELED."""
        self.canceled = now

    def _last_canceled(self) -> State:
        """The CANCELED that was recorded, or one as the service's pages have it."""
        recorded = [state for state in self.job.states if state.task_status == Status.CANCELED]
        if recorded:
            return recorded[-1]
        times = {
            "submit_time": wire_time(self.started),
            "end_time": wire_time(self.canceled or 0.0),
        }
        output = {"task_id": self.job.task_id, "task_status": Status.CANCELED} | times
        return State(offset=0.0, body={"output": output})

    # --- when ----------------------------------------------------------------------------------

    def shown(self, state: State, now: float) -> Json:
        """A state's output with its moments moved to this replay; its end is noted.

        They are counted from the recorded `submit_time`, since the service's clock and the
        recorder's need not agree. No moment may lie before the create or in the future: a job that
        took a minute may be replayed in a second. One that was shown stays as it was.
        """
        recorded: Json = state.body["output"]
        output = recorded.copy()
        for name in _TIMES:
            at = _moment(recorded.get(name))
            if at:
                shown = self._moments.get(at)
                if shown is None:
                    shift = self.started - self._submitted(recorded)
                    shown = wire_time(max(self.started, min(at + shift, now)))
                    self._moments[at] = shown
                output[name] = shown
        if self.ended is None:
            status = status_of(state)
            if status is not None and status.terminal:
                self.ended = max(self.started, _moment(output.get("end_time")) or now)
        return output

    def _submitted(self, output: Json) -> float:
        return _moment(output.get("submit_time")) or self.job.at.timestamp()


def status_of(state: State) -> Status | None:
    """What a state says the task is, if the service has a word for that."""
    return _STATUSES.get(state.task_status)


def _moment(value: object) -> float | None:
    """Epoch seconds of a time as the service writes it; None for what is no such time."""
    return None if value is None else _seconds(str(value))


@lru_cache(1024)  # each state repeats the moments of those before it
def _seconds(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=BEIJING).timestamp()
    except ValueError:
        return None
