"""The guard of the network: what passes, what is refused, and that nothing can swallow it quietly."""

from __future__ import annotations

import asyncio
import socket
import sys
import urllib.request
from threading import Thread

import aiohttp
import httpx
import pytest
import requests

from wanx_sim.errors import NetworkBlockedError
from wanx_sim.testing.network import blocked, let_through

# No name under .invalid and no address of TEST-NET-1 leads anywhere (RFC 2606, RFC 5737), should
# the guard fail. What it lets pass is not tried: `sys.audit` asks it as a socket would.
ELSEWHERE = "http://elsewhere.invalid/"
ADDRESS = "192.0.2.1"


@pytest.fixture
def errors():
    return []


@pytest.fixture
def guard(errors):
    with blocked(["allowed.invalid"], errors.append):
        yield


async def _aiohttp():
    async with aiohttp.ClientSession() as session:
        await session.get(ELSEWHERE)


async def _httpx():
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(ELSEWHERE)


def _udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", (ADDRESS, 53))


CLIENTS = {
    "requests": lambda: requests.get(ELSEWHERE, timeout=1),
    "httpx": lambda: httpx.get(ELSEWHERE, trust_env=False),
    "httpx, async": lambda: asyncio.run(_httpx()),
    "aiohttp": lambda: asyncio.run(_aiohttp()),
    "urllib": lambda: urllib.request.urlopen(ELSEWHERE, timeout=1),
    "asyncio": lambda: asyncio.run(asyncio.open_connection("elsewhere.invalid", 80)),
    "asyncio, an address": lambda: asyncio.run(asyncio.open_connection(ADDRESS, 80)),
    "socket": lambda: socket.create_connection((ADDRESS, 80), timeout=1),
    "gethostbyname": lambda: socket.gethostbyname("elsewhere.invalid"),
    "UDP": _udp,
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("client", CLIENTS)
def test_no_client_gets_out(guard, errors, client):
    with pytest.raises(NetworkBlockedError):
        CLIENTS[client]()
    assert errors


def test_the_error_is_none_that_a_retry_would_take_for_the_network(guard):
    assert not issubclass(NetworkBlockedError, OSError | httpx.HTTPError)
    assert issubclass(NetworkBlockedError, AssertionError)


def test_the_message_names_the_host_and_how_to_allow_it(guard):
    with pytest.raises(NetworkBlockedError) as caught:
        socket.create_connection(("elsewhere.invalid", 443))
    assert str(caught.value) == (
        "a connection to elsewhere.invalid:443 was refused: --wanx-block-network is on.\n"
        "To allow it: --wanx-allow-host=elsewhere.invalid, or elsewhere.invalid in the ini option "
        "wanx_allow_hosts."
    )


@pytest.mark.parametrize(
    "host",
    ["dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com",
     "dashscope-result-bj.oss-cn-beijing.aliyuncs.com"],
)  # fmt: skip
def test_of_the_live_service_it_says_what_stands_in_for_it(guard, host):
    with pytest.raises(NetworkBlockedError) as caught:
        socket.getaddrinfo(host, 443)
    assert str(caught.value).split("\n")[1:3] == [
        "This is the live service. wanx_sim answers what httpx sends there; wanx_server answers",
        "any client that takes its address from DASHSCOPE_HTTP_BASE_URL, as the official SDK does.",
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_this_machine_may_be_reached(guard, errors, host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection((host, server.getsockname()[1])).close()
    assert errors == []


@pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets there")
def test_unix_sockets_may_be_used(guard, errors):
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"x")
        assert right.recv(1) == b"x"
    with socket.socket(socket.AF_UNIX) as other, pytest.raises(FileNotFoundError):
        other.connect("/nowhere/at/all")
    assert errors == []


def test_an_allowed_host_may_be_looked_up(guard, errors):
    sys.audit("socket.getaddrinfo", "Allowed.invalid.", 80, 0, 0, 0)
    assert errors == []


def test_the_addresses_of_an_allowed_host_may_be_reached(errors, monkeypatch):
    def lookup(host, port):
        assert host == "allowed.invalid"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ADDRESS, 0))]

    monkeypatch.setattr("wanx_sim.testing.network.getaddrinfo", lookup)
    with blocked(["allowed.invalid"], errors.append):
        sys.audit("socket.connect", None, (ADDRESS, 80))
        with pytest.raises(NetworkBlockedError):
            sys.audit("socket.connect", None, ("192.0.2.2", 80))
    assert len(errors) == 1


def test_other_threads_are_refused_too(guard, errors):
    def get_out():
        with pytest.raises(NetworkBlockedError):
            CLIENTS["socket"]()

    thread = Thread(target=get_out)
    thread.start()
    thread.join()
    assert len(errors) == 1


def test_afterwards_the_way_is_open_again(errors):
    with blocked([], errors.append):
        pass
    sys.audit("socket.connect", None, (ADDRESS, 80))
    assert errors == []


def test_a_recorder_is_let_through_and_other_threads_are_not(guard, errors):
    def ask():
        sys.audit("socket.getaddrinfo", "elsewhere.invalid", 80, 0, 0, 0)

    with let_through():
        ask()
        with let_through():
            pass
        ask()
        other = Thread(target=_caught, args=(ask,))
        other.start()
        other.join()
    assert len(errors) == 1
    with pytest.raises(NetworkBlockedError):
        ask()


def _caught(ask):
    with pytest.raises(NetworkBlockedError):
        ask()
