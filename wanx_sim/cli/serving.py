"""``wanx-sim serve``: the simulator on a socket."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .sockets import address, run, say, secure

if TYPE_CHECKING:
    from ..account import OverRunning
    from ..faults import Fault
    from ..simulator import Simulator


@click.command()
@address
@secure
@click.option(
    "--timing",
    default="fast",
    show_default=True,
    metavar="TIMING",
    help="instant, polls:P,R, seconds:P,R, fast (= seconds:0.5,2), realistic or manual.",
)
@click.option(
    "--store",
    default="disk:",
    show_default=True,
    metavar="URL",
    help="memory://, disk: (your cache folder; tasks survive a restart), disk:PATH or "
    "redis://HOST:PORT/DB.",
)
@click.option(
    "--keep-tasks",
    type=click.IntRange(1),
    default=1_000_000,  # stores.KEPT
    show_default=True,
    metavar="N",
    help="How many tasks the store keeps, and each session's: the newest.",
)
@click.option(
    "--region",
    type=click.Choice(["beijing", "singapore"]),
    default="beijing",
    show_default=True,
    help="The region of requests to this server.",
)
@click.option(
    "--api-key",
    "api_keys",
    multiple=True,
    metavar="KEY[@REGION]",
    help="Accept only this key, in its region; may be given several times. Default: any key.",
)
@click.option(
    "--rate-limits", is_flag=True, help="Enforce requests a second and tasks that run at a time."
)
@click.option(
    "--over-running",
    type=click.Choice(["queue", "refuse"]),
    default="queue",
    show_default=True,
    help="Whether tasks beyond those that may run wait, or get 429.",
)
@click.option("--arrears", is_flag=True, help="Refuse creates: the account owes money.")
@click.option("--free-tier-only", is_flag=True, help="Refuse creates once free images are used.")
@click.option(
    "--grant",
    "granted",
    multiple=True,
    metavar="MODEL",
    help="Grant only this model; may be given several times. Default: all.",
)
@click.option(
    "--validation",
    type=click.Choice(["submit", "task"]),
    default="submit",
    show_default=True,
    help="Where bad parameters are refused.",
)
@click.option(
    "--profile",
    type=click.Choice(["2025-10", "2026-10"]),
    default="2025-10",
    show_default=True,
    help="Whose limits hold: the seed document's or the newer pages'.",
)
@click.option("--seed", type=int, help="Make ids, seeds and timings repeat. Default: drawn anew.")
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Simulated seconds per second.",
)
@click.option(
    "--help-links/--no-help-links",
    default=False,
    show_default=True,
    help="Whether messages of errors end in a link to the service's pages.",
)
@click.option(
    "--failed-shape",
    type=click.Choice(["full", "metrics", "plain"]),
    default="full",
    show_default=True,
    help="What FAILED answers hold beside code and message: times and metrics, metrics, nothing.",
)
@click.option(
    "--result-hosts",
    type=click.Choice(["region", "spread", "accelerate"]),
    default="region",
    show_default=True,
    help="Where pictures lie, for requests to the real hosts: one of the region's, any on the "
    "service's white-list, or such as are not on it.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes that serve the port together, as one server: about one a core. They need a "
    "store that they can share, disk: or redis://. What --seed repeats is then a worker's own.",
)
@click.option("--magic/--no-magic", default=True, help="Whether marks in prompts script outcomes.")
@click.option(
    "--faults",
    multiple=True,
    metavar="FILE.toml",
    help="Arm the faults of a file ([[fault]] tables), or one of `wanx-sim faults` by its name.",
)
def serve(
    host: str,
    port: int,
    admin_token: str | None,
    allow_hosts: tuple[str, ...],
    tls: bool,
    proxy_port: int | None,
    speed: float,
    magic: bool,
    api_keys: tuple[str, ...],
    faults: tuple[str, ...],
    over_running: OverRunning,
    arrears: bool,
    free_tier_only: bool,
    granted: tuple[str, ...],
    workers: int,
    store: str,
    keep_tasks: int,
    **settings: Any,
) -> None:
    """Run the dev server.

    Point a client there with the exports it prints. Stop it with Ctrl-C.
    """
    from ..account import Account
    from ..clock import Clock

    account = Account(
        over_running=over_running,
        arrears=arrears,
        free_tier_only=free_tier_only,
        granted=frozenset(granted) or None,
    )
    region = settings["region"]
    simulator = _simulator(
        store,
        keep_tasks,
        workers,
        clock=Clock(speed=speed),
        faults=[fault for source in faults for fault in _faults(source)],
        api_keys=dict(_key(text, region) for text in api_keys) or None,
        magic_prompts=magic,
        account=account,
        **settings,
    )
    valid = next((key for key, place in (simulator.api_keys or {}).items() if place == region), "")
    server = simulator.serve(
        host,
        port,
        admin_token=admin_token,
        allow_hosts=allow_hosts,
        tls=tls,
        proxy_port=proxy_port,
    )
    together = None
    if workers > 1:
        from ..faces.workers import Workers

        together = Workers(server, workers, store, say=say)
    run(server, key=valid or "sk-anything", workers=together)


def _simulator(url: str, keep: int, workers: int, **settings: Any) -> Simulator:
    """The simulator to serve; over a board, if it is to be several processes."""
    from ..sharing.boards import board_of
    from ..simulator import Simulator
    from ..stores import open_store

    store = open_store(url, keep=keep)
    board = board_of(store, workers)
    if board is None:
        return Simulator(store=store, **settings)
    from ..sharing.simulator import SharedSimulator

    try:
        return SharedSimulator(board, store=store, **settings)
    except BaseException:
        board.close()
        raise


def _faults(source: str) -> Sequence[Fault]:
    """The faults of a file, or of the situation of that name."""
    from ..faults import Fault, load

    if Path(source).suffix or Path(source).is_file():
        return load(source)
    return Fault.preset(source)


def _key(text: str, region: str) -> tuple[str, str]:
    key, at, place = text.partition("@")
    return key, place if at else region
