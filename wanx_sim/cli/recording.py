"""``wanx-sim record`` and ``wanx-sim replay``: a recorder, a player on a socket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options
from .sockets import address, run, secure

if TYPE_CHECKING:
    from ..cassettes.cache import Cache
    from ..cassettes.format import Keep
    from ..cassettes.recordings import OnExpired
    from ..service import Service


def _ageing(expired: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options on how old a recording may be that is replayed."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        both = (
            options.max_age("How old a recording may be that is replayed. Default: any age."),
            click.option(
                "--on-expired", type=click.Choice(["warn", "error", "record"]), default="warn",
                show_default=True, help=expired,
            ),
        )  # fmt: skip
        for option in reversed(both):
            command = option(command)
        return command

    return decorate


@click.command()
@address
@secure
@click.option(
    "--cassette",
    required=True,
    type=click.Path(path_type=Path),
    help="The cassette to write; jobs are added to what it holds.",
)
@click.option("--upstream", required=True, metavar="URL", help="The live service.")
@click.option(
    "--ca-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Trust this CA certificate too, for an upstream with a private one.",
)
@click.option(
    "--budget",
    type=options.Amount(0),
    metavar="CNY",
    help="What may be spent, by the catalogue's prices. Default: 0, which buys nothing.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Send nothing and write nothing: a simulator answers, and each line says what would be "
    "bought.",
)
@click.option(
    "--mode",
    type=click.Choice(["once", "new_episodes", "all"]),
    help="What is recorded, as VCR names it. once: all, unless the cassette is there, which is "
    "replayed then. new_episodes: what it does not hold; the rest is replayed. all: everything "
    "anew, in the place of what it holds. Default: everything, added to what it holds.",
)
@_ageing("What becomes of an older one: replayed with a warning, refused, or recorded anew.")
@click.option(
    "--cache",
    "cached",
    is_flag=True,
    help="Buy no request twice: what the development cache holds is served from there.",
)
@click.option(
    "--cache-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the cache. Default: in your cache folder.",
)
@options.pictures
@options.redact_prompts
def record(
    cassette: Path,
    upstream: str,
    ca_file: Path | None,
    budget: float | None,
    dry_run: bool,
    mode: str | None,
    max_age: timedelta | None,
    on_expired: OnExpired,
    cached: bool,
    cache_dir: Path | None,
    pictures: Keep,
    redact_prompts: bool,
    host: str,
    port: int,
    public_url: str | None,
    **server: Any,
) -> None:
    """Record what any client does with a live service, through a proxy in front of it.

    Every picture costs money there: --budget says how much may be spent, and is 0 by default;
    --dry-run says beforehand what it will be. A request without a key of its own buys nothing.
    """
    from ..upstream import Upstream

    if public_url:
        raise click.UsageError("a recorder passes the live service's links on; drop --public-url")
    if mode == "all" and cached:
        raise click.UsageError("--mode all buys everything anew; drop --cache")
    if max_age is not None and not cached and mode not in ("once", "new_episodes"):
        raise click.UsageError(
            "--max-age is for what is replayed: choose --mode once or new_episodes, or --cache"
        )
    _check_proxy(server["proxy_port"])
    live: Service = Upstream(upstream, ca_file=ca_file)
    play = {"max_age": max_age, "on_expired": on_expired}
    cache = _cache(cache_dir) if cached else None
    if dry_run:
        service = _dry(cassette, mode, live, play, cache, budget)
    else:
        how = {"pictures": pictures, "redact_prompts": redact_prompts}
        service = _recorder(cassette, mode, live, play, cache, budget=budget or 0.0, **how)
    run(service.serve(host, port, **server), key=None)


def _check_proxy(port: int | None) -> None:
    """Refuse to send what goes upstream to this recorder's own proxy, and so on for ever."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies

    own = {(name, port) for name in ("127.0.0.1", "localhost", "::1")}
    for url in map(urlsplit, getproxies().values()):
        if port and (url.hostname, url.port) in own:
            raise click.UsageError(
                f"the environment names port {port} as a proxy, which is this recorder's own: set "
                "HTTPS_PROXY for the program under test alone, and unset it here"
            )


def _cache(folder: Path | None) -> Cache:
    from ..cassettes.cache import Cache

    return Cache(folder)


def _recorder(
    cassette: Path,
    mode: str | None,
    live: Service,
    play: dict[str, Any],
    cache: Cache | None,
    **how: Any,
) -> Service:
    from ..cassettes.cached import CachedService
    from ..cassettes.modes import CassetteService
    from ..cassettes.recorder import Recorder

    if mode is not None:
        return CassetteService(cassette, mode, upstream=live, play=play, record=how, cache=cache)
    if cache is not None:
        return CachedService(live, cassette, cache=cache, max_age=play["max_age"], **how)
    return Recorder(live, cassette, **how)


def _dry(
    cassette: Path,
    mode: str | None,
    live: Service,
    play: dict[str, Any],
    cache: Cache | None,
    budget: float | None,
) -> Service:
    from ..cassettes.cassette import Cassette
    from ..cassettes.dryrun import DryRun
    from ..cassettes.fallback import Fallback
    from ..cassettes.player import Player

    dry = DryRun(
        live, cache=cache, max_age=play["max_age"], budget=budget,
        tell=lambda line: click.echo(f"wanx-sim: {line}"),
    )  # fmt: skip
    recorded = Cassette(cassette)
    if mode not in ("once", "new_episodes") or not recorded.exists:
        return dry
    alone = mode == "once"
    player = Player(recorded.path, unfinished=alone, **play)
    return player if alone else Fallback(player, dry)


@click.command()
@address
@secure
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
@click.option(
    "--on-miss",
    type=click.Choice(["error", "simulate"]),
    default="error",
    show_default=True,
    help="What becomes of a request that is not recorded: a 501 that explains it, or a "
    "simulator's answer. X-Wanx-Source says which an answer is.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="FIELD",
    help="A field that plays no part in matching, such as seed or input.prompt; may be given "
    "several times.",
)
@click.option(
    "--repeat/--no-repeat",
    default=True,
    show_default=True,
    help="Whether recorded jobs begin anew, in their order, once all that match were replayed.",
)
@_ageing("What becomes of an older one: replayed with a warning, refused, or not recorded.")
def replay(
    cassette: Path,
    pace: str,
    on_miss: str,
    ignore: tuple[str, ...],
    repeat: bool,
    max_age: timedelta | None,
    on_expired: OnExpired,
    host: str,
    port: int,
    public_url: str | None,
    **server: Any,
) -> None:
    """Serve a cassette, or a folder of them, with no live service."""
    from ..cassettes.fallback import Fallback
    from ..cassettes.player import Player
    from ..simulator import Simulator

    service: Service = Player(
        cassette,
        pace=pace,
        public_url=public_url,
        ignore=ignore,
        repeat=repeat,
        max_age=max_age,
        on_expired=on_expired,
    )
    if on_miss == "simulate":
        service = Fallback(service, Simulator(timing="fast", seed=None, public_url=public_url))
    run(service.serve(host, port, **server), key="sk-anything")
