"""The ``wanx-sim`` command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .faces.server import Server

_EXIT_TROUBLE = 1


class _Group(click.Group):
    """Shows the errors of `wanx_sim` as one line, and an interrupt as nothing."""

    def invoke(self, ctx: click.Context) -> Any:
        from .errors import WanxSimError

        try:
            return super().invoke(ctx)
        except (WanxSimError, ValueError) as error:
            click.echo(f"wanx-sim: {error}", err=True)
            ctx.exit(_EXIT_TROUBLE)
        except KeyboardInterrupt:
            ctx.exit(0)


def main() -> None:
    """Run the command."""
    cli(auto_envvar_prefix="WANX_SIM")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wanx-kit", prog_name="wanx-sim")
def cli() -> None:
    """A fake DashScope for 通义万相 text-to-image: offline, free, and as the real one behaves."""


@cli.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default="wanx-demo", show_default=True,
    help="The folder for the picture and the cassette.",
)  # fmt: skip
def demo(output: Path) -> None:
    """Show the main job in a few seconds, offline: generate, record, replay."""
    from .demo import tell

    tell(output)


def _address(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that serves."""
    options = (
        click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen."),
        click.option(
            "--port", default=8965, show_default=True, type=click.IntRange(0, 65535),
            help="The port; 0 takes a free one.",
        ),
        click.option(
            "--public-url", metavar="URL",
            help="Where links to pictures begin, if not at the host asked.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@cli.command()
@_address
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
    help="memory://, disk: (your cache folder; tasks survive a restart) or disk:PATH.",
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
@click.option("--rate-limits", is_flag=True, help="Enforce the requests a second of the service.")
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
@click.option("--magic/--no-magic", default=True, help="Whether marks in prompts script outcomes.")
def serve(
    host: str, port: int, speed: float, magic: bool, api_keys: tuple[str, ...], **settings: Any
) -> None:
    """Run the dev server.

    Point a client there with the exports it prints. Stop it with Ctrl-C.
    """
    from .clock import Clock
    from .simulator import Simulator

    region = settings["region"]
    simulator = Simulator(
        clock=Clock(speed=speed),
        api_keys=dict(_key(text, region) for text in api_keys) or None,
        magic_prompts=magic,
        **settings,
    )
    _run(simulator.serve(host, port))


def _key(text: str, region: str) -> tuple[str, str]:
    key, at, place = text.partition("@")
    return key, place if at else region


@cli.command()
@_address
@click.option(
    "--cassette",
    required=True,
    type=click.Path(path_type=Path),
    help="The cassette to write; jobs are added to what it holds.",
)
@click.option("--upstream", required=True, metavar="URL", help="The live service.")
@click.option(
    "--budget",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="CNY",
    help="What may be spent, by the catalogue's prices.",
)
def record(
    cassette: Path, upstream: str, budget: float, host: str, port: int, public_url: str | None
) -> None:
    """Record what any client does with a live service, through a proxy in front of it.

    Every picture costs money there: --budget says how much may be spent, and is 0 by default.
    """
    from .cassettes.recorder import Recorder

    if public_url:
        raise click.UsageError("a recorder passes the live service's links on; drop --public-url")
    recorder = Recorder(upstream, cassette, budget=budget)
    _run(recorder.serve(host, port))


@cli.command()
@_address
@click.option("--cassette", required=True, type=click.Path(path_type=Path), help="The cassette.")
@click.option(
    "--pace",
    default="steps",
    show_default=True,
    metavar="PACE",
    help="steps, recorded, instant, or how many times as fast as it was recorded.",
)
def replay(cassette: Path, pace: str, host: str, port: int, public_url: str | None) -> None:
    """Serve a cassette, with no live service."""
    from .cassettes.player import Player

    player = Player(cassette, pace=pace, public_url=public_url, repeat=True)
    _run(player.serve(host, port))


def _run(server: Server) -> None:
    """Serve in this thread until a signal; the service is closed at the end."""
    try:
        server.run(announce=lambda: click.echo(_ready(server)))
    finally:
        server.service.close()


def _ready(server: Server) -> str:
    name = "set" if sys.platform == "win32" else "export"
    return (
        f"wanx-sim ready at {server.url}\n\n"
        f"  {name} DASHSCOPE_HTTP_BASE_URL={server.base_url}\n"
        f"  {name} DASHSCOPE_API_KEY=sk-anything\n"
        f"  {name} NO_PROXY=127.0.0.1,localhost\n"
    )


@cli.command()
@click.option(
    "--profile",
    type=click.Choice(["2025-10", "2026-10"]),
    default="2025-10",
    show_default=True,
    help="Which documents' limits.",
)
def models(profile: str) -> None:
    """List the models with their limits and prices."""
    from .protocol import catalogue

    found = catalogue.load(profile).models.values()
    headings = ("model", "default size", "prompt", "CNY an image", "sizes")
    rows = [
        (
            model.name,
            model.size,
            str(model.prompt_limit),
            ", ".join(f"{region} {price:.2f}" for region, price in model.price.items()),
            str(model.rule),
        )
        for model in found
    ]
    _table(headings, rows)


@cli.command()
def errors() -> None:
    """List the errors of the service: status, code, when, and how we know."""
    from .protocol.errors import ERRORS

    rows = [(str(row.status), row.code, row.when, row.tag) for row in ERRORS]
    _table(("HTTP", "code", "when", "known from"), rows)


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    # A pipe gets the whole text: cut or wrapped columns would be no use to grep.
    console = Console() if sys.stdout.isatty() else Console(width=240)
    console.print(table)
