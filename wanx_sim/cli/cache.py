"""``wanx-sim cache``: what the development cache holds, and how to be rid of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options
from .printing import many, print_table, say, short

if TYPE_CHECKING:
    from ..cassettes.cache import Cache, Kept

_MIB = 2**20
_PROMPT = 30


@click.group()
def cache() -> None:
    """See and clean the development cache of `record --cache`.

    Nothing in it is precious: `rebuild` makes it again from the cassettes that were recorded.
    """


def _folder(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--cache-dir",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        help="The folder of the cache. Default: in your cache folder.",
    )(command)


def _open(folder: Path | None, **how: Any) -> Cache:
    from ..cassettes.cache import Cache

    return Cache(folder, **how)


@cache.command("ls")
@_folder
def list_(folder: Path | None) -> None:
    """List what was bought, the oldest first."""
    opened = _open(folder)
    entries = [kept for _, kept in opened.entries()] if opened.exists else []
    if entries:
        headings = ("bought", "state", "model", "images", "CNY", "host", "prompt")
        print_table(headings, [_row(kept) for kept in entries])
    volume = opened.volume / _MIB if entries else 0.0
    say(f"{many(len(entries), 'job')}, {volume:.1f} MiB in {opened.folder}")


def _row(kept: Kept) -> tuple[str, ...]:
    from ..cassettes.summary import prompt

    at = f"{kept.at:%Y-%m-%d %H:%M}"
    if kept.job is None:
        return (at, kept.standing, "", "", "", kept.host, "")
    job = kept.job
    price = "?" if job.price is None else f"{job.price:.2f}"
    model = str(job.request.get("model") or "")
    images = str(len(job.images))
    return (at, kept.standing, model, images, price, kept.host, short(prompt(job.request), _PROMPT))


@cache.command()
@_folder
@options.max_age("Drop what is older than this.")
@click.option(
    "--max-size",
    type=options.Amount(0),
    metavar="MIB",
    default=1024.0,
    show_default=True,
    help="Drop the oldest jobs until the rest fits.",
)
@click.option(
    "--unanswered", is_flag=True,
    help="Drop creates whose answer was lost; they may have been billed, and can be bought again.",
)  # fmt: skip
def prune(
    folder: Path | None, max_age: timedelta | None, max_size: float, unanswered: bool
) -> None:
    """Drop what is too old, too much, or will never be answered; say what was dropped."""
    opened = _open(folder, limit=int(max_size * _MIB))
    dropped = opened.prune(max_age=max_age, unanswered=unanswered) if opened.exists else []
    for kept in dropped:
        say(f"dropped: {_said(kept)}")
    say(f"{many(len(dropped), 'job')} dropped from {opened.folder}")


def _said(kept: Kept) -> str:
    days = (datetime.now(UTC) - kept.at).days
    _, standing, model, images, _, _, prompt = _row(kept)
    what = f"{images} × {model}, {prompt}" if model else "a create"
    return f"{what} ({standing}, {many(days, 'day')} old)"


@cache.command()
@_folder
def clear(folder: Path | None) -> None:
    """Drop everything."""
    opened = _open(folder)
    count = opened.clear() if opened.exists else 0
    say(f"{many(count, 'job')} dropped from {opened.folder}")


@cache.command()
@_folder
@click.argument(
    "cassettes", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CASSETTE…"
)
def rebuild(folder: Path | None, cassettes: tuple[Path, ...]) -> None:
    """Fill the cache from cassettes, or from folders of them."""
    from ..cassettes.cassette import Cassette, library

    opened = _open(folder)
    count = 0
    for path in cassettes:
        for cassette in library(path) if path.is_dir() else [Cassette.load(path)]:
            count += opened.add(cassette)
    say(f"{many(count, 'job')} from {many(len(cassettes), 'place')}, now in {opened.folder}")
