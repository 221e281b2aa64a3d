"""The settings of a simulator: checked when they are set, and free to change at any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from .access import ApiKeys, api_keys, as_region
from .protocol import catalogue
from .protocol.catalogue import Region
from .protocol.timing import Timing

Validation = Literal["submit", "task"]


class Settings:
    """What a simulator can be told; a wrong value raises ValueError with those there are."""

    rate_limits: bool
    """Whether the service's requests a second are enforced."""
    magic_prompts: bool
    """Whether marks such as ``[[fail:CODE]]`` in a prompt script its outcome."""
    public_url: str | None
    """Where links begin, if not at the host that a request asked."""

    @property
    def region(self) -> Region:
        """The region of requests to a host of our own."""
        return self._region

    @region.setter
    def region(self, name: Region | str) -> None:
        self._region = as_region(name)

    @property
    def api_keys(self) -> ApiKeys | None:
        """The keys that are valid, each with its region; None accepts any."""
        return self._api_keys

    @api_keys.setter
    def api_keys(self, given: Mapping[str, Region | str] | None) -> None:
        self._api_keys = api_keys(given)

    @property
    def validation(self) -> Validation:
        """Where a bad parameter is refused: at ``submit``, or in the ``task``."""
        return self._validation

    @validation.setter
    def validation(self, where: Validation) -> None:
        if where not in get_args(Validation):
            known = ", ".join(get_args(Validation))
            raise ValueError(f"validation cannot be {where!r}; known: {known}")
        self._validation: Validation = where

    @property
    def profile(self) -> str:
        """Which state of the service's documents holds."""
        return self._catalogue.profile

    @profile.setter
    def profile(self, name: str) -> None:
        self._catalogue = catalogue.load(name)

    @property
    def timing(self) -> Timing:
        """How long tasks wait and run. Tasks that exist keep their plan."""
        return self._timing

    @timing.setter
    def timing(self, timing: Timing | str) -> None:
        self._timing = timing if isinstance(timing, Timing) else Timing.parse(timing)
