"""The throw-away CA in its folder, and a server that speaks HTTPS with it."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from filelock import FileLock

from wanx_sim import CertificateAuthority, CertificateError
from wanx_sim.cli import cli
from wanx_sim.faces import tls

PROGRAM = """
import sys
from wanx_sim import CertificateAuthority
print(CertificateAuthority(sys.argv[1]).certificate())
"""
KEY = {"Authorization": "Bearer sk-test"}
NOW = datetime.now(UTC)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "ca"


@pytest.fixture
def authority(folder):
    return CertificateAuthority(folder)


def at(folder, days):
    """The authority of a folder, so many days from now."""
    return CertificateAuthority(folder, now=lambda: NOW + timedelta(days=days))


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.fixture
def open_client():
    """Makes clients that trust one CA and know no proxy."""
    clients = []

    def made(ca_file, **settings):
        context = ssl.create_default_context(cafile=ca_file)
        client = httpx.Client(verify=context, trust_env=False, **settings)
        clients.append(client)
        return client

    yield made
    for client in clients:
        client.close()


@pytest.fixture
def shown():
    """The serial number of the certificate that a context shows a client."""

    def serial(context, ca_file):
        client = ssl.create_default_context(cafile=ca_file)
        here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [
            client.wrap_bio(here, there, server_hostname="dashscope.aliyuncs.com"),
            context.wrap_bio(there, here, server_side=True),
        ]
        for _ in range(3):
            for end in ends:
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        return ends[0].getpeercert()["serialNumber"]

    return serial


# --- the folder --------------------------------------------------------------------------------


def test_a_ca_is_made_once_and_kept(folder):
    assert CertificateAuthority(folder).certificate() == CertificateAuthority(folder).certificate()


def test_the_file_to_trust_holds_the_certificate_and_nothing_else(authority):
    content = authority.ca_file.read_text()
    assert content == authority.certificate()
    assert content.count("-----BEGIN") == 1


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_the_key_is_its_owner_s_alone_whatever_the_umask(authority):
    before = os.umask(0)
    try:
        ca_file = authority.ca_file
    finally:
        os.umask(before)
    secrets = [path for path in authority.folder.iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert [mode(path) for path in secrets] == [0o600]
    assert mode(ca_file) == 0o644
    assert mode(authority.folder) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_key_that_others_could_read_is_replaced(authority):
    old = authority.certificate()
    secret = authority.folder / "ca-with-key.pem"
    secret.chmod(0o640)
    assert authority.certificate() != old
    assert mode(secret) == 0o600


def test_a_damaged_ca_is_replaced(authority):
    old = authority.certificate()
    secret = authority.folder / "ca-with-key.pem"
    secret.write_bytes(secret.read_bytes()[:300])
    assert authority.certificate() != old


@pytest.mark.parametrize("content", [None, "something else"])
def test_a_certificate_that_was_lost_or_changed_is_shown_again(content, authority):
    path, original = authority.ca_file, authority.certificate()
    path.unlink()
    if content:
        path.write_text(content)
    assert authority.ca_file.read_text() == original


def test_processes_that_come_at_once_make_one_ca(folder):
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1
    assert not any(process.returncode for process in processes)


def test_a_ca_that_exists_is_used_while_somebody_holds_the_lock(authority):
    """So a folder that may only be read will do, such as a container's volume."""
    made = authority.certificate()
    with FileLock(authority.folder / ".lock"):
        assert authority.certificate() == made


def test_a_lock_that_is_never_released_is_one_clear_line(authority, monkeypatch):
    monkeypatch.setattr(tls, "_PATIENCE", 0)
    authority.folder.mkdir()
    with FileLock(authority.folder / ".lock"), pytest.raises(CertificateError) as caught:
        authority.certificate()
    assert str(authority.folder) in str(caught.value)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()
    authority = CertificateAuthority(tmp_path / "file" / "ca")
    with pytest.raises(CertificateError, match=r"file.ca cannot be used .*make room or access"):
        authority.certificate()


def test_nothing_half_written_is_left_behind(authority):
    authority.renew()
    assert {path.name for path in authority.folder.iterdir()} <= {
        *("ca.pem", "ca-with-key.pem", ".lock")
    }


