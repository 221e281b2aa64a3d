"""Verify: whether a cassette is whole, holds no secret, and is answered alike by the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..errors import CassetteError
from ..protocol.lifecycle import Status
from ..rendering import png_size
from . import chunks, drift, secrets
from .cassette import Cassette
from .files import read
from .format import (
    TROUBLE,
    Document,
    Entry,
    Exchange,
    Image,
    Job,
    Json,
    State,
    check_nesting,
    damaged,
)
from .pictures import unpacked
from .pruning import leftovers, named_by, of_library

Level = Literal["error", "warning", "info"]
Kind = Literal["file", "job", "picture", "secret", "drift", "age", "field", "orphan"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that `wanx-sim cassette verify` has to say."""

    cassette: str
    level: Level
    kind: Kind
    says: str
    job: str | None = None
    """The id of the task that it is about."""
    field: str | None = None
    recorded: str | None = None
    simulator: str | None = None
    """What the simulator answers where something else was recorded."""

    def __str__(self) -> str:
        place = f"job {self.job[:8]}: " if self.job else ""
        return f"{self.cassette}: {self.level}: {place}{self.says}"


def verify(
    path: Path, *, with_drift: bool = True, max_age: timedelta | None = None
) -> list[Finding]:
    """All there is to say of one cassette; nothing of it is an exception.

    Args:
        path: its file.
        with_drift: whether the simulator is asked what was recorded.
        max_age: from which age on a job is worth a warning; None is any.
    """
    return list(_Verifier(path, with_drift=with_drift, max_age=max_age).findings())


