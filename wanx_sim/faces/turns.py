"""What came in one turn of an event loop, answered one after the other at its end.

A service whose state lies far away hears of them first (`Service.expect`), and one round trip does
for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from ..service import Service
from ..wire import Request

Answer = Callable[[Request], None]


class Turn:
    """The requests of this turn, and who answers each."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._waiting: list[tuple[Request, Answer]] = []

    def add(self, request: Request, answer: Answer) -> None:
        """Let a request wait for the end of the turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._end)
        # Two that came together may be equal, and are told apart by their identity.
        self._waiting.append((msgspec.structs.replace(request), answer))

    def _end(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._service.expect([request for request, _ in waiting])
        for request, answer in waiting:
            answer(request)
        self._service.expect(())
