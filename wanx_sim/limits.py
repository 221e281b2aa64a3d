"""The limits of an account, enforced on the simulator's clock: rates, running tasks, quota.

What runs and what waits follows from the tasks in the store, so it holds across restarts and for
several processes on one store. Rates are counted where the simulator says: in this process, or
for all that are one server.
"""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from threading import Lock

import msgspec

from .protocol import errors, queue
from .protocol.catalogue import Catalogue, Model
from .protocol.errors import Refusal
from .protocol.lifecycle import Plan
from .protocol.queue import Line
from .protocol.task import Task
from .settings import Settings
from .stores import Store
from .stores.index import queue_of

TASK_QUERIES = 20
"""Queries, lists and cancels a second, together [documented: task-management page]."""


class RateWindows:
    """One sliding second for each thing that is limited."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {}
        self._lock = Lock()

    def enter(self, name: str, limit: int, now: float) -> None:
        """Count one request; raises `Refusal` (429) if the last second already holds ``limit``."""
        with self._lock:
            seen = self._seen.setdefault(name, deque())
            while seen and seen[0] <= now - 1.0:
                seen.popleft()
            if len(seen) >= limit:
                raise Refusal(errors.RATE_QUOTA)
            seen.append(now)

    def clear(self) -> None:
        """Forget what was counted."""
        with self._lock:
            self._seen.clear()


class Limits:
    """What the settings of a simulator let an account do."""

    def __init__(self, settings: Settings, store: Store, rates: RateWindows | None = None) -> None:
        self._settings, self._store = settings, store
        self._rates = rates or RateWindows()

    def clear(self) -> None:
        """Forget what was counted."""
        self._rates.clear()

    def query(self, account: str, now: float) -> None:
        """Count a query, a list or a cancel; raises `Refusal`."""
        if self._settings.rate_limits:
            self._rates.enter(f"{account} tasks", TASK_QUERIES, now)

    def turn(self, account: str, model: Model) -> AbstractContextManager[object]:
        """The block in which a create is admitted and placed: one at a time, where it matters."""
        if self._settings.rate_limits or self._settings.account.free_tier_only:
            return self._store.exclusively(queue_of(account, model.name))
        return nullcontext()

    def create(self, account: str, model: Model, images: int, now: float) -> None:
        """Admit a create of so many images; raises `Refusal`."""
        state = self._settings.account
        used = self._store.images(queue_of(account, model.name)) if state.free_tier_only else 0
        state.check(model, images, used)
        if not self._settings.rate_limits:
            return
        self._rates.enter(f"{account} {model.name}", model.rate, now)
        if state.over_running == "refuse" and self._line(account, model).full(now):
            raise Refusal(errors.RATE_QUOTA)

    def place(self, plan: Plan, account: str, model: Model, now: float) -> Plan:
        """A new task's plan, behind the tasks of its account that are ahead of it."""
        if not self._settings.rate_limits:
            return plan
        return queue.place(plan, self._line(account, model), now)

    def _line(self, account: str, model: Model) -> Line:
        return self._store.line(queue_of(account, model.name), model.running)

    def move_up(self, ended: Task, catalogue: Catalogue, now: float) -> None:
        """Place those anew that waited behind a task which ended otherwise than planned."""
        model = catalogue.find(ended.order.model, ended.region)
        if not self._settings.rate_limits or model is None:
            return
        if not self._line(ended.account, model).waits(now):
            return
        name = queue_of(ended.account, model.name)
        with self._store.exclusively(name):
            tasks = self._store.holders(name, now)
            plans = queue.replace_all([task.plan for task in tasks], model.running, now)
            for task, plan in zip(tasks, plans, strict=True):
                if plan != task.plan:
                    self._store.update(task.task_id, partial(_moved, task.plan, plan), now)


def _moved(before: Plan, after: Plan, task: Task) -> Task:
    """The task with its new place, unless somebody else has changed its plan meanwhile."""
    return with_plan(task, after) if task.plan == before else task


def with_plan(task: Task, plan: Plan) -> Task:
    """The task with another plan."""
    return msgspec.structs.replace(task, plan=plan)
