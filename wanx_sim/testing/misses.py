"""What is said of a request that a test's cassette does not answer."""

from __future__ import annotations

from datetime import UTC, datetime
from shlex import quote

import pytest

from ..cassettes.budget import purchase
from ..cassettes.format import Entry, Job, Json
from ..cassettes.matching import asked, difference, explain
from ..cassettes.recordings import Recordings
from ..protocol import routes
from ..protocol.catalogue import Region
from ..protocol.errors import Refusal
from ..wire import Request
from .places import shown

_TWICE = """the cassette {name} holds this request {times}, and it was asked for once more.
Is the same picture ordered twice? If that is meant, record it again, or let one recording answer
each time: @pytest.mark.wanx_cassette(repeat=True)."""

_STALE = """the cassette {name} holds this request, recorded {age} days ago, and at most {most} are
accepted."""


def message(
    item: pytest.Item, request: Request, recordings: Recordings, region: Region, why: str
) -> str:
    """What was asked, the nearest that is recorded, and the command that records it.

    Args:
        item: the test that asked.
        request: what it asked.
        recordings: what there is.
        region: whose prices count.
        why: the player's own words, for what is no matter of a difference.
    """
    try:
        operation = routes.route(request).operation
    except Refusal:
        return why
    if operation == "image":
        return why
    form, name = asked(request, operation), shown(recordings.name, item.config.rootpath)
    price = purchase(form, region).price if operation == "create" else None
    budget = "CNY" if price is None else f"{price:.2f}"
    command = f"pytest {quote(item.nodeid)} --wanx-record=new_episodes --wanx-budget={budget}"
    return f"{_reason(recordings, form, name)}\nTo record it:\n  {command}"


def _reason(recordings: Recordings, form: Json, name: str) -> str:
    entries = [entry for cassette in recordings.cassettes for entry in cassette.interactions]
    if not entries:
        exists = any(cassette.exists for cassette in recordings.cassettes)
        return f"the cassette {name} {'is empty' if exists else 'does not exist yet'}."
    if "path" in form:
        return _no_create(entries, form, name)
    creates = [entry for entry in entries if "path" not in entry.request]
    gaps = [(difference(each.request, form, ignore=recordings.ignore), each) for each in creates]
    same = [entry for gap, entry in gaps if not gap]
    if same:
        return _used_up(recordings, same, name)
    said = f"nothing in the cassette {name} answers this request."
    if not gaps:
        return said
    nearest, _ = min(gaps, key=lambda pair: len(pair[0]))
    return f"{said}\nThe nearest recorded one differs in:\n{explain(nearest)}"


def _no_create(entries: list[Entry], form: Json, name: str) -> str:
    said = f"nothing in the cassette {name} answers {form['method']} {form['path']}."
    tasks = [entry.task_id for entry in entries if isinstance(entry, Job)]
    return "\n  ".join([f"{said}\nIts tasks are:", *tasks]) if tasks else said


def _used_up(recordings: Recordings, same: list[Entry], name: str) -> str:
    age = min(datetime.now(UTC) - entry.at for entry in same)
    most = recordings.max_age
    if most is not None and age > most:
        return _STALE.format(name=name, age=age.days, most=most.days)
    return _TWICE.format(name=name, times="once" if len(same) == 1 else f"{len(same)} times")
