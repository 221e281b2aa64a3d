"""The recorder: a service in front of a live one, which writes down what passes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
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
from ..wire import ConnectionLost, Request, Response
from . import redaction
from .format import Cassette, Image, Job, Refused, State
from .matching import canonical_or_none

Json = dict[str, Any]
Answer = Callable[[Request], Response]

# Framing that the next hop makes anew, and an encoding that httpx has already undone.
_HOP = frozenset(
    ("connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding")
)


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
        self._upstream = upstream
        self._http: httpx.Client | None = None
        if isinstance(upstream, Service):
            self._origin, self._forward = "", upstream.handle
        else:
            self._origin = _origin(upstream)
            self._http = httpx.Client(transport=transport, timeout=60.0, trust_env=True)
            self._forward = self._send
            self.cassette.host = urlsplit(self._origin).netloc

    _forward: Answer

    def __repr__(self) -> str:
        return f"<Recorder of {self._upstream} to {self.cassette.path}>"

    def close(self) -> None:
        """Write down the jobs that have not ended, marked as incomplete, and hang up."""
        for job in self._jobs.values():
            self.cassette.add(job)
        self._jobs.clear()
        if self._http is not None:
            self._http.close()

    def handle(self, request: Request) -> Response:
        """The upstream's answer, byte for byte; a job that ends with it is written down."""
        operation, task_id = _about(request)
        if operation == "create":
            return self._create(request)
        response = self._forward(request)
        if operation == "query" and task_id in self._jobs:
            self._polled(task_id, request, response)
        return response.with_headers(("x-wanx-source", "live"))

    # --- create --------------------------------------------------------------------------------

    def _create(self, request: Request) -> Response:
        form = canonical_or_none(request.body)
        price = _price(form, request)
        self._afford(price)
        response = self._forward(request)
        body = _json(response)
        task_id = (
            body.get("output", {}).get("task_id") if response.status == HTTPStatus.OK else None
        )
        if form is not None and task_id:
            self.spent += price or Decimal(0)
            self._jobs[task_id] = Job(
                request=form,
                created=redaction.created(body),
                submitted=self.clock.now(),
                states=[],
                images=[],
                price=price,
            )
        elif form is not None and "code" in body:
            kept = redaction.refused(body)
            self.cassette.add(Refused(request=form, status=response.status, body=kept))
        return response.with_headers(("x-wanx-source", "live"))

    def _afford(self, price: Decimal | None) -> None:
        if self.budget is None:
            return
        if price is None:
            raise BudgetExceededError(
                "this create was not sent: the catalogue has no price for its model, so the "
                f"budget of ¥{self.budget} cannot be kept; record it without a budget"
            )
        if self.spent + price > self.budget:
            raise BudgetExceededError(
                f"this create was not sent: it costs ¥{price}, and ¥{self.spent} of the budget of "
                f"¥{self.budget} are spent; raise the budget, or ask for fewer pictures (n)"
            )

    # --- query ---------------------------------------------------------------------------------

    def _polled(self, task_id: str, request: Request, response: Response) -> None:
        body = _json(response)
        status = body.get("output", {}).get("task_status")
        if response.status != HTTPStatus.OK or status not in set(Status):
            return
        job, kept = self._jobs[task_id], redaction.polled(body)
        if not job.states or job.states[-1].body != kept:
            offset = round(self.clock.now() - job.submitted, 3)
            job = msgspec.structs.replace(job, states=[*job.states, State(offset, kept)])
            self._jobs[task_id] = job
        if Status(status).terminal:
            images = self._images(request, body["output"].get("results", []))
            self.cassette.add(msgspec.structs.replace(job, images=images, complete=True))
            del self._jobs[task_id]

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
        own = urlsplit(self._origin).netloc or request.host
        if parts.netloc != own and not routes.IMAGE_HOST.fullmatch(parts.hostname or ""):
            raise UpstreamError(
                f"a result lies on {parts.netloc}, which is no image host of the service: "
                "it was not fetched, and the job was not recorded"
            )
        wanted = Request(
            method="GET", scheme=parts.scheme, host=parts.netloc, path=parts.path, query=parts.query
        )
        response = self._forward(wanted)
        if response.status != HTTPStatus.OK:
            raise UpstreamError(f"a result could not be fetched: HTTP {response.status} from {own}")
        return response

    # --- the way up ----------------------------------------------------------------------------

    def _send(self, request: Request) -> Response:
        if self._http is None:
            raise AssertionError("a recorder of a service sends nothing by HTTP")
        headers = {k: v for k, v in request.headers.items() if k not in _HOP and k != "host"}
        headers["accept-encoding"] = "identity"
        try:
            answer = self._http.request(
                request.method, self._target(request), headers=headers, content=request.body
            )
        except httpx.ConnectError as error:
            raise UpstreamError(f"cannot reach {self._origin}: {error}") from error
        except httpx.TransportError as error:
            raise ConnectionLost(str(error)) from error
        kept = tuple((k, v) for k, v in answer.headers.multi_items() if k not in _HOP)
        return Response(answer.status_code, kept, answer.content)

    def _target(self, request: Request) -> str:
        query = f"?{request.query}" if request.query else ""
        if routes.IMAGE_HOST.fullmatch(request.hostname):
            return f"{request.scheme}://{request.host}{request.path}{query}"
        return f"{self._origin}{request.path}{query}"


def _origin(upstream: str) -> str:
    parts = urlsplit(upstream)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(
            f"an upstream is a URL such as https://dashscope.aliyuncs.com, not {upstream!r}"
        )
    return f"{parts.scheme}://{parts.netloc}"


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


def _price(form: Json | None, request: Request) -> Decimal | None:
    """What a create will cost, by the catalogue, if its model is known there."""
    model = catalogue.load().models.get((form or {}).get("model") or "")
    if form is None or model is None:
        return None
    region = routes.region_of(request, Region.BEIJING)
    each = model.price.get(region) or max(model.price.values())
    return each * int(form["parameters"]["n"])
