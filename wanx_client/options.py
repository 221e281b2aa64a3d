"""The arguments and options of the `wanx` command that several of its commands share."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wanx_client.client import DEFAULT_POLL_INTERVAL, DEFAULT_WAIT
from wanx_client.wire import DEFAULT_MODEL, DEFAULT_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

ANY_MODEL = "wanx.any_model"

# Only to catch a misspelt name before it costs a round trip; `--any-model` sends any other.
KNOWN_MODELS = (
    "wan2.5-t2i-preview",
    "wan2.2-t2i-flash",
    "wan2.2-t2i-plus",
    "wanx2.1-t2i-turbo",
    "wanx2.1-t2i-plus",
    "wanx2.0-t2i-turbo",
    "wan2.1-t2i-turbo",  # Singapore's names of the two wanx2.1
    "wan2.1-t2i-plus",
    "wanx-v1",
    "qwen-image",
    "qwen-image-plus",
)


def _known_model(ctx: click.Context, _param: click.Parameter, name: str) -> str:
    if name in KNOWN_MODELS or ctx.meta[ANY_MODEL]:
        return name
    near = get_close_matches(name, KNOWN_MODELS, n=3, cutoff=0.3) or KNOWN_MODELS
    raise click.BadParameter(
        f"{name!r} is not a known model. Did you mean {', '.join(near)}?"
        " To send it all the same, add --any-model."
    )


def _any_model(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    ctx.meta[ANY_MODEL] = value


def _task_id(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("a task id cannot be empty")
    return value.strip()


def moment(_ctx: click.Context, _param: click.Parameter, text: str | None) -> datetime | None:
    """Read an ISO 8601 time; one without a zone is local."""
    try:
        return datetime.fromisoformat(text).astimezone() if text else None
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time such as 2025-10-28T09:30") from None


def _together(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    return lambda function: reduce(lambda made, add: add(made), reversed(decorators), function)


JSON = click.option(
    "--json", "as_json", is_flag=True, expose_value=False, help="Print one JSON document."
)
TASK_ID = click.argument("task_id", metavar="ID", callback=_task_id)
OUTPUT = click.option(
    "-o",
    "--output",
    metavar="DIR",
    default=".",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to save the pictures; created if need be.  [default: here]",
)
ORDER = _together(
    click.argument("prompt"),
    click.option(
        "--any-model",
        is_flag=True,
        is_eager=True,  # so that it is known when --model is looked at
        expose_value=False,
        callback=_any_model,
        help="Send a model name that isn't known here.",
    ),
    click.option(
        "--model", default=DEFAULT_MODEL, show_default=True, callback=_known_model, help="Model."
    ),
    click.option("--size", default=DEFAULT_SIZE, show_default=True, help="Width*height in pixels."),
    click.option(
        "-n", "--n", default=1, type=int, show_default=True, help="Images; each is billed."
    ),
    click.option("--seed", type=int, help="0 to 2147483647, for a like picture again."),
    click.option("--negative-prompt", metavar="TEXT", help="What is not to be seen."),
    click.option(
        "--prompt-extend/--no-prompt-extend",
        default=None,
        help="Let the service write the prompt out, or not.  [default: the model's own]",
    ),
    click.option(
        "--watermark/--no-watermark",
        default=None,
        help='Print "AI生成" in a corner, or not.  [default: the model\'s own]',
    ),
)
PATIENCE = _together(
    click.option(
        "--poll-interval",
        default=DEFAULT_POLL_INTERVAL,
        type=click.FloatRange(min=0),
        show_default=True,
        help="Seconds between polls.",
    ),
    click.option(
        "--timeout",
        default=DEFAULT_WAIT,
        type=click.FloatRange(min=0),
        show_default=True,
        help="Seconds to wait for the task in all.",
    ),
)
