"""A fake DashScope for 通义万相 text-to-image, and cassettes of the real one.

Simulator      the service, offline: states, errors, pictures, links, money
Timing         how long its tasks wait and run
Clock          its time; ManualClock stands still until a test moves it
Fault          an error that it shows when asked to
Cassette       recorded jobs in plain files
Recorder       a service in front of a live one, which records
CachedService  a recorder that buys no request twice
Player         a service made of a cassette
Fallback       one service, else the next

Names are loaded when they are used: importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .account import Account
    from .cassettes.cached import CachedService
    from .cassettes.cassette import Cassette
    from .cassettes.fallback import Fallback
    from .cassettes.modes import CassetteService
    from .cassettes.player import Player
    from .cassettes.recorder import Recorder
    from .clock import Clock, ManualClock
    from .errors import (
        AmbiguousCreateError,
        BudgetExceededError,
        CassetteError,
        CassetteExpiredError,
        CassetteMissError,
        CertificateError,
        SecretFoundError,
        ServeError,
        StoreError,
        UpstreamError,
        WanxSimError,
    )
    from .faces.tls import CertificateAuthority
    from .faults import Fault
    from .protocol.catalogue import Region
    from .protocol.lifecycle import Status
    from .protocol.timing import Timing
    from .service import Service
    from .simulator import Simulator

_HOMES = {
    "Account": "account",
    "AmbiguousCreateError": "errors",
    "BudgetExceededError": "errors",
    "CachedService": "cassettes.cached",
    "Cassette": "cassettes.cassette",
    "CassetteError": "errors",
    "CassetteExpiredError": "errors",
    "CassetteMissError": "errors",
    "CassetteService": "cassettes.modes",
    "CertificateAuthority": "faces.tls",
    "CertificateError": "errors",
    "Clock": "clock",
    "Fallback": "cassettes.fallback",
    "Fault": "faults",
    "ManualClock": "clock",
    "Player": "cassettes.player",
    "Recorder": "cassettes.recorder",
    "Region": "protocol.catalogue",
    "SecretFoundError": "errors",
    "ServeError": "errors",
    "Service": "service",
    "Simulator": "simulator",
    "Status": "protocol.lifecycle",
    "StoreError": "errors",
    "Timing": "protocol.timing",
    "UpstreamError": "errors",
    "WanxSimError": "errors",
}

__all__ = [
    "Account",
    "AmbiguousCreateError",
    "BudgetExceededError",
    "CachedService",
    "Cassette",
    "CassetteError",
    "CassetteExpiredError",
    "CassetteMissError",
    "CassetteService",
    "CertificateAuthority",
    "CertificateError",
    "Clock",
    "Fallback",
    "Fault",
    "ManualClock",
    "Player",
    "Recorder",
    "Region",
    "SecretFoundError",
    "ServeError",
    "Service",
    "Simulator",
    "Status",
    "StoreError",
    "Timing",
    "UpstreamError",
    "WanxSimError",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
