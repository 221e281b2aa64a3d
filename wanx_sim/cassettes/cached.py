"""A recorder with a development cache: the same request is never bought twice."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from ..clock import Clock
from ..errors import (
    AmbiguousCreateError,
    BudgetExceededError,
    StoreError,
    WanxSimError,
)
from ..protocol import responses
from ..protocol.lifecycle import Status
from ..service import Service
from ..upstream import Upstream
from ..wire import Request, Response
from . import redaction
from .cache import Cache, Kept
from .cachefiles import CacheWarning
from .cassette import Cassette
from .fallback import Fallback
from .format import Entry, Image, Job, Json, Keep, moment
from .pictures import Pictures
from .player import Player
from .reading import about, json_of, keyless
from .recorder import Recorder

_NOT_ONE_REQUEST = ("malformed", "synchronous")


class CachedService(Service):
    """A `Recorder` behind a cache of what was bought before: the same request is bought once.

    Use it while you write the program whose requests are to be recorded, and run it again and
    again. What comes from the cache is written to the cassette as well, as if it had been bought
    there and then, so the cassette is whole, and the cache can be made again from cassettes.

    The same request is one that would match in a cassette, sent to the same upstream. If its task

    * has succeeded, it is replayed with its pictures, finished at the first poll (``pace``);
    * still runs, whoever asks gets its id, and polls go upstream, which is free;
    * has failed, was canceled, or is forgotten by the service, it is bought anew;
    * may exist, since the connection broke before the answer came or the process was killed while
      it waited, nothing is bought for 24 hours unless somebody says that it may be
      (``wanx-sim cache prune --unanswered``).

    Args:
        upstream: the live service, as a `Recorder` takes it.
        cassette: where to write, as a `Recorder` takes it.
        cache: a `Cache`, or its folder; default one in the user's cache folder.
        max_age: how long ago a job may have been bought; None (default) is any time.
        pace: how a job from the cache is replayed, as a `Player` takes it.
        clock: the time; default the real one.
        budget: CNY that may be spent on what the cache does not hold; None is no limit.
        transport: an httpx transport to reach the upstream by.
        pictures: what is stored of each picture, in cassette and cache, as a `Recorder` takes it.
        redact_prompts: whether prompts are written as hashes, which still match.

    Raises:
        AmbiguousCreateError: from a create that may have been bought already. It is not sent.
        StoreError: from a create, if the cache cannot be written. It is not sent.
        UpstreamError, BudgetExceededError, SecretFoundError, CassetteError: as a `Recorder`.

    Example:
        ```python
        service = CachedService("https://dashscope.aliyuncs.com", "cassettes/shop", budget=1.0)
        with WanxClient(transport=service.transport()) as client:
            client.generate("一间花店")  # bought today, from the cache tomorrow
        ```
    """

    blocking = True

    def __init__(
        self,
        upstream: str | Service,
        cassette: Cassette | str | Path,
        *,
        cache: Cache | str | Path | None = None,
        max_age: timedelta | None = None,
        pace: str | float = "instant",
        clock: Clock | None = None,
        budget: float | None = None,
        transport: httpx.BaseTransport | None = None,
        pictures: Keep = "full",
        redact_prompts: bool = False,
    ) -> None:
        self.cache = cache if isinstance(cache, Cache) else Cache(cache)
        self.max_age = max_age
        self.recorder = Recorder(
            upstream,
            cassette,
            budget=budget,
            clock=clock,
            transport=transport,
            pictures=pictures,
            redact_prompts=redact_prompts,
        )
        self._host = upstream_host(self.recorder.upstream)
        self.player = Player(
            _Bought(self.cache, self._host), pace=pace, clock=clock, repeat=True, unfinished=False
        )
        self._service = Fallback(self.player, self.recorder)
        self._live: dict[str, str] = {}
        """The tasks whose polls go upstream, with the keys of their requests."""

    def __repr__(self) -> str:
        return f"<CachedService {self.cache.folder} in front of {self.recorder!r}>"

    def close(self) -> None:
        """Write down what has not ended, and hang up."""
        self._service.close()
        self.cache.close()

    def handle(self, request: Request) -> Response:
        """The answer from the cache, or the live service's."""
        operation, task_id = about(request)
        if operation == "create":
            return self._create(request)
        if task_id in self._live:
            response = self.recorder.handle(request)
            self._keep(task_id)
            return response
        return self._service.handle(request)

    # --- create --------------------------------------------------------------------------------

    def _create(self, request: Request) -> Response:
        form = self.recorder.form(request, "create")
        if keyless(request, 0.0) or any(name in form for name in _NOT_ONE_REQUEST):
            return self.recorder.handle(request)  # no job comes of it
        key = self.cache.key(self._host, form)
        with self.cache.turn(key):
            kept = self._usable(key, form)
            if kept is None:
                return self._buy(key, request)
            if kept.job is None:
                raise AmbiguousCreateError(_ambiguous(kept))
            self.recorder.adopt(kept.job, lambda image: self.cache.picture(key, image))
            if kept.job.complete:
                self._live.pop(kept.job.task_id, None)  # upstream it will be forgotten
                return self.player.handle(request)
            self._live[kept.job.task_id] = key
            return self._again(kept.job)

    def _usable(self, key: str, form: Json) -> Kept | None:
        """What the cache knows of a request, unless it must be bought anew."""
        kept = self.cache.get(key)
        if kept and kept.job is None and (job := self._written(form, kept.at)):
            # Killed between the two files: the cassette has what the cache was about to hear.
            kept = Kept(host=self._host, at=job.at, job=job)
            self.cache.put(key, self._host, job, self.recorder.cassette.stored)
        return kept if kept and is_fresh(kept, self._now(), self.max_age) else None

    def _written(self, form: Json, since: datetime) -> Job | None:
        cassette = self.recorder.cassette
        entries = [cassette[at] for at in cassette.find(form)]
        jobs = [entry for entry in entries if isinstance(entry, Job) and entry.at >= since]
        return jobs[-1] if jobs else None

    def _now(self) -> datetime:
        return moment(self.recorder.clock.now())

    def _buy(self, key: str, request: Request) -> Response:
        self.cache.sent(key, self._host, self._now())
        try:
            response = self.recorder.handle(request)
        except (WanxSimError, BudgetExceededError):  # it was not sent
            self.cache.forget(key)
            raise
        body = json_of(response)
        job = self.recorder.job(str(redaction.created(body)["output"].get("task_id")))
        with _warning():
            if job:
                self._live[job.task_id] = key
                self.cache.put(key, self._host, job, self.recorder.cassette.stored)
            elif "code" in body:
                self.cache.forget(key)
        return response

    def _again(self, job: Job) -> Response:
        """The answer to the create of a task that still runs, once more."""
        now = self.recorder.clock.now()
        response = responses.answer({"request_id": ""} | job.created, now, kind="gateway")
        return response.with_headers(("x-wanx-source", "cassette"))

    # --- query ---------------------------------------------------------------------------------

    def _keep(self, task_id: str) -> None:
        """Keep a task that has ended; one that came to nothing is forgotten, to be bought anew."""
        job = self.recorder.job(task_id)
        if job is None or not (job.complete or job.task_status == Status.UNKNOWN):
            return
        key = self._live[task_id]
        with _warning(), self.cache.turn(key):
            kept = self.cache.get(key)
            if kept and kept.job and kept.job.task_id != task_id:
                return  # bought anew in the meantime
            if job.task_status != Status.SUCCEEDED:
                self.cache.forget(key)
            elif not (kept and kept.standing == "complete"):
                self.cache.put(key, self._host, job, self.recorder.cassette.stored)


