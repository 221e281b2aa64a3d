"""What the commands share that go on running: their options, the ready line, the end."""

from __future__ import annotations

import shlex
import signal
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..faces.server import Server
    from ..faces.workers import Workers


def address(command: Callable[..., None]) -> Callable[..., None]:
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


def secure(command: Callable[..., None]) -> Callable[..., None]:
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


def run(server: Server, *, key: str | None, workers: Workers | None = None) -> None:
    """Serve in this thread, or by workers, until a signal; the service is closed at the end."""
    # By default SIGTERM would end the process on the spot, and a recorder still has jobs to write.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = _show  # type: ignore[assignment]
        try:
            (workers or server).run(announce=lambda: click.echo(_ready(server, key)))
        finally:
            server.service.close()


def _show(message: Warning | str, *_where: object) -> None:
    """A warning as this command's other lines are: what it says, not where it was raised."""
    say(str(message))


def say(sentence: str) -> None:
    """Tell whoever runs the command."""
    click.echo(f"wanx-sim: {sentence}", err=True)


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
