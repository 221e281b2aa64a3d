"""What a player plays from: what was recorded, what of it was used, what is missing."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from ..errors import CassetteExpiredError, CassetteMissError
from .cassette import Cassette, library
from .format import Entry, Job, Json
from .matching import difference, explain

OnExpired = Literal["warn", "error", "record"]
"""What becomes of a request whose answer was recorded too long ago."""

Found = tuple[Cassette, Entry]


class StaleCassetteWarning(UserWarning):
    """What is replayed was recorded longer ago than the player was told to accept."""


class Recordings:
    """Cassettes, and which of their interactions were used.

    Args:
        source: a `Cassette`, the path of one, or of a folder of them.
        ignore: fields that play no part in matching.
        repeat: whether interactions are used again, in their order, once all that match were.
        max_age: how long ago it may have been recorded.
        on_expired: what becomes of one that is older.
        unfinished: whether jobs whose end was not recorded count.
    """

    def __init__(
        self,
        source: Cassette | str | Path,
        *,
        ignore: Collection[str] = (),
        repeat: bool = False,
        max_age: timedelta | None = None,
        on_expired: OnExpired = "warn",
        unfinished: bool = True,
    ) -> None:
        self.name = str(source.path if isinstance(source, Cassette) else source)
        self.cassettes = _opened(source)
        self.ignore = frozenset(ignore)
        self.repeat, self.unfinished = repeat, unfinished
        self.max_age, self.on_expired = max_age, on_expired
        self.stale: list[Entry] = []
        self._used: dict[tuple[int, int], int] = {}
        """How often each interaction was used, by the number of its cassette and its place."""

    def __repr__(self) -> str:
        return f"<Recordings in {self.name}>"

    @property
    def unused(self) -> list[Entry]:
        """What was not used so far."""
        return [
            entry
            for number, cassette in enumerate(self.cassettes)
            for at, entry in enumerate(cassette.interactions)
            if (number, at) not in self._used
        ]

    def take(self, form: Json) -> Found | None:
        """The next interaction that answers a canonical request; it is used by that."""
        places = [
            (number, at)
            for number, cassette in enumerate(self.cassettes)
            for at in cassette.find(form, self.ignore)
        ]
        used = self._used
        for place in sorted(places, key=lambda place: used.get(place, 0)):  # in order, least used
            if place in used and not self.repeat:
                break
            cassette = self.cassettes[place[0]]
            entry = cassette[place[1]]
            if self._counts(entry, cassette):
                used[place] = used.get(place, 0) + 1
                return cassette, entry
        return None

    def last(self, form: Json) -> Found | None:
        """The last interaction that answers a canonical request, used or not."""
        for cassette in reversed(self.cassettes):
            for at in reversed(cassette.find(form, self.ignore)):
                return cassette, cassette[at]
        return None

    def all(self, form: Json) -> Iterator[Entry]:
        """All interactions that answer a canonical request, used or not."""
        for cassette in self.cassettes:
            for at in cassette.find(form, self.ignore):
                yield cassette[at]

    def job(self, task_id: str) -> tuple[Cassette, Job] | None:
        """The job of a task."""
        for cassette in self.cassettes:
            job = cassette.job(task_id)
            if job and (job.complete or self.unfinished):
                return cassette, job
        return None

    def _counts(self, entry: Entry, cassette: Cassette) -> bool:
        if isinstance(entry, Job) and not entry.complete and not self.unfinished:
            return False
        if self.max_age is None:
            return True
        # The age of a file is no matter of the simulated time.
        age = datetime.now(UTC) - entry.at
        if age <= self.max_age:
            return True
        says = (
            f"{cassette.path} holds the answer to this request, recorded {age.days} days ago, and "
            f"at most {self.max_age.days} are accepted; record it again: {_command(cassette)}"
        )
        if self.on_expired == "error":
            raise CassetteExpiredError(says)
        if self.on_expired == "record":
            return False
        self.stale.append(entry)
        warnings.warn(says, StaleCassetteWarning, stacklevel=2)
        return True

    def _replayed(self, form: Json) -> bool:
        return any(
            (number, at) in self._used
            for number, cassette in enumerate(self.cassettes)
            for at in cassette.find(form, self.ignore)
        )

    def miss(self, form: Json) -> CassetteMissError:
        """What to say of a request that nothing answers."""
        found = [
            (difference(entry.request, form, ignore=self.ignore), cassette)
            for cassette in self.cassettes
            for entry in cassette.interactions
        ]
        if not found:
            return CassetteMissError(f"{self.name} holds nothing; record it with wanx-sim record")
        nearest, cassette = min(found, key=lambda pair: len(pair[0]))
        if not nearest:
            times = sum(not gap for gap, _ in found)
            return CassetteMissError(
                f"{cassette.path} holds this request {times} time(s), and it was asked for once "
                "more: record it again, or play with repeat=True"
                if self._replayed(form)
                else f"{cassette.path} holds this request {times} time(s), but recorded too long "
                f"ago or without its end: record it again: {_command(cassette)}"
            )
        return CassetteMissError(
            f"nothing in {self.name} answers this request. The nearest recorded one, in "
            f"{cassette.path}, differs in:\n{explain(nearest)}\nTo record it: {_command(cassette)}"
        )


def _opened(source: Cassette | str | Path) -> list[Cassette]:
    if isinstance(source, Cassette):
        return [source]
    path = Path(source)
    return list(library(path)) if path.is_dir() else [Cassette.load(path)]


def _command(cassette: Cassette) -> str:
    return f"wanx-sim record --cassette {cassette.path} --upstream URL"
