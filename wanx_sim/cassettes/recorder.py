"""The recorder: a service in front of a live one, which writes down what passes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from threading import Lock

import httpx
from msgspec.structs import replace as with_

from ..clock import Clock
from ..errors import CassetteError, UpstreamError
from ..protocol import routes
from ..protocol.catalogue import Region
from ..protocol.lifecycle import Status
from ..service import Service
from ..upstream import Upstream
from ..wire import ConnectionLost, Request, Response
from . import redaction, secrets
from .budget import Budget, Purchase, purchase
from .cassette import Cassette
from .fetching import fetch
from .format import Exchange, Image, Job, Json, Keep, State, moment
from .matching import asked, without_prompts
from .reading import about, is_new, json_of, key_of, keyless, names_a_task

_TEXT = 2000
"""Characters that are kept of an answer that is no JSON."""


class Recorder(Service):
    """Passes requests on to a live service, and its answers back, and records what it sees.

    A job is written when it is created, and again with each state that is new, so that a recorder
    that is killed loses nothing that it has seen; what is not complete is marked. Pictures are
    fetched as soon as a job succeeds, since their links die after 24 hours. What is written is a
    whitelist: no key, no link, no signature. A create without a key never goes to a live
    service: it is refused here, in the service's own words.

    Args:
        upstream: the live service: a URL (with or without ``/api/v1``), or a `Service`.
        cassette: where to write; jobs are added to those it holds.
        budget: CNY that this recorder may spend, by the catalogue's prices; None is no limit.
        clock: the time that offsets are measured on; default the real one.
        transport: an httpx transport to reach the upstream by.
        pictures: what is stored of each picture: ``full`` (default), ``thumbnail`` or
            ``placeholder``. A replay serves all of them in their recorded size in pixels.
        redact_prompts: whether prompts are written as hashes, which still match.
        anew: whether a job that is recorded takes the place of those of the same request that the
            cassette holds.

    Raises:
        UpstreamError: from a request, if the upstream cannot be reached.
        BudgetExceededError: from a create that would exceed the budget. It is not sent.
        SecretFoundError: from a create that holds something shaped like a secret. It is not sent.
        CassetteError: from a create, if the cassette cannot be written (it is not sent then), or
            from the poll that shows a job's end (the next one tries again).

    Example:
        ```python
        recorder = Recorder("https://dashscope.aliyuncs.com", "cassettes/flower-shop", budget=1.0)
        with WanxClient(transport=recorder.transport()) as client:
            client.generate("一间花店")
        ```
    """

    blocking = True

    def __init__(
        self,
        upstream: str | Service,
        cassette: Cassette | str | Path,
        *,
        budget: float | None = None,
        clock: Clock | None = None,
        transport: httpx.BaseTransport | None = None,
        pictures: Keep = "full",
        redact_prompts: bool = False,
        anew: bool = False,
    ) -> None:
        self.cassette = cassette if isinstance(cassette, Cassette) else Cassette(cassette)
        self.budget = Budget(budget)
        self.clock = clock or Clock()
        self.pictures: Keep = pictures
        self.redact_prompts = redact_prompts
        self.anew = anew
        self.recorded: list[str] = []
        """The ids of the tasks that were created through this recorder."""
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()  # over a socket, requests come in threads of their own
        self._turns: dict[str, Lock] = {}
        self._waiting: deque[Exchange] = deque()
        if self.cassette.exists:
            self.cassette.reload()
        if isinstance(upstream, str):
            upstream = Upstream(upstream, transport=transport)
        if isinstance(upstream, Upstream):
            self.cassette.host = upstream.host
        self.upstream = upstream

    def __repr__(self) -> str:
        return f"<Recorder of {self.upstream} to {self.cassette.path}>"

    @property
    def spent(self) -> Decimal:
        """CNY that were spent, by the catalogue's prices."""
        return self.budget.spent

    def close(self) -> None:
        """Hang up. The jobs that have not ended are in the cassette, marked as incomplete.

        Raises:
            CassetteError: if something of what was seen cannot be written even now.
        """
        if isinstance(self.upstream, Upstream):
            self.upstream.close()
        with self._lock:
            unfinished, self._jobs = self._jobs, {}
        for job in unfinished.values():
            self.cassette.put(job)
        self._write_waiting()

    def handle(self, request: Request) -> Response:
        """The upstream's answer, byte for byte; what is new in it is written down."""
        operation, task_id = about(request)
        if operation == "create":
            # Live is what a network leads to; a recording of another tool's is played without keys.
            if self.upstream.blocking and (refused := keyless(request, self.clock.now())):
                return refused.with_headers(("x-wanx-source", "simulator"))
            response = self._create(request)
        else:
            response = self.upstream.handle(request)
            self._note(operation, task_id, request, response)
        return response.with_headers(("x-wanx-source", "live"))

    def _note(
        self, operation: routes.Operation, task_id: str, request: Request, response: Response
    ) -> None:
        if operation == "query":
            self._polled(task_id, request, response)
        elif operation == "cancel":
            self._exchanged(operation, request, response)
        elif operation == "list":
            self._listed(request, response)

    # --- create --------------------------------------------------------------------------------

    def _create(self, request: Request) -> Response:
        form = self.form(request, "create")
        secrets.check(form, "this create was not sent")
        bought = purchase(form, self._region(request))
        self.budget.take(bought)
        try:
            self.cassette.create()  # what cannot be written is not bought
            response = self.upstream.handle(request)
        except ConnectionLost:  # the task may exist, and be billed: its price counts as spent
            self._add("create", form, None)
            raise
        except BaseException:
            self.budget.give_back(bought)
            raise
        body = json_of(response)
        kept = redaction.created(body)
        if response.status == HTTPStatus.OK and names_a_task(kept):
            self._created(form, request, kept, bought)
            return response
        if "code" in body:
            self.budget.give_back(bought)
        self._exchanged("create", request, response)
        return response

    def form(self, request: Request, operation: routes.Operation) -> Json:
        """The canonical form of a request, as it is written."""
        form = redaction.scrubbed(asked(request, operation), key_of(request))
        return without_prompts(form) if self.redact_prompts else form

    def _created(self, form: Json, request: Request, kept: Json, bought: Purchase) -> None:
        job = Job(
            at=moment(self.clock.now()),
            request=form,
            created=redaction.masked(kept, key_of(request)),
            states=[],
            images=[],
            price=bought.price,
            complete=False,
        )
        with self._lock:
            self._jobs[job.task_id] = job
            self.recorded.append(job.task_id)
        with suppress(CassetteError):  # the answer is worth more: the next poll writes it
            self.cassette.put(job)

    def _region(self, request: Request) -> Region:
        return routes.region_of(with_(request, host=self._host(request)), Region.BEIJING)

    def _host(self, request: Request) -> str:
        return self.upstream.host if isinstance(self.upstream, Upstream) else request.host

    # --- jobs that it knows --------------------------------------------------------------------

    def job(self, task_id: str) -> Job | None:
        """What is known of a task by now: as it was seen, or as the cassette holds it."""
        return self._jobs.get(task_id) or self.cassette.job(task_id)

    def adopt(self, job: Job, pictures: Callable[[Image], bytes | None]) -> None:
        """Write down a job that was bought elsewhere, as if it had been seen here.

        One that has not ended goes on here: its polls are recorded.

        Args:
            job: the job.
            pictures: gives the bytes of what was kept of each of its pictures, if anything was.

        Raises:
            CassetteError: if it cannot be written.
        """
        known = self.job(job.task_id)
        if known and (known.complete or not job.complete):
            return
        if self.redact_prompts:
            job = _without_prompts(job)
        images = [self._adopted(image, pictures(image)) for image in job.images]
        job = with_(job, images=images)
        self.cassette.put(job, self._replaced(job) if job.complete else ())
        with self._lock:
            self.recorded.append(job.task_id)
            self._jobs.pop(job.task_id, None)
            if not job.complete:
                self._jobs[job.task_id] = job

    def _adopted(self, image: Image, content: bytes | None) -> Image:
        if content is None:
            return image
        how: Keep = self.pictures if image.kept == "full" else "full"
        kept = self.cassette.keep_image(image.index, content, image.media_type, how)
        return kept if image.kept == "full" else image

    # --- what is no job ------------------------------------------------------------------------

    def _exchanged(self, operation: routes.Operation, request: Request, response: Response) -> None:
        """Write down an answer that is an error, or a cancel's."""
        body, form = json_of(response), self.form(request, operation)
        if not body:
            text = response.body[: 4 * _TEXT].decode("utf-8", "replace")[:_TEXT]
            self._add(
                operation, form, response.status, text=redaction.masked(text, key_of(request))
            )
            return
        kept = redaction.polled(body) if "output" in body else redaction.refused(body)
        self._add(operation, form, response.status, body=redaction.masked(kept, key_of(request)))

    def _listed(self, request: Request, response: Response) -> None:
        if response.status != HTTPStatus.OK:
            self._exchanged("list", request, response)
            return
        kept = redaction.listed(json_of(response), self.recorded)
        masked = redaction.masked(kept, key_of(request))
        self._add("list", self.form(request, "list"), response.status, body=masked)

    def _add(
        self,
        operation: routes.Operation,
        form: Json,
        status: int | None,
        *,
        body: Json | None = None,
        text: str | None = None,
    ) -> None:
        """Write an exchange down, at once or, where the file cannot be written, with the next."""
        at = moment(self.clock.now())
        entry = Exchange(
            at=at, operation=operation, request=form, status=status, body=body or {}, text=text
        )
        self._waiting.append(entry)
        with suppress(CassetteError):  # the answer is worth more
            self._write_waiting()

    def _write_waiting(self) -> None:
        with self._lock:
            while self._waiting:
                self.cassette.add(self._waiting[0])
                self._waiting.popleft()

    # --- query ---------------------------------------------------------------------------------

    def _polled(self, task_id: str, request: Request, response: Response) -> None:
        with self._lock:
            turn = self._turns.setdefault(task_id, Lock())
        with turn:  # two polls of one task do not both fetch its pictures
            job = self.job(task_id)
            if job is None:
                self._stranger(request, response)
            elif not job.complete:
                self._seen(job, request, response)

    def _seen(self, job: Job, request: Request, response: Response) -> None:
        state = self._state(job, request, response)
        if state is None:
            return
        new = is_new(job, state)
        if new:
            job = self._jobs[job.task_id] = with_(job, states=[*job.states, state])
        if state.lasting and Status(state.task_status).terminal:
            self._ended(job, request, response)
        elif new:
            with suppress(CassetteError):  # the next one writes it
                self.cassette.put(job)

    def _state(self, job: Job, request: Request, response: Response) -> State | None:
        """What a poll showed, if it is something to keep."""
        body = json_of(response)
        offset = round(self.clock.now() - job.at.timestamp(), 3)
        if response.status != HTTPStatus.OK:
            kept = redaction.masked(redaction.refused(body), key_of(request))
            return (
                State(offset=offset, status=response.status, body=kept) if "code" in kept else None
            )
        kept = redaction.polled(body)
        if kept["output"].get("task_status") not in list(Status):
            return None
        if self.redact_prompts:
            kept = redaction.without_prompts(kept)
        return State(offset=offset, body=redaction.masked(kept, key_of(request)))

    def _ended(self, job: Job, request: Request, response: Response) -> None:
        """Write a job down as a whole; whatever fails, the next poll tries again."""
        images, trouble = self._images(request, redaction.links(json_of(response)))
        if job.task_status == Status.UNKNOWN:
            trouble = "the service had forgotten the task before its end was seen"
        trouble = redaction.masked(trouble)
        job = with_(job, images=images, trouble=trouble, complete=trouble is None)
        self._jobs[job.task_id] = job
        self.cassette.put(job, self._replaced(job) if job.complete else ())
        if job.complete:
            del self._jobs[job.task_id]

    def _replaced(self, job: Job) -> list[str]:
        """The tasks of the same request that were in the cassette before."""
        if not self.anew:
            return []
        entries = [self.cassette[at] for at in self.cassette.find(job.request)]
        ids = [entry.task_id for entry in entries if isinstance(entry, Job)]
        return [task_id for task_id in ids if task_id not in self.recorded]

    def _stranger(self, request: Request, response: Response) -> None:
        """A poll of a task that was not created here: only what went wrong is written down."""
        body = json_of(response)
        status = redaction.polled(body)["output"].get("task_status")
        if response.status == HTTPStatus.OK and status != Status.UNKNOWN:
            return
        form = self.form(request, "query")
        known = [self.cassette[at] for at in self.cassette.find(form)]
        if not known or getattr(known[-1], "status", None) != response.status:
            self._exchanged("query", request, response)

    # --- pictures ------------------------------------------------------------------------------

    def _images(self, request: Request, links: dict[int, str]) -> tuple[list[Image], str | None]:
        """The pictures that could be fetched, and why the first of the others could not."""
        images: list[Image] = []
        trouble = None
        for index, url in links.items():
            try:
                fetched = fetch(url, self.upstream, self._host(request))
            except (UpstreamError, ConnectionLost) as error:
                trouble = trouble or f"result {index}: {error}"
                continue
            kind = fetched.header("content-type") or "application/octet-stream"
            images.append(self.cassette.keep_image(index, fetched.body, kind, self.pictures))
        return images, trouble


def _without_prompts(job: Job) -> Job:
    states = [
        with_(state, body=redaction.without_prompts(state.body)) if state.lasting else state
        for state in job.states
    ]
    return with_(job, request=without_prompts(job.request), states=states)
