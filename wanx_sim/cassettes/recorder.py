"""The recorder: a service in front of a live one, which writes down what passes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from ..clock import Clock
from ..errors import BudgetExceededError, UpstreamError
from ..protocol import catalogue, routes
from ..protocol.catalogue import Region
from ..protocol.errors import Refusal
from ..protocol.lifecycle import Status
from ..service import Service
from ..upstream import Upstream
from ..wire import ConnectionLost, Request, Response
from . import redaction
from .format import Cassette, Image, Job, Refused, State
from .matching import canonical_or_none

Json = dict[str, Any]


class Recorder(Service):
    """Passes requests on to a live service, and its answers back, and records the jobs it sees.

    A job is written when it ends, its pictures having been fetched at once, since their links die
    after 24 hours. What is written is a whitelist: no key, no link, no signature.

    Args:
        upstream: the live service: a URL (with or without ``/api/v1``), or a `Service`.
        cassette: where to write; jobs are added to those it holds.
        budget: CNY that this recorder may spend, by the catalogue's prices; None is no limit.
        clock: the time that offsets are measured on; default the real one.
        transport: an httpx transport to reach the upstream by.

    Raises:
        UpstreamError: from a request, if the upstream cannot be reached.
        BudgetExceededError: from a create that would exceed the budget. It is not sent.

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
    ) -> None:
        self.cassette = cassette if isinstance(cassette, Cassette) else Cassette(cassette)
        self.budget = None if budget is None else Decimal(str(budget))
        self.spent = Decimal(0)
        self.clock = clock or Clock()
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()  # over a socket, requests come in threads of their own
        if isinstance(upstream, str):
            upstream = Upstream(upstream, transport=transport)
        if isinstance(upstream, Upstream):
            self.cassette.host = upstream.host
        self._upstream = upstream

    def __repr__(self) -> str:
        return f"<Recorder of {self._upstream} to {self.cassette.path}>"

    def close(self) -> None:
        """Write down the jobs that have not ended, marked as incomplete, and hang up."""
        with self._lock:
            unfinished, self._jobs = self._jobs, {}
        for job in unfinished.values():
            self.cassette.add(job)
        if isinstance(self._upstream, Upstream):
            self._upstream.close()

    def handle(self, request: Request) -> Response:
        """The upstream's answer, byte for byte; a job that ends with it is written down."""
        operation, task_id = _about(request)
        if operation == "create":
            return self._create(request)
        response = self._upstream.handle(request)
        if operation == "query" and task_id in self._jobs:
            self._polled(task_id, request, response)
        return response.with_headers(("x-wanx-source", "live"))

    # --- create --------------------------------------------------------------------------------

    def _create(self, request: Request) -> Response:
        form = canonical_or_none(request.body)
        price = self._price(form, request)
        self._spend(price)
        try:
            response = self._upstream.handle(request)
        except ConnectionLost:
            raise  # the task may exist, and be billed: its price counts as spent
        except BaseException:
            self._give_back(price)
            raise
        body = _json(response)
        task_id = redaction.created(body)["output"].get("task_id")
        if response.status == HTTPStatus.OK and task_id:
            if form is not None:
                self._created(task_id, form, request, body, price)
        elif "code" in body:
            self._give_back(price)
            if form is not None:
                kept = redaction.scrubbed(redaction.refused(body), _key(request))
                self.cassette.add(Refused(request=form, status=response.status, body=kept))
        return response.with_headers(("x-wanx-source", "live"))

    def _created(
        self, task_id: str, form: Json, request: Request, body: Json, price: Decimal | None
    ) -> None:
        job = Job(
            request=form,
            created=redaction.scrubbed(redaction.created(body), _key(request)),
            submitted=self.clock.now(),
            states=[],
            images=[],
            price=price,
        )
        with self._lock:
            self._jobs[task_id] = job

    def _price(self, form: Json | None, request: Request) -> Decimal | None:
        """What a create will cost, by the catalogue, if its model is known there."""
        model = catalogue.load().models.get((form or {}).get("model") or "")
        if form is None or model is None:
            return None
        asked = replace(request, host=self._host(request))
        region = routes.region_of(asked, Region.BEIJING)
        each = model.price.get(region) or max(model.price.values())
        return each * max(1, int(form["parameters"]["n"]))

    def _host(self, request: Request) -> str:
        return self._upstream.host if isinstance(self._upstream, Upstream) else request.host

    def _spend(self, price: Decimal | None) -> None:
        """Set a price aside before the create goes out, so that two at once cannot both fit."""
        with self._lock:
            if self.budget is not None and price is None:
                raise BudgetExceededError(
                    "this create was not sent: the catalogue has no price for its model, so the "
                    f"budget of ¥{self.budget} cannot be kept; record it without a budget"
                )
            price = price or Decimal(0)
            if self.budget is not None and self.spent + price > self.budget:
                raise BudgetExceededError(
                    f"this create was not sent: it costs ¥{price}, and ¥{self.spent} of the "
                    f"budget of ¥{self.budget} are spent; raise the budget, or ask for fewer "
                    "pictures (n)"
                )
            self.spent += price

    def _give_back(self, price: Decimal | None) -> None:
        with self._lock:
            self.spent -= price or Decimal(0)

    # --- query ---------------------------------------------------------------------------------

    def _polled(self, task_id: str, request: Request, response: Response) -> None:
        body = _json(response)
        kept = redaction.scrubbed(redaction.polled(body), _key(request))
        status = kept["output"].get("task_status")
        if response.status != HTTPStatus.OK or status not in list(Status):
            return
        with self._lock:
            job = self._jobs.pop(task_id, None)
            if job is None:  # another poll has just seen its end
                return
            if not job.states or job.states[-1].body != kept:
                offset = round(self.clock.now() - job.submitted, 3)
                job = msgspec.structs.replace(job, states=[*job.states, State(offset, kept)])
            if not Status(status).terminal:
                self._jobs[task_id] = job
                return
        try:
            images = self._images(request, body["output"].get("results") or [])
            self.cassette.add(msgspec.structs.replace(job, images=images, complete=True))
        except BaseException:
            with self._lock:
                self._jobs[task_id] = job  # the next poll tries again
            raise

    def _images(self, request: Request, results: list[Json]) -> list[Image]:
        images = []
        for index, result in enumerate(results):
            if "url" in result:
                response = self._fetch(request, result["url"])
                kind = response.header("content-type") or "application/octet-stream"
                images.append(self.cassette.keep_image(index, response.body, kind))
        return images

    def _fetch(self, request: Request, url: str) -> Response:
        parts = urlsplit(url)
        own = self._host(request)
        if parts.netloc != own and not routes.IMAGE_HOST.fullmatch(parts.hostname or ""):
            raise UpstreamError(
                f"a result lies on {parts.netloc}, which is no image host of the service: "
                "it was not fetched, and the job was not recorded"
            )
        wanted = Request(
            method="GET", scheme=parts.scheme, host=parts.netloc, path=parts.path, query=parts.query
        )
        response = self._upstream.handle(wanted)
        if response.status != HTTPStatus.OK:
            raise UpstreamError(f"a result could not be fetched: HTTP {response.status} from {own}")
        return response


def _about(request: Request) -> tuple[routes.Operation, str]:
    try:
        route = routes.route(request)
    except Refusal:
        return "other", ""
    return route.operation, route.task_id


def _json(response: Response) -> Json:
    try:
        return msgspec.json.decode(response.body, type=Json)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _key(request: Request) -> str:
    return request.headers.get("authorization", "").strip().rpartition(" ")[2]
