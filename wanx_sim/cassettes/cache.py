"""The development cache: what was bought, in a folder, so that nothing is bought twice.

Every value is JSON or a picture's bytes; nothing is pickled, and a pickled value is not read. The
cache holds a job from the moment its create goes out, so that a process that is killed while it
waits for the answer leaves a mark behind, and not a gap. All of it can be made again from the
cassettes that were recorded with it (`Cache.add`), so whatever is damaged is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
from platformdirs import user_cache_path

from ..protocol.lifecycle import RETENTION, Status
from .cachefiles import Files, warn
from .cassette import Cassette
from .format import Image, Job, Json
from .matching import fingerprint, without_prompts

LIMIT = 2**30
"""Bytes that a cache holds, unless told otherwise; the oldest jobs go first."""

Standing = Literal["complete", "running", "unanswered"]


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a cache knows of one request."""

    host: str
    """The upstream that it was sent to."""
    at: datetime
    """When its create was sent."""
    job: Job | None = None
    """None while its answer is not known: the task may exist, and be billed."""

    @property
    def standing(self) -> Standing:
        """How far it has come."""
        if self.job is None:
            return "unanswered"
        return "complete" if self.job.complete else "running"

    def alive(self, now: datetime) -> bool:
        """Whether the service still knows of a task that has not ended, or may exist."""
        return now - self.at < timedelta(seconds=RETENTION)


_GOOD = (Status.SUCCEEDED,)
_kept = msgspec.json.Decoder(Kept)


def default_folder() -> Path:
    """Where the cache is unless told otherwise: in the user's cache folder."""
    return user_cache_path("wanx-sim", appauthor=False) / "bought"


