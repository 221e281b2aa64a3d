"""The pytest plugin: it names fixtures, a marker and options; the work is done in `testing`.

Nothing heavy is imported until a fixture is used, and no fixture is used by itself.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from .testing import marker, options, places, spending, tally, troubles, unused, verdict

if TYPE_CHECKING:
    from wanx_client import AsyncWanxClient, WanxClient

    from .simulator import Simulator
    from .testing.cassettes import WanxCassette
    from .testing.servers import WanxServer, WanxSession
    from .testing.sleeping import VirtualTime


# --- hooks ----------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, look at the options, and close the way out if that is wanted."""
    marker.declare(config)
    options.etiquette(config)
    options.max_age(config)
    spending.prepare(config)
    config.pluginmanager.register(verdict.Verdict(config), "wanx-verdict")
    if options.blocks_network(config):
        from .testing import blocking

        blocking.start(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the run's budget is."""
    spending.hand_on(node.config, node.workerinput)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """From here on what goes wrong belongs to this test."""
    troubles.begin(item)
    tally.begin(item)
    places.use(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """When all fixtures are down, fail a test that had troubles."""
    yield
    troubles.end(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let reports carry what was found."""
    report = yield
    troubles.show(item, report)
    unused.attach(item, report)
    tally.attach(item, report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was found."""
    unused.summarize(terminalreporter)


# --- simulators -----------------------------------------------------------------------------------


@pytest.fixture
def wanx_sim(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Simulator]:
    """A fresh `Simulator` that catches what httpx sends to the real hosts.

    Its clock stands still until the test moves it. Settings come from the marker
    ``@pytest.mark.wanx(timing="polls:0,2", …)`` or from the test: ``wanx_sim.timing = …``. For the
    time of the test `DASHSCOPE_HTTP_BASE_URL` is unset, and `DASHSCOPE_API_KEY` set if it is not.

    Example:
        ```python
        def test_a_flower_shop(wanx_sim):
            my_application.make_picture("一间花店")
            assert wanx_sim.ledger.images == 1
        ```
    """
    with _installed():
        from .testing.servers import ask_the_real_hosts, valid_key
        from .testing.simulators import simulator

    _alone(request, "wanx_cassette")
    with simulator(request.node) as sim:
        ask_the_real_hosts(monkeypatch, valid_key(sim))
        yield sim


@pytest.fixture
def wanx_cassette(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WanxCassette]:
    """The cassette of this test: it answers what httpx sends to the real hosts.

    It replays, and nothing is sent. With ``--wanx-record`` (or ``mode=…`` of the marker), a key in
    `DASHSCOPE_API_KEY` and ``--wanx-budget`` it asks the live service instead, and records. A
    request that nothing answers fails the test. While it replays, its clock stands still until the
    test moves it.

    The file is ``cassettes/<module>/<test>.json`` beside the test, or what the marker
    ``@pytest.mark.wanx_cassette("name")`` names. With `wanx_server` it answers any client library.

    Example:
        ```python
        def test_a_flower_shop(wanx_cassette):
            my_application.make_picture("一间花店")
            assert len(wanx_cassette.requests.creates) == 1
        ```
    """
    with _installed():
        from .testing.cassettes import cassette

    _alone(request, "wanx_sim")
    with cassette(request.node, monkeypatch) as opened:
        yield opened


def _alone(request: pytest.FixtureRequest, other: str) -> None:
    """One of the two answers a test."""
    if other in request.fixturenames:
        marker.refuse(
            "a test is answered by wanx_sim or by wanx_cassette, and this one uses both. "
            "wanx_server, wanx_client, async_wanx_client and wanx_virtual_time work with either."
        )


@pytest.fixture
def _wanx_service(request: pytest.FixtureRequest) -> Simulator | WanxCassette:
    """What answers this test: its cassette, if it uses one, else its simulator."""
    name = "wanx_cassette" if "wanx_cassette" in request.fixturenames else "wanx_sim"
    service: Simulator | WanxCassette = request.getfixturevalue(name)
    return service


@contextmanager
def _installed() -> Iterator[None]:
    """Say what to install, where the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("wanx_sim"):
            raise
        marker.refuse(f"the wanx fixtures need {error.name}: pip install 'wanx-kit[sim]'")


@pytest.fixture
def wanx_server(
    _wanx_service: Simulator | WanxCassette, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WanxServer]:
    """The simulator of `wanx_sim` behind a real loopback socket, for any client library.

    In a test that uses `wanx_cassette`, the cassette.

    For the time of the test the environment points there (`DASHSCOPE_HTTP_BASE_URL`,
    `DASHSCOPE_API_KEY`, `NO_PROXY`), and so does a `dashscope` module that is already imported.
    """
    from .testing.servers import point_at, serving

    with serving(_wanx_service) as server:
        point_at(server, monkeypatch)
        yield server


@pytest.fixture(scope="session")
def wanx_shared_server() -> Iterator[WanxServer]:
    """One server for the whole run (for each worker of pytest-xdist); see `wanx_session`."""
    with _installed():
        from .testing.servers import shared

    with shared() as server:
        yield server


@pytest.fixture
def wanx_session(
    request: pytest.FixtureRequest,
    wanx_shared_server: WanxServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[WanxSession]:
    """A simulator of the test's own on a server that all tests share.

    Use it where the server must outlive a test: an application that is started once, other
    processes, tests that run at the same time. Its `headers` say whose request it is; `sim` has
    the tasks, faults, clock, journal and ledger of this test alone. The marker counts as usual.
    `NO_PROXY` covers the server for the time of the test; nothing else of the environment changes.

    Example:
        ```python
        def test_a_flower_shop(wanx_session):
            client = requests.Session()
            client.headers.update(wanx_session.headers)
        ```
    """
    from .testing.servers import pass_by_proxies, session

    pass_by_proxies(monkeypatch)
    with session(request.node, wanx_shared_server) as own:
        yield own


# --- clients --------------------------------------------------------------------------------------


@pytest.fixture
def wanx_client(_wanx_service: Simulator | WanxCassette) -> Iterator[WanxClient]:
    """A `wanx_client.WanxClient` wired to `wanx_sim`: it never sleeps, the clock moves instead.

    In a test that uses `wanx_cassette` it is wired to the cassette, and sleeps while that records.
    """
    from wanx_client import WanxClient

    from .testing.servers import valid_key

    with WanxClient(
        valid_key(_wanx_service),
        region=_wanx_service.region.value,
        transport=_wanx_service.transport(),
        sleep=_wanx_service.clock.sleep,
    ) as client:
        yield client


@pytest.fixture
def async_wanx_client(_wanx_service: Simulator | WanxCassette) -> AsyncWanxClient:
    """As `wanx_client`, asynchronous: for asyncio and trio, under any plugin that runs them."""
    from wanx_client import AsyncWanxClient

    from .testing.servers import valid_key

    # Nothing has to be closed: its transport is the simulator, in process.
    return AsyncWanxClient(
        valid_key(_wanx_service),
        region=_wanx_service.region.value,
        transport=_wanx_service.transport(),
        sleep=_wanx_service.clock.async_sleep,
    )


# --- time -----------------------------------------------------------------------------------------


@pytest.fixture
def wanx_virtual_time(_wanx_service: Simulator | WanxCassette) -> Iterator[VirtualTime]:
    """What the application sleeps is over at once, and the clock of `wanx_sim` moves instead.

    `time.sleep`, `asyncio.sleep`, `anyio.sleep`, `trio.sleep`, and the deadlines around them. No
    clock is patched. ``wanx_virtual_time.slept`` says how many seconds passed that way. In a test
    that uses `wanx_cassette` the cassette's clock moves; while it records, sleeps are real.

    Example:
        ```python
        @pytest.mark.wanx(timing="seconds:30,60")
        def test_it_waits(wanx_sim, wanx_virtual_time):
            my_application.make_picture("一间花店")  # sleeps 10 s between its polls
            assert wanx_virtual_time.slept == 90
        ```
    """
    from .testing.servers import busy
    from .testing.virtual_time import virtual_time

    live = getattr(_wanx_service, "live", False)  # a cassette that records
    with virtual_time(_wanx_service.clock, held=busy, real=live) as virtual:
        yield virtual
