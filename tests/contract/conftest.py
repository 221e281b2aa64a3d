"""One contract, every face, every store: a test here is written once and run on each of them.

``face.call`` sends a request and returns an answer, whatever lies between; ``api`` names the
operations on top of it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import httpx
import httpx2
import pytest

from wanx_sim import Simulator
from wanx_sim.wire import ConnectionLost

BEIJING = "https://dashscope.aliyuncs.com"

# Nothing here speaks TLS, so no client needs the certificates that take it 28 ms to load.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Face:
    """One way to reach a simulator."""

    name: str
    base: str
    send: Callable[..., Any]
    lost: tuple[type[Exception], ...]
    """What a client sees of a connection that broke."""

    @property
    def own_host(self) -> bool:
        """Whether the simulator is asked at a host that is not the service's."""
        return self.base != BEIJING


def _sync(client):
    with client:
        yield client.request


def _async(make_client, backend):
    async def send(method, url, **more):
        async with make_client() as client:
            return await client.request(method, url, **more)

    def call(method, url, **more):
        return anyio.run(partial(send, method, url, **more), backend=backend)

    yield call


@contextmanager
def _transport(sim) -> Iterator[Face]:
    with contextmanager(_sync)(httpx.Client(transport=sim.transport())) as send:
        yield Face("transport", BEIJING, send, (httpx.RemoteProtocolError,))


@contextmanager
def _httpx2(sim) -> Iterator[Face]:
    with contextmanager(_sync)(httpx2.Client(transport=sim.transport())) as send:
        yield Face("httpx2", BEIJING, send, (httpx2.RemoteProtocolError,))


@contextmanager
def _transport_async(sim, *, library, backend) -> Iterator[Face]:
    transport = sim.transport()
    make_client = partial(library.AsyncClient, transport=transport)
    with contextmanager(_async)(make_client, backend) as send:
        name = f"{library.__name__}-{backend}"
        yield Face(name, BEIJING, send, (library.RemoteProtocolError,))


@contextmanager
def _intercept(sim) -> Iterator[Face]:
    client = httpx.Client(transport=httpx.HTTPTransport(verify=TLS))
    with sim.intercept(), contextmanager(_sync)(client) as send:
        yield Face("intercept", BEIJING, send, (httpx.RemoteProtocolError,))


@contextmanager
def _intercept_async(sim) -> Iterator[Face]:
    def make_client():
        return httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(verify=TLS))

    with sim.intercept(), contextmanager(_async)(make_client, "asyncio") as send:
        yield Face("intercept-asyncio", BEIJING, send, (httpx.RemoteProtocolError,))


@contextmanager
def _asgi(sim) -> Iterator[Face]:
    app = sim.asgi_app()

    def make_client():
        return httpx.AsyncClient(transport=httpx.ASGITransport(app))

    with contextmanager(_async)(make_client, "asyncio") as send:
        # ASGI has no word for a broken connection; a server of another make answers 500.
        yield Face("asgi", "http://wanx.test:8965", send, (ConnectionLost,))


@contextmanager
def _socket(sim) -> Iterator[Face]:
    with sim.serve() as server:
        client = httpx.Client(transport=httpx.HTTPTransport(verify=TLS))
        with contextmanager(_sync)(client) as send:
            lost = (httpx.ReadError, httpx.RemoteProtocolError)
            yield Face("socket", server.url, send, lost)


FACES = {
    "transport": _transport,
    "transport-asyncio": partial(_transport_async, library=httpx, backend="asyncio"),
    "transport-trio": partial(_transport_async, library=httpx, backend="trio"),
    "httpx2": _httpx2,
    "httpx2-asyncio": partial(_transport_async, library=httpx2, backend="asyncio"),
    "httpx2-trio": partial(_transport_async, library=httpx2, backend="trio"),
    "intercept": _intercept,
    "intercept-asyncio": _intercept_async,
    "asgi": _asgi,
    "socket": _socket,
}


# Every face is run on memory. A store knows no face, so the slower ones are run where the threads
# differ: in the test's own, in an event loop, and in a server's.
ON_DISK = ("transport", "asgi", "socket")
ON_REDIS = ("transport", "socket")


@dataclass(frozen=True)
class Place:
    """A face, and the store behind it."""

    face: str
    store: str


PLACES = [
    *(Place(face, "memory") for face in FACES),
    *(Place(face, "disk") for face in ON_DISK),
    *(Place(face, "redis") for face in ON_REDIS),
]


@pytest.fixture(params=PLACES, ids=lambda place: f"{place.face}-{place.store}")
def place(request) -> Place:
    return request.param


@pytest.fixture
def sim(request, place, clock, tmp_path) -> Iterator[Simulator]:
    if place.store == "redis":
        url = request.getfixturevalue("redis_url")
    else:
        url = {"memory": "memory://", "disk": f"disk:{tmp_path / 'store'}"}[place.store]
    sim = Simulator(store=url, clock=clock)
    yield sim
    sim.close()


@pytest.fixture
def face(place, sim) -> Iterator[Face]:
    with FACES[place.face](sim) as face:
        yield face


@pytest.fixture
def call(face, make_answer):
    """``call(method, url, headers, json=, content=) -> (status, headers, body)`` on the face."""

    def send(method, url, headers=None, **more):
        url = url if "://" in url else face.base + url
        response = face.send(method, url, headers=headers or {}, **more)
        return make_answer(response.status_code, response.headers, response.content)

    return send


@pytest.fixture
def api(face, call, make_api):
    return make_api(call, face.base)
