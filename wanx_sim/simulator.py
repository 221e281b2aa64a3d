"""The simulator: the protocol over a store, a clock, faults, a journal and a ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from inspect import signature
from random import Random, SystemRandom

import msgspec

from . import magic, pictures, sessions
from .access import authenticate
from .account import Account, fingerprint
from .clock import Clock
from .faults import Fault, Faults
from .faults.strike import Strike
from .faults.subject import Subject, of_create, of_task
from .journal import Entry, Journal
from .ledger import Ledger
from .limits import Limits, with_plan
from .planning import new_plan
from .protocol import catalogue, errors, lifecycle, links, listing, oss, requests, responses, routes
from .protocol.catalogue import Region
from .protocol.dialects import Kind
from .protocol.errors import Refusal
from .protocol.lifecycle import Failure, Plan, Status
from .protocol.links import ResultHosts
from .protocol.responses import FailedShape
from .protocol.task import Task
from .protocol.timing import Timing
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
    body: requests.Body | None = None
    task: Task | None = None
    subject: Subject | None = None
    strike: Strike | None = None

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
        rate_limits: whether the service's limits are enforced: creates a second, queries a
            second, and tasks that run at a time (`Account.over_running`).
        account: the state of the accounts: arrears, free tier, granted models (`Account`).
        faults: faults armed from the start, each a `Fault` or a preset by its name
            (``lost-response``).
        magic_prompts: whether marks such as ``[[fail:CODE]]`` in a prompt script its outcome.
        public_url: where links begin, if not at the host that a request asked.
        help_links: whether messages of errors end in a link to the service's error page, as
            they do since about mid-2025; default no.
        failed_shape: what an answer about a FAILED task holds beside code and message: ``full``
            (times and metrics, the default), ``metrics`` or ``plain``: all were seen.
        result_hosts: where links lead: ``region`` (one host of the region, the default),
            ``spread`` (any host of its white-list) or ``accelerate`` (hosts off that list).

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
        account: Account | None = None,
        faults: Iterable[Fault | str] | Fault | str = (),
        magic_prompts: bool = True,
        public_url: str | None = None,
        help_links: bool = False,
        failed_shape: FailedShape = "full",
        result_hosts: ResultHosts = "region",
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
        self.help_links = help_links
        self.failed_shape = failed_shape
        self.result_hosts = result_hosts
        self.store = open_store(store) if isinstance(store, str) else store or MemoryStore()
        self.account = account or Account()
        self._limits = Limits(self, self.store)
        self.faults = Faults(faults)
        self.requests = Journal()
        self.tasks = Tasks(self.store, self.clock)
        self.ledger = Ledger(self.store.tasks)
        self.sessions = sessions.Sessions(self._new_session)
        self._session: str | None = None
        self._begin()

    def __repr__(self) -> str:
        return f"<Simulator {self.region} {self.timing} seed={self.seed} {self.store!r}>"

    # --- what a test does by hand --------------------------------------------------------------

    def _begin(self) -> None:
        # Tasks and requests draw from generators of their own, so that how often an application
        # polls changes no later task's id or seed.
        self._task_random = Random(self.seed)
        self._request_random = Random(f"{self.seed}/requests")
        self.faults.rewind(self.seed)
        self._limits.clear()

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

    def session(self, name: str) -> Simulator:
        """The simulator that requests with the header ``X-Wanx-Session: NAME`` are answered by.

        Use it for testers that share one server: each has tasks, faults, a clock, a journal and
        a ledger of its own. One is made when it is first named, with the settings that this
        simulator has then, its clock's time and speed, no faults, and its tasks in memory.

        Raises:
            ValueError: for a name that is not 1 to 64 of ``A-Z a-z 0-9 . _ -``.
        """
        return self.sessions[name]

    def _new_session(self, name: str) -> Simulator:
        settings = {setting: getattr(self, setting) for setting in _SETTINGS}
        store = sessions.SessionStore(self.store)
        simulator = Simulator(clock=copy(self.clock), store=store, **settings)
        simulator.sessions, simulator._session = self.sessions, name
        return simulator

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
        self._replan(task_id, lambda plan: lifecycle.finish(plan, now, failure))

    def expire_urls(self, task_id: str) -> None:
        """Make every link to a task's images expire now, those given out included.

        Raises:
            KeyError: if there is no such task.
        """
        self._change(task_id, lambda task: msgspec.structs.replace(task, links_cut=True))

    def _change(self, task_id: str, change: Change) -> Task:
        task = self.store.update(task_id, change)
        if task is None:
            raise KeyError(f"no task has the id {task_id!r}; there are {len(self.tasks)}")
        return task

    def _replan(self, task_id: str, change: Callable[[Plan], Plan]) -> Task:
        """Change a task's plan; those that wait behind it move up if it ended by that."""
        now = self.clock.now()
        with self.store.exclusively():
            task = self._change(task_id, lambda task: with_plan(task, change(task.plan)))
            if task.status(now).terminal:
                self._limits.move_up(task, self._catalogue, now)
        return task

    # --- requests ------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """The answer to one request, of this simulator or of the session that it names."""
        name = sessions.asked(request)
        if name is None:
            return self._handle(request)
        try:
            session = self.session(name)
        except ValueError as error:
            return self._refused(self._call(request), Refusal(errors.INVALID_PARAMETER, str(error)))
        return session._handle(request)  # noqa: SLF001 - it is one of us

    def _call(self, request: Request) -> _Call:
        request_id = responses.request_id(self._request_random.getrandbits(128))
        return _Call(request, self.clock.now(), request_id)

    def _handle(self, request: Request) -> Response:
        """The answer to one request, noted in the journal."""
        call = self._call(request)
        try:
            try:
                response, code = self._answer(call), None
            except Refusal as refusal:
                response, code = self._refused(call, refusal), refusal.code
            if call.strike:
                response = call.strike.answered(response)
        except ConnectionLost:
            self.requests.add(call.entry(None, None))
            raise
        self.requests.add(call.entry(response.status, code))
        return response

    def _refused(self, call: _Call, refusal: Refusal) -> Response:
        kind = responses.kind_of(call.operation, refusal.status)
        region = routes.region_of(call.request, self.region)
        message = refusal.worded(region, help_links=self.help_links)
        body = responses.refused(
            refusal, call.request_id, kind=kind, message=message, dialect=self._dialect
        )
        return self._sent(call, body, status=refusal.status, kind=kind)

    def _sent(
        self, call: _Call, body: responses.Body, *, status: int = 200, kind: Kind = "task"
    ) -> Response:
        return responses.answer(body, call.now, status=status, kind=kind, dialect=self._dialect)

    def _answer(self, call: _Call) -> Response:
        found = routes.route(call.request)
        call.operation = found.operation
        if (early := self._arrived(call, found)) is not None:
            return early
        if found.operation == "image":
            return self._image(call, found)
        region = routes.region_of(call.request, self.region)
        key = authenticate(call.request, region, self.api_keys)
        if found.operation == "create":
            return self._create(call, region, key)
        call.task_id = found.task_id or None
        self._strike(call)
        self._limits.query(fingerprint(key), call.now)
        operations = {"query": self._query, "cancel": self._cancel, "list": self._list}
        return operations[found.operation](call, region)

    # --- faults --------------------------------------------------------------------------------

    def _arrived(self, call: _Call, found: routes.Route) -> Response | None:
        """Choose the fault that strikes a request; an answer if one comes before the service's."""
        if not self.faults and not self.magic_prompts:
            return None
        call.subject = self._subject(call, found)
        scripted = self._scripted(call.subject)
        armed = self.faults.take(call.subject, scripted=scripted)
        if armed is None:
            return None
        call.strike = Strike(armed, self.faults, self.clock)
        return call.strike.arrived()

    def _subject(self, call: _Call, found: routes.Route) -> Subject:
        if found.operation == "create":
            with suppress(Refusal):
                call.body = requests.decode(call.request.body)
            return of_create(call.request, call.body)
        task_id = found.task_id or links.task_id_of(found.key)
        call.task = self.store.get(task_id) if task_id else None
        return of_task(found.operation, call.request, task_id, call.task)

    def _scripted(self, subject: Subject) -> list[Fault]:
        if not self.magic_prompts or "[[" not in subject.prompt:
            return []
        with suppress(Refusal):
            return [
                fault
                for fault in magic.parse(subject.prompt)
                if fault.on in (subject.operation, "any")
            ]
        return []

    def _strike(self, call: _Call) -> None:
        """Let the chosen fault strike a request that is good; raises `Refusal` if it refuses."""
        if call.strike is None:
            return
        call.strike.found_good()
        if call.strike.fault.finish:
            with suppress(KeyError, lifecycle.IllegalTransition):
                self.finish(call.task_id or "")

    def _outcomes(self, call: _Call) -> list[Fault]:
        """The faults of the task that a create makes; the prompt's own have the last word."""
        if call.subject is None:
            return []
        armed = self.faults.take(call.subject, outcome=True)
        scripted = [fault for fault in self._scripted(call.subject) if fault.outcome]
        return [armed.fault, *scripted] if armed else scripted

    # --- image ---------------------------------------------------------------------------------

    def _image(self, call: _Call, found: routes.Route) -> Response:
        self._strike(call)
        find: oss.Find = partial(pictures.find, self.store)
        if call.strike and call.strike.fault.picture:
            find = pictures.troubled(find, call.strike.fault.picture)
        return oss.respond(call.request, found.bucket, found.key, call.now, find)

    # --- create --------------------------------------------------------------------------------

    def _create(self, call: _Call, region: Region, key: str) -> Response:
        if call.request.headers.get("x-dashscope-async", "").lower() != "enable":
            raise Refusal(errors.NO_ASYNC_HEADER)
        if "json" not in call.request.headers.get("content-type", "").lower():
            raise Refusal(errors.NOT_JSON)
        body = call.body or requests.decode(call.request.body)
        call.model = body.model or ""
        call.prompt = (body.input and body.input.prompt) or ""
        model = requests.find_model(body, self._catalogue, region)
        if self.magic_prompts:
            magic.parse(call.prompt)  # a misspelt mark is refused
        problem = requests.problem(body, model)
        if problem and self.validation == "submit":
            raise problem
        self._strike(call)
        order = requests.order(body, model)
        with self.store.exclusively():
            account = fingerprint(key)
            self._limits.create(account, model, order.n, call.now)
            # Drawn only now, so that a throttled create changes no later task.
            plan = new_plan(
                call.now,
                order,
                timing=self.timing,
                rng=self._task_random,
                outcomes=self._outcomes(call),
                problem=problem,
            )
            plan = self._limits.place(plan, account, model, call.now)
            task = self._accept(call, region, order, plan, account, model.price[region])
        return self._sent(call, responses.created(task, self._dialect), kind="gateway")

    def _accept(
        self,
        call: _Call,
        region: Region,
        order: requests.Order,
        plan: Plan,
        account: str,
        price: Decimal,
    ) -> Task:
        while True:
            bits, seed = self._task_random.getrandbits(128), self._task_random.getrandbits(31)
            task = Task(
                task_id=responses.task_id(bits),
                request_id=call.request_id,
                region=region,
                order=order,
                seed=seed if order.seed is None else order.seed,
                plan=plan,
                account=account,
                price=price,
            )
            # A store that outlived its process holds the ids that this seed draws first.
            if self.store.add(task):
                call.task_id, call.task_status = task.task_id, Status.PENDING
                return task

    # --- query, list, cancel -------------------------------------------------------------------

    def _query(self, call: _Call, region: Region) -> Response:
        task = self._find(call, region)
        if task is None:
            call.task_status = Status.UNKNOWN
            return self._sent(call, responses.unknown(call.task_id or "", call.request_id))
        if not task.plan.settled:
            task = self._replan(task.task_id, lambda plan: lifecycle.polled(plan, call.now))
        call.task_status = task.status(call.now)
        link = self._linker(call.request, task)
        body = responses.queried(task, call.now, call.request_id, link, self.failed_shape)
        return self._sent(call, body)

    def _find(self, call: _Call, region: Region) -> Task | None:
        task = call.task or self.store.get(call.task_id or "")
        return task if task and task.region is region else None

    def _linker(self, request: Request, task: Task) -> Callable[[int], str]:
        ended = task.plan.ended or 0.0

        def link(index: int) -> str:
            key = links.object_key(task.task_id, index, ended)
            url = links.link(
                request,
                task.region,
                key,
                ended,
                public_url=self.public_url,
                hosts=self.result_hosts,
            )
            return sessions.linked(url, self._session)

        return link

    def _cancel(self, call: _Call, region: Region) -> Response:
        if self._find(call, region) is None:
            raise Refusal(errors.CANCEL_REFUSED)
        try:
            self._replan(call.task_id or "", lambda plan: lifecycle.cancel(plan, call.now))
        except lifecycle.IllegalTransition:
            raise Refusal(errors.CANCEL_REFUSED) from None
        call.task_status = Status.CANCELED
        return self._sent(call, responses.canceled(call.request_id))

    def _list(self, call: _Call, region: Region) -> Response:
        wanted = listing.Filter.read(call.request.parameters, call.now)
        found = [task for task in self.store.tasks() if task.region is region]
        found = [task for task in reversed(found) if wanted.admits(task, call.now)]
        page, size = wanted.page, wanted.size
        body = responses.listed(found, call.now, call.request_id, page=page, size=size)
        return self._sent(call, body)


# Every argument but the state: what a session takes over from the simulator that it belongs to.
_SETTINGS = tuple(signature(Simulator).parameters.keys() - {"clock", "store", "faults"})
