"""In process: what a troubled answer is to a client that sits in front of no socket.

Each step is written once, as a generator of what to wait for and what to hand over, and driven by
a short synchronous and a short asynchronous loop.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

from ..wire import Delivery, Response


def library_of(request: Any) -> Any:
    """The library that a request is from: httpx2 is httpx with another name, and both may be."""
    return sys.modules[type(request).__module__.partition(".")[0]]


def pause(delivery: Delivery, seconds: float, request: Any) -> Iterator[float]:
    """What to sleep on the clock; raises ReadTimeout where the client would wait no longer."""
    timeout = request.extensions.get("timeout", {}).get("read")
    limit = None if timeout is None else delivery.patience(timeout)
    if limit is None or seconds <= limit:
        yield seconds
        return
    yield limit
    raise library_of(request).ReadTimeout("The read operation timed out", request=request)


def wait(delivery: Delivery | None, request: Any) -> None:
    """Let the time pass that an answer takes to begin."""
    if delivery and delivery.delay:
        for seconds in pause(delivery, delivery.delay, request):
            delivery.clock.sleep(seconds)


async def async_wait(delivery: Delivery | None, request: Any) -> None:
    """`wait` for asyncio and trio."""
    if delivery and delivery.delay:
        for seconds in pause(delivery, delivery.delay, request):
            await delivery.clock.async_sleep(seconds)


def written(response: Response, request: Any) -> Any:
    """A service's answer in the types of the library that the request is from."""
    library, delivery = library_of(request), response.delivery
    declared, stream = len(response.body), library.ByteStream(response.body)
    if delivery is not None and request.method != "HEAD":
        declared = declared if delivery.declared is None else delivery.declared
        steps = _steps(delivery, response.body, declared, request)
        stream = _stream_class(library)(steps, delivery)
    # A stream, and headers in bytes whose encoding is told: what either library makes of contents
    # and of texts costs a client as much again as the service's answer.
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers
    ]
    headers.append((b"content-length", str(declared).encode()))
    answer = library.Response(response.status, headers=headers, stream=stream, request=request)
    answer.headers.encoding = "latin-1"
    return answer


def _steps(delivery: Delivery, body: bytes, declared: int, request: Any) -> Iterator[float | bytes]:
    """A body as it arrives: seconds to wait and pieces to hand over, perhaps with a bad end."""
    for seconds, piece in delivery.pieces(body[:declared]):
        yield from pause(delivery, seconds, request)
        yield piece
    if len(body) < declared:
        raise library_of(request).RemoteProtocolError(
            "peer closed connection without sending complete message body "
            f"(received {len(body)} bytes, expected {declared})",
            request=request,
        )


@cache
def _stream_class(library: Any) -> Any:
    """The stream of a library, for its sync and async clients alike."""

    class Stream(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, steps: Iterator[float | bytes], delivery: Delivery) -> None:
            self._steps, self._clock = steps, delivery.clock

        def __iter__(self) -> Iterator[bytes]:
            for step in self._steps:
                if isinstance(step, bytes):
                    yield step
                else:
                    self._clock.sleep(step)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for step in self._steps:
                if isinstance(step, bytes):
                    yield step
                else:
                    await self._clock.async_sleep(step)

    return Stream


def lost(request: Any) -> Exception:
    """The exception that a broken connection is, in the library that the request is from."""
    message = "the connection was closed before the response arrived"
    error: Exception = library_of(request).RemoteProtocolError(message, request=request)
    return error
