"""Options and arguments that several commands have, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from math import isfinite
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., None]], Callable[..., None]]

_MOST_DAYS = 1_000_000


class Amount(click.FloatRange):
    """A number in a range; click's own takes ``nan`` too, which compares with nothing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number: float = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value} is no amount.", param, ctx)
        return number


class _Days(Amount):
    """A number of days, as a timedelta."""

    def __init__(self) -> None:
        super().__init__(0, _MOST_DAYS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return timedelta(days=super().convert(value, param, ctx))


paths = click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)

pictures = click.option(
    "--pictures",
    type=click.Choice(["full", "thumbnail", "placeholder"]),
    default="full",
    show_default=True,
    help="What is stored of each picture.",
)

redact_prompts = click.option(
    "--redact-prompts", is_flag=True, help="Write prompts as hashes; they still match."
)


def max_age(does: str) -> Decorator:
    """``--max-age DAYS``; the command gets a timedelta, or None."""
    return click.option("--max-age", type=_Days(), metavar="DAYS", help=does)
