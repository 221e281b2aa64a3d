"""The main job, offline: what a user does with wanx-kit, told line by line."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from time import perf_counter

from httpx import HTTPTransport
from rich.console import Console
from rich.markup import escape

from wanx_client import (
    AuthenticationError,
    ExpiredUrlError,
    Task,
    WanxClient,
    WanxError,
)

from .cassettes.cassette import Cassette
from .cassettes.player import Player
from .cassettes.recorder import Recorder
from .clock import ManualClock
from .errors import WanxSimError
from .rendering.png import png_size
from .simulator import Simulator

PROMPT = "一间有着精致窗户的花店，漂亮的木质门，摆放着花朵"
KEY = "sk-demo"
_ORDER = {"model": "wan2.5-t2i-preview", "size": "1024*1024", "seed": 7, "n": 1}


def tell(folder: Path) -> None:
    """Show the main job; the picture and the cassette are left in a folder.

    Raises:
        WanxSimError: if a step did not do what it should, or the folder cannot be written.
    """
    story = _Story(folder)
    try:
        story.record()
        story.replay()
    except (WanxError, OSError) as error:
        raise WanxSimError(f"the demo broke off: {error}") from error
    story.end()


def _client(key: str, base_url: str) -> WanxClient:
    return WanxClient(key, base_url=base_url, transport=_loopback())


def _loopback() -> HTTPTransport:
    # A client with a transport of its own asks no proxy of the environment's: it all stays here.
    return HTTPTransport()


class _Story:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._console = Console(highlight=False, soft_wrap=True)
        self._began = perf_counter()
        self._cost = 0.0
        self._console.print(
            "[bold]wanx-sim demo[/]: 通义万相 text-to-image, offline and for nothing\n"
        )

    def _step(self, title: str, result: str) -> None:
        self._console.print(f"[green]✓[/] {title:<20} [dim]{escape(result)}[/]")

    @property
    def _cassette(self) -> Path:
        return self._folder / "cassettes" / "flower-shop.json"

    # --- with a server -------------------------------------------------------------------------

    def record(self) -> None:
        """A fake service, a recorder in front of it, and a client that talks to the recorder."""
        simulator = Simulator(timing="seconds:0.3,0.6", seed=7, api_keys={KEY: "beijing"})
        # A demo that is told again tells of one recording, not of two.
        self._cassette.unlink(missing_ok=True)
        with simulator.serve() as server:
            self._step("a fake DashScope", f"up at {server.url}")
            self._wrong_key(server.base_url)
            recorder = Recorder(server.url, self._cassette, budget=1.0, transport=_loopback())
            with recorder.serve() as proxy:
                self._step("a recording proxy", f"up at {proxy.url}, may spend ¥1.00")
                with _client(KEY, proxy.base_url) as client:
                    self._task = self._generate(client)
                    self._picture = client.download(self._task, self._folder)[0]
            recorder.close()
            self._cost = simulator.ledger.cost
        width, height = png_size(self._picture.read_bytes())
        self._step("the picture", f"{self._picture}, a PNG of {width}×{height}")
        self._recorded()

    def _wrong_key(self, base_url: str) -> None:
        try:
            with _client("sk-of-singapore", base_url) as client:
                client.submit(PROMPT)
        except AuthenticationError as error:
            self._step("a wrong key", f"{type(error).__name__}: {error.message.partition('. ')[0]}")
        else:
            raise WanxSimError("the demo broke off: a wrong key was accepted")

    def _generate(self, client: WanxClient) -> Task:
        began, seen = perf_counter(), ""

        def on_update(task: Task) -> None:
            nonlocal seen
            if task.status != seen:
                seen = task.status
                self._step(f"  {task.status}", f"after {perf_counter() - began:.1f} s")

        task = client.submit(PROMPT, **_ORDER)  # type: ignore[arg-type]
        self._step("a task", f"{task.id}: {PROMPT}")
        return client.wait(task, poll_interval=0.1, timeout=20, on_update=on_update)

    def _recorded(self) -> None:
        job = Cassette.load(self._cassette).jobs[0]
        size = self._cassette.stat().st_size
        self._step(
            "recorded",
            f"{self._cassette}: {len(job.states)} states in {size} bytes, no key, no URL",
        )

    # --- without one ---------------------------------------------------------------------------

    def replay(self) -> None:
        """The same client, another poll pace, no server: a player in its place."""
        clock = ManualClock()
        player = Player(self._cassette, clock=clock)
        with WanxClient(KEY, transport=player.transport(), sleep=clock.sleep) as client:
            task = client.generate(PROMPT, **_ORDER, poll_interval=10)  # type: ignore[arg-type]
            again = client.download(task, self._folder / "replayed")[0]
            self._same(task, again)
            clock.advance(hours=24)
            self._expired(client, task)

    def _same(self, task: Task, again: Path) -> None:
        digest = sha256(again.read_bytes()).hexdigest()
        if task.id != self._task.id or again.read_bytes() != self._picture.read_bytes():
            raise WanxSimError("the demo broke off: the replay differs from what was recorded")
        self._step("replayed, no server", f"same task, same bytes (sha256 {digest[:12]}…)")

    def _expired(self, client: WanxClient, task: Task) -> None:
        try:
            client.download(task, self._folder / "replayed")
        except ExpiredUrlError as error:
            dead = f"HTTP {error.http_status}, the link is dead as the real one would be"
            self._step("24 hours later", f"{type(error).__name__}: {dead}")
        else:
            raise WanxSimError("the demo broke off: a link outlived its 24 hours")

    def end(self) -> None:
        """What it took, and what it would have cost."""
        seconds = perf_counter() - self._began
        self._step("the bill", f"¥{self._cost:.2f} at the live service, ¥0.00 here")
        self._console.print(
            f"\nThat took {seconds:.1f} s; the live service takes 60 to 120 s. Next: "
            f"[bold]wanx-sim serve[/], and look at {self._picture}"
        )
