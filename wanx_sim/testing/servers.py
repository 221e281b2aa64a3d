"""The servers of the fixtures, and the way to them from an application's environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import pytest

from ..clock import ManualClock
from ..simulator import Simulator
from . import simulators

if TYPE_CHECKING:
    from ..faces.server import Server
    from .cassettes import WanxCassette

KEY, URL = "DASHSCOPE_API_KEY", "DASHSCOPE_HTTP_BASE_URL"
_NO_PROXY = ("NO_PROXY", "no_proxy")  # where both are set, the lower case wins in most libraries
_ANY_KEY = "sk-wanx-sim"

_running: list[Server] = []


@dataclass(frozen=True, slots=True)
class WanxServer:
    """A simulator, or the cassette of a test, behind a loopback socket."""

    url: str
    """Where it listens, such as ``http://127.0.0.1:40123``."""
    base_url: str
    """The base of the API: ``url`` + ``/api/v1``."""
    service: Simulator | WanxCassette
    """What is behind it."""

    @property
    def sim(self) -> Simulator:
        """The simulator behind it.

        Raises:
            AttributeError: if it is a cassette.
        """
        if isinstance(self.service, Simulator):
            return self.service
        raise AttributeError("this server has no simulator: wanx_cassette is behind it")


class WanxSession(NamedTuple):
    """A test's own part of a server that tests share."""

    url: str
    """Where the server listens, such as ``http://127.0.0.1:40123``."""
    base_url: str
    """The base of the API: ``url`` + ``/api/v1``."""
    headers: Mapping[str, str]
    """What a client sends with every request to the API, so that this session answers."""
    sim: Simulator
    """The simulator of this session."""


@contextmanager
def serving(service: Simulator | WanxCassette) -> Iterator[WanxServer]:
    """A service behind a socket of its own."""
    with service.serve() as server:
        _running.append(server)
        try:
            yield WanxServer(server.url, server.base_url, service)
        finally:
            _running.remove(server)


def busy() -> bool:
    """Whether any of them is answering a request right now: then virtual time stands still."""
    return any(server.busy for server in _running)


@contextmanager
def shared() -> Iterator[WanxServer]:
    """A server for many tests, each in a session of its own."""
    with closing(Simulator(clock=ManualClock())) as sim, serving(sim) as server:
        yield server


@contextmanager
def session(item: pytest.Item, server: WanxServer) -> Iterator[WanxSession]:
    """A test's own session of a shared server."""
    name = uuid4().hex
    with simulators.session(item, server.sim, name) as sim:
        yield WanxSession(server.url, server.base_url, {"X-Wanx-Session": name}, sim)


def valid_key(service: Simulator | WanxCassette) -> str:
    """A key that the service accepts in its region."""
    if not isinstance(service, Simulator):
        return os.environ[KEY]  # the live service's, or the one set for a replay
    keys = service.api_keys or {}
    return next((key for key, region in keys.items() if region == service.region), _ANY_KEY)


def ask_the_real_hosts(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Send clients that ask the environment to the real hosts, where their requests are caught.

    They find a key, since many insist on one; the user's own stays, where there is one.
    """
    monkeypatch.delenv(URL, raising=False)
    if not os.environ.get(KEY):
        monkeypatch.setenv(KEY, key)


def point_at(server: WanxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send clients there that ask the environment, and an SDK that has asked it already."""
    key = valid_key(server.service)
    monkeypatch.setenv(URL, server.base_url)
    monkeypatch.setenv(KEY, key)
    pass_by_proxies(monkeypatch)
    if dashscope := sys.modules.get("dashscope"):
        monkeypatch.setattr(dashscope, "base_http_api_url", server.base_url)
        monkeypatch.setattr(dashscope, "api_key", key)


def pass_by_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this machine's own addresses from a proxy that the environment may name."""
    direct = [os.environ.get(name, "") for name in _NO_PROXY] + ["127.0.0.1", "localhost"]
    for name in _NO_PROXY:
        monkeypatch.setenv(name, ",".join(dict.fromkeys(filter(None, direct))))
