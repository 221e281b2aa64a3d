"""Result pictures, as the simulator serves them: the first time each, and again."""

from __future__ import annotations

import asyncio

from .faces import Caller, links, simulator
from .offering import offer
from .wire import prompt


class Pictures:
    """Links to pictures that nobody has looked at, and one that somebody has."""

    def __init__(self) -> None:
        self._caller = Caller(simulator())
        self._runner = asyncio.Runner()
        self._number = 0
        self._new: list[tuple[str, str]] = []
        self._seen: tuple[str, str] | None = None

    def prepare(self, count: int) -> None:
        """Create finished tasks, each with a prompt of its own."""
        self._runner.run(self._prepare(count))

    async def _prepare(self, count: int) -> None:
        for _ in range(count):
            self._number += 1
            task_id = await self._caller.create(prompt(self._number))
            self._new += links(await self._caller.poll(task_id))

    def first(self, count: int) -> int:
        """Get pictures for the first time; the bytes of the largest."""
        return self._runner.run(self._first(count))

    async def _first(self, count: int) -> int:
        largest = 0
        for _ in range(count):
            self._seen = self._new.pop()
            largest = max(largest, len(await self._caller.picture(*self._seen)))
        return largest

    def again(self, count: int) -> None:
        """Get the last of them again."""
        self._runner.run(self._again(count))

    async def _again(self, count: int) -> None:
        assert self._seen is not None
        for _ in range(count):
            await self._caller.picture(*self._seen)


if __name__ == "__main__":
    pictures = Pictures()
    offer(prepare=pictures.prepare, first=pictures.first, again=pictures.again)
