"""The settings of a simulator: checked when they are set, and free to change at any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args

from .access import ApiKeys, api_keys, as_region
from .account import Account
from .protocol import catalogue
from .protocol.catalogue import Region
from .protocol.dialects import DIALECTS
from .protocol.links import ResultHosts
from .protocol.responses import FailedShape
from .protocol.timing import Timing

Validation = Literal["submit", "task"]
T = TypeVar("T")


class Settings:
    """What a simulator can be told; a wrong value raises ValueError with those there are."""

    rate_limits: bool
    """Whether the service's requests a second and tasks at a time are enforced."""
    account: Account
    """The state of the accounts."""
    magic_prompts: bool
    """Whether marks such as ``[[fail:CODE]]`` in a prompt script its outcome."""
    help_links: bool
    """Whether messages of errors end in a link to the service's pages, as they do of late."""
    public_url: str | None
    """Where links begin, if not at the host that a request asked."""
    changes = 0
    """How often an attribute was set: what depends on settings holds while this stays so."""

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        object.__setattr__(self, "changes", self.changes + 1)

    def change(self, **given: Any) -> None:
        """Change settings, all that are given or, if one of them is wrong, none.

        Raises:
            ValueError: for a value that does not exist, with those that do.
        """
        before = {name: getattr(self, name) for name in given}
        try:
            for name, value in given.items():
                setattr(self, name, value)
        except ValueError:
            for name, value in before.items():
                setattr(self, name, value)
            raise

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
        self._validation: Validation = _one_of(get_args(Validation), "validation", where)

    @property
    def failed_shape(self) -> FailedShape:
        """What the answer about a FAILED task holds: ``full``, ``metrics`` or ``plain``."""
        return self._failed_shape

    @failed_shape.setter
    def failed_shape(self, shape: FailedShape) -> None:
        self._failed_shape: FailedShape = _one_of(get_args(FailedShape), "failed_shape", shape)

    @property
    def result_hosts(self) -> ResultHosts:
        """Where links lead: ``region``, ``spread`` or ``accelerate``."""
        return self._result_hosts

    @result_hosts.setter
    def result_hosts(self, hosts: ResultHosts) -> None:
        self._result_hosts: ResultHosts = _one_of(get_args(ResultHosts), "result_hosts", hosts)

    @property
    def profile(self) -> str:
        """Which state of the service's documents holds."""
        return self.catalogue.profile

    @profile.setter
    def profile(self, name: str) -> None:
        self.catalogue = catalogue.load(name)
        self.dialect = DIALECTS[name]

    @property
    def timing(self) -> Timing:
        """How long tasks wait and run. Tasks that exist keep their plan."""
        return self._timing

    @timing.setter
    def timing(self, timing: Timing | str) -> None:
        self._timing = timing if isinstance(timing, Timing) else Timing.parse(timing)


def _one_of(known: tuple[T, ...], name: str, value: T) -> T:
    if value not in known:
        raise ValueError(f"{name} cannot be {value!r}; known: {', '.join(map(str, known))}")
    return value
