"""The socket: starting, stopping, and many clients at once."""

from __future__ import annotations

import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from wanx_sim import Fault, ServeError, Simulator, StoreError

CREATE = "/services/aigc/text2image/image-synthesis"
HEADERS = {"Authorization": "Bearer sk-test", "X-DashScope-Async": "enable"}
BODY = {"model": "wan2.5-t2i-preview", "input": {"prompt": "花店"}, "parameters": {"n": 1}}


@pytest.fixture
def open_client():
    """Makes clients that know no proxy and load no certificates."""
    clients = []

    def made(**settings):
        transport = httpx.HTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        clients.append(httpx.Client(transport=transport, headers=HEADERS, **settings))
        return clients[-1]

    yield made
    for client in clients:
        client.close()


def port_of(server):
    return urlsplit(server.url).port


def test_a_server_takes_a_free_port_of_loopback(sim):
    with sim.serve() as server:
        parts = urlsplit(server.url)
        assert (parts.scheme, parts.hostname) == ("http", "127.0.0.1")
        assert parts.port > 0


def test_the_base_url_is_what_dashscope_wants(sim, open_client):
    with sim.serve() as server:
        assert server.base_url == f"{server.url}/api/v1"
        assert open_client().get(f"{server.base_url}/tasks/1111").status_code == 200


def test_a_server_serves_the_simulator_it_was_made_from(sim, open_client):
    with sim.serve() as server:
        open_client().post(server.base_url + CREATE, json=BODY)
        assert server.service is sim
        assert sim.tasks.only.prompt == "花店"


def test_a_port_in_use_is_an_error_that_names_it(sim):
    with sim.serve() as server:
        port = port_of(server)
        with (
            pytest.raises(ServeError, match=rf"127\.0\.0\.1:{port} .* --port 0"),
            sim.serve(port=port),
        ):
            pass


def test_a_host_that_is_not_ours_is_an_error_that_names_it(sim):
    with pytest.raises(ServeError, match=r"192\.0\.2\.1:8965"), sim.serve("192.0.2.1", 8965):
        pass


def test_a_server_stops_with_its_block(sim):
    with sim.serve() as server:
        address = ("127.0.0.1", port_of(server))
        socket.create_connection(address).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_a_server_leaves_no_thread_behind(sim):
    before = set(threading.enumerate())
    with sim.serve():
        assert len(set(threading.enumerate()) - before) >= 1
    assert set(threading.enumerate()) - before == set()


def test_a_server_stops_though_a_client_keeps_its_connection(sim, open_client):
    client = open_client()
    with sim.serve() as server:
        client.get(f"{server.base_url}/tasks")
    with pytest.raises(httpx.TransportError):
        client.get(f"{server.base_url}/tasks")


def test_a_server_stops_when_its_block_raises(sim):
    with pytest.raises(LookupError, match="mine"), sim.serve() as server:  # noqa: PT012 - the block
        address = ("127.0.0.1", port_of(server))
        raise LookupError("mine")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_the_same_port_can_be_taken_again_at_once(sim, open_client):
    with sim.serve() as server:
        port = port_of(server)
        open_client().get(f"{server.base_url}/tasks")
    with sim.serve(port=port) as server:
        assert open_client().get(f"{server.base_url}/tasks").status_code == 200


def test_two_servers_can_stand_before_one_simulator(sim, open_client):
    with sim.serve() as one, sim.serve() as two:
        answer = open_client().post(one.base_url + CREATE, json=BODY)
        task_id = answer.json()["output"]["task_id"]
        output = open_client().get(f"{two.base_url}/tasks/{task_id}").json()["output"]
    assert output["task_status"] == "PENDING"


def test_many_clients_are_served_at_once(sim, open_client):
    def job(_):
        client = open_client()
        answer = client.post(server.base_url + CREATE, json=BODY)
        task_id = answer.json()["output"]["task_id"]
        path = f"{server.base_url}/tasks/{task_id}"
        return [client.get(path).json()["output"]["task_status"] for _ in range(3)]

    with sim.serve() as server, ThreadPoolExecutor(8) as pool:
        histories = list(pool.map(job, range(40)))
    assert histories == [["PENDING", "RUNNING", "SUCCEEDED"]] * 40
    assert (len(sim.tasks), sim.ledger.images) == (40, 40)


def test_a_lost_response_breaks_its_own_connection_only(sim, open_client):
    one, other = open_client(), open_client()
    with sim.serve() as server:
        for client in (one, other):
            client.get(f"{server.base_url}/tasks")
        sim.faults.add(Fault(on="query", lost_response=True))
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            one.get(f"{server.base_url}/tasks/1111")
        assert other.get(f"{server.base_url}/tasks/1111").status_code == 200
        assert one.get(f"{server.base_url}/tasks/1111").status_code == 200


def test_trouble_of_ours_is_a_501_that_says_what_it_is(tmp_path, open_client, monkeypatch):
    """No official client retries a 501, so the trouble surfaces at once."""
    sim = Simulator(store=f"disk:{tmp_path / 'store'}")

    def full(*_):
        raise StoreError("make room")

    monkeypatch.setattr(sim.store, "add", full)
    with sim.serve() as server:
        answer = open_client().post(server.base_url + CREATE, json=BODY)
    sim.close()
    assert answer.status_code == 501
    assert answer.json() == {"code": "WanxSim.StoreError", "message": "make room"}


def test_a_server_says_where_it_is(sim):
    server = sim.serve()
    assert repr(server) == f"<Server not started of {sim!r}>"
    with server:
        assert repr(server) == f"<Server {server.url} of {sim!r}>"
