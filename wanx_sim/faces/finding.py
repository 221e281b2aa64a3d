"""Which tasks a filter of ``/_sim/tasks`` finds, asked of the store's index wherever it knows.

A page that is kept open asks once a second: what it asks for may not take longer the more tasks
there are. The index counts and lists all but the tasks that the service has forgotten; of these it
is known how many there are, and reading ends when they have been found. Tasks of two regions that
were submitted at the same instant, as on a frozen clock, may change places when a filter is set.
"""

from __future__ import annotations

from heapq import merge
from itertools import islice

from ..protocol.catalogue import Region
from ..protocol.lifecycle import Status
from ..protocol.listing import Filter
from ..protocol.task import Task
from ..stores import Page, Store
from .messages import TaskFilter

_LATEST = 1e12
"""A moment after all others."""


def find(store: Store, wanted: TaskFilter, now: float) -> Page:
    """How many tasks a filter admits, and the newest of them, newest first."""
    if wanted.model is None and wanted.status is None:
        return Page(store.count(), list(islice(store.tasks(newest_first=True), wanted.limit)))
    known = _remembered(store, wanted, now)
    total = _total(store, wanted, known.total)
    most = min(wanted.limit or total, total)
    if wanted.status is not Status.UNKNOWN and len(known.tasks) >= most:
        return Page(total, known.tasks[:most])
    admitted = (task for task in store.tasks(newest_first=True) if _admits(wanted, task, now))
    return Page(total, list(islice(admitted, most)))


def _remembered(store: Store, wanted: TaskFilter, now: float) -> Page:
    """Those that the service has not forgotten; of UNKNOWN, those of any other status."""
    unknown = wanted.status is Status.UNKNOWN
    query = Filter(
        start=0.0,
        end=_LATEST,
        model=wanted.model,
        status=None if unknown else wanted.status,
        size=1 if unknown else wanted.limit or max(1, store.count()),
    )
    pages = [store.page(region, query, now) for region in Region]
    newest = merge(*(page.tasks for page in pages), key=_submitted, reverse=True)
    return Page(sum(page.total for page in pages), list(newest))


def _submitted(task: Task) -> float:
    return task.plan.submitted


def _total(store: Store, wanted: TaskFilter, known: int) -> int:
    if wanted.status not in (None, Status.UNKNOWN):
        return known
    totals = store.totals()
    models = totals if wanted.model is None else totals.keys() & {wanted.model}
    there = sum(totals[model].tasks - totals[model].dropped for model in models)
    return there if wanted.status is None else there - known


def _admits(wanted: TaskFilter, task: Task, now: float) -> bool:
    return wanted.model in (None, task.order.model) and wanted.status in (None, task.status(now))
