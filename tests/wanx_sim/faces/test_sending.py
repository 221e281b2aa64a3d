"""On a real socket faults are real: what the bytes and the connection itself do."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import pytest

from wanx_sim import Clock, Fault, Simulator

REQUEST = b"GET /api/v1/tasks HTTP/1.1\r\nhost: sim\r\nauthorization: Bearer sk-test\r\n\r\n"


@pytest.fixture
def connection(sim):
    """A connection to the simulator, to read bytes from."""
    with sim.serve() as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            yield connection


def read_all(connection):
    content = b""
    while piece := connection.recv(65_536):
        content += piece
    return content


@pytest.mark.parametrize("reset", ["before", "after"])
def test_a_reset_is_a_reset(sim, connection, reset):
    sim.faults.add(Fault(on="list", reset=reset))
    connection.sendall(REQUEST)
    with pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_a_cut_body_ends_with_the_connection(sim, connection):
    sim.faults.add(Fault(on="list", cut=7))
    connection.sendall(REQUEST)
    head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"transfer-encoding" not in head
    assert int(head.partition(b"content-length: ")[2].split()[0]) > 7
    assert body == b'{"total'


def test_a_body_may_be_longer_than_it_says(sim, connection):
    sim.faults.add(Fault(on="list", content_length=7))
    connection.sendall(REQUEST)
    head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert b"content-length: 7\r\n" in head + b"\r\n"
    assert len(body) > 7


def test_a_slow_body_comes_piece_by_piece():
    """On a clock twenty times as fast, so that a piece comes every 5 ms."""
    sim = Simulator(clock=Clock(speed=20))
    sim.faults.add(Fault(on="list", drip=100))
    with sim.serve() as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(REQUEST)
            pieces = 0
            content = b""
            while not content.endswith(b"}"):
                content += connection.recv(65_536)
                pieces += 1
    assert pieces > 3


def test_a_server_stops_in_the_middle_of_a_long_delay(capfd):
    sim = Simulator(faults=[Fault(on="list", delay=3600)])
    with sim.serve() as server:
        address = urlsplit(server.url)
        connection = socket.create_connection((address.hostname, address.port), timeout=10)
        connection.sendall(REQUEST)
        while not sim.requests:
            time.sleep(0.001)  # until the server has the request
    connection.close()
    assert capfd.readouterr().err == ""
