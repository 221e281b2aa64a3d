"""The ``wanx-sim`` command.

serving     serve, which goes on running
recording   record and replay, which do so too
sockets     what these share
cassettes   cassette, the group; its commands lie in looking, tending and interop
cache       the development cache: ls, prune, clear, rebuild
options     options that several of these have
tables      models, errors, faults and provenance: the commands that list

A command's module is imported when the command is asked for: a server starts without the others.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from .options import Amount

_EXIT_TROUBLE = 1

_MODULES = {
    "serve": "serving", "record": "recording", "replay": "recording",
    "cassette": "cassettes", "cache": "cache",
    "models": "tables", "errors": "tables", "faults": "tables", "provenance": "tables",
}  # fmt: skip
"""Where each command lies that does not lie here."""


class _Group(click.Group):
    """Shows the errors of `wanx_sim` as one line, and an interrupt as nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_MODULES])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return super().get_command(ctx, cmd_name)
        module = import_module(f".{_MODULES[cmd_name]}", __name__)
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        from ..errors import BudgetExceededError, WanxSimError

        try:
            return super().invoke(ctx)
        except (WanxSimError, BudgetExceededError, ValueError) as error:
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
    from ..demo import tell

    tell(output)


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
    from ..errors import CertificateError
    from ..faces.tls import CertificateAuthority

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


@cli.command()
@click.option("--upstream", required=True, metavar="URL", help="The live service.")
@click.option(
    "--region",
    type=click.Choice(["beijing", "singapore"]),
    help="The region of your key. Default: the one that the host names, else beijing.",
)
@click.option(
    "--spend", type=Amount(0), metavar="CNY", help="Buy one picture, for so much at most."
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
    from ..probe.run import run

    run(upstream, region, spend, report)
