"""What stands in for the functions by which a program waits.

Each looks who called it. For the application's own code it waits on the timeline; for everybody
else, and when no virtual time is in force, it is the original. So it does no harm where a
reference to it is kept for longer than the block that put it there.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar
from weakref import ref

from .callers import blocks_for_real, is_machinery, is_network
from .on_asyncio import soon
from .sleeping import VirtualTime, in_force

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Post = Callable[..., object]

originals: dict[tuple[str, str], Any] = {}
"""What the replacements stand in for, by module and name, as far as its module is imported."""

replacements: dict[tuple[str, str], Any] = {}


def pairs() -> Iterator[tuple[Any, Any]]:
    """Each original with its replacement, of the libraries that are imported."""
    for (module, name), replacement in replacements.items():
        if module in sys.modules:
            yield (
                originals.setdefault((module, name), getattr(sys.modules[module], name)),
                replacement,
            )


def _replaces(module: str, name: str) -> Callable[[F], F]:
    def register(function: F) -> F:
        replacements[module, name] = function
        return function

    return register


def _coroutine_function(function: F) -> F:
    """Let it count as ``async def``, which it cannot be: who called is known only at the call."""
    mark = getattr(inspect, "markcoroutinefunction", None)  # from Python 3.12 on
    if mark:
        mark(function)
    return function


# --- time -------------------------------------------------------------------------------------


@_replaces("time", "sleep")
def time_sleep(seconds: float, /) -> None:
    __tracebackhide__ = True
    virtual = in_force(blocks_for_real)
    if virtual and seconds > 0:
        virtual.timeline.sleep_here(seconds)
    else:
        originals["time", "sleep"](seconds)


# --- asyncio ----------------------------------------------------------------------------------


@_replaces("asyncio", "sleep")
@_coroutine_function
def asyncio_sleep(delay: float, result: Any = None) -> Awaitable[Any]:
    virtual = in_force(is_machinery)
    if virtual and delay > 0:
        return _then(virtual.on_asyncio.sleep(delay), result)
    awaitable: Awaitable[Any] = originals["asyncio", "sleep"](delay, result)
    return awaitable


async def _then(sleep: Awaitable[None], result: T) -> T:
    await sleep
    return result


@_replaces("asyncio", "timeout")
def asyncio_timeout(delay: float | None) -> asyncio.Timeout:
    virtual = in_force(is_network)
    return _timeout(virtual, delay)


def _timeout(virtual: VirtualTime | None, delay: float | None) -> asyncio.Timeout:
    scope: asyncio.Timeout = originals["asyncio", "timeout"](delay)
    if virtual and delay is not None:
        end = partial(_reschedule, ref(scope), scope.when())
        virtual.timeline.deadline(delay, partial(soon, asyncio.get_running_loop(), end))
    return scope


def _reschedule(reference: ref[asyncio.Timeout], planned: float | None) -> None:
    scope = reference()
    if scope and scope.when() == planned:
        with suppress(RuntimeError):  # it is over already
            scope.reschedule(asyncio.get_running_loop().time())


@_replaces("asyncio", "wait_for")
@_coroutine_function
def asyncio_wait_for(fut: Awaitable[T], timeout: float | None) -> Awaitable[T]:
    virtual = in_force(is_network)
    if virtual and timeout is not None and timeout > 0:
        return _wait_for(virtual, fut, timeout)
    awaitable: Awaitable[T] = originals["asyncio", "wait_for"](fut, timeout)
    return awaitable


async def _wait_for(virtual: VirtualTime, awaitable: Awaitable[T], seconds: float) -> T:
    async with _timeout(virtual, seconds):
        return await awaitable


@_replaces("asyncio", "wait")
@_coroutine_function
def asyncio_wait(
    fs: Iterable[asyncio.Future[T]],
    *,
    timeout: float | None = None,
    return_when: str = "ALL_COMPLETED",
) -> Awaitable[tuple[set[asyncio.Future[T]], set[asyncio.Future[T]]]]:
    virtual = in_force(is_network)
    if virtual and timeout is not None:
        return _wait(virtual, set(fs), timeout, return_when)
    awaitable: Awaitable[Any] = originals["asyncio", "wait"](
        fs, timeout=timeout, return_when=return_when
    )
    return awaitable


async def _wait(
    virtual: VirtualTime, futures: set[asyncio.Future[T]], seconds: float, return_when: str
) -> tuple[set[asyncio.Future[T]], set[asyncio.Future[T]]]:
    with suppress(TimeoutError):
        async with _timeout(virtual, seconds):
            await originals["asyncio", "wait"](futures, return_when=return_when)
    done = {future for future in futures if future.done()}
    return done, futures - done


# --- anyio and trio ---------------------------------------------------------------------------


@_replaces("anyio", "sleep")
@_coroutine_function
def anyio_sleep(delay: float) -> Awaitable[None]:
    virtual = in_force(is_machinery)
    if virtual and delay > 0:
        return _sleep_anywhere(virtual, delay)
    awaitable: Awaitable[None] = originals["anyio", "sleep"](delay)
    return awaitable


@_replaces("trio", "sleep")
@_coroutine_function
def trio_sleep(seconds: float) -> Awaitable[None]:
    virtual = in_force(is_machinery)
    if virtual and seconds > 0:
        return virtual.on_trio.sleep(seconds)
    awaitable: Awaitable[None] = originals["trio", "sleep"](seconds)
    return awaitable


async def _sleep_anywhere(virtual: VirtualTime, delay: float) -> None:
    await (virtual.on_asyncio if _loop() else virtual.on_trio).sleep(delay)


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _scoped(module: str) -> None:
    """Replace the two functions of a library that open a scope with a deadline."""

    @_replaces(module, "move_on_after")
    def move_on_after(seconds: float | None, *arguments: Any, **options: Any) -> Any:
        virtual = in_force(is_network)
        scope = originals[module, "move_on_after"](seconds, *arguments, **options)
        _guard(virtual, scope, seconds)
        return scope

    @contextmanager
    def guarded(virtual: VirtualTime | None, seconds: float | None, scopes: Any) -> Iterator[Any]:
        with scopes as scope:
            _guard(virtual, scope, seconds)
            yield scope

    @_replaces(module, "fail_after")
    def fail_after(seconds: float | None, *arguments: Any, **options: Any) -> Any:
        virtual = in_force(is_network)
        scopes = originals[module, "fail_after"](seconds, *arguments, **options)
        return guarded(virtual, seconds, scopes)


_scoped("anyio")
_scoped("trio")


def _guard(virtual: VirtualTime | None, scope: Any, seconds: float | None) -> None:
    if virtual and seconds is not None:
        virtual.timeline.deadline(seconds, partial(_post(), _expire, ref(scope)))


def _post() -> Post:
    """How to call something in the loop that runs here, from any thread."""
    if loop := _loop():
        return partial(soon, loop)
    import trio  # noqa: PLC0415 - it runs here

    return trio.lowlevel.current_trio_token().run_sync_soon


def _expire(reference: ref[Any]) -> None:
    scope = reference()
    if scope is not None:
        scope.deadline = -math.inf
