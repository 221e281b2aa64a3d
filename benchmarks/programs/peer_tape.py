"""vcrpy's and cassetter's cassettes: recorded, opened, replayed.

Both are told to match the body too, as is needed to tell one prompt from another, and to answer a
request again that they have answered before (not while they record: a poll would be answered as
the first one was, for ever).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import httpx

from . import jobs
from .offering import arguments, offer, touched

_MATCH: Any = ["method", "uri", "body"]  # each types it in its own way


def vcrpy(path: Path, *, repeats: bool) -> AbstractContextManager[Any]:
    """A cassette of vcrpy."""
    import vcr  # noqa: PLC0415 - one of the two

    tape: AbstractContextManager[Any] = vcr.use_cassette(
        str(path), match_on=_MATCH, allow_playback_repeats=repeats
    )
    return tape


def cassetter(path: Path, *, repeats: bool) -> AbstractContextManager[Any]:
    """A cassette of cassetter, which repeats when it does not record."""
    import cassetter  # noqa: PLC0415 - the other

    mode = "none" if repeats else "once"
    tape: AbstractContextManager[Any] = cassetter.use_cassette(
        path, record_mode=mode, match_on=_MATCH
    )
    return tape


Use = Callable[..., AbstractContextManager[Any]]


class PeerTape:
    """One cassette."""

    def __init__(self, use: Use, path: Path, base: str, count: int) -> None:
        self._use, self._path, self._base, self._count = use, path, base, count
        self._client = httpx.Client()
        self._again = jobs.Again(self._client, base, count)
        self._in = ExitStack()

    def record(self, count: int) -> None:
        """Record jobs."""
        with self._use(self._path, repeats=False):
            jobs.record(self._client, self._base, count)

    def open(self, count: int) -> None:
        """Open it and let it answer one create, so often."""
        for _ in range(count):
            with self._use(touched(self._path), repeats=True):
                self._again.middle()

    def insert(self, _: int) -> None:
        """Open it, to be replayed from now on."""
        self._in.enter_context(self._use(self._path, repeats=True))

    def replay(self, count: int) -> None:
        """Send so many requests."""
        self._again.requests(count)


if __name__ == "__main__":
    who, path, base, count = arguments()
    tape = PeerTape({"vcrpy": vcrpy, "cassetter": cassetter}[who], Path(path), base, int(count))
    offer(record=tape.record, open=tape.open, insert=tape.insert, replay=tape.replay)
