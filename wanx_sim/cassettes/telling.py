"""A cassette as lines to read: what `wanx-sim cassette show` prints, and `git diff` can compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ..errors import CassetteError
from .cassette import Cassette
from .format import Entry, Exchange, Image, Job, State
from .matching import leaves
from .summary import age

_ID = "7204e52d"  # no cassette has so many jobs that a number could be as long


def numbered(cassette: Cassette) -> Iterator[tuple[int, Entry]]:
    """The interactions in order, jobs and others each counted from 1."""
    counts: Counter[type[Entry]] = Counter()
    for each in cassette.interactions:
        counts[type(each)] += 1
        yield counts[type(each)], each


def find(cassette: Cassette, job: str) -> tuple[int, Job]:
    """A job with its number, by that number or by the beginning of its task id.

    Raises:
        CassetteError: if there is none, or more than one.
    """
    jobs = cassette.jobs
    if job.isdecimal() and len(job) < len(_ID) and 1 <= int(job) <= len(jobs):
        return int(job), jobs[int(job) - 1]
    found = [pair for pair in enumerate(jobs, 1) if job and pair[1].task_id.startswith(job)]
    if len(found) != 1:
        many = f"{len(found)} jobs" if found else "no job"
        raise CassetteError(
            f"{cassette.path} has {many} {job[:40]!r}; give a number from 1 to {len(jobs)}, or the "
            "beginning of one task id"
        )
    return found[0]


def head(cassette: Cassette) -> Iterator[str]:
    """The lines of what stands before the interactions."""
    header = cassette.header
    yield f"recorded with  {header.recorded_with}"
    yield f"recorded       {_moment(header.recorded)}"
    yield f"host           {header.host or '(in process)'}"
    yield f"models         {', '.join(header.models)}"


def entry(cassette: Cassette, entry: Entry, number: int, *, files: bool = True) -> Iterator[str]:
    """The lines of one interaction.

    Args:
        cassette: which it is of.
        entry: the interaction.
        number: which of the cassette's jobs it is, or of its other interactions.
        files: whether to look at the files of pictures, and at the clock. Without, the lines
            follow from the cassette's own file alone.
    """
    if isinstance(entry, Exchange):
        yield from _exchange(entry, number)
        return
    price = "no price" if entry.price is None else f"¥{entry.price:.2f}"
    ago = f" ({age(entry.at)} ago)" if files else ""
    yield f"job {number}  {entry.task_id}  {entry.task_status}  {price}"
    yield f"  recorded  {_moment(entry.at)}{ago}"
    if not entry.complete:
        yield f"  not complete: {entry.trouble or 'its end was not seen'}"
    yield from _request(entry)
    yield f"  {'created':>10}  {entry.created['output'].get('task_status', '')}"
    for state in entry.states:
        yield from _state(state)
    for image in entry.images:
        yield f"  picture {image.index}  {_picture(image)}"
        if files:
            yield f"             {_file(cassette, image)}"


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _request(entry: Entry) -> Iterator[str]:
    fields = [(path, _text(value)) for path, value in leaves(entry.request)]
    width = max((len(path) for path, _ in fields), default=0)
    for path, value in fields:
        yield f"  {path:<{width}}  {value}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _state(state: State) -> Iterator[str]:
    offset = f"+{state.offset:.3f} s"
    body = state.body
    if not state.lasting:
        yield f"  {offset:>10}  HTTP {state.status} {body.get('code', '')}: {body.get('message')}"
        return
    output = body["output"]
    why = ": ".join(str(output[name]) for name in ("code", "message") if output.get(name))
    yield f"  {offset:>10}  {state.task_status}  {why}".rstrip()
    for place, result in enumerate(output.get("results") or ()):
        for name, text in result.items():
            yield f"              result {place}  {name}: {text}"


def _picture(image: Image) -> str:
    pixels = f"{image.width}×{image.height}  " if image.width else ""
    kept = "" if image.kept == "full" else f"  kept as a {image.kept}"
    return f"{pixels}{image.size} bytes  {image.media_type}  sha256 {image.sha256[:12]}…{kept}"


def _file(cassette: Cassette, image: Image) -> Path | str:
    try:
        cassette.stored(image)
    except CassetteError as error:
        return str(error)
    return cassette.picture_file(image) or "no file"


def _exchange(entry: Exchange, number: int) -> Iterator[str]:
    answer = "the connection broke" if entry.status is None else f"HTTP {entry.status}"
    yield f"request {number}  {entry.operation}  {answer}"
    yield f"  recorded  {_moment(entry.at)}"
    yield from _request(entry)
    for path, value in leaves(entry.body):
        yield f"  -> {path}  {_text(value)}"
    if entry.text is not None:
        yield f"  -> {entry.text}"
