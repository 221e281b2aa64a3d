"""A simulator with many tasks: how long what an application asks takes then."""

from __future__ import annotations

import asyncio
import json
from random import Random

from .faces import Caller, simulator
from .offering import arguments, offer
from .wire import TASKS, prompt

_PAGE = 10
_UNFINISHED = 10  # every so manieth task never ends, so that a list by status leaves some out
_KNOWN = 1000  # ids that are polled, drawn evenly from all that were ever given out
_DEEP = 1000


class Stored:
    """A simulator, and what may be asked of it."""

    def __init__(self, store: str) -> None:
        self._caller = Caller(simulator(store))
        self._runner = asyncio.Runner()
        self._random = Random(1)
        self._ids: list[str] = []
        self._count = 0

    def create(self, count: int) -> None:
        """Create tasks."""
        self._runner.run(self._create(count))

    async def _create(self, count: int) -> None:
        for _ in range(count):
            mark = "[[stuck]]" if self._count % _UNFINISHED == 0 else ""
            task_id = await self._caller.create(mark + prompt(self._count))
            self._remember(task_id)

    def _remember(self, task_id: str) -> None:
        self._count += 1
        if len(self._ids) < _KNOWN:
            self._ids.append(task_id)
        elif (place := self._random.randrange(self._count)) < _KNOWN:
            self._ids[place] = task_id

    def poll(self, count: int) -> None:
        """Poll tasks, in no order."""
        self._runner.run(self._poll(count))

    async def _poll(self, count: int) -> None:
        for task_id in self._random.choices(self._ids, k=count):
            await self._caller.poll(task_id)

    def first_page(self, count: int) -> None:
        """Ask for the first page of the succeeded tasks."""
        self._runner.run(self._pages(1, count))

    def deep_page(self, count: int) -> None:
        """Ask for page 1,000 of them, or for the last full one if there are less."""
        succeeded = self._count - -(-self._count // _UNFINISHED)
        self._runner.run(self._pages(min(_DEEP, succeeded // _PAGE), count))

    async def _pages(self, number: int, count: int) -> None:
        query = f"status=SUCCEEDED&page_no={number}&page_size={_PAGE}"
        for _ in range(count):
            page = json.loads(await self._caller.call("GET", f"{TASKS}/", query))
            assert len(page["data"]) == _PAGE, page


if __name__ == "__main__":
    (url,) = arguments()
    stored = Stored(url)
    offer(
        fill=stored.create,
        create=stored.create,
        poll=stored.poll,
        first_page=stored.first_page,
        deep_page=stored.deep_page,
    )
