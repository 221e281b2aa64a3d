"""Who may ask: what keeps a hostile web page, and everybody else, away from a server of ours."""

from __future__ import annotations

import signal

import httpx
import pytest
from click.testing import CliRunner

from wanx_sim.cli import cli
from wanx_sim.faces.guard import Guard, guard_of, hostname, loopback
from wanx_sim.faces.server import Server

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what these tests are about
OWN = {"host": "127.0.0.1:8965"}
MACHINE = "127.0.0.1"


def on_loopback(**settings):
    return guard_of("127.0.0.1", **{"public_url": None, "token": None} | settings)


# --- Host ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8965",
        "127.0.0.2",
        "[::1]:8965",
        "192.168.1.7:80",
        "localhost:8965",
        "LOCALHOST.",
        "app.localhost",
        "wanx:8965",
        "host.docker.internal:8965",
        "wanx.test",
        "dashscope.aliyuncs.com",
        "dashscope-intl.aliyuncs.com",
        "dashscope-result-bj.oss-cn-beijing.aliyuncs.com",
        "",
    ],
)
def test_a_name_that_no_stranger_can_own_is_answered(host):
    assert on_loopback().denies(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "evil.com:8965",
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "dashscope.aliyuncs.com.evil.com",
        "dashscope.aliyuncs.com@evil.com",
        "aliyuncs.com.evil.com",
        "evil.local",
        "x.oss-cn-beijing.aliyuncs.com",
    ],
)
def test_a_name_that_a_stranger_can_own_is_not(host):
    denial = on_loopback().denies(host)
    assert denial.status == 403
    assert "--allow-host" in denial.message


def test_more_names_can_be_allowed():
    guard = on_loopback(allow_hosts=["Wanx.example.com:80"], public_url="https://pictures.example")
    assert guard.denies("wanx.example.com:8965") is None
    assert guard.denies("pictures.example") is None
    assert guard.denies("example.com").status == 403


def test_where_others_can_reach_it_the_service_answers_at_every_name():
    guard = guard_of(EVERYWHERE, public_url=None, token="t0ken")
    assert guard.denies("wanx.example.com") is None


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a.test:80", "a.test"),
        ("A.test", "a.test"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("a.", "a"),
    ],
)
def test_a_host_s_name_has_no_port(host, name):
    assert hostname(host) == name


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        (EVERYWHERE, False),
        ("::", False),
        ("192.168.1.7", False),
        ("wanx", False),
    ],
)
def test_which_addresses_are_this_machine_s_own(address, own):
    assert loopback(address) is own


# --- tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"x-wanx-admin-token": "t0ken"},
        {"authorization": "Bearer t0ken"},
        {"authorization": "bearer  t0ken "},
        {"authorization": "Bearer sk-key", "x-wanx-admin-token": "t0ken"},
    ],
)
def test_who_has_the_token_is_let_in_from_anywhere(headers):
    guard = Guard(token="t0ken", any_host=True)
    assert guard.denies_control("GET", {"host": "wanx.example.com"} | headers, "8.8.8.8") is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-wanx-admin-token": ""},
        {"x-wanx-admin-token": "t0keN"},
        {"x-wanx-admin-token": "t0ken\xe9"},
        {"authorization": "Bearer"},
        {"authorization": "Basic t0ken"},
        {"authorization": "t0ken"},
    ],
)
def test_who_has_not_is_not_even_from_this_machine(headers):
    denial = Guard(token="t0ken").denies_control("GET", OWN | headers, MACHINE)
    assert denial.status == 401
    assert "X-Wanx-Admin-Token" in denial.message
    assert "t0ken" not in denial.message


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "testclient", None])
def test_without_a_token_this_machine_is_let_in(peer):
    assert Guard(any_host=True).denies_control("POST", OWN, peer) is None


@pytest.mark.parametrize("peer", ["192.168.1.8", "172.17.0.1", "2001:db8::1"])
def test_without_a_token_others_are_not(peer):
    assert Guard(any_host=True).denies_control("GET", OWN, peer).status == 403


def test_without_a_token_a_name_of_a_stranger_s_is_not_answered_though_the_service_does():
    guard = Guard(any_host=True)
    assert guard.denies("evil.com") is None
    assert guard.denies_control("GET", {"host": "evil.com"}, MACHINE).status == 403


def test_a_guard_does_not_show_its_token():
    assert "t0ken" not in repr(Guard(token="t0ken"))


# --- Origin -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "OPTIONS"])
@pytest.mark.parametrize(
    "origin", ["http://evil.com", "http://127.0.0.1:3000", "https://localhost:8965", "null"]
)
def test_a_page_of_another_origin_changes_nothing(method, origin):
    denial = on_loopback().denies_control(method, OWN | {"origin": origin}, MACHINE)
    assert denial.status == 403
    assert "another origin" in denial.message


