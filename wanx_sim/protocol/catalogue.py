"""The models and their limits: `catalogue.toml`, typed."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from math import isqrt
from pathlib import Path
from typing import Literal

import msgspec

from .behaviour import Behaviour, Tag


class Region(StrEnum):
    """Where a key is valid; keys and hosts of one region are strangers to the other."""

    BEIJING = "beijing"
    SINGAPORE = "singapore"

    # That of the text it equals. An enum's own is of the member's name, and written in Python.
    __hash__ = str.__hash__


API_HOSTS = {
    "dashscope.aliyuncs.com": Region.BEIJING,
    "dashscope-intl.aliyuncs.com": Region.SINGAPORE,
}
"""The service's own hosts [documented: seed §3]."""

N_RANGE = (1, 4)
N_DEFAULT = 4
SEED_RANGE = (0, 2_147_483_647)
NEGATIVE_PROMPT_LIMIT = 500
WATERMARK_DEFAULT = False


BEHAVIOURS = (
    Behaviour(
        "catalogue.which-page",
        "where pages differ (pixel floor and prompt_extend of wan2.5, prompt limit of 2.2 and "
        "2.1), the seed document rules, and the newer pages in profile 2026-10",
        "assumed",
        "the pages contradict each other: wan2.6 was measured to start at 1265*1265 pixels",
    ),
    Behaviour(
        "catalogue.no-sync",
        "no model here answers without X-DashScope-Async",
        "assumed",
        "V2 page; a docstring of SDK 2.0.2 says that wan2.2 does",
    ),
    Behaviour(
        "catalogue.regions",
        "a model is unknown in a region that has no price for it",
        "assumed",
        "price page of 2025-12; the answer is that for any unknown model",
    ),
)


class AreaRule(msgspec.Struct, frozen=True, tag="area"):
    """Width times height within a range, and an aspect ratio no more extreme than given."""

    min_pixels: int
    max_pixels: int
    max_ratio: int

    def allows(self, width: int, height: int) -> bool:
        """Whether a picture of that size may be asked for."""
        return self.min_pixels <= width * height <= self.max_pixels and max(
            width, height
        ) <= self.max_ratio * min(width, height)

    def __str__(self) -> str:
        low, high = isqrt(self.min_pixels), isqrt(self.max_pixels)
        return (
            f"width*height must be within [{low}*{low}, {high}*{high}] pixels and the aspect "
            f"ratio within [1:{self.max_ratio}, {self.max_ratio}:1]"
        )


class SideRule(msgspec.Struct, frozen=True, tag="side"):
    """Width and height each within a range."""

    min_side: int
    max_side: int

    def allows(self, width: int, height: int) -> bool:
        """Whether a picture of that size may be asked for."""
        return all(self.min_side <= side <= self.max_side for side in (width, height))

    def __str__(self) -> str:
        return f"width and height must each be within [{self.min_side}, {self.max_side}]"


class ListRule(msgspec.Struct, frozen=True, tag="list"):
    """One of these sizes, each ``W*H``."""

    sizes: tuple[str, ...]

    def allows(self, width: int, height: int) -> bool:
        """Whether a picture of that size may be asked for."""
        return f"{width}*{height}" in self.sizes

    def __str__(self) -> str:
        return f"the size must be one of {', '.join(self.sizes)}"


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model as the catalogue has it; sizes are ``W*H``, prices CNY an image."""

    name: str
    size: str
    rule: AreaRule | SideRule | ListRule
    prompt_limit: int
    prompt_extend: bool
    price: dict[Region, Decimal]
    rate: int
    running: int
    free_images: int
    n: int = N_DEFAULT
    """How many images a create without `n` gets."""
    n_most: int = N_RANGE[1]
    seed_most: int = SEED_RANGE[1]
    styles: tuple[str, ...] = ()
    """What `parameters.style` may be; a model without any ignores it."""
    only_links: bool = False
    """Whether a result holds its `url` alone, no prompts."""
    no_metrics: bool = False
    """Whether a SUCCEEDED answer lacks `task_metrics`."""
    negative_prompt_in_parameters: bool = False
    beyond_seed: bool = False
    source: str = "seed §2, §5; V2 page of 2025-12-30; price and rate pages of 2025-12"
    tag: Tag = "documented"
    assumed: tuple[str, ...] = ()
    """Its fields that no page says."""


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Models that exist, but cannot be asked for here; ``*`` in a name stands for any text."""

    names: tuple[str, ...]
    why: Literal["other endpoint", "sync only"]
    source: str
    tag: Tag


class Catalogue:
    """The models that one profile (one state of the service's documents) knows."""

    def __init__(
        self, profile: str, models: dict[str, Model], elsewhere: tuple[Elsewhere, ...] = ()
    ) -> None:
        self.profile = profile
        self.models = models
        self.elsewhere = elsewhere

    def __repr__(self) -> str:
        return f"<Catalogue {self.profile}: {', '.join(self.models)}>"

    def find(self, name: str, region: Region) -> Model | None:
        """The model of that name, if the region offers it."""
        model = self.models.get(name)
        return model if model and region in model.price else None

    def find_elsewhere(self, name: str) -> Elsewhere | None:
        """Why a name that `find` does not find is known nevertheless, if it is."""
        for row in self.elsewhere:
            if any(fnmatchcase(name, pattern) for pattern in row.names):
                return row
        return None


PROFILES = ("2025-10", "2026-10")


def load(profile: str = PROFILES[0]) -> Catalogue:
    """The catalogue of a profile: ``2025-10`` is the seed document, ``2026-10`` the newer pages.

    Raises:
        ValueError: for a profile that is not known, with those that are.
    """
    if profile not in PROFILES:
        raise ValueError(f"no profile is called {profile!r}; known: {', '.join(PROFILES)}")
    return _read(profile)


@cache
def _read(profile: str) -> Catalogue:
    # Not importlib.resources, here and in what else a server imports: 2 ms of each start.
    text = Path(__file__).with_name("catalogue.toml").read_text("utf-8")
    data = tomllib.loads(text, parse_float=Decimal)
    changes = data.pop("profiles").get(profile, {})
    elsewhere = msgspec.convert(data.pop("elsewhere"), tuple[Elsewhere, ...])
    rows = {name: {"name": name} | row | changes.get(name, {}) for name, row in data.items()}
    return Catalogue(profile, msgspec.convert(rows, dict[str, Model]), elsewhere)
