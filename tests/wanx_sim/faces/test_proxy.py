"""The forward proxy: where it leads, what it refuses, and that it connects to nowhere.

What real clients make of it is tested with the page on hard-coded hosts (`tests/docs`).
"""

from __future__ import annotations

import os
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest

from wanx_sim import CertificateAuthority, Player, Recorder, ServeError, Simulator

BEIJING = "https://dashscope.aliyuncs.com"
SINGAPORE = "https://dashscope-intl.aliyuncs.com"
KEY = {"Authorization": "Bearer sk-test"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def server(sim, authority):
    with sim.serve(tls=authority, proxy_port=0) as server:
        yield server


@pytest.fixture
def open_client(authority):
    """Makes clients of a server's proxy that trust the CA, and nothing else."""
    clients = []

    def made(server):
        context = ssl.create_default_context(cafile=authority.ca_file)
        client = httpx.Client(proxy=server.proxy_url, verify=context, trust_env=False)
        clients.append(client)
        return client

    yield made
    for client in clients:
        client.close()


@pytest.fixture
def client(server, open_client):
    return open_client(server)


@pytest.fixture
def through(make_api, make_answer):
    """Makes an `Api` at the service's own host, of a client that has a proxy."""

    def made(client, base=BEIJING):
        def call(method, url, headers, *, content=None):
            answer = client.request(method, url, headers=headers, content=content)
            return make_answer(answer.status_code, answer.headers, answer.content)

        return make_api(call, base)

    return made


@pytest.fixture
def raw(server):
    """Sends bytes to the proxy; what comes back until it closes, or the client would have to go on."""

    def sent(*pieces):
        address = urlsplit(server.proxy_url)
        with closing(socket.create_connection((address.hostname, address.port), 10)) as connection:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    return sent


# --- where it leads ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "bucket"),
    [
        (BEIJING, "https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/"),
        (SINGAPORE, "https://dashscope-result-sgp.oss-ap-southeast-1.aliyuncs.com/"),
    ],
)
def test_a_whole_job_runs_at_the_service_s_own_hosts(base, bucket, sim, client, through):
    api = through(client, base)
    (link,) = api.links(n=1)
    assert link.startswith(bucket)
    assert api.get(link).body.startswith(b"\x89PNG")
    operations = dict.fromkeys(entry.operation for entry in sim.requests)
    assert list(operations) == ["create", "query", "image"]


def test_a_workspace_s_host_leads_there_too(sim, client):
    url = "https://llm-1a2b.ap-southeast-1.maas.aliyuncs.com/api/v1/tasks"
    assert client.get(url, headers=KEY).json()["total"] == 0
    assert len(sim.requests) == 1


def test_plain_http_to_the_service_s_hosts_is_answered_without_a_tunnel(sim, client):
    answer = client.get("http://dashscope.aliyuncs.com/api/v1/tasks", headers=KEY)
    assert answer.json()["total"] == 0
    assert [entry.operation for entry in sim.requests] == ["list"]


def test_many_clients_share_it(sim, server, open_client, through):
    sim.timing = "instant"
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: through(open_client(server)).submit(n=1), range(16)))
    assert len(set(ids)) == len(sim.tasks) == 16


def test_a_connection_breaks_in_the_tunnel_as_it_does_without(sim, client, through):
    with pytest.raises(httpx.TransportError):
        through(client).create("[[lost-response]] 花店")
    assert len(sim.tasks) == 1


def test_a_player_stands_behind_a_proxy_as_a_simulator_does(
    tmp_path, sim, authority, open_client, through
):
    with (
        sim.serve() as live,
        closing(Recorder(live.url, tmp_path / "jobs", budget=10)) as recorder,
        recorder.serve() as front,
        httpx.Client(trust_env=False) as client,
    ):
        (recorded,) = through(client, front.url).pictures(n=1)
    with Player(tmp_path / "jobs").serve(tls=authority, proxy_port=0) as server:
        assert through(open_client(server)).pictures(n=1) == [recorded]


def test_the_server_s_own_port_needs_no_tls_for_it(authority, open_client, monkeypatch):
    monkeypatch.setattr("wanx_sim.faces.tls.default_folder", lambda: authority.folder)
    sim = Simulator()
    with sim.serve(proxy_port=0) as server:
        assert server.url.startswith("http://")
        assert server.ca_file == authority.ca_file
        assert open_client(server).get(f"{BEIJING}/api/v1/tasks", headers=KEY).is_success


