"""The simulator: the protocol over a store, a clock, faults, a journal and a ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from random import Random, SystemRandom

import msgspec

from . import magic, pictures
from .access import authenticate
from .clock import Clock
from .faults import Fault, Faults
from .journal import Entry, Journal
from .ledger import Ledger
from .planning import new_plan
from .protocol import catalogue, errors, lifecycle, links, listing, oss, requests, responses, routes
from .protocol.catalogue import Region
from .protocol.errors import Refusal
from .protocol.lifecycle import Failure, Plan, Status
from .protocol.task import Task
from .protocol.timing import Timing
from .rates import TASK_QUERIES, RateWindows
from .service import Service
from .settings import Settings, Validation
from .stores import Change, Store, open_store
from .stores.memory import MemoryStore
from .tasks import Tasks
from .wire import ConnectionLost, Request, Response


@dataclass(slots=True)
class _Call:
    """One request on its way through, with what the journal will want to know of it."""

    request: Request
    now: float
    request_id: str
    operation: routes.Operation = "other"
    task_id: str | None = None
    task_status: str | None = None
    model: str = ""
    prompt: str = ""

    def entry(self, status: int | None, code: str | None) -> Entry:
        return Entry(
            at=self.now,
            operation=self.operation,
            method=self.request.method,
            path=self.request.path,
            status=status,
            code=code,
            task_id=self.task_id,
            task_status=self.task_status,
            model=self.model or None,
            prompt=self.prompt or None,
            user_agent=self.request.headers.get("user-agent"),
        )


class Simulator(Settings, Service):
    """A DashScope text-to-image service that costs nothing, waits for nobody and runs offline.

    Use it in tests through one of its faces (`transport`, `intercept`, `asgi_app`, `serve`) or
    the pytest fixtures. Every setting is also an attribute and may be changed at any time.

    Args:
        timing: how long tasks wait and run; default ``polls:1,1`` (`Timing.parse`).
        clock: the time; default the real one. A test gives a `ManualClock`.
        seed: of ids, default image seeds and timings; None draws one.
        region: of requests whose host is none of the service's own: ``beijing`` (default) or
            ``singapore``.
        api_keys: None accepts any key that is not empty; a mapping ``{key: region}`` accepts
            just those, each only in its region.
        validation: ``submit`` refuses a bad parameter with 400; ``task`` accepts it and lets
            the task fail, as newer models were seen to do.
        profile: ``2025-10`` (the seed document) or ``2026-10`` (the newer pages).
        store: a `Store`, or a URL for `open_store`; default ``memory://``.
        faults: faults armed from the start.
        magic_prompts: whether marks such as ``[[fail:CODE]]`` in a prompt script its outcome.
        public_url: where links begin, if not at the host that a request asked.

    Raises:
        ValueError: for a setting that does not exist, with those that do.

    Example:
        ```python
        sim = Simulator(timing=Timing.parse("polls:1,1"), clock=ManualClock())
        client = httpx.Client(transport=sim.transport(), base_url="https://dashscope.aliyuncs.com")
        ```
    """

    def __init__(
        self,
        *,
        timing: Timing | str = "polls:1,1",
        clock: Clock | None = None,
        seed: int | None = 1,
        region: Region | str = Region.BEIJING,
        api_keys: Mapping[str, Region | str] | None = None,
        validation: Validation = "submit",
        rate_limits: bool = False,
        profile: str = catalogue.PROFILES[0],
        store: Store | str | None = None,
        faults: Iterable[Fault] = (),
        magic_prompts: bool = True,
        public_url: str | None = None,
    ) -> None:
        self.timing = timing
        self.clock = clock or Clock()
        self.seed = SystemRandom().getrandbits(32) if seed is None else seed
        self.region = region
        self.api_keys = api_keys
        self.validation = validation
        self.rate_limits = rate_limits
        self.profile = profile
        self.magic_prompts = magic_prompts
        self.public_url = public_url
        self.store = open_store(store) if isinstance(store, str) else store or MemoryStore()
        self._rates = RateWindows()
        self.faults = Faults(faults)
        self.requests = Journal()
        self.tasks = Tasks(self.store, self.clock)
        self.ledger = Ledger(self.store.tasks)
        self._begin()

    def __repr__(self) -> str:
        return f"<Simulator {self.region} {self.timing} seed={self.seed} {self.store!r}>"

    # --- what a test does by hand --------------------------------------------------------------

    def _begin(self) -> None:
        # Tasks and requests draw from generators of their own, so that how often an application
        # polls changes no later task's id or seed.
        self._task_random = Random(self.seed)
        self._request_random = Random(f"{self.seed}/requests")
        self._submissions: Counter[str] = Counter()
        self._rates.clear()

    def reset(self) -> None:
        """Start over: no tasks, no requests, no faults, the generators at their seed.

        Settings and the clock stay as they are.
        """
        self.store.clear()
        self.requests.clear()
        self.faults.clear()
        self._begin()

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def finish(self, task_id: str) -> None:
        """Let a task succeed now.

        Raises:
            KeyError: if there is no such task.
            IllegalTransition: if it has ended already.
        """
        self._end(task_id, None)

    def fail(self, task_id: str, code: str = errors.INTERNAL_ALGO.code) -> None:
        """Let a task fail now, with one of the service's codes.

        Raises:
            KeyError: if there is no such task.
            ValueError: if there is no such code.
            IllegalTransition: if the task has ended already.
        """
        row = errors.by_code(code)
        self._end(task_id, Failure(row.code, row.message))

    def _end(self, task_id: str, failure: Failure | None) -> None:
        now = self.clock.now()
        self._change(
            task_id, lambda task: _planned(task, lifecycle.finish(task.plan, now, failure))
        )

    def expire_urls(self, task_id: str) -> None:
        """Make every link to a task's images expire now, those given out included.

        Raises:
            KeyError: if there is no such task.
        """
        self._change(task_id, lambda task: msgspec.structs.replace(task, links_cut=True))

    def _change(self, task_id: str, change: Change) -> None:
        if self.store.update(task_id, change) is None:
            raise KeyError(f"no task has the id {task_id!r}; there are {len(self.tasks)}")

    # --- requests ------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """The answer to one request, noted in the journal."""
        request_id = responses.request_id(self._request_random.getrandbits(128))
        call = _Call(request, self.clock.now(), request_id)
        try:
            response, code = self._answer(call), None
        except Refusal as refusal:
            response, code = self._refused(call, refusal), refusal.code
        except ConnectionLost:
            self.requests.add(call.entry(None, None))
            raise
        self.requests.add(call.entry(response.status, code))
        return response

    def _refused(self, call: _Call, refusal: Refusal) -> Response:
        kind = "task" if call.operation in ("query", "cancel", "list") else "gateway"
        body = responses.refused(refusal, call.request_id, kind=kind)
        return responses.answer(body, call.now, status=refusal.status, kind=kind)

    def _answer(self, call: _Call) -> Response:
        found = routes.route(call.request)
        call.operation = found.operation
        if found.operation == "image":
            lost = self._strike(call)
            response = oss.respond(
                call.request, found.bucket, found.key, call.now, partial(pictures.find, self.store)
            )
        else:
            region = routes.region_of(call.request, self.region)
            key = authenticate(call.request, region, self.api_keys)
            if found.operation == "create":
                return self._create(call, region, key)
            call.task_id = found.task_id or None
            lost = self._strike(call)
            self._limit(f"{key} tasks", TASK_QUERIES, call)
            operations = {"query": self._query, "cancel": self._cancel, "list": self._list}
            response = operations[found.operation](call, region)
        if lost:
            raise ConnectionLost(call.operation)
        return response

    def _strike(self, call: _Call) -> bool:
        """Whether the answer is to be lost; a fault that refuses is raised."""
        fault = self.faults.strike(call.operation, model=call.model, prompt=call.prompt)
        if fault and fault.code:
            raise Refusal(errors.by_code(fault.code))
        return bool(fault and fault.lost_response)

    def _limit(self, name: str, limit: int, call: _Call) -> None:
        if self.rate_limits:
            self._rates.enter(name, limit, call.now)

    # --- create --------------------------------------------------------------------------------

    def _create(self, call: _Call, region: Region, key: str) -> Response:
        if call.request.headers.get("x-dashscope-async", "").lower() != "enable":
            raise Refusal(errors.NO_ASYNC_HEADER)
        if "json" not in call.request.headers.get("content-type", "").lower():
            raise Refusal(errors.NOT_JSON)
        body = requests.decode(call.request.body)
        call.model = body.model or ""
        call.prompt = (body.input and body.input.prompt) or ""
        model = requests.find_model(body, self._catalogue, region)
        script = magic.parse(call.prompt) if self.magic_prompts else magic.NOTHING
        problem = requests.problem(body, model)
        if problem and self.validation == "submit":
            raise problem
        lost = self._strike(call)
        lost = self._perform(script, call.prompt) or lost
        self._limit(f"{key} {model.name}", model.rate, call)
        order = requests.order(body, model)
        task = self._accept(call, region, order, model.price[region], script, problem)
        if lost:
            raise ConnectionLost(call.operation)
        return responses.answer(responses.created(task), call.now, kind="gateway")

    def _perform(self, script: magic.Script, prompt: str) -> bool:
        """Refuse as the prompt's script asks; whether it asks for the answer to be lost."""
        if script is magic.NOTHING:
            return False
        self._submissions[prompt] += 1
        if self._submissions[prompt] <= script.throttle:
            raise Refusal(errors.RATE_QUOTA)
        if script.moderation:
            raise Refusal(errors.INPUT_REJECTED)
        return script.lost_response and self._submissions[prompt] == script.throttle + 1

    def _accept(
        self,
        call: _Call,
        region: Region,
        order: requests.Order,
        price: Decimal,
        script: magic.Script,
        problem: Refusal | None,
    ) -> Task:
        plan = new_plan(
            call.now,
            order,
            timing=self.timing,
            rng=self._task_random,
            script=script,
            problem=problem,
        )
        while True:
            bits, seed = self._task_random.getrandbits(128), self._task_random.getrandbits(31)
            task = Task(
                task_id=responses.task_id(bits),
                request_id=call.request_id,
                region=region,
                order=order,
                seed=seed if order.seed is None else order.seed,
                plan=plan,
                price=price,
            )
            # A store that outlived its process holds the ids that this seed draws first.
            if self.store.add(task):
                call.task_id, call.task_status = task.task_id, Status.PENDING
                return task

    # --- query, list, cancel -------------------------------------------------------------------

    def _query(self, call: _Call, region: Region) -> Response:
        task = self._find(call.task_id or "", region)
        if task is None:
            call.task_status = Status.UNKNOWN
            body = responses.unknown(call.task_id or "", call.request_id)
            return responses.answer(body, call.now)
        if not task.plan.settled:
            change = lambda task: _planned(task, lifecycle.polled(task.plan, call.now))  # noqa: E731
            task = self.store.update(task.task_id, change) or task
        call.task_status = task.status(call.now)
        body = responses.queried(task, call.now, call.request_id, self._linker(call.request, task))
        return responses.answer(body, call.now)

    def _find(self, task_id: str, region: Region) -> Task | None:
        task = self.store.get(task_id)
        return task if task and task.region is region else None

    def _linker(self, request: Request, task: Task) -> Callable[[int], str]:
        ended = task.plan.ended or 0.0

        def link(index: int) -> str:
            key = links.object_key(task.task_id, index, ended)
            return links.link(request, task.region, key, ended, public_url=self.public_url)

        return link

    def _cancel(self, call: _Call, region: Region) -> Response:
        if self._find(call.task_id or "", region) is None:
            raise Refusal(errors.CANCEL_REFUSED)
        try:
            self._change(
                call.task_id or "",
                lambda task: _planned(task, lifecycle.cancel(task.plan, call.now)),
            )
        except lifecycle.IllegalTransition:
            raise Refusal(errors.CANCEL_REFUSED) from None
        call.task_status = Status.CANCELED
        return responses.answer(responses.canceled(call.request_id), call.now)

    def _list(self, call: _Call, region: Region) -> Response:
        wanted = listing.Filter.read(call.request.parameters, call.now)
        found = [task for task in self.store.tasks() if task.region is region]
        found = [task for task in reversed(found) if wanted.admits(task, call.now)]
        return responses.answer(
            responses.listed(found, call.now, call.request_id, page=wanted.page, size=wanted.size),
            call.now,
        )


def _planned(task: Task, plan: Plan) -> Task:
    return msgspec.structs.replace(task, plan=plan)
