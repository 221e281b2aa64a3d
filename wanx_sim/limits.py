"""The limits of an account, enforced on the simulator's clock: rates, running tasks, quota.

Rates are counted in this process. What runs and what waits follows from the tasks in the store,
so it holds across restarts and for several processes on one store.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from threading import Lock

import msgspec

from .account import of_queue
from .protocol import errors, queue
from .protocol.catalogue import Catalogue, Model
from .protocol.errors import Refusal
from .protocol.lifecycle import Plan
from .protocol.task import Task
from .settings import Settings
from .stores import Store

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

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._rates = RateWindows()

    def clear(self) -> None:
        """Forget what was counted."""
        self._rates.clear()

    def query(self, account: str, now: float) -> None:
        """Count a query, a list or a cancel; raises `Refusal`."""
        if self._settings.rate_limits:
            self._rates.enter(f"{account} tasks", TASK_QUERIES, now)

    def create(self, account: str, model: Model, images: int, now: float) -> None:
        """Admit a create of so many images; raises `Refusal`."""
        state = self._settings.account
        used = self._used(account, model.name) if state.free_tier_only else 0
        state.check(model, images, used)
        if not self._settings.rate_limits:
            return
        self._rates.enter(f"{account} {model.name}", model.rate, now)
        ahead = self._ahead(account, model, now) if state.over_running == "refuse" else []
        if len(ahead) >= model.running:
            raise Refusal(errors.RATE_QUOTA)

    def place(self, plan: Plan, account: str, model: Model, now: float) -> Plan:
        """A new task's plan, behind the tasks of its account that are ahead of it."""
        if not self._settings.rate_limits:
            return plan
        return queue.place(plan, self._ahead(account, model, now), model.running, now)

    def move_up(self, ended: Task, catalogue: Catalogue, now: float) -> None:
        """Place those anew that waited behind a task which ended otherwise than planned."""
        model = catalogue.find(ended.order.model, ended.region)
        if not self._settings.rate_limits or model is None:
            return
        tasks = of_queue(self._store.tasks(), ended.account, model.name)
        plans = queue.replace_all([task.plan for task in tasks], model.running, now)
        for task, plan in zip(tasks, plans, strict=True):
            if plan != task.plan:
                self._store.update(task.task_id, partial(with_plan, plan=plan))

    def _ahead(self, account: str, model: Model, now: float) -> list[Plan]:
        plans = (task.plan for task in of_queue(self._store.tasks(), account, model.name))
        return queue.waiting_or_running(plans, now)

    def _used(self, account: str, model: str) -> int:
        return sum(task.good_images for task in of_queue(self._store.tasks(), account, model))


def with_plan(task: Task, plan: Plan) -> Task:
    """The task with another plan."""
    return msgspec.structs.replace(task, plan=plan)
