"""Several processes that are one server: `serve --workers N`.

The parent listens and serves nothing; its workers inherit the sockets. A connection that comes
while one of them is replaced waits at its socket. They end with the parent, however it ends.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from secrets import token_hex

import msgspec

from ..errors import ServeError
from ..sharing.folder import Folder
from ..sharing.simulator import SharedSimulator
from .server import Server
from .worker import FAREWELL, READY, Spec

_START_SECONDS = 30
_STOP_SECONDS = 8
_AGAIN_SECONDS = 1.0
"""After a replacement that did not even start, the next one waits for so long."""

_COMMAND = (sys.executable, "-P", "-m", "wanx_sim.faces.worker")


class _Worker:
    """One worker, from its start to its end."""

    def __init__(self, number: int, spec: Spec) -> None:
        self.number, self.ready = number, False
        self.process = subprocess.Popen(  # noqa: S603 - it is ourselves
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=spec.listeners,
            # A Ctrl-C at the terminal is for the parent, which then ends the workers.
            start_new_session=True,
        )
        assert self.process.stdin  # noqa: S101 - for the type checker
        with suppress(BrokenPipeError):  # it has died already, and will be found dead
            self.process.stdin.write(msgspec.json.encode(spec) + b"\n")
            self.process.stdin.flush()

    def heard(self) -> bool:
        """Read what it says; False if it has ended."""
        assert self.process.stdout  # noqa: S101
        said = os.read(self.process.stdout.fileno(), 1024)
        self.ready = self.ready or READY in said
        return bool(said)

    def let_go(self) -> None:
        """Tell it to end."""
        assert self.process.stdin  # noqa: S101 - for the type checker
        with suppress(BrokenPipeError, ValueError):  # it is gone, or was told before
            self.process.stdin.write(FAREWELL)
            self.process.stdin.close()

    def buried(self, patience: float = _STOP_SECONDS) -> str:
        """Wait for its end, or make one; how it ended."""
        try:
            code = self.process.wait(max(patience, 0))
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.let_go()
        self.process.stdout.close()  # type: ignore[union-attr]
        if code >= 0:
            return f"ended with exit code {code}"
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
        return f"was ended by signal {-code}"


class Workers:
    """The workers of one server.

    Args:
        server: what they serve, a `SharedSimulator`; it says what each is told, and it listens.
        count: how many.
        store: the URL of the store.
        say: called with a sentence when a worker is replaced.
    """

    def __init__(self, server: Server, count: int, store: str, say: Callable[[str], None]) -> None:
        self._server, self._store, self._say = server, store, say
        self._selector = selectors.DefaultSelector()
        self._running: dict[int, _Worker] = {}
        self._waiting = dict.fromkeys(range(1, count + 1), 0.0)
        """Those to be started, and not before when."""
        self._started = 0

    def run(self, announce: Callable[[], None]) -> None:
        """Keep them running until an exception (a signal's) ends it; ``announce``: all are up.

        Raises:
            ServeError: if one does not start.
        """
        self._server.contexts()  # what is wrong with the CA is said once, not by each of them
        self._listeners = self._server.listen(len(self._waiting))
        self._spec = _spec(self._server, self._store)
        # Also where it is ignored, as by a shell for what it starts in the background.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self._start()
            announce()
            while True:
                self._replace()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave orphans
            self._stop()
            signal.signal(signal.SIGINT, before)

    def _start(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        self._begin()
        while not all(worker.ready for worker in self._running.values()):
            for worker in self._ended(deadline - time.monotonic()):
                raise ServeError(f"worker {worker.number} {worker.buried()} at its start")
            if time.monotonic() > deadline:
                raise ServeError(f"the workers did not start in {_START_SECONDS} s")

    def _replace(self) -> None:
        for worker in self._ended(self._pause()):
            del self._running[worker.number]
            self._say(
                f"worker {worker.number} (pid {worker.process.pid}) {worker.buried()}; "
                "another takes its place"
            )
            again = 0.0 if worker.ready else time.monotonic() + _AGAIN_SECONDS
            self._waiting[worker.number] = again
        self._begin()

    def _pause(self) -> float | None:
        if not self._waiting:
            return None
        return max(0.0, min(self._waiting.values()) - time.monotonic())

    def _begin(self) -> None:
        """Start those whose time has come."""
        now = time.monotonic()
        for number in [number for number, due in self._waiting.items() if due <= now]:
            del self._waiting[number]
            self._started += 1
            spec = msgspec.structs.replace(
                self._spec,
                # Not its number: whoever takes a dead one's place would draw its ids again.
                who=f"{self._spec.who}{self._started}",
                listeners=[listener.fileno() for listener in self._listeners[number - 1]],
            )
            worker = self._running[number] = _Worker(number, spec)
            self._selector.register(worker.process.stdout, selectors.EVENT_READ, worker)  # type: ignore[arg-type]

    def _ended(self, seconds: float | None) -> list[_Worker]:
        """Wait for what the workers say; those that have ended."""
        found = []
        for key, _ in self._selector.select(seconds):
            if not key.data.heard():
                self._selector.unregister(key.fileobj)
                found.append(key.data)
        return found

    def _stop(self) -> None:
        for worker in self._running.values():
            worker.let_go()
        deadline = time.monotonic() + _STOP_SECONDS
        for worker in self._running.values():
            worker.buried(deadline - time.monotonic())
        self._selector.close()
        for listener in chain.from_iterable(self._listeners):
            listener.close()


def _spec(server: Server, store: str) -> Spec:
    simulator = server.service
    assert isinstance(simulator, SharedSimulator)  # noqa: S101 - for the type checker
    board = simulator.board
    return Spec(
        settings=simulator.told,
        first=simulator.record,
        store=store,
        keep=simulator.store.keep,
        folder=str(board.place) if isinstance(board, Folder) else None,
        who=f"{token_hex(4)}.",
        listeners=[],
        host=server.host,
        admin_token=server.admin_token,
        allow_hosts=server.allow_hosts,
        tls=server.tls,
        proxy=bool(server.proxy_url),
    )
