"""What a control of ``/_sim/`` is: a function whose signature is all there is to know of it.

Its parameters are those named in its path, ``order`` (the body), ``wanted`` (the query) and
``asked`` (the request itself), after the simulator or service that it is about. Routing, checks,
the index and the OpenAPI document follow from their types, from what it returns, and from the
first line of its docstring.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from inspect import getdoc
from typing import Any, TypeVar, get_type_hints

import msgspec

from ..service import Service

ROOT = "/_sim"

_Run = TypeVar("_Run", bound=Callable[..., object])


class Control(msgspec.Struct, frozen=True, dict=True):
    """One control, and where it is found."""

    method: str
    path: str
    run: Callable[..., object]

    @property
    def does(self) -> str:
        """What it does, in a line."""
        return (getdoc(self.run) or "").partition("\n")[0]

    @cached_property
    def types(self) -> dict[str, Any]:
        """The types of its parameters, by name, and of what it returns."""
        return get_type_hints(self.run)

    def suits(self, service: Service) -> bool:
        """Whether it can be had for a service."""
        return isinstance(service, next(iter(self.types.values())))


CONTROLS: list[Control] = []
"""All of them, in the order in which they were made."""


def control(method: str, path: str) -> Callable[[_Run], _Run]:
    """Make a function a control, at a path under ``/_sim``."""

    def made(run: _Run) -> _Run:
        CONTROLS.append(Control(method, ROOT + path, run))
        return run

    return made