def test_nor_does_it_with_the_token():
    headers = OWN | {"origin": "http://evil.com", "x-wanx-admin-token": "t0ken"}
    assert Guard(token="t0ken").denies_control("POST", headers, MACHINE).status == 403


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://127.0.0.1:8965"}, {"origin": "HTTP://127.0.0.1:8965"}]
)
def test_a_page_of_this_server_and_what_is_no_page_may(headers):
    assert on_loopback().denies_control("POST", OWN | headers, MACHINE) is None


def test_a_page_of_another_origin_may_look_since_it_cannot_read_the_answer():
    headers = OWN | {"origin": "http://evil.com"}
    assert on_loopback().denies_control("GET", headers, MACHINE) is None


# --- on a socket --------------------------------------------------------------------------------


def ask(server, path, method="GET", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(method, server.url + path, headers=names, trust_env=False)


def test_a_loopback_server_wants_no_token(sim):
    with sim.serve() as server:
        assert server.admin_token is None
        assert ask(server, "/_sim/health").status_code == 200


@pytest.mark.parametrize("path", ["/_sim/health", "/api/v1/tasks/1"])
def test_a_loopback_server_answers_nothing_at_a_stranger_s_name(sim, path):
    with sim.serve() as server:
        answer = ask(server, path, host="evil.com", authorization="Bearer sk-test")
    assert answer.status_code == 403
    assert len(sim.requests) == 0


def test_a_loopback_server_answers_at_a_name_that_was_allowed(sim):
    with sim.serve(allow_hosts=["wanx.example.com"]) as server:
        assert ask(server, "/_sim/health", host="wanx.example.com").status_code == 200


def test_a_denied_body_is_not_read_and_the_connection_closed(sim):
    with sim.serve() as server:
        answer = ask(server, "/_sim/reset", "POST", origin="http://evil.com")
    assert (answer.status_code, answer.headers["connection"]) == (403, "close")


def test_an_open_server_makes_up_a_token_for_the_simulator_and_none_for_the_service(sim):
    with sim.serve(EVERYWHERE) as server:
        assert len(server.admin_token) >= 32
        assert ask(server, "/_sim/health").status_code == 401
        given = ask(server, "/_sim/health", x_wanx_admin_token=server.admin_token)
        assert given.status_code == 200
        tasks = ask(
            server, "/api/v1/tasks", host="wanx.example.com", authorization="Bearer sk-test"
        )
        assert tasks.status_code == 200


def test_each_open_server_makes_up_its_own(sim):
    assert sim.serve(EVERYWHERE).admin_token != sim.serve(EVERYWHERE).admin_token


def test_a_token_that_is_given_is_asked_for_on_loopback_too(sim):
    with sim.serve(admin_token="t0ken") as server:
        assert ask(server, "/_sim/health").status_code == 401
        assert ask(server, "/_sim/health", authorization="Bearer t0ken").status_code == 200
        assert "t0ken" not in repr(server)


def test_an_application_can_be_given_one(sim):
    guard = sim.asgi_app(admin_token="t0ken", allow_hosts=["Wanx.example.com"])._guard
    assert (guard.token, guard.hosts) == ("t0ken", {"wanx.example.com"})


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def serve(monkeypatch):
    """Runs ``wanx-sim serve`` up to its first lines; the server and the lines."""

    def served(*options, **environment):
        servers = []

        def run(self, announce):
            servers.append(self)
            announce()

        monkeypatch.setattr(Server, "run", run)
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        result = CliRunner().invoke(
            cli,
            ["serve", "--store", "memory://", *options],
            auto_envvar_prefix="WANX_SIM",
            env=environment,
        )
        assert result.exit_code == 0, result.output
        return servers[0], result.output

    return served


def test_the_command_prints_the_token_that_it_made_up(serve):
    server, printed = serve("--host", EVERYWHERE)
    assert f"X-Wanx-Admin-Token: {server.admin_token}\n" in printed


def test_the_command_prints_no_token_that_it_was_given(serve):
    server, printed = serve("--host", EVERYWHERE, "--admin-token", "t0ken")
    assert server.admin_token == "t0ken"
    assert "oken" not in printed


def test_the_command_takes_the_token_from_the_environment(serve):
    server, printed = serve(WANX_SIM_SERVE_ADMIN_TOKEN="t0ken")
    assert server.admin_token == "t0ken"
    assert "oken" not in printed


def test_the_command_allows_names(serve):
    server, _ = serve("--allow-host", "one.example", "--allow-host", "two.example")
    assert server._guard.hosts >= {"one.example", "two.example"}
