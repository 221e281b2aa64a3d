"""The simulator: the protocol over a store, a clock, faults, a journal and a ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from inspect import signature
from random import Random, SystemRandom
from typing import TYPE_CHECKING

import msgspec

from . import sessions
from .account import Account
from .answering import Answers
from .clock import Clock
from .faults import Fault, Faults
from .journal import Journal
from .ledger import Ledger
from .limits import Limits, with_plan
from .protocol import catalogue, errors, lifecycle
from .protocol.catalogue import Region
from .protocol.errors import Refusal
from .protocol.lifecycle import Failure, Plan
from .protocol.links import ResultHosts
from .protocol.responses import FailedShape
from .protocol.task import Task
from .protocol.timing import Timing
from .service import Service
from .settings import Settings, Validation
from .stores import Change, Store, open_store
from .stores.memory import MemoryStore
from .tasks import Tasks
from .testing import assertions
from .wire import Request, Response

if TYPE_CHECKING:
    from .testing.etiquette import Finding


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
        store: a `Store`, or a URL for `open_store`; default ``memory://``. It keeps the newest
            1,000,000 tasks unless it was opened to keep another number.
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
        self.limits = Limits(self, self.store)
        self.faults = Faults(faults)
        self.requests = Journal()
        self.tasks = Tasks(self.store, self.clock, self.requests)
        self.ledger = Ledger(self.store)
        self.sessions = sessions.Sessions(self._new_session)
        self.session_name: str | None = None
        self._answers = Answers(self)
        self._begin()

    def __repr__(self) -> str:
        return f"<Simulator {self.region} {self.timing} seed={self.seed} {self.store!r}>"

    # --- what a test does by hand --------------------------------------------------------------

    def _begin(self) -> None:
        # Tasks and requests draw from generators of their own, so that how often an application
        # polls changes no later task's id or seed.
        self.task_random = Random(self.seed)
        self.request_random = Random(f"{self.seed}/requests")
        self.faults.rewind(self.seed)
        self.limits.clear()

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

    def meant(self, name: str | None) -> Simulator:
        """The simulator that a request is about: the session of a name, or this one without it."""
        return self if name is None else self.session(name)

    def _new_session(self, name: str) -> Simulator:
        settings = {setting: getattr(self, setting) for setting in SETTINGS}
        store = sessions.SessionStore(self.store)
        simulator = Simulator(clock=copy(self.clock), store=store, **settings)
        simulator.sessions, simulator.session_name = self.sessions, name
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
        self.replan(task_id, lambda plan: lifecycle.finish(plan, now, failure))

    def expire_urls(self, task_id: str) -> None:
        """Make every link to a task's images expire now, those given out included.

        Raises:
            KeyError: if there is no such task.
        """
        self._change(task_id, lambda task: msgspec.structs.replace(task, links_cut=True))

    def _change(self, task_id: str, change: Change) -> Task:
        task = self.store.update(task_id, change, self.clock.now())
        if task is None:
            raise KeyError(self.tasks.missing(task_id))
        return task

    def link(self, task: Task, index: int, request: Request) -> str:
        """The link to one image of a task that has succeeded, as a poll by that request gives it.

        Nothing is noted, and nothing counts as a poll.
        """
        return self._answers.linker(request, task)(index)

    def replan(self, task_id: str, change: Callable[[Plan], Plan]) -> Task:
        """Change a task's plan; those that wait behind it move up if it ended by that."""
        now = self.clock.now()
        task = self._change(task_id, lambda task: with_plan(task, change(task.plan)))
        if task.status(now).terminal:
            self.limits.move_up(task, self.catalogue, now)
        return task

    # --- what a test says of the application -----------------------------------------------------

    def assert_no_duplicate_submits(self) -> None:
        """Fail, with the journal, if a request for a picture was accepted twice.

        Two are the same if model, prompts and parameters are, defaults filled in; a seed that was
        not given is the same as another that was not.

        Raises:
            AssertionError: with what was ordered twice, and what it costs.
        """
        __tracebackhide__ = True
        assertions.no_duplicate_submits(self)

    def assert_polls_at_most(self, n: int, *, task_id: str | None = None) -> None:
        """Fail, with the journal, if a task was polled more than *n* times.

        Args:
            n: how many polls are fine.
            task_id: whose; of every task for itself, by default.

        Raises:
            AssertionError: with each task that was polled more often.
        """
        __tracebackhide__ = True
        assertions.polls_at_most(self, n, task_id)

    def assert_all_downloaded(self) -> None:
        """Fail, with the journal, if a picture that a task delivered was not fetched.

        Raises:
            AssertionError: with each task that has such a picture.
        """
        __tracebackhide__ = True
        assertions.all_downloaded(self)

    def check_etiquette(self) -> list[Finding]:
        """What the application did so far that the real service, or its bill, would not forgive.

        Polling faster than the service allows or after the end, no wait after a 429, no deadline,
        pictures never fetched, a create repeated after a failure that says nothing.
        """
        from .testing import etiquette  # noqa: PLC0415 - few are asked, and no server is

        return etiquette.check(self)

    # --- requests ------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """The answer to one request, of this simulator or of the session that it names."""
        name = sessions.asked(request)
        if name is None:
            return self._answers.handle(request)
        try:
            session = self.session(name)
        except ValueError as error:
            return self._answers.refuse(request, Refusal(errors.INVALID_PARAMETER, str(error)))
        return session._answers.handle(request)  # noqa: SLF001 - it is one of us


SETTINGS = tuple(signature(Simulator).parameters.keys() - {"clock", "store", "faults"})
"""Every argument but the state: what a session takes over from the simulator it belongs to."""
