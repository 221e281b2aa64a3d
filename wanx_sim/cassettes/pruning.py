"""Prune: what a library holds and nobody needs, taken out of it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import time
from typing import Literal

import msgspec

from ..errors import CassetteError
from .cassette import Cassette
from .files import TEMPORARY, read, stays_within
from .format import Entry, Job, decode_entry
from .summary import prompt
from .walking import IMAGES, cassettes

YOUNG = 60.0
"""Seconds for which a picture is left alone that nothing names: a recorder may be about to."""

Reason = Literal[
    "incomplete",
    "too old",
    "unused",
    "nothing is left in it",
    "named by no cassette",
    "left half written",
]


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was removed, or would be."""

    file: str
    why: Reason
    bytes: int = 0
    """What it took on disk; of a job, nothing: its pictures are counted by themselves."""
    job: str | None = None
    prompt: str | None = None
    price: Decimal | None = None
    """CNY that it cost to record, by the catalogue of the time."""

    def __str__(self) -> str:
        job = f"job {self.job[:8]} ({self.prompt})" if self.job else f"{self.bytes} bytes"
        return f"{self.file}: {job}, {self.why}"


class _Unused(msgspec.Struct, frozen=True):
    files: list[str]


class _Report(msgspec.Struct, frozen=True):
    """The part of a pytest report that says which cassettes no test used."""

    unused: _Unused


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to go, beside pictures that no cassette names and files left half written."""

    incomplete: bool = False
    max_age: timedelta | None = None
    unused: frozenset[Path] = frozenset()
    """Cassettes to remove as a whole, as resolved paths."""

    def why(self, entry: Entry) -> Reason | None:
        """Why an interaction is to go, if it is."""
        if self.incomplete and isinstance(entry, Job) and not entry.complete:
            return "incomplete"
        if self.max_age is not None and datetime.now(UTC) - entry.at > self.max_age:
            return "too old"
        return None


def unused(report: Path) -> frozenset[Path]:
    """The cassettes that a report of pytest says no test used; raises `CassetteError`."""
    try:
        found = msgspec.json.decode(read(report), type=_Report)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CassetteError(f"{report} is no report of --wanx-report ({error})") from error
    return frozenset(Path(name).resolve() for name in found.unused.files)


def prune(
    folder: Path, named: Sequence[Path], wanted: Wanted, *, dry_run: bool = False
) -> list[Gone]:
    """Take out of one library what is to go; pictures that another cassette shows stay.

    Args:
        folder: the library.
        named: those of its cassettes that jobs may be taken from.
        wanted: which jobs, and which cassettes as a whole.
        dry_run: whether nothing is removed.

    Raises:
        CassetteError: for a cassette of the library that cannot be read (what it names is not
            known, so nothing is removed), or a file that cannot be written or removed.
    """
    plans = [
        _Plan(cassette, wanted if cassette.path in named else Wanted())
        for cassette in map(Cassette.load, of_library(folder))
    ]
    needed = {file for plan in plans for file in plan.needed}
    freed = {file for plan in plans for file in plan.freed}
    files = [_file(path) for path in leftovers(folder, needed) if path in freed or not _young(path)]
    found = [gone for plan in plans for gone in plan.gone()] + files
    if not dry_run:
        for plan in plans:
            plan.carry_out()
        for gone in files:
            _remove(Path(gone.file))
    return found


def of_library(folder: Path) -> list[Path]:
    """The cassettes of one folder, and of none below it."""
    return [path for path in cassettes([folder]) if path.parent == folder]


def named_by(cassette: Cassette, jobs: Iterable[Job]) -> set[Path]:
    """The files of the pictures of jobs."""
    found = {cassette.picture_file(image) for job in jobs for image in job.images}
    return {file for file in found if file}


def leftovers(folder: Path, needed: Container[Path]) -> Iterator[Path]:
    """The pictures of a library that are not needed, and the files that were left half written."""
    images = folder / IMAGES
    stays_within(images, folder)
    for path in [*sorted(folder.glob(f"{TEMPORARY}*")), *sorted(images.glob("*"))]:
        picture = path.parent == images and _PICTURE.fullmatch(path.name)
        if path.name.startswith(TEMPORARY) or (picture and path not in needed):
            yield path


_PICTURE = re.compile(r"[0-9a-f]{64}\.png", re.ASCII)


class _Plan:
    """What is to become of one cassette."""

    def __init__(self, cassette: Cassette, wanted: Wanted) -> None:
        self.cassette, self.wanted = cassette, wanted
        entries = cassette.interactions
        self.going = _going(entries, wanted)
        self.whole: Reason | None = None
        if cassette.path.resolve() in wanted.unused:
            self.whole = "unused"
        elif entries and len(self.going) == len(entries):
            self.whole = "nothing is left in it"
        staying = [job for job in cassette.jobs if not self._goes(job)]
        self.needed = named_by(cassette, staying)
        self.freed = named_by(cassette, cassette.jobs) - self.needed

    def _goes(self, job: Job) -> bool:
        return self.whole is not None or job.task_id in {
            entry.task_id for place in self.going if isinstance(entry := self.cassette[place], Job)
        }

    def gone(self) -> Iterator[Gone]:
        path = self.cassette.path
        for job in filter(self._goes, self.cassette.jobs):
            yield Gone(
                file=str(path),
                why=self.wanted.why(job) or "unused",
                job=job.task_id,
                prompt=prompt(job.request),
                price=job.price,
            )
        if self.whole:
            yield _file(path, self.whole)

    def carry_out(self) -> None:
        path = self.cassette.path
        if not (self.whole or self.going):
            return
        if path.is_symlink():
            raise CassetteError(f"{path} is a link, and is not written through")
        if self.whole:
            _remove(path)
            return
        with self.cassette.editing() as document:  # which may hold more by now
            entries = [decode_entry(raw, path) for raw in document.interactions]
            going = _going(entries, self.wanted)
            staying = [place for place in range(len(entries)) if place not in going]
            document.interactions = [document.interactions[place] for place in staying]
            models = {entries[place].request.get("model") for place in staying}
            document.models = sorted(model for model in models if isinstance(model, str))


def _going(entries: Sequence[Entry], wanted: Wanted) -> dict[int, Reason]:
    """The interactions that are to go, and with a job what was asked about it."""
    going = {place: why for place, entry in enumerate(entries) if (why := wanted.why(entry))}
    ids = {
        entry.task_id: why
        for place, why in going.items()
        if isinstance(entry := entries[place], Job)
    }
    for place, entry in enumerate(entries):
        parts = str(entry.request.get("path", "")).split("/")
        for task_id in ids.keys() & set(parts):
            going[place] = ids[task_id]
    return going


def _file(path: Path, why: Reason | None = None) -> Gone:
    temporary = path.name.startswith(TEMPORARY)
    reason = why or ("left half written" if temporary else "named by no cassette")
    return Gone(file=str(path), why=reason, bytes=path.lstat().st_size)


def _young(path: Path) -> bool:
    return time() - path.lstat().st_mtime < YOUNG


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CassetteError(f"cannot remove {path}: {error.strerror}") from error
