"""Our cassettes: recorded, opened, replayed; and httpx.MockTransport that does nothing."""

from __future__ import annotations

from pathlib import Path

import httpx

from wanx_sim import Player, Recorder

from . import jobs
from .offering import arguments, offer, touched


class OwnTape:
    """One cassette."""

    def __init__(self, path: Path, base: str, count: int) -> None:
        self._path, self._base, self._count = path, base, count
        self._again = jobs.Again(
            httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))), base, count
        )

    def record(self, count: int) -> None:
        """Record jobs."""
        recorder = Recorder(self._base, self._path)
        with httpx.Client(transport=recorder.transport()) as client:
            jobs.record(client, self._base, count)
        recorder.close()

    def open(self, count: int) -> None:
        """Open it and let it answer one create, so often."""
        for _ in range(count):
            touched(self._path)  # a process keeps a file in mind that has not changed
            self.open_again(1)

    def open_again(self, count: int) -> None:
        """The same, in a process that has opened it before."""
        for _ in range(count):
            player = Player(self._path, repeat=True)
            with httpx.Client(transport=player.transport()) as client:
                jobs.Again(client, self._base, self._count).middle()

    def insert(self, _: int) -> None:
        """Open it, to be replayed from now on."""
        client = httpx.Client(transport=Player(self._path, repeat=True).transport())
        self._again = jobs.Again(client, self._base, self._count)

    def replay(self, count: int) -> None:
        """Send so many requests: to the cassette, if it is in, else to nothing."""
        self._again.requests(count)


if __name__ == "__main__":
    path, base, count = arguments()
    tape = OwnTape(Path(path), base, int(count))
    offer(
        record=tape.record,
        open=tape.open,
        open_again=tape.open_again,
        insert=tape.insert,
        replay=tape.replay,
    )
