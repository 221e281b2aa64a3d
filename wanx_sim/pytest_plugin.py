"""The pytest plugin: fixtures and a marker. Nothing is imported until a fixture is used."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import pytest

if TYPE_CHECKING:
    from wanx_client import AsyncWanxClient, WanxClient

    from .simulator import Simulator

_SETTINGS = (
    "timing",
    "seed",
    "rate_limits",
    "validation",
    "profile",
    "api_keys",
    "faults",
    "region",
)
_ANY_KEY = "sk-wanx-sim"
_NO_PROXY = ("NO_PROXY", "no_proxy")  # where both are set, the lower case wins in most libraries


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", f"wanx({', '.join(f'{name}=…' for name in _SETTINGS)}): settings of wanx_sim"
    )


class WanxServer(NamedTuple):
    """What the `wanx_server` fixture gives."""

    url: str
    """Where it listens, such as ``http://127.0.0.1:40123``."""
    base_url: str
    """The base of the API: ``url`` + ``/api/v1``."""
    sim: Simulator
    """The simulator behind it."""


@pytest.fixture
def wanx_sim(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """A fresh `Simulator` that catches what httpx sends to the real hosts.

    Its clock stands still until the test moves it. Settings come from the marker
    ``@pytest.mark.wanx(timing="polls:0,2", …)`` or from the test: ``wanx_sim.timing = …``.

    Example:
        ```python
        def test_a_flower_shop(wanx_sim):
            my_application.make_picture("一间花店")
            assert wanx_sim.ledger.images == 1
        ```
    """
    try:
        from .clock import ManualClock
        from .simulator import Simulator
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("wanx_sim"):
            raise
        _refuse(f"the wanx fixtures need {error.name}: pip install 'wanx-kit[sim]'")
    settings = _settings(request)
    try:
        sim = Simulator(clock=ManualClock(), **settings)  # type: ignore[arg-type]
    except ValueError as error:
        _refuse(f"@pytest.mark.wanx: {error}")
    with sim.intercept():
        yield sim
    sim.close()


def _settings(request: pytest.FixtureRequest) -> dict[str, object]:
    settings: dict[str, object] = {}
    for marker in reversed(list(request.node.iter_markers("wanx"))):
        if marker.args or not set(marker.kwargs) <= set(_SETTINGS):
            wrong = ", ".join([*map(repr, marker.args), *sorted({*marker.kwargs} - {*_SETTINGS})])
            _refuse(f"@pytest.mark.wanx does not take {wrong}; known: {', '.join(_SETTINGS)}")
        settings |= marker.kwargs
    return settings


def _refuse(why: str) -> NoReturn:
    """Let a test end in an error of one line: a traceback through our code would help nobody."""
    raise pytest.fail.Exception(why, pytrace=False) from None


@pytest.fixture
def wanx_server(wanx_sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[WanxServer]:
    """The simulator of `wanx_sim` behind a real loopback socket, for any client library.

    For the time of the test the environment points there (`DASHSCOPE_HTTP_BASE_URL`,
    `DASHSCOPE_API_KEY`, `NO_PROXY`), and so does a `dashscope` module that is already imported.
    """
    with wanx_sim.serve() as server:
        direct = [os.environ.get(name, "") for name in _NO_PROXY] + ["127.0.0.1", "localhost"]
        key = _valid_key(wanx_sim)
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url)
        monkeypatch.setenv("DASHSCOPE_API_KEY", key)
        for name in _NO_PROXY:
            monkeypatch.setenv(name, ",".join(dict.fromkeys(filter(None, direct))))
        if dashscope := sys.modules.get("dashscope"):
            monkeypatch.setattr(dashscope, "base_http_api_url", server.base_url)
            monkeypatch.setattr(dashscope, "api_key", key)
        yield WanxServer(server.url, server.base_url, wanx_sim)


def _valid_key(sim: Simulator) -> str:
    keys = sim.api_keys or {}
    return next((key for key, region in keys.items() if region == sim.region), _ANY_KEY)


@pytest.fixture
def wanx_client(wanx_sim: Simulator) -> Iterator[WanxClient]:
    """A `wanx_client.WanxClient` wired to `wanx_sim`: it never sleeps, the clock moves instead."""
    from wanx_client import WanxClient

    with WanxClient(
        _valid_key(wanx_sim),
        region=wanx_sim.region.value,
        transport=wanx_sim.transport(),
        sleep=wanx_sim.clock.sleep,
    ) as client:
        yield client


@pytest.fixture
def async_wanx_client(wanx_sim: Simulator) -> AsyncWanxClient:
    """As `wanx_client`, asynchronous: for asyncio and trio, under any plugin that runs them."""
    from wanx_client import AsyncWanxClient

    # Nothing has to be closed: its transport is the simulator, in process.
    return AsyncWanxClient(
        _valid_key(wanx_sim),
        region=wanx_sim.region.value,
        transport=wanx_sim.transport(),
        sleep=wanx_sim.clock.async_sleep,
    )
