"""Poll etiquette: what an application does that the real service, or its bill, would not forgive.

Each rule reads the journal and yields findings. What a rule takes for a limit is either documented
by the service or assumed here; its finding says which.

Time is the simulator's or the real one, whichever passed more: an application that really sleeps
beside a clock that stands still is as slow as it is, and so is one whose sleeps move the clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING

from ..journal import Entry
from ..protocol.behaviour import Tag
from ..protocol.lifecycle import Status
from ..protocol.links import LIFETIME
from .assertions import downloads

if TYPE_CHECKING:
    from ..simulator import Simulator

QUERIES_A_SECOND = 20
"""[documented: query, list and cancel share 20 requests a second per main account]"""

POLL_INTERVAL = 10.0
"""Seconds that the service advises between two polls [documented]."""

SHORTEST_INTERVAL = 1.0
"""Seconds between two polls of a task that are too few [assumed: the official SDK's shortest]."""

BACK_OFF = 0.5
"""Seconds to wait after a 429, at least [assumed: the official SDK's first wait; the service
sends no Retry-After]."""

LONGEST_TASK = 3 * 3600.0
"""Seconds after which the service itself gives a task up [documented: InternalError.Timeout]."""

MOST_POLLS = 1000
"""Polls of one task that nobody would want [assumed: three hours, one every ten seconds]."""

_PATIENT = 20
"""Polls that are needed to speak of hours: one after a test moved its clock by a day is none."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that an application should not do."""

    rule: str
    """Which rule it breaks, such as ``poll-interval``."""
    what: str
    """What was seen."""
    advice: str
    """What to do about it."""
    tag: Tag
    """How the limit is known: ``documented`` or ``assumed``."""
    task_id: str | None = None
    at: float = 0.0
    """When: seconds after the first request, on the simulator's clock."""
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    """The requests it was seen by."""

    def __str__(self) -> str:
        task = f"task {self.task_id} " if self.task_id else ""
        return f"{self.rule}: {task}{self.what}, at +{self.at:.1f} s\n  {self.advice} [{self.tag}]"


@dataclass(frozen=True)
class Sent:
    """A request with its second, counted from the first one."""

    entry: Entry
    after: float
    """On whichever clock passed more, step by step."""


Rule = Callable[["Simulator", list[Sent]], Iterator[Finding]]
RULES: list[Rule] = []

_AMBIGUOUS = "The first may exist and be billed: look for it in the list of tasks before."


def check(sim: Simulator) -> list[Finding]:
    """What an application did so far that it should not, by the time of it."""
    sent = _sent(sim.requests.timed())
    found = [finding for rule in RULES for finding in rule(sim, sent)]
    return sorted(found, key=lambda finding: finding.at)


def _sent(timed: list[tuple[Entry, float]]) -> list[Sent]:
    after, sent = 0.0, []
    for place, (entry, real) in enumerate(timed):
        if place:
            before, real_before = timed[place - 1]
            after += max(entry.at - before.at, real - real_before)
        sent.append(Sent(entry, after))
    return sent


def _rule(rule: Rule) -> Rule:
    RULES.append(rule)
    return rule


def _polls(sent: list[Sent]) -> dict[str, list[Sent]]:
    """The polls of each task."""
    found: dict[str, list[Sent]] = defaultdict(list)
    for request in sent:
        if request.entry.operation == "query" and request.entry.task_id:
            found[request.entry.task_id].append(request)
    return found


def _at(sim: Simulator, entry: Entry) -> float:
    return entry.at - sim.requests[0].at


@_rule
def query_rate(sim: Simulator, sent: list[Sent]) -> Iterator[Finding]:
    """More than 20 queries in a second."""
    queries = [one for one in sent if one.entry.operation in ("query", "list", "cancel")]
    for first, last in zip(queries, queries[QUERIES_A_SECOND:], strict=False):
        if last.after - first.after < 1:
            yield Finding(
                rule="query-rate",
                what=f"more than {QUERIES_A_SECOND} queries within a second",
                advice=f"The service answers 429: poll every {POLL_INTERVAL:g} s, in turn.",
                tag="documented",
                at=_at(sim, last.entry),
                entries=(first.entry, last.entry),
            )
            return


@_rule
def poll_interval(sim: Simulator, sent: list[Sent]) -> Iterator[Finding]:
    """A task polled again at once."""
    for task_id, polls in _polls(sent).items():
        gaps = [
            (poll.after - before.after, poll)
            for before, poll in pairwise(polls)
            if before.entry.status
            != HTTPStatus.TOO_MANY_REQUESTS  # that is what `back_off` is about
        ]
        hasty = [(gap, poll) for gap, poll in gaps if gap < SHORTEST_INTERVAL]
        if hasty:
            shortest = min(gap for gap, _ in hasty)
            yield Finding(
                rule="poll-interval",
                what=f"was polled again after {shortest:.2g} s, {_times(len(hasty))}",
                advice=f"The service advises {POLL_INTERVAL:g} s; wanx_virtual_time skips them.",
                tag="assumed",
                task_id=task_id,
                at=_at(sim, hasty[0][1].entry),
                entries=tuple(poll.entry for _, poll in hasty),
            )


@_rule
def poll_after_end(sim: Simulator, sent: list[Sent]) -> Iterator[Finding]:
    """A task polled although it had ended."""
    for task_id, polls in _polls(sent).items():
        entries = [poll.entry for poll in polls]
        ends = (place for place, entry in enumerate(entries) if _ended(entry))
        end = next(ends, len(entries))
        if late := entries[end + 1 :]:
            yield Finding(
                rule="poll-after-end",
                what=f"was polled {_times(len(late))} after it was {entries[end].task_status}",
                advice="SUCCEEDED, FAILED, CANCELED and UNKNOWN are final: stop polling there.",
                tag="documented",
                task_id=task_id,
                at=_at(sim, late[0]),
                entries=tuple(late),
            )


def _ended(entry: Entry) -> bool:
    if entry.status != HTTPStatus.OK or entry.task_status is None:
        return False
    return Status(entry.task_status).terminal


@_rule
def back_off(sim: Simulator, sent: list[Sent]) -> Iterator[Finding]:
    """A 429, and the same again at once."""
    for place, refused in enumerate(sent):
        if refused.entry.status != HTTPStatus.TOO_MANY_REQUESTS:
            continue
        again = next((one for one in sent[place + 1 :] if _repeats(refused.entry, one.entry)), None)
        if again and (gap := again.after - refused.after) < BACK_OFF:
            yield Finding(
                rule="back-off",
                what=f"{refused.entry.operation} sent again {gap:.2g} s after a 429",
                advice=f"No Retry-After comes: wait {BACK_OFF:g} s or more, longer each time.",
                tag="assumed",
                task_id=refused.entry.task_id,
                at=_at(sim, again.entry),
                entries=(refused.entry, again.entry),
            )


def _repeats(entry: Entry, later: Entry) -> bool:
    same = (entry.operation, entry.task_id if entry.operation != "create" else None)
    return same == (later.operation, later.task_id if later.operation != "create" else None)


@_rule
def deadline(sim: Simulator, sent: list[Sent]) -> Iterator[Finding]:
    """A task polled for ever."""
    for task_id, polls in _polls(sent).items():
        lasted, last = polls[-1].after - polls[0].after, polls[-1].entry
        for_hours = lasted > LONGEST_TASK and len(polls) > _PATIENT
        if not for_hours and len(polls) <= MOST_POLLS:
            continue
        yield Finding(
            rule="deadline",
            what=f"was polled {_times(len(polls))} over {lasted / 3600:.1f} h",
            advice=f"The service gives a task up after {LONGEST_TASK / 3600:g} h: have a deadline.",
            tag="documented" if for_hours else "assumed",
            task_id=task_id,
            at=_at(sim, last),
            entries=(last,),
        )


@_rule
def never_downloaded(sim: Simulator, sent: list[Sent]) -> Iterator[Finding]:
    """A picture that was paid for, and its link has died unused."""
    for task in sim.tasks:
        ended = task.record.plan.ended
        if not sent or ended is None or sim.clock.now() < ended + LIFETIME:
            continue
        wanted, found = task.record.good_images, downloads(sim.requests, task.task_id)
        if found < wanted:
            yield Finding(
                rule="never-downloaded",
                what=f"has {wanted - found} of {wanted} pictures that nobody fetched",
                advice="Their links are dead now: fetch at once, and keep the bytes, not the link.",
                tag="documented",
                task_id=task.task_id,
                at=ended + LIFETIME - sim.requests[0].at,
            )


@_rule
def resubmit(sim: Simulator, sent: list[Sent]) -> Iterator[Finding]:
    """A create whose outcome nobody knows, and the same create again."""
    creates = [one.entry for one in sent if one.entry.operation == "create"]
    for place, lost in enumerate(creates):
        if lost.status is not None and lost.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            continue
        again = next((one for one in creates[place + 1 :] if one.asked == lost.asked), None)
        if again:
            yield Finding(
                rule="resubmit",
                what=f"the same create again, after one that ended in: {lost.answer}",
                advice=_AMBIGUOUS,
                tag="documented",
                at=_at(sim, again),
                entries=(lost, again),
            )


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")