def test_without_the_extra_it_says_what_to_install(authority, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.delitem(sys.modules, "wanx_sim.faces.certificates", raising=False)
    monkeypatch.delattr("wanx_sim.faces.certificates", raising=False)
    with pytest.raises(CertificateError, match=r"pip install 'wanx-kit\[tls\]'"):
        authority.context()


# --- time --------------------------------------------------------------------------------------


def test_a_ca_is_kept_while_it_outlives_what_it_signs(folder):
    assert at(folder, 0).certificate() == at(folder, 59).certificate()


@pytest.mark.parametrize("days", [61, 91, 1000])
def test_a_ca_is_replaced_before_its_end_and_after(days, folder):
    assert at(folder, 0).certificate() != at(folder, days).certificate()


def test_a_ca_can_be_replaced_at_once(authority):
    old = authority.certificate()
    authority.renew()
    assert authority.certificate() != old
    assert authority.ca_file.read_text() == authority.certificate()


@pytest.mark.parametrize(("days", "same"), [(14, True), (16, False)])
def test_a_server_that_runs_for_long_makes_itself_a_new_certificate(days, same, folder, shown):
    now = [NOW - timedelta(days=20)]
    authority = CertificateAuthority(folder, now=lambda: now[0])
    context = authority.context()
    first = shown(context, authority.ca_file)
    now[0] += timedelta(days=days)
    assert (shown(context, authority.ca_file) == first) is same


def test_a_server_goes_on_with_its_certificate_where_no_new_one_can_be_made(folder, shown):
    now = [NOW - timedelta(days=20)]
    authority = CertificateAuthority(folder, now=lambda: now[0])
    context, ca_file = authority.context(), authority.ca_file
    first = shown(context, ca_file)
    now[0] = NOW
    authority.folder = ca_file / "under-a-file"
    assert shown(context, ca_file) == first


# --- a server ------------------------------------------------------------------------------------


def test_a_server_speaks_https_with_a_certificate_of_the_ca(sim, authority, open_client):
    with sim.serve(tls=authority) as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert server.base_url == f"{server.url}/api/v1"
        answer = open_client(server.ca_file).get(f"{server.base_url}/tasks", headers=KEY)
    assert answer.json()["total"] == 0
    assert [entry.operation for entry in sim.requests] == ["list"]


def test_links_of_a_server_with_tls_are_https(sim, authority, open_client, make_api, make_answer):
    with sim.serve(tls=authority) as server:
        client = open_client(server.ca_file)

        def call(method, url, headers, *, content=None):
            answer = client.request(method, url, headers=headers, content=content)
            return make_answer(answer.status_code, answer.headers, answer.content)

        api = make_api(call, server.url)
        (link,) = api.links(n=1)
        assert link.startswith(f"{server.url}/oss/")
        assert api.get(link).body.startswith(b"\x89PNG")


def test_a_client_that_does_not_trust_the_ca_gets_no_answer(sim, authority, folder, open_client):
    stranger = CertificateAuthority(folder.with_name("stranger")).ca_file
    with (
        sim.serve(tls=authority) as server,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        open_client(stranger).get(f"{server.base_url}/tasks", headers=KEY)
    assert list(sim.requests) == []


def test_a_connection_breaks_over_tls_as_it_does_without(sim, authority, open_client, make_api):
    with sim.serve(tls=authority) as server:
        client = open_client(server.ca_file)

        def call(method, url, headers, *, content=None):
            return client.request(method, url, headers=headers, content=content)

        with pytest.raises(httpx.TransportError):
            make_api(call, server.url).create("[[lost-response]] 花店")
    assert len(sim.tasks) == 1


def test_a_server_with_tls_stops_though_a_client_keeps_its_connection(sim, authority, open_client):
    with sim.serve(tls=authority) as server:
        client = open_client(server.ca_file)
        client.get(f"{server.base_url}/tasks", headers=KEY)
    with pytest.raises(httpx.TransportError):
        client.get(f"{server.base_url}/tasks", headers=KEY)


def test_a_server_uses_the_user_s_own_ca_unless_told_otherwise(sim, tmp_path, monkeypatch):
    monkeypatch.setattr(tls, "default_folder", lambda: tmp_path / "own")
    with sim.serve(tls=True) as server:
        assert server.ca_file == tmp_path / "own" / "ca.pem"


def test_a_server_without_tls_needs_no_ca(sim):
    with sim.serve() as server:
        assert server.ca_file is None
        assert server.url.startswith("http://")


def test_no_certificate_is_made_for_an_address_that_others_reach(sim, authority):
    with (
        pytest.raises(CertificateError, match=r"192\.168\.1\.5.* Listen on 127\.0\.0\.1"),
        sim.serve("192.168.1.5", tls=authority),
    ):
        pass


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def command(folder, monkeypatch):
    """Runs ``wanx-sim`` with a CA in a folder of this test's; its result."""
    monkeypatch.setattr(tls, "default_folder", lambda: folder)
    return lambda *arguments: CliRunner().invoke(cli, [str(part) for part in arguments])


@pytest.mark.parametrize("options", [(), ("--pem",)])
def test_ca_prints_the_certificate(options, command, authority):
    assert command("ca", *options).stdout == authority.certificate()


def test_ca_prints_the_path_of_the_certificate(command, authority):
    assert command("ca", "--path").stdout == f"{authority.ca_file}\n"


def test_ca_saves_the_certificate(command, authority, tmp_path):
    result = command("ca", "-o", tmp_path / "saved.pem")
    assert (tmp_path / "saved.pem").read_text() == authority.certificate()
    assert result.stdout == ""


def test_ca_makes_a_new_one_when_told(command, authority):
    old = authority.certificate()
    assert command("ca", "--new").stdout == authority.certificate() != old


def test_ca_says_in_one_line_that_it_cannot_save(command, tmp_path):
    result = command("ca", "-o", tmp_path / "no" / "saved.pem")
    assert result.exit_code == 1
    assert result.stderr.startswith("wanx-sim: cannot save the certificate")
    assert result.stderr.count("\n") == 1


def test_serve_announces_https_and_the_proxy_and_what_to_trust(tmp_path):
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
    program = Path(sys.executable).with_name("wanx-sim")
    options = ["--port", "0", "--store", "memory://", "--tls", "--proxy-port", "0"]
    with subprocess.Popen(
        [program, "serve", *options], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert first.startswith("wanx-sim ready at https://127.0.0.1:")
    (ca_file,) = tmp_path.rglob("ca.pem")
    assert f"SSL_CERT_FILE={ca_file}" in rest
    assert f"REQUESTS_CA_BUNDLE={ca_file}" in rest
    assert "export HTTPS_PROXY=http://127.0.0.1:" in rest
