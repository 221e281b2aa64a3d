"""The ``wanx-sim`` command."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .faces.server import Server
    from .protocol.behaviour import Tag
    from .simulator import Simulator

_EXIT_TROUBLE = 1
_NO_END = 10_000


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


@cli.command()
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
    **settings: Any,
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
    cassette: Path,
    upstream: str,
    budget: float,
    host: str,
    port: int,
    public_url: str | None,
    admin_token: str | None,
    allow_hosts: tuple[str, ...],
) -> None:
    """Record what any client does with a live service, through a proxy in front of it.

    Every picture costs money there: --budget says how much may be spent, and is 0 by default.
    """
    from .cassettes.recorder import Recorder

    if public_url:
        raise click.UsageError("a recorder passes the live service's links on; drop --public-url")
    recorder = Recorder(upstream, cassette, budget=budget)
    server = recorder.serve(host, port, admin_token=admin_token, allow_hosts=allow_hosts)
    _run(server, key=None)


@cli.command()
@_address
@_secure
@click.option("--cassette", required=True, type=click.Path(path_type=Path), help="The cassette.")
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
    """Serve a cassette, with no live service."""
    from .cassettes.player import Player

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


@cli.command()
@click.option("--pem", "form", flag_value="pem", default=True, help="Print it (the default).")
@click.option("--path", "form", flag_value="path", help="Print the path of its file.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Save it to a file."
)
@click.option("--new", is_flag=True, help="Make a new CA first; restart what is served with TLS.")
def ca(form: str, output: Path | None, new: bool) -> None:
    """Show the certificate of the throw-away CA, for clients of --tls and --proxy-port to trust.

    It is made when it is first asked for, and anew in time. It can vouch for the hosts of the
    service and for this machine, and its key is never shown.
    """
    from .errors import CertificateError
    from .faces.tls import CertificateAuthority

    authority = CertificateAuthority()
    if new:
        authority.renew()
    if output:
        try:
            output.write_text(authority.certificate(), "ascii")
        except OSError as error:
            raise CertificateError(f"cannot save the certificate: {error}") from error
    elif form == "path":
        click.echo(authority.ca_file)
    else:
        click.echo(authority.certificate(), nl=False)


_json = click.option("--json", "as_json", is_flag=True, help="One JSON document.")


@cli.command()
@click.option("--upstream", required=True, metavar="URL", help="The live service.")
@click.option(
    "--region",
    type=click.Choice(["beijing", "singapore"]),
    help="The region of your key. Default: the one that the host names, else beijing.",
)
@click.option(
    "--spend", type=click.FloatRange(0), metavar="CNY", help="Buy one picture, for so much at most."
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a report to attach to an issue; it holds no secret.",
)
def probe(upstream: str, region: str | None, spend: float | None, report: Path | None) -> None:
    """Compare a live service with the simulator, asking only what costs nothing.

    The key is read from the environment variable DASHSCOPE_API_KEY.
    """
    from .probe.run import run

    run(upstream, region, spend, report)


@cli.command()
@click.option(
    "--profile",
    type=click.Choice(["2025-10", "2026-10"]),
    default="2025-10",
    show_default=True,
    help="Which documents' limits.",
)
@_json
def models(profile: str, as_json: bool) -> None:
    """List the models with their limits and prices."""
    from .protocol import catalogue

    found = catalogue.load(profile)
    if as_json:
        _print_json({"models": list(found.models.values()), "elsewhere": found.elsewhere})
        return
    headings = ("model", "default size", "prompt", "CNY an image", "sizes")
    rows = [
        (
            model.name + (" *" if model.beyond_seed else ""),
            model.size,
            str(model.prompt_limit),
            ", ".join(f"{region} {price:.2f}" for region, price in model.price.items()),
            str(model.rule),
        )
        for model in found.models.values()
    ]
    _table(headings, rows)
    click.echo("  * not in the seed document of 2025-10-28")
    for row in found.elsewhere:
        click.echo(f"  refused, {row.why}: {', '.join(row.names)}")


@cli.command()
@_json
def errors(as_json: bool) -> None:
    """List the errors of the service: status, code, message, when, and how we know."""
    import msgspec

    from .protocol.errors import NAMED

    if as_json:
        _print_json([{"name": name} | msgspec.to_builtins(row) for name, row in NAMED.items()])
        return
    rows = [
        (name, str(row.status), row.code, row.message, row.when, row.tag, row.source)
        for name, row in NAMED.items()
    ]
    _table(("name", "HTTP", "code", "message", "when", "known from", "source"), rows)


@cli.command()
@_json
def faults(as_json: bool) -> None:
    """List the faults that have names: what happens, and where it was seen.

    A name can be given to `serve --faults`, to `Simulator.faults.add` and to the admin API, or
    stand in a prompt: [[fault:NAME]].
    """
    from .faults import presets

    found = presets().values()
    if as_json:
        _print_json(list(found))
        return
    rows = [
        (preset.name, ", ".join(fault.on for fault in preset.faults), preset.what, preset.tag,
         preset.evidence)
        for preset in found
    ]  # fmt: skip
    _table(("name", "on", "what happens", "known from", "evidence"), rows)


@cli.command()
@click.option("--assumed", is_flag=True, help="Only what no source says, as --tag assumed.")
@click.option(
    "--tag", type=click.Choice(["documented", "observed", "assumed"]), help="Only what is known so."
)
@_json
def provenance(assumed: bool, tag: Tag | None, as_json: bool) -> None:
    """List every simulated behaviour, how we know it, and from where."""
    from collections import Counter

    from .protocol.provenance import tagged

    if assumed and tag not in (None, "assumed"):
        raise click.UsageError(f"--assumed and --tag {tag} exclude each other; give one of them")
    found = tagged("assumed" if assumed else tag)
    if as_json:
        _print_json(found)
        return
    rows = [(row.key, row.tag, row.says, row.source) for row in found]
    _table(("behaviour", "known", "what happens", "source"), rows)
    counts = Counter(row.tag for row in found)
    click.echo(f"  {len(found)} behaviours: {', '.join(f'{n} {tag}' for tag, n in counts.items())}")


def _print_json(content: object) -> None:
    import msgspec

    text = msgspec.json.encode(content, enc_hook=str)
    click.echo(msgspec.json.format(text, indent=2).decode())


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(cell.replace("\n", "\\n")) for cell in row))
    if sys.stdout.isatty():
        Console().print(table)
        return
    # A pipe gets the whole text: cut or wrapped columns would be no use to grep.
    console = Console(width=_NO_END)
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
