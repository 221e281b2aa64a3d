"""The commands that go on running: the simulator, a recorder or a player on a socket."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..account import OverRunning
    from ..cassettes.format import Keep
    from ..faces.server import Server
    from ..simulator import Simulator


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
        click.option(
            "--admin-token", metavar="TOKEN", show_envvar=True,
            help="What /_sim/ asks for. Default: nothing on loopback; elsewhere one is made up "
            "and printed.",
        ),
        click.option(
            "--allow-host", "allow_hosts", multiple=True, metavar="NAME",
            help="Answer at this name too, on loopback; may be given several times.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def _secure(command: Callable[..., None]) -> Callable[..., None]:
    """The options for clients that insist on HTTPS, or on the service's own host."""
    options = (
        click.option("--tls", is_flag=True, help="HTTPS, by the throw-away CA of `wanx-sim ca`."),
        click.option(
            "--proxy-port", type=click.IntRange(0, 65535), metavar="PORT",
            help="Open a forward proxy to the service's hosts alone; 0 takes a free port.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_address
@_secure
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
    **settings: Any,
) -> None:
    """Run the dev server.

    Point a client there with the exports it prints. Stop it with Ctrl-C.
    """
    from ..account import Account
    from ..clock import Clock
    from ..simulator import Simulator

    account = Account(
        over_running=over_running,
        arrears=arrears,
        free_tier_only=free_tier_only,
        granted=frozenset(granted) or None,
    )
    region = settings["region"]
    simulator = Simulator(
        clock=Clock(speed=speed),
        api_keys=dict(_key(text, region) for text in api_keys) or None,
        magic_prompts=magic,
        account=account,
        **settings,
    )
    for source in faults:
        _arm(simulator, source)
    valid = next((key for key, place in (simulator.api_keys or {}).items() if place == region), "")
    server = simulator.serve(
        host,
        port,
        admin_token=admin_token,
        allow_hosts=allow_hosts,
        tls=tls,
        proxy_port=proxy_port,
    )
    _run(server, key=valid or "sk-anything")


def _arm(simulator: Simulator, source: str) -> None:
    """Arm the faults of a file, or of the situation of that name."""
    if Path(source).suffix or Path(source).is_file():
        simulator.faults.load(source)
    else:
        simulator.faults.add(source)


def _key(text: str, region: str) -> tuple[str, str]:
    key, at, place = text.partition("@")
    return key, place if at else region


@click.command()
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
@click.option(
    "--pictures",
    type=click.Choice(["full", "thumbnail", "placeholder"]),
    default="full",
    show_default=True,
    help="What is stored of each picture.",
)
@click.option("--redact-prompts", is_flag=True, help="Write prompts as hashes; they still match.")
def record(
    cassette: Path,
    upstream: str,
    budget: float,
    pictures: Keep,
    redact_prompts: bool,
    host: str,
    port: int,
    public_url: str | None,
    admin_token: str | None,
    allow_hosts: tuple[str, ...],
) -> None:
    """Record what any client does with a live service, through a proxy in front of it.

    Every picture costs money there: --budget says how much may be spent, and is 0 by default.
    """
    from ..cassettes.recorder import Recorder

    if public_url:
        raise click.UsageError("a recorder passes the live service's links on; drop --public-url")
    recorder = Recorder(
        upstream, cassette, budget=budget, pictures=pictures, redact_prompts=redact_prompts
    )
    server = recorder.serve(host, port, admin_token=admin_token, allow_hosts=allow_hosts)
    _run(server, key=None)


@click.command()
@_address
@_secure
@click.option(
    "--cassette",
    required=True,
    type=click.Path(path_type=Path),
    help="The cassette, or a folder of them.",
)
@click.option(
    "--pace",
    default="steps",
    show_default=True,
    metavar="PACE",
    help="steps, recorded, instant, or how many times as fast as it was recorded.",
)
def replay(
    cassette: Path,
    pace: str,
    host: str,
    port: int,
    public_url: str | None,
    admin_token: str | None,
    allow_hosts: tuple[str, ...],
    tls: bool,
    proxy_port: int | None,
) -> None:
    """Serve a cassette, or a folder of them, with no live service."""
    from ..cassettes.player import Player

    player = Player(cassette, pace=pace, public_url=public_url, repeat=True)
    server = player.serve(
        host,
        port,
        admin_token=admin_token,
        allow_hosts=allow_hosts,
        tls=tls,
        proxy_port=proxy_port,
    )
    _run(server, key="sk-anything")


def _run(server: Server, *, key: str | None) -> None:
    """Serve in this thread until a signal; the service is closed at the end."""
    # By default SIGTERM would end the process on the spot, and a recorder still has jobs to write.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    try:
        server.run(announce=lambda: click.echo(_ready(server, key)))
    finally:
        server.service.close()


def _ready(server: Server, key: str | None) -> str:
    """Where it is, and what to paste; without a key where the user's own one is needed."""
    settings = {"DASHSCOPE_HTTP_BASE_URL": server.base_url}
    settings |= {} if key is None else {"DASHSCOPE_API_KEY": key}
    settings |= {"NO_PROXY": "127.0.0.1,localhost"}
    trust = dict.fromkeys(_TRUST, str(server.ca_file)) if server.ca_file else {}
    if server.url.startswith("https:"):
        settings |= trust
    ready = f"wanx-sim ready at {server.url}\n\n{_exports(settings)}"
    if server.proxy_url:
        # Where both spellings are set the small one wins, and may name a proxy to the real service.
        settings = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), server.proxy_url) | trust
        ready += f"\nor, for clients whose host is hard-coded:\n\n{_exports(settings)}"
    if server.token_made_up:
        ready += f"\n/_sim/ asks for the header X-Wanx-Admin-Token: {server.admin_token}\n"
    return ready


_TRUST = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
"""What requests, httpx and OpenSSL, and Node take the certificates they trust from."""


def _exports(settings: dict[str, str]) -> str:
    if sys.platform == "win32":
        return "".join(f"  set {name}={value}\n" for name, value in settings.items())
    return "".join(f"  export {name}={shlex.quote(value)}\n" for name, value in settings.items())
