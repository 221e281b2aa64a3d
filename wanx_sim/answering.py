"""How a simulator answers: one request on its way from its route to its answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from . import magic, pictures, sessions
from .access import authenticate
from .account import fingerprint
from .bodies import LIMIT, Asked, Poll, Said
from .call import Call
from .errors import StoreUnavailableError
from .faults import Fault
from .faults.strike import Strike
from .faults.subject import Subject, of_create, of_task
from .latest import Latest
from .planning import new_plan
from .protocol import errors, lifecycle, links, listing, oss, requests, responses, routes
from .protocol.catalogue import Region
from .protocol.dialects import Kind
from .protocol.errors import ErrorRow, Refusal
from .protocol.lifecycle import Plan, Status
from .protocol.task import Task
from .stores import Page
from .wire import ConnectionLost, Request, Response

if TYPE_CHECKING:
    from .simulator import Simulator


_STORE_GONE = ErrorRow(
    503, "WanxSim.StoreUnavailable", "The simulator's store cannot be reached.",
    "a shared store is gone for a while", "assumed", "ours, in the service's shape",
)  # fmt: skip


class _Call(Call):
    """A request, and what of the simulator it is about."""

    body: requests.Body | None = None
    task: Task | None = None
    subject: Subject | None = None
    strike: Strike | None = None


class Answers:
    """The operations of the service over the state of one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._sim = simulator
        self._polls: Latest[str, Poll] = Latest(LIMIT)
        self._operations = {"query": self._query, "cancel": self._cancel, "list": self._list}

    def _call(self, request: Request) -> _Call:
        request_id = responses.request_id(self._sim.request_random.getrandbits(128))
        return _Call(request, self._sim.clock.now(), request_id)

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """The answer to a request that is refused before anything of it is looked at."""
        return self._refused(self._call(request), refusal)

    def store_gone(self, request: Request, gone: StoreUnavailableError) -> Response:
        """The answer to a request that nothing could be found out about, noted in the journal."""
        call = self._call(request)
        with suppress(Refusal):
            call.operation = routes.route(request).operation
        self._sim.requests.add(call.entry(_STORE_GONE.status, _STORE_GONE.code))
        return self._refused(call, Refusal(_STORE_GONE, str(gone)))

    def handle(self, request: Request) -> Response:
        """The answer to one request, noted in the journal."""
        if (again := self._again(request)) is not None:
            return again
        call = self._call(request)
        try:
            try:
                response, code = self._answer(call), None
            except Refusal as refusal:
                response, code = self._refused(call, refusal), refusal.code
            except StoreUnavailableError as gone:
                response = self._refused(call, Refusal(_STORE_GONE, str(gone)))
                code = _STORE_GONE.code
            if call.strike:
                response = call.strike.answered(response)
        except ConnectionLost:
            self._sim.requests.add(call.entry(None, None))
            raise
        self._sim.requests.add(call.entry(response.status, code))
        return response

    # --- a poll that was answered before ---------------------------------------------------------

    def _again(self, request: Request) -> Response | None:
        """The answer to a poll that only its id and its times tell from an earlier one's."""
        poll, sim = self._polls.get(request.path), self._sim
        if poll is None or poll.settings != sim.changes or sim.faults:
            return None
        keys, now = sim.api_keys, sim.clock.now()
        if not (
            poll.since <= now < poll.until
            and poll.asked == Asked.by(request)
            and (keys is None or keys.get(poll.key) is poll.region)
            and self._stands(poll.task)
        ):
            return None
        sim.requests.add(poll.entry(request, now))
        request_id = responses.request_id(sim.request_random.getrandbits(128))
        return responses.written(poll.said.to(request_id), request_id, now, dialect=sim.dialect)

    def _stands(self, task: Task) -> bool:
        """Whether a task is as it was."""
        try:
            return self._sim.store.get(task.task_id) is task
        except StoreUnavailableError:  # which is answered where all else is
            return False

    def _remember(self, call: _Call, key: str, task: Task, said: Said) -> None:
        """Keep a good poll that changed nothing, if neither a fault nor a limit can strike it."""
        if call.subject is None and not self._sim.rate_limits:
            poll = Poll.of(call.request, key, task, self._sim.changes, call.now, said)
            self._polls.keep(call.request.path, poll)

    # --- answers ---------------------------------------------------------------------------------

    def _refused(self, call: _Call, refusal: Refusal) -> Response:
        if call.operation == "image":
            return oss.refused(call.request, refusal, call.now)
        kind = responses.kind_of(call.operation, refusal.status)
        region = routes.region_of(call.request, self._sim.region)
        message = refusal.worded(region, help_links=self._sim.help_links)
        body = responses.refused(
            refusal, call.request_id, kind=kind, message=message, dialect=self._sim.dialect
        )
        return self._sent(call, body, status=refusal.status, kind=kind)

    def _sent(
        self, call: _Call, body: responses.Body, *, status: int = 200, kind: Kind = "task"
    ) -> Response:
        return responses.answer(body, call.now, status=status, kind=kind, dialect=self._sim.dialect)

    def _answer(self, call: _Call) -> Response:
        found = routes.route(call.request)
        call.operation = found.operation
        call.task_id = found.task_id or (found.key and links.task_id_of(found.key)) or None
        if (early := self._arrived(call)) is not None:
            return early
        if found.operation == "image":
            return self._image(call, found)
        region = routes.region_of(call.request, self._sim.region)
        key = authenticate(call.request, region, self._sim.api_keys)
        if found.operation == "create":
            return self._create(call, region, key)
        self._strike(call)
        self._sim.limits.query(fingerprint(key), call.now)
        return self._operations[found.operation](call, region, key)

    # --- faults --------------------------------------------------------------------------------

    def _arrived(self, call: _Call) -> Response | None:
        """Choose the fault that strikes a request; an answer if one comes before the service's."""
        armed = bool(self._sim.faults)
        if not armed and not self._sim.magic_prompts:
            return None
        prompt = self._look(call)
        if not armed and magic.MARK not in prompt:
            return None
        call.subject = self._subject(call)
        scripted = self._scripted(call.subject)
        taken = self._sim.faults.take(call.subject, scripted=scripted)
        if taken is None:
            return None
        call.strike = Strike(taken, self._sim.faults, self._sim.clock)
        return call.strike.arrived()

    def _look(self, call: _Call) -> str:
        """The prompt that a request is about, if any; what it takes to know is kept."""
        if call.operation != "create":
            call.task = self._sim.store.get(call.task_id) if call.task_id else None
            return call.task.order.prompt if call.task else ""
        with suppress(Refusal):
            call.body = requests.decode(call.request.body)
        return requests.prompt_of(call.body)

    def _subject(self, call: _Call) -> Subject:
        if call.operation == "create":
            return of_create(call.request, call.body)
        return of_task(call.operation, call.request, call.task_id or "", call.task)

    def _scripted(self, subject: Subject) -> list[Fault]:
        if not self._sim.magic_prompts or magic.MARK not in subject.prompt:
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
                self._sim.finish(call.task_id or "")

    def _outcomes(self, call: _Call) -> list[Fault]:
        """The faults of the task that a create makes; the prompt's own have the last word."""
        if call.subject is None:
            return []
        armed = self._sim.faults.take(call.subject, outcome=True)
        scripted = [fault for fault in self._scripted(call.subject) if fault.outcome]
        return [armed.fault, *scripted] if armed else scripted

    # --- image ---------------------------------------------------------------------------------

    def _image(self, call: _Call, found: routes.Route) -> Response:
        self._strike(call)
        find: oss.Find = partial(pictures.find, self._sim.store)
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
        call.prompt = requests.prompt_of(body)
        model = requests.find_model(body, self._sim.catalogue, region)
        if self._sim.magic_prompts:
            magic.parse(call.prompt)  # a misspelt mark is refused
        problem = requests.problem(body, model)
        if problem and self._sim.validation == "submit":
            raise problem
        self._strike(call)
        order = requests.order(body, model)
        account = fingerprint(key)
        with self._sim.limits.turn(account, model):
            self._sim.limits.create(account, model, order.n, call.now)
            # Drawn only now, so that a throttled create changes no later task.
            plan = new_plan(
                call.now,
                order,
                timing=self._sim.timing,
                rng=self._sim.task_random,
                outcomes=self._outcomes(call),
                problem=problem,
            )
            plan = self._sim.limits.place(plan, account, model, call.now)
            task = self._accept(call, region, order, plan, account, model.price[region])
        return self._sent(call, responses.created(task, self._sim.dialect), kind="gateway")

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
            bits, seed = (
                self._sim.task_random.getrandbits(128),
                self._sim.task_random.getrandbits(31),
            )
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
            if self._sim.store.add(task):
                call.task_id, call.task_status = task.task_id, Status.PENDING
                return task

    # --- query, list, cancel -------------------------------------------------------------------

    def _query(self, call: _Call, region: Region, key: str) -> Response:
        task = self._find(call, region)
        settled = task is not None and task.plan.settled
        if task and not settled:
            task = self._polled(task, call.now)
        if task is None:
            call.task_status = Status.UNKNOWN
            return self._sent(call, responses.unknown(call.task_id or "", call.request_id))
        said = self._said(call, task)
        call.task_status = said.status
        if settled:
            self._remember(call, key, task, said)
        return responses.written(
            said.to(call.request_id), call.request_id, call.now, dialect=self._sim.dialect
        )

    def _polled(self, task: Task, now: float) -> Task | None:
        with suppress(KeyError):  # the store may have let go of it just now
            return self._sim.replan(task.task_id, lambda plan: lifecycle.polled(plan, now))
        return None

    def _said(self, call: _Call, task: Task) -> Said:
        link = self.linker(call.request, task)
        body = responses.queried(task, call.now, "", link, self._sim.failed_shape)
        return Said.of(task.status(call.now), body)

    def _find(self, call: _Call, region: Region) -> Task | None:
        task = call.task or self._sim.store.get(call.task_id or "")
        return task if task and task.region is region else None

    def linker(self, request: Request, task: Task) -> Callable[[int], str]:
        """What gives the link to an image of a task, as the answer to a request holds it."""
        ended = task.plan.ended or 0.0

        def link(index: int) -> str:
            key = links.object_key(task.task_id, index, ended)
            url = links.link(
                request,
                task.region,
                key,
                ended,
                public_url=self._sim.public_url,
                hosts=self._sim.result_hosts,
            )
            return sessions.linked(url, self._sim.session_name)

        return link

    def _cancel(self, call: _Call, region: Region, _: str) -> Response:
        if self._find(call, region) is None:
            raise Refusal(errors.CANCEL_REFUSED)
        try:
            self._sim.replan(call.task_id or "", lambda plan: lifecycle.cancel(plan, call.now))
        except (KeyError, lifecycle.IllegalTransition):
            raise Refusal(errors.CANCEL_REFUSED) from None
        call.task_status = Status.CANCELED
        return self._sent(call, responses.canceled(call.request_id))

    def _list(self, call: _Call, region: Region, _: str) -> Response:
        wanted = listing.Filter.read(call.request.parameters, call.now)
        total, rows = self._page(region, wanted, call.now)
        body = responses.listed(
            rows, total, call.now, call.request_id, page=wanted.page, size=wanted.size
        )
        return self._sent(call, body)

    def _page(self, region: Region, wanted: listing.Filter, now: float) -> Page:
        if wanted.task_id is None:
            return self._sim.store.page(region, wanted, now)
        task = self._sim.store.get(wanted.task_id)
        found = [task] if task and task.region is region and wanted.admits(task, now) else []
        return Page(len(found), found[wanted.skip :][: wanted.size])