class Cache:
    """Jobs that were bought, by what they were asked for and of whom.

    Use it through `CachedService` and ``wanx-sim record --cache``; several processes may.

    Args:
        folder: where it is; default in the user's cache folder.
        limit: bytes that it may take (default 1 GiB); the oldest jobs are dropped first.

    Raises:
        StoreError: from whatever reads or writes, if the folder cannot be used. What is merely
            damaged is thrown away instead, with a `CacheWarning`.
    """

    def __init__(self, folder: str | Path | None = None, *, limit: int = LIMIT) -> None:
        self.folder = Path(folder or default_folder()).expanduser().absolute()
        self.limit = limit
        self._files = Files(self.folder)

    def __repr__(self) -> str:
        return f"<Cache {self.folder}>"

    @property
    def exists(self) -> bool:
        """Whether there is anything to read."""
        return self._files.exist

    def close(self) -> None:
        """Let go of its files."""
        self._files.close()

    # --- one request ---------------------------------------------------------------------------

    @staticmethod
    def key(host: str, form: Json) -> str:
        """What a canonical request is found by; the same whether its prompts are hashed or not."""
        return sha256(host.encode() + b"\n" + fingerprint(without_prompts(form))).hexdigest()

    def turn(self, key: str) -> AbstractContextManager[None]:
        """A block that one thread of one process is in at a time, of all that ask for a key."""
        return self._files.turn(key)

    def get(self, key: str) -> Kept | None:
        """What is known of a request; what is damaged is thrown away, and nothing is known."""
        try:
            content = self._files.get(key)
            kept = None if content is None else _kept.decode(content)
            if kept and kept.job:
                for image in kept.job.images:
                    self.picture(key, image)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _DamagedError) as error:
            self.forget(key)
            warn(f"a job in the cache in {self.folder} was damaged and is dropped ({error})")
            return None
        return kept

    def find(self, task_id: str) -> tuple[str, Kept] | None:
        """The key of a task's request, and what is known of it."""
        content = self._files.get(_task(task_id))
        key = None if content is None else content.decode("ascii", "replace")
        kept = self.get(key) if key else None
        return (key, kept) if key and kept else None

    def picture(self, key: str, image: Image) -> bytes | None:
        """What was kept of a picture; None where nothing was."""
        digest = image.stored_as
        if digest is None:
            return None
        content = self._files.get(f"{key}/{digest}")
        if content is None or sha256(content).hexdigest() != digest:
            raise _DamagedError("a picture is missing or not the one that was bought")
        return content

    def sent(self, key: str, host: str, at: datetime) -> None:
        """Note that a create goes out, before it does."""
        self._set(key, key, msgspec.json.encode(Kept(host=host, at=at)))

    def put(self, key: str, host: str, job: Job, picture: Callable[[Image], bytes | None]) -> None:
        """Keep a job as it is known by now, its pictures first; then the oldest may have to go."""
        for image in job.images:
            if content := picture(image):
                self._set(key, f"{key}/{image.stored_as}", content)
        self._set(key, _task(job.task_id), key.encode())
        self._set(key, key, msgspec.json.encode(Kept(host=host, at=job.at, job=job)))
        if dropped := self.trim(spare=key):
            warn(
                f"the cache in {self.folder} is full ({self.limit / 2**20:.0f} MiB); dropped its "
                f"oldest {len(dropped)} job(s)"
            )

    def _set(self, key: str, name: str, content: bytes) -> None:
        self._files.set(name, content, tag=key)

    def forget(self, key: str) -> None:
        """Forget a request, with its pictures."""
        self._files.drop(key)

    # --- all of them ---------------------------------------------------------------------------

    def entries(self) -> list[tuple[str, Kept]]:
        """All that is known, the oldest first."""
        keys = [name for name in self._files.names() if "/" not in name]
        found = [(key, kept) for key in keys if (kept := self.get(key))]
        return sorted(found, key=lambda pair: pair[1].at)

    @property
    def volume(self) -> int:
        """Bytes that it takes on disk."""
        return self._files.volume()

    def add(self, cassette: Cassette) -> int:
        """Keep the finished jobs of a cassette, of equal requests the newest; how many there were.

        Raises:
            CassetteError: for a cassette that is not whole.
        """
        jobs = [job for job in cassette.jobs if job.complete and job.task_status in _GOOD]
        newest = {self.key(cassette.host, job.request): job for job in jobs}
        for key, job in newest.items():
            with self.turn(key):
                known = self.get(key)
                if not (known and known.standing == "complete" and known.at >= job.at):
                    self.put(key, cassette.host, job, cassette.stored)
        return len(newest)

    def prune(self, *, max_age: timedelta | None = None, unanswered: bool = False) -> list[Kept]:
        """Drop what is too old, or what nobody will wait for any more; what was dropped.

        Args:
            max_age: how long ago a job may have been bought.
            unanswered: drop those too whose answer is not known. They may be bought again then.
        """
        now = datetime.now(UTC)

        def goes(kept: Kept) -> bool:
            if max_age is not None and now - kept.at > max_age:
                return True
            if kept.standing == "complete":
                return False
            return not kept.alive(now) or (unanswered and kept.standing == "unanswered")

        dropped = [pair for pair in self.entries() if goes(pair[1])]
        for key, _ in dropped:
            self.forget(key)
        self._files.tidy()
        return [kept for _, kept in dropped] + self.trim()

    def trim(self, *, spare: str = "") -> list[Kept]:
        """Drop the oldest jobs until the rest fits into the limit; what was dropped."""
        dropped: list[Kept] = []
        if self.volume <= self.limit:
            return dropped
        for key, kept in self.entries():
            if key != spare and kept.standing == "complete":
                self.forget(key)
                dropped.append(kept)
                if self.volume <= self.limit:
                    break
        return dropped

    def clear(self) -> int:
        """Forget everything; how many requests that were."""
        count = len(self.entries())
        self._files.clear()
        return count


class _DamagedError(Exception):
    """Something of one job is missing, or not what it was."""


def _task(task_id: str) -> str:
    return f"task/{task_id}"