def upstream_host(upstream: Service) -> str:
    """What requests are told apart by that go to different services."""
    return upstream.host if isinstance(upstream, Upstream) else ""


def is_fresh(kept: Kept, now: datetime, max_age: timedelta | None) -> bool:
    """Whether what is known of a request still counts."""
    if kept.standing != "complete":
        return kept.alive(now)
    return max_age is None or datetime.now(UTC) - kept.at <= max_age


def _ambiguous(kept: Kept) -> str:
    return (
        f"this create was not sent: the same one went out at {kept.at:%Y-%m-%d %H:%M:%S} UTC and "
        "its answer was lost, so its task may exist and be billed. Look at the service's list of "
        "tasks; to buy it again all the same: wanx-sim cache prune --unanswered"
    )


@contextmanager
def _warning() -> Iterator[None]:
    """What was bought is worth more than that the cache hears of it."""
    try:
        yield
    except StoreError as error:
        warnings.warn(f"not kept in the cache: {error}", CacheWarning, stacklevel=3)


class _Bought(Cassette):
    """The finished jobs of a cache, as a player reads a cassette."""

    def __init__(self, cache: Cache, host: str) -> None:
        super().__init__(cache.folder / "cache")
        self.host, self._cache = host, cache
        self._jobs: list[Job] = []
        self._pictures: _CachedPictures = _CachedPictures(cache, self.path)

    def __len__(self) -> int:
        return len(self._jobs)

    def __getitem__(self, place: int) -> Entry:
        return self._jobs[place]

    @property
    def interactions(self) -> list[Entry]:
        """The jobs that were asked for so far."""
        return list(self._jobs)

    def find(self, form: Json, ignore: Collection[str] = ()) -> list[int]:  # noqa: ARG002
        """The place of the job that answers a request."""
        key = self._cache.key(self.host, form)
        kept = self._cache.get(key)
        return [] if kept is None else self._placed(key, kept)

    def job(self, task_id: str) -> Job | None:
        """The job of a task."""
        found = self._cache.find(task_id)
        if found is None:
            return None
        return next((self._jobs[place] for place in self._placed(*found)), None)

    def _placed(self, key: str, kept: Kept) -> list[int]:
        if kept.job is None or not kept.job.complete:
            return []
        if kept.job not in self._jobs:
            self._jobs.append(kept.job)
            self._pictures.of(key, kept.job)
        return [self._jobs.index(kept.job)]


class _CachedPictures(Pictures):
    """The pictures of a cache, by the hash of what was kept of them."""

    def __init__(self, cache: Cache, name: Path) -> None:
        super().__init__(cache.folder, name)
        self._cache = cache
        self._known: dict[str, tuple[str, Image]] = {}

    def of(self, key: str, job: Job) -> None:
        """Know the pictures of a job."""
        self._known |= {image.stored_as or "": (key, image) for image in job.images}

    def _read(self, digest: str, size: int | None = None) -> bytes:  # noqa: ARG002
        return self._cache.picture(*self._known[digest]) or b""
