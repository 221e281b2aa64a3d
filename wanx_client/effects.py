"""What an operation asks of the world, and the two loops that answer.

Every operation of the client is a plain generator. It *yields* an effect (a request to send, a
pause), and is sent the outcome, or has the error thrown into it. It knows nothing of sync and
async: `run` and `run_async` do, and they are all there is of either. This is the pattern of httpx's
own `auth_flow`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from wanx_client.models import Task

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Send:
    """Send a request; the outcome is the whole response. What could hold a secret isn't shown."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    content: bytes | None = field(default=None, repr=False)

    @property
    def arguments(self) -> dict[str, Any]:
        """The request as the arguments of httpx's `build_request`."""
        return {
            "method": self.method,
            "url": self.url,
            "headers": self.headers,
            "content": self.content,
            "timeout": self.timeout,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """Let some seconds pass."""

    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Tell:
    """Show a task to the caller's callback, which may be a coroutine function if we are async."""

    callback: Callable[[Task], object]
    task: Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """Call a function that blocks, such as one that writes a file; the outcome is its result."""

    function: Callable[[], Any]


Effect: TypeAlias = Send | Pause | Tell | Work
Operation: TypeAlias = Generator[Effect, Any, T]


def run(operation: Operation[T], perform: Callable[[Effect], Any]) -> T:
    """Run an operation to its end, performing each effect it yields."""
    step: Callable[[], Effect] = partial(next, operation)
    while True:
        try:
            effect = step()
        except StopIteration as end:
            result: T = end.value
            return result
        try:
            step = partial(operation.send, perform(effect))
        except BaseException as error:  # noqa: BLE001  # it is the operation's, Ctrl-C included
            step = partial(operation.throw, error)


async def run_async(operation: Operation[T], perform: Callable[[Effect], Awaitable[Any]]) -> T:
    """Run an operation to its end, awaiting each effect it yields."""
    step: Callable[[], Effect] = partial(next, operation)
    while True:
        try:
            effect = step()
        except StopIteration as end:
            result: T = end.value
            return result
        try:
            step = partial(operation.send, await perform(effect))
        except BaseException as error:  # noqa: BLE001  # it is the operation's, cancellation too
            step = partial(operation.throw, error)