class _Verifier:
    def __init__(self, path: Path, *, with_drift: bool, max_age: timedelta | None) -> None:
        self.path, self.with_drift, self.max_age = path, with_drift, max_age
        self._good: set[str] = set()
        self._ids: set[str] = set()

    def findings(self) -> Iterator[Finding]:
        try:
            content = read(self.path)
            cassette = Cassette.load(self.path)
            check_nesting(content, self.path)
            whole = msgspec.json.decode(content)
        except CassetteError as error:
            yield self._find("file", str(error))
            return
        except TROUBLE as error:
            yield self._find("file", str(damaged(self.path, error)))
            return
        self.cassette = cassette
        yield from self._secrets(content, whole)
        yield from self._unknown(whole, Document, "")
        for place in range(len(cassette)):
            try:
                entry = cassette[place]
            except CassetteError as error:
                yield self._find("file", f"interactions.{place}: {error}", field=str(place))
                continue
            yield from self._entry(place, entry)

    def _find(self, kind: Kind, says: str, level: Level = "error", **more: Any) -> Finding:
        # What names its file in its own words need not be named twice.
        for start in (f"{self.path} ", f"the cassette {self.path} "):
            if says.startswith(start):
                says = f"it {says.removeprefix(start)}"
        return Finding(cassette=str(self.path), kind=kind, says=says, level=level, **more)

    # --- the file ------------------------------------------------------------------------------

    def _secrets(self, content: bytes, whole: object) -> Iterator[Finding]:
        """The lines of the file, and what only shows once its escapes are undone."""
        seen: set[str] = set()
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            for kind in secrets.kinds(line):
                seen.add(kind)
                yield self._secret(f"line {number}", kind)
        for secret in secrets.find(whole):
            if secret.kind not in seen:
                yield self._secret(secret.where, secret.kind)

    def _secret(self, where: str, kind: str, **more: Any) -> Finding:
        says = f"{where} holds what looks like {secrets.a(kind)}; run wanx-sim cassette scrub"
        return self._find("secret", says, field=where, **more)

    def _unknown(self, value: Any, kind: Any, path: str) -> Iterator[Finding]:
        """Fields that the format does not have; readers ignore them, and reviewers need not."""
        if not isinstance(value, dict):
            return
        known = set(kind.__struct_fields__) | {"type"}
        for name in value:
            if name not in known:
                says = f"{path}{name} is no field of the format, and is ignored"
                yield self._find("field", says, "warning", field=f"{path}{name}")
        parts: dict[str, Any] = {"states": State, "images": Image}
        for name in parts.keys() & value.keys() & known:
            for place, item in enumerate(value[name]):
                yield from self._unknown(item, parts[name], f"{path}{name}.{place}.")
        if kind is Document:
            for place, item in enumerate(value.get("interactions") or ()):
                job = isinstance(item, dict) and item.get("type") == "job"
                where = f"interactions.{place}."
                yield from self._unknown(item, Job if job else Exchange, where)

    # --- interactions --------------------------------------------------------------------------

    def _entry(self, place: int, entry: Entry) -> Iterator[Finding]:
        yield from self._age(entry)
        if isinstance(entry, Job):
            yield from self._job(entry)
        if not self.with_drift:
            return
        region = self.cassette.region
        if isinstance(entry, Job):
            job, start, found = entry.task_id, "", drift.of_job(entry, region)
        else:
            job, start = None, f"interactions.{place}."
            found = drift.of_exchange(entry, region)
        for field, recorded, simulator in found:
            says = f"{start}{field}: recorded {recorded}, the simulator answers {simulator}"
            about: Json = {"field": start + field, "recorded": recorded, "simulator": simulator}
            yield self._find("drift", says, job=job, **about)

    def _age(self, entry: Entry) -> Iterator[Finding]:
        age = datetime.now(UTC) - entry.at
        if self.max_age is not None and age > self.max_age:
            job = entry.task_id if isinstance(entry, Job) else None
            what = "it" if isinstance(entry, Job) else f"the {entry.operation}"
            most = self.max_age.days
            says = f"{what} was recorded {age.days} days ago; at most {most} are wanted"
            yield self._find("age", says, "warning", job=job)

    def _job(self, job: Job) -> Iterator[Finding]:
        about: Json = {"job": job.task_id}
        if job.task_id in self._ids:
            yield self._find("job", "a second job has the same task id", field="created", **about)
        self._ids.add(job.task_id)
        if not job.complete:
            why = job.trouble or "its end was not seen"
            yield self._find("job", f"it is not complete: {why}", "warning", **about)
        elif missing := _without_picture(job):
            says = f"no picture was recorded of result {', '.join(map(str, missing))}"
            yield self._find("job", says, field="images", **about)
        for place, image in enumerate(job.images):
            for kind, says in self._picture(image):
                where = f"images.{place}"
                finding = self._find(kind, f"{where}: {says}", field=where, **about)
                yield finding

    # --- pictures ------------------------------------------------------------------------------

    def _picture(self, image: Image) -> Iterator[tuple[Kind, str]]:
        digest = image.stored_as
        if digest is None or digest in self._good:
            return
        try:
            content = self.cassette.stored(image) or b""
        except CassetteError as error:
            yield "picture", str(error)
            return
        if image.width:
            try:
                yield from self._pixels(image, content)
                yield from self._words(content)
            except (OSError, SyntaxError, ValueError) as error:  # Pillow's words
                yield "picture", f"{self.cassette.picture_file(image)} does not decode: {error}"
                return
        self._good.add(digest)

    def _pixels(self, image: Image, content: bytes) -> Iterator[tuple[Kind, str]]:
        found = png_size(content)
        if image.kept == "full" and found != (image.width, image.height):
            recorded = f"{image.width}×{image.height}"
            says = f"it has {found[0]}×{found[1]} pixels, and {recorded} were recorded"
            yield "picture", says
        else:
            unpacked(content)

    def _words(self, content: bytes) -> Iterator[tuple[Kind, str]]:
        for name, text in chunks.texts(content):
            for kind in dict.fromkeys((*secrets.kinds(name), *secrets.kinds(text))):
                where = "a text" if secrets.kinds(name) else f"its text {name!r}"
                yield "secret", f"{where} holds what looks like {secrets.a(kind)}"


def _without_picture(job: Job) -> list[int]:
    """The results that should have a picture, and have none."""
    shown = [state for state in job.states if state.lasting]
    if not shown or shown[-1].task_status != Status.SUCCEEDED:
        return []
    results = shown[-1].body["output"].get("results")
    there = {image.index for image in job.images}
    return [
        at
        for at, one in enumerate(results if isinstance(results, list) else [])
        if isinstance(one, dict) and "code" not in one and at not in there
    ]


# --- a whole library ------------------------------------------------------------------------------


def orphans(folder: Path) -> Iterator[Finding]:
    """The pictures of a library that none of its cassettes names, and files left half written."""
    try:
        there = map(Cassette.load, of_library(folder))
        needed = {file for cassette in there for file in named_by(cassette, cassette.jobs)}
        unneeded = list(leftovers(folder, needed))
    except CassetteError:
        return  # what a cassette that cannot be read names is not known; it was said already
    for path in unneeded:
        says = "no cassette of its folder needs it; wanx-sim cassette prune removes it"
        yield Finding(cassette=str(path), level="info", kind="orphan", says=says)
