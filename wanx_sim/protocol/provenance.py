"""Every simulated behaviour, and how we know it.

Each module of the protocol keeps the table of what it does (`BEHAVIOURS`). The error table and
the catalogue are such tables already, so their behaviours are derived. What the modules above the
protocol do stands here, since the protocol imports nothing from there.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module

from . import catalogue, errors
from .behaviour import Behaviour, Tag
from .catalogue import PROFILES, Catalogue, Model

_RATES, _PRICES = "rate-limit page of 2025-12", "price page of 2025-12"

ABOVE = (
    Behaviour(
        "account.create-rate",
        "creates beyond the model's rate are refused with 429 Throttling.RateQuota",
        "documented",
        _RATES,
    ),
    Behaviour(
        "account.query-rate",
        "queries, lists and cancels share 20 a second",
        "documented",
        "task-management page",
    ),
    Behaviour(
        "account.rate-window",
        "a rate is counted over a sliding second, for each key and model",
        "assumed",
        "the rate-limit page says a second and main account; the window is nowhere described",
    ),
    Behaviour(
        "account.queue",
        "tasks beyond the running limit stay PENDING, in the order of their creation",
        "documented",
        f"{_RATES}: so of a sibling model; that page's heading speaks of throttling instead",
    ),
    Behaviour(
        "account.over-running",
        "or they are refused with 429 (Account.over_running=refuse)",
        "documented",
        f"{_RATES}, its heading",
    ),
    Behaviour("account.arrears", "an account in debt creates nothing", "documented", errors.PAGE),
    Behaviour(
        "account.granted", "a model that was not granted is refused", "documented", errors.PAGE
    ),
    Behaviour(
        "account.free-tier",
        "with free tier only, creates are refused once a model's free images are used up",
        "documented",
        errors.PAGE,
    ),
    Behaviour(
        "billing.good-images",
        "good images are billed, each at its model's price; failed ones, and failed or cancelled "
        "tasks, cost nothing",
        "documented",
        f"V2 page of 2025-12; {_PRICES}",
    ),
    Behaviour(
        "billing.no-idempotency",
        "a create that is sent twice makes two tasks and is billed twice",
        "assumed",
        "the API has no idempotency key",
    ),
    Behaviour(
        "access.other-region",
        "a key of the other region is refused in the very words of a wrong one",
        "observed",
        "litellm#12571, hermes#18952, modelstudioai/cli#206",
    ),
    Behaviour(
        "images.seeds",
        "of several images, each has the seed of the one before plus one; past the end, from 0",
        "documented",
        "seed §5.3; the wrap is assumed",
    ),
)
"""What the modules above the protocol do: limits, ledger, access, pictures."""

_FIELDS = {
    "size": "makes {} by default",
    "rule": "sizes: {}",
    "prompt_limit": "sees the first {} characters of a prompt",
    "prompt_extend": "rewrites prompts by default: {}",
    "n": "makes {} images by default",
    "n_most": "makes {} images at most",
    "price": "CNY an image: {}",
    "rate": "takes {} creates a second",
    "running": "runs {} tasks at a time",
    "free_images": "has {} free images",
}


@cache
def behaviours() -> tuple[Behaviour, ...]:
    """All of them, by key."""
    found = [*_of_modules(), *ABOVE, *_of_errors(), *_of_models()]
    return tuple(sorted(found, key=lambda behaviour: behaviour.key))


def tagged(tag: Tag | None = None) -> tuple[Behaviour, ...]:
    """Those with a tag, or all."""
    return tuple(found for found in behaviours() if tag in (None, found.tag))


def _of_modules() -> Iterator[Behaviour]:
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        if module.name != __name__:
            yield from getattr(import_module(module.name), "BEHAVIOURS", ())


def _of_errors() -> Iterator[Behaviour]:
    for name, row in errors.NAMED.items():
        says = f"{row.status} {row.code}: {row.when}"
        yield Behaviour(f"error.{name}", says, row.tag, row.source)


def _of_models() -> Iterator[Behaviour]:
    first, *others = (catalogue.load(profile) for profile in PROFILES)
    for model in first.models.values():
        yield from _of_model(model)
    for row in first.elsewhere:
        names, first_name = ", ".join(row.names), row.names[0].rstrip("*")
        key = f"elsewhere.{first_name}"
        yield Behaviour(key, f"{names}: {row.why}", row.tag, row.source)
    for other in others:
        yield from _changes(first, other)


def _of_model(model: Model) -> Iterator[Behaviour]:
    for field, says in _FIELDS.items():
        assumed = field in model.assumed
        source = "no page was found that says so" if assumed else model.source
        tag: Tag = "assumed" if assumed else model.tag
        yield Behaviour(
            f"model.{model.name}.{field}", says.format(_text(model, field)), tag, source
        )


def _changes(first: Catalogue, other: Catalogue) -> Iterator[Behaviour]:
    source = "V2 pages of 2025-12 to 2026-10"
    for name, model in other.models.items():
        for field, says in _FIELDS.items():
            if getattr(model, field) != getattr(first.models[name], field):
                key = f"profile.{other.profile}.{name}.{field}"
                yield Behaviour(key, says.format(_text(model, field)), "documented", source)


def _text(model: Model, field: str) -> str:
    if field == "price":
        return ", ".join(f"{region} {price}" for region, price in model.price.items())
    value = getattr(model, field)
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
