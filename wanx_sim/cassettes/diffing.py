"""What changed between two recordings, by meaning: jobs and their fields, not lines of JSON.

A job is the same in both if its request is, or its task id, or at least its prompt. What differs
each time a job is recorded is no change: ids, moments, and the seconds between states.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from .cassette import Cassette
from .format import Entry, Exchange, Image, Job, Json, State
from .matching import ABSENT, difference, fingerprint, without_prompts
from .redaction import hashed, is_hashed
from .summary import prompt

_EACH_TIME = frozenset(
    ("task_id", "request_id", "submit_time", "scheduled_time", "end_time", "start_time",
     "gmt_create")
)  # fmt: skip


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One field that differs; None is a field that is not there."""

    field: str
    before: object
    after: object


class Entries(msgspec.Struct, frozen=True, kw_only=True):
    """An interaction that was added, removed or changed."""

    what: Literal["added", "removed", "changed"]
    kind: str
    """``job``, or the operation of a request that is none."""
    name: str
    """The job's prompt, or the path of the request."""
    model: str | None = None
    changes: list[Change] = []


def diff(before: Cassette, after: Cassette, *, times: bool = False) -> list[Entries]:
    """What differs between two cassettes: first the jobs, then what is no job.

    Args:
        before: the older one.
        after: the newer one.
        times: whether ids, moments and offsets count too.
    """
    jobs = _paired(before.jobs, after.jobs, [_request, lambda job: job.task_id, _prompt])
    labels = {
        job.task_id: f"(job {number})"
        for number, pair in enumerate(jobs, 1)
        for job in pair
        if isinstance(job, Job)
    }

    def asked(entry: Exchange) -> Hashable:
        return entry.operation, fingerprint(_labelled(without_prompts(entry.request), labels))

    rest = _paired(_exchanges(before), _exchanges(after), [asked, _about])
    pairs = (_compared(one, other, labels, times=times) for one, other in [*jobs, *rest])
    return [entries for entries in pairs if entries]


# --- which is which -------------------------------------------------------------------------------

_Pair = tuple[Entry | None, Entry | None]


def _exchanges(cassette: Cassette) -> list[Exchange]:
    return [entry for entry in cassette.interactions if isinstance(entry, Exchange)]


def _about(entry: Exchange) -> Hashable:
    return entry.operation, str(prompt(without_prompts(entry.request)) or entry.request.get("path"))


def _request(job: Job) -> Hashable:
    return fingerprint(without_prompts(job.request))


def _prompt(job: Job) -> Hashable:
    return prompt(without_prompts(job.request))


def _paired(
    ones: Sequence[Any], others: Sequence[Any], keys: Sequence[Callable[[Any], Hashable]]
) -> list[_Pair]:
    """What has the same key belongs together, the first with the first; the first key counts most.

    The pairs stand in the order of the first, and behind them what only the second has.
    """
    partner: dict[int, int] = {}
    for key in keys:
        free, taken = defaultdict(list), set(partner.values())
        for place, other in enumerate(others):
            if place not in taken:
                free[key(other)].append(place)
        for place, one in enumerate(ones):
            if place not in partner and (there := free[key(one)]):
                partner[place] = there.pop(0)
    taken = set(partner.values())
    both: list[_Pair] = [
        (one, others[partner[place]] if place in partner else None)
        for place, one in enumerate(ones)
    ]
    return both + [(None, other) for place, other in enumerate(others) if place not in taken]


# --- what changed ---------------------------------------------------------------------------------


def _compared(
    one: Entry | None, other: Entry | None, labels: dict[str, str], *, times: bool
) -> Entries | None:
    shown = other or one
    if shown is None:
        return None
    job = isinstance(shown, Job)
    name = prompt(shown.request) or str(shown.request.get("path") or "a body that is no request")
    about: Json = {"kind": "job" if job else getattr(shown, "operation", ""), "name": name}
    about["model"] = shown.request.get("model")
    if one is None or other is None:
        return Entries(what="added" if one is None else "removed", **about)
    changes = list(_changes(_facts(one, labels, times), _facts(other, labels, times)))
    return Entries(what="changed", changes=changes, **about) if changes else None


def _facts(entry: Entry, labels: dict[str, str], times: bool) -> Json:
    """An interaction without what differs each time it is recorded."""
    facts: Json = {"request": entry.request}
    if isinstance(entry, Exchange):
        facts |= {"status": entry.status, "body": entry.body, "text": entry.text}
    else:
        facts |= {
            "created": entry.created,
            "steps": " ".join(_step(state) for state in entry.states),
            "states": {str(at): state.body for at, state in enumerate(entry.states)},
            "images": {str(image.index): _picture(image) for image in entry.images},
            "price": entry.price and str(entry.price),
            "complete": entry.complete,
            "trouble": entry.trouble,
        }
    if times:
        facts["at"] = entry.at.isoformat()
        offsets = entry.states if isinstance(entry, Job) else []
        facts["offsets"] = {str(at): state.offset for at, state in enumerate(offsets)}
        return facts
    kept: Json = _without(_labelled(facts, labels), _EACH_TIME)
    return kept


def _step(state: State) -> str:
    return state.task_status or str(state.status)


def _picture(image: Image) -> Json:
    return {
        "sha256": image.sha256,
        "pixels": f"{image.width}×{image.height}",
        "bytes": image.size,
        "media_type": image.media_type,
        "kept": image.kept,
    }


def _changes(before: Json, after: Json) -> Iterator[Change]:
    if before.get("steps") != after.get("steps"):
        # Where one has another number of states, to compare them place by place says nothing.
        before, after = _without(before, {"states"}), _without(after, {"states"})
    for path, one, other in difference(_indexed(before), _indexed(after)):
        if not (is_hashed(other) and isinstance(one, str) and hashed(one) == other):
            yield Change(field=path, before=_plain(one), after=_plain(other))


def _plain(value: object) -> object:
    return None if value is ABSENT else value


def _indexed(value: Any) -> Any:
    """Lists as objects, so that their differences have places."""
    if isinstance(value, dict):
        return {key: _indexed(item) for key, item in value.items()}
    if isinstance(value, list) and value:
        return {str(place): _indexed(item) for place, item in enumerate(value)}
    return value


def _without(value: Any, names: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(item, names) for key, item in value.items() if key not in names}
    return [_without(item, names) for item in value] if isinstance(value, list) else value


def _labelled(value: Any, labels: dict[str, str]) -> Any:
    """A value in which tasks have the number of their job in place of an id."""
    if isinstance(value, dict):
        return {key: _labelled(item, labels) for key, item in value.items()}
    if isinstance(value, list):
        return [_labelled(item, labels) for item in value]
    if isinstance(value, str) and "/tasks/" in value:
        head, slash, rest = value.partition("/tasks/")
        task_id, more, tail = rest.partition("/")
        return f"{head}{slash}{labels.get(task_id, task_id)}{more}{tail}"
    return value
