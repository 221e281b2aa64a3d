"""What a cassette holds at a glance: a line a job."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from .cassette import Cassette
from .format import Exchange, Job, Json


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One job, as `wanx-sim cassette ls` shows it."""

    cassette: str
    job: int
    """Its number among the cassette's jobs, from 1."""
    task_id: str
    prompt: str
    model: str
    status: str
    at: datetime
    price: Decimal | None
    """CNY; None if the catalogue had none."""
    pictures: int
    bytes: int
    """What its pictures take on disk."""
    complete: bool


def lines(cassette: Cassette) -> list[Line]:
    """A line for each job of a cassette, in order."""
    return [_line(cassette, number, job) for number, job in enumerate(cassette.jobs, 1)]


def exchanges(cassette: Cassette) -> int:
    """How many interactions of a cassette are no jobs."""
    return sum(isinstance(entry, Exchange) for entry in cassette.interactions)


def prompt(request: Json) -> str:
    """The prompt of a canonical request."""
    given = request.get("input")
    return str(given.get("prompt") or "") if isinstance(given, dict) else ""


def age(at: datetime, now: datetime | None = None) -> str:
    """How long ago something was recorded, in the largest unit that fits."""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (count := int(seconds // length)) > 0:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "now" if seconds >= 0 else "in future"


def on_disk(cassette: Cassette, job: Job) -> int:
    """The bytes that the pictures of a job take; what is missing takes none."""
    files = {cassette.picture_file(image) for image in job.images}
    return sum(file.stat().st_size for file in files if file and file.is_file())


def _line(cassette: Cassette, number: int, job: Job) -> Line:
    return Line(
        cassette=str(cassette.path),
        job=number,
        task_id=job.task_id,
        prompt=prompt(job.request),
        model=str(job.request.get("model") or ""),
        status=job.task_status,
        at=job.at,
        price=job.price,
        pictures=len(job.images),
        bytes=on_disk(cassette, job),
        complete=job.complete,
    )