# --- what it refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["example.com", "ecs.aliyuncs.com", "somebody.oss-cn-beijing.aliyuncs.com", "127.0.0.1"]
)
def test_a_tunnel_to_another_host_is_refused_in_a_clear_line(host, sim, client):
    with pytest.raises(httpx.ProxyError, match=r"^403 .* the simulated DashScope .* alone"):
        client.get(f"https://{host}/")
    assert list(sim.requests) == []


@pytest.mark.parametrize("target", ["example.com:443", "dashscope.aliyuncs.com:22", "nonsense"])
def test_the_refusal_names_what_was_asked_for(target, raw):
    answer = raw(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith("HTTP/1.1 403 ")
    assert "not to" in answer
    assert target in answer


def test_plain_http_to_another_host_is_refused_on_a_connection_that_led_to_the_service(sim, client):
    assert client.get("http://dashscope.aliyuncs.com/api/v1/tasks", headers=KEY).is_success
    refused = client.get("http://example.com/api/v1/tasks", headers=KEY)
    assert refused.status_code == 403
    assert "not to 'example.com'" in refused.text
    assert len(sim.requests) == 1


def test_a_request_that_takes_it_for_the_server_is_told_what_it_is(server, sim):
    with httpx.Client(trust_env=False) as client:
        answer = client.get(f"{server.proxy_url}/api/v1/tasks", headers=KEY)
    assert answer.status_code == 403
    assert answer.text.startswith("wanx-sim's proxy leads to the simulated DashScope")
    assert list(sim.requests) == []


def test_no_connection_is_made_to_anywhere(client, through, monkeypatch):
    """Names of the service are not even looked up: a client leaves that to its proxy."""
    asked = []
    resolve = socket.getaddrinfo

    def noted(host, *more, **options):
        asked.append(host)
        return resolve(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    through(client).pictures(n=1)
    assert set(asked) <= {"127.0.0.1"}


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"CONNECT dashscope.aliyuncs.com:443 HTTP/1.1\r\n\r\n\x16\x03\x01", "400 "),
        (b"nonsense\r\n\r\n", "400 "),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400 "),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000, "431 "),
    ],
)
def test_what_is_no_request_to_a_proxy_is_refused(request_, status, raw):
    assert raw(request_).startswith(f"HTTP/1.1 {status}")


def test_a_request_may_arrive_in_pieces(raw):
    answer = raw(b"CONN", b"ECT example", b".com:443 HTTP/1.1\r\n", b"\r\n")
    assert "example.com:443" in answer


def test_a_client_that_does_not_trust_the_ca_leaves_the_proxy_up(server, sim, client):
    with (
        httpx.Client(proxy=server.proxy_url, trust_env=False) as stranger,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        stranger.get(f"{BEIJING}/api/v1/tasks")
    assert list(sim.requests) == []
    assert client.get(f"{BEIJING}/api/v1/tasks", headers=KEY).is_success


# --- its life ------------------------------------------------------------------------------------


def test_it_listens_on_loopback_unless_told_otherwise(server):
    assert urlsplit(server.proxy_url).hostname == "127.0.0.1"


def test_it_stops_with_its_server_though_clients_keep_their_connections(
    sim, authority, open_client
):
    with sim.serve(tls=authority, proxy_port=0) as server:
        proxy = urlsplit(server.proxy_url)
        address = (proxy.hostname, proxy.port)
        open_client(server).get(f"{BEIJING}/api/v1/tasks", headers=KEY)
        silent = socket.create_connection(address)
        halfway = socket.create_connection(address)
        halfway.sendall(b"CONNECT dashscope.aliyuncs.com:443 HTTP/1.1\r\n\r\n")
        assert halfway.recv(100).startswith(b"HTTP/1.1 200 ")
    with closing(silent), closing(halfway), pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_a_port_in_use_is_an_error_that_names_its_option(sim, server, authority):
    port = urlsplit(server.proxy_url).port
    with (
        pytest.raises(ServeError, match=rf"127\.0\.0\.1:{port} .* --proxy-port 0"),
        sim.serve(tls=authority, proxy_port=port),
    ):
        pass


def test_the_proxy_s_port_is_free_again_when_the_server_s_own_cannot_be_had(sim, server, authority):
    # Below the range from which systems give ports away, so that no other test is given it.
    free = 20_000 + os.getpid() % 10_000
    taken = urlsplit(server.url).port
    with pytest.raises(ServeError), sim.serve(port=taken, tls=authority, proxy_port=free):
        pass
    with sim.serve(tls=authority, proxy_port=free) as another:
        assert urlsplit(another.proxy_url).port == free


def test_a_server_has_no_proxy_unless_told(sim):
    with sim.serve() as server:
        assert server.proxy_url == ""
