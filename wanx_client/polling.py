"""Patience: how long to wait, how often to ask, what to ask again.

Time here is what has passed *or* what was slept, whichever is more, so that a client whose sleep is
simulated runs into its deadline as a real one does.
"""

from __future__ import annotations

from itertools import chain, repeat
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from wanx_client.effects import Operation, Pause, Tell
from wanx_client.errors import (
    ConnectionFailedError,
    RateLimitError,
    ResponseFormatError,
    ServiceError,
    WaitTimeoutError,
    WanxError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wanx_client.models import Task

T = TypeVar("T")

LONGEST_BACKOFF = 8.0
LONGEST_RETRY_AFTER = 60.0
SHORTEST_REQUEST_TIMEOUT = 5.0
TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

# Sums of floats end a hair short of the limit; a pause of a nanosecond is no pause.
_HAIR = 1e-6


class Deadline:
    """A limit in seconds, from now on. None is no limit."""

    def __init__(self, seconds: float | None, *, now: Callable[[], float] = monotonic) -> None:
        self._limit = inf if seconds is None else seconds
        self._now = now
        self._began = now()
        self._slept = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds gone by: on the clock or in pauses, whichever is more."""
        return max(self._now() - self._began, self._slept)

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self._limit - self.elapsed < _HAIR

    def pause(self, seconds: float) -> Operation[None]:
        """Pause, but never beyond the limit."""
        seconds = max(0.0, min(seconds, self._limit - self.elapsed))
        self._slept += seconds
        yield Pause(seconds=seconds)

    def request_timeout(self, usual: float) -> float:
        """Return the timeout for a request, so that one hanging answer can't eat the limit."""
        return min(usual, max(self._limit - self.elapsed, SHORTEST_REQUEST_TIMEOUT))


def backoff(retries: int) -> Iterator[float]:
    """Yield the pause before each retry: 0.5, 1, 2, 4, 8, 8 … seconds."""
    return (min(0.5 * 2**attempt, LONGEST_BACKOFF) for attempt in range(retries))


def may_repeat(error: WanxError) -> bool:
    """Whether a request that changes nothing is worth sending again after this error."""
    if isinstance(error, ServiceError):
        return error.http_status in TRANSIENT_STATUSES
    # While an answer is still being decoded, a format error means a gateway's page in its place.
    return isinstance(error, ConnectionFailedError | RateLimitError | ResponseFormatError)


def was_not_accepted(error: WanxError) -> bool:
    """Whether a request that creates or changes something certainly had no effect.

    That is so when it never left (no connection), and when it was throttled. It is the only case in
    which such a request may be sent again: the service knows no idempotency key.
    """
    if isinstance(error, ConnectionFailedError):
        return not error.sent
    return isinstance(error, RateLimitError)


def persistently(
    attempt: Callable[[], Operation[T]],
    *,
    retries: int,
    deadline: Deadline,
    worth_it: Callable[[WanxError], bool] = may_repeat,
) -> Operation[T]:
    """Make an attempt, and again after a growing pause while its error is worth it."""
    for delay in chain(backoff(retries), repeat(None)):
        try:
            return (yield from attempt())
        except WanxError as error:
            if delay is None or deadline.over or not worth_it(error):
                raise
            asked = error.retry_after
        yield from deadline.pause(delay if asked is None else min(asked, LONGEST_RETRY_AFTER))
    raise AssertionError("unreachable: the last attempt returns or raises")


def until_terminal(
    poll: Callable[[], Operation[Task]],
    last: Task | None,
    *,
    task_id: str,
    poll_interval: float,
    deadline: Deadline,
    on_update: Callable[[Task], object] | None,
) -> Operation[Task]:
    """Poll at once, then every *poll_interval* seconds, and a last time at the deadline."""
    while True:
        try:
            last = yield from poll()
        except WanxError as error:
            if deadline.over and may_repeat(error):
                raise _timed_out(task_id, last, deadline) from error
            raise
        if on_update is not None:
            yield Tell(callback=on_update, task=last)
        if last.status.terminal:
            return last
        if deadline.over:
            raise _timed_out(task_id, last, deadline)
        yield from deadline.pause(poll_interval)


def _timed_out(task_id: str, last: Task | None, deadline: Deadline) -> WaitTimeoutError:
    state = f"still {last.status}" if last else "not seen"
    return WaitTimeoutError(
        f"Task {task_id} was {state} after {deadline.elapsed:.0f} s. It goes on without you:"
        " wait for it again, by its id.",
        task=last,
        task_id=task_id,
        request_id=last.request_id if last else None,
    )
