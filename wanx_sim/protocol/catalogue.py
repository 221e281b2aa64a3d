"""The models and their limits: `catalogue.toml`, typed."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from math import isqrt

import msgspec


class Region(StrEnum):
    """Where a key is valid; keys and hosts of one region are strangers to the other."""

    BEIJING = "beijing"
    SINGAPORE = "singapore"


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


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model as the catalogue has it; sizes are ``W*H``, prices CNY an image."""

    name: str
    size: str
    rule: AreaRule | SideRule
    prompt_limit: int
    prompt_extend: bool
    price: dict[Region, Decimal]
    rate: int
    running: int
    free_images: int


class Catalogue:
    """The models that one profile (one state of the service's documents) knows."""

    def __init__(self, profile: str, models: dict[str, Model]) -> None:
        self.profile = profile
        self.models = models

    def __repr__(self) -> str:
        return f"<Catalogue {self.profile}: {', '.join(self.models)}>"

    def find(self, name: str, region: Region) -> Model | None:
        """The model of that name, if the region offers it."""
        model = self.models.get(name)
        return model if model and region in model.price else None


PROFILES = ("2025-10", "2026-10")


@cache
def load(profile: str = PROFILES[0]) -> Catalogue:
    """The catalogue of a profile: ``2025-10`` is the seed document, ``2026-10`` the newer pages.

    Raises:
        ValueError: for a profile that is not known, with those that are.
    """
    if profile not in PROFILES:
        raise ValueError(f"no profile is called {profile!r}; known: {', '.join(PROFILES)}")
    text = files(__package__).joinpath("catalogue.toml").read_text("utf-8")
    data = tomllib.loads(text, parse_float=Decimal)
    changes = data.pop("profiles").get(profile, {})
    rows = {name: {"name": name} | row | changes.get(name, {}) for name, row in data.items()}
    return Catalogue(profile, msgspec.convert(rows, dict[str, Model]))
