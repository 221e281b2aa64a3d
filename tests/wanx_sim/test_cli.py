"""The ``wanx-sim`` command. What serves is a real process; the rest is asked in this one."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys

import click
import httpx
import pytest
from click.testing import CliRunner

from wanx_client import WanxClient, WanxError, __version__
from wanx_sim import Cassette, Recorder, Simulator
from wanx_sim.cli import cli

CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512", "seed": 7, "n": 1}
PROMPT = "一间花店"
NEVER = "polls:1000,1000"


@pytest.fixture
def start(launch):
    """Starts ``wanx-sim`` with arguments and waits until it says that it is ready."""
    return launch


@pytest.fixture
def run():
    """Runs ``wanx-sim`` in this process."""

    def ran(*arguments):
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    return ran


def complaint(result):
    """The one line of a command that cannot do what it is told."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("wanx-sim: ")
    return line.removeprefix("wanx-sim: ")


# --- serve ----------------------------------------------------------------------------------------


def test_a_server_says_where_it_is_and_what_to_paste_and_ends_quietly_on_ctrl_c(start):
    server = start("serve", "--port", 0, "--store", "memory://")
    assert "".join(server.lines[1:]) == (
        "\n"
        f"  export DASHSCOPE_HTTP_BASE_URL={server.url}/api/v1\n"
        "  export DASHSCOPE_API_KEY=sk-anything\n"
        "  export NO_PROXY=127.0.0.1,localhost\n"
    )
    assert server.url.startswith("http://127.0.0.1:")
    assert server.ended() == (0, "")


def test_tasks_survive_a_kill_and_their_pictures_are_the_same(start, client, tmp_path):
    options = ("serve", "--port", 0, "--store", f"disk:{tmp_path / 'store'}")
    first = start(*options, "--timing", "seconds:0,0")
    done = client(first).generate(PROMPT, **SMALL)
    (before,) = client(first).download(done, tmp_path / "before")
    assert first.ended(signal.SIGKILL)[0] != 0

    second = start(*options, "--timing", "manual")
    again = client(second).fetch(done.id)
    assert (again.id, again.status, again.end_time) == (done.id, done.status, done.end_time)
    (after,) = client(second).download(again, tmp_path / "after")
    assert after.read_bytes() == before.read_bytes()
    assert after.name == before.name
    # What ran when the process died goes on by the clock, not by who is alive.
    waiting = client(second).submit(PROMPT, **SMALL)
    second.ended(signal.SIGKILL)
    third = start(*options, "--timing", "instant")
    assert client(third).fetch(waiting.id).status == "PENDING"
    assert third.ended() == (0, "")


def test_two_servers_on_one_store_serve_each_other_s_tasks(start, client, tmp_path):
    options = ("serve", "--port", 0, "--store", f"disk:{tmp_path / 'store'}")
    one, other = start(*options, "--timing", "polls:1,1"), start(*options)
    task = client(one).submit(PROMPT, **SMALL)
    seen = [client(server).fetch(task.id).status for server in (one, other, one)]
    assert seen == ["PENDING", "RUNNING", "SUCCEEDED"]
    pictures = [
        client(server).download(client(server).fetch(task.id), tmp_path / str(place))
        for place, server in enumerate((one, other))
    ]
    assert pictures[0][0].read_bytes() == pictures[1][0].read_bytes()
    assert client(other).tasks().total == 1


def test_options_do_what_they_say(start, client):
    server = start(
        *("serve", "--port", 0, "--store", "memory://", "--timing", NEVER, "--seed", 5),
        *("--region", "singapore", "--api-key", "sk-bj@beijing", "--api-key", "sk-sgp"),
        *("--validation", "task", "--no-magic", "--public-url", "http://pictures.test"),
    )
    assert "  export DASHSCOPE_API_KEY=sk-sgp\n" in server.lines
    with pytest.raises(WanxError, match="Invalid API-key"):
        client(server, "sk-bj").submit(PROMPT)
    expected = Simulator(seed=5, region="singapore")
    with WanxClient("sk-a", transport=expected.transport(), region="singapore") as direct:
        task = client(server, "sk-sgp").submit("[[moderation]]", **SMALL | {"size": "1*1"})
        assert task.id == direct.submit(PROMPT, **SMALL).id
    assert client(server, "sk-sgp").fetch(task).status == "PENDING"


def test_options_may_come_from_the_environment(start, client):
    server = start(
        "serve",
        WANX_SIM_SERVE_PORT="0",  # the default is 8965
        WANX_SIM_SERVE_STORE="memory://",
        WANX_SIM_SERVE_TIMING=NEVER,
    )
    assert not server.url.endswith(":8965")
    task = client(server).submit(PROMPT)
    assert [client(server).fetch(task).status for _ in range(3)] == ["PENDING"] * 3


def test_the_default_store_lies_in_the_user_s_cache_folder(start, client, environment, tmp_path):
    server = start("serve", "--port", 0)
    client(server).submit(PROMPT)
    server.ended()
    assert list(tmp_path.rglob("wanx-sim/store/tasks.sqlite3"))


def test_a_port_in_use_is_said_in_one_line(run):
    with Simulator().serve() as server:
        port = server.url.rpartition(":")[2]
        said = complaint(run("serve", "--store", "memory://", "--port", port))
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "take a free one with --port 0" in said


def test_an_address_that_is_not_ours_is_said_in_one_line(run):
    said = complaint(run("serve", "--store", "memory://", "--host", "192.0.2.1", "--port", 0))
    assert "cannot listen on 192.0.2.1:0" in said


def test_a_store_that_cannot_be_written_is_said_in_one_line(run, tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = complaint(run("serve", "--port", 0, "--store", f"disk:{tmp_path / 'file' / 'store'}"))
    assert str(tmp_path / "file" / "store") in said
    assert "--store disk:PATH" in said
    assert "--store memory://" in said


def test_a_store_of_another_format_is_said_in_one_line(run, tmp_path):
    simulator = Simulator(store=f"disk:{tmp_path}")
    simulator.store._tables.run("PRAGMA user_version = 999")
    simulator.close()
    said = complaint(run("serve", "--port", 0, "--store", f"disk:{tmp_path}"))
    assert "has format 999" in said
    assert "delete the folder" in said


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--timing", "soon", "no timing is spelt 'soon'; known: instant, polls:P,R"),
        ("--timing", "polls:1", "no timing is spelt 'polls:1'; known: instant"),
        ("--api-key", "sk-a@nowhere", "no region is called 'nowhere'; known: beijing, singapore"),
        ("--store", "mysql://", "no store is named 'mysql://'; known: memory://, disk:"),
    ],
)
def test_a_setting_that_does_not_exist_is_said_in_one_line_with_those_that_do(
    run, option, value, says
):
    store = () if option == "--store" else ("--store", "memory://")
    assert says in complaint(run("serve", "--port", 0, *store, option, value))


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--region", "mars", "'beijing', 'singapore'"),
        ("--port", "70000", "0<=x<=65535"),
        ("--port", "http", "not a valid integer"),
        ("--validation", "never", "'submit', 'task'"),
        ("--profile", "1999", "'2025-10', '2026-10'"),
        ("--speed", "-1", "x>=0"),
    ],
)
def test_a_choice_that_does_not_exist_is_a_usage_error_with_those_that_do(run, option, value, says):
    result = run("serve", option, value)
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.stderr
    assert says in result.stderr


def test_an_address_of_version_6_is_written_as_a_url_wants_it(run):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("there is no IPv6 here")
    with Simulator().serve("::1") as server:
        assert re.fullmatch(r"http://\[::1\]:\d+", server.url)
        assert httpx.get(server.url, trust_env=False).status_code == 404


# --- record and replay ----------------------------------------------------------------------------


def test_an_upstream_that_is_no_url_is_said_in_one_line(run, tmp_path):
    said = complaint(run("record", "--cassette", tmp_path / "c", "--upstream", "dashscope"))
    assert said == ("an upstream is a URL such as https://dashscope.aliyuncs.com, not 'dashscope'")


def test_a_recorder_has_no_public_url(run, tmp_path):
    options = ("--cassette", tmp_path / "c", "--upstream", "http://x", "--public-url", "http://y")
    result = run("record", *options)
    assert result.exit_code == 2
    assert "drop --public-url" in result.stderr


def test_a_cassette_that_is_not_there_is_said_in_one_line(run, tmp_path):
    said = complaint(run("replay", "--port", 0, "--cassette", tmp_path / "none.json"))
    assert said == f"cannot read {tmp_path / 'none.json'}: No such file or directory"


def test_a_cassette_that_is_damaged_is_said_in_one_line(run, tmp_path):
    (tmp_path / "c.json").write_text("{")
    said = complaint(run("replay", "--port", 0, "--cassette", tmp_path / "c"))
    assert f"the cassette {tmp_path / 'c.json'} is damaged" in said


def test_a_pace_that_does_not_exist_is_said_in_one_line_with_those_that_do(run, tmp_path):
    Recorder(Simulator(), tmp_path / "c").close()
    Cassette(tmp_path / "c").path.write_text(
        '{"format": "wanx-cassette", "version": 1, "recorded_with": "", "host": ""}'
    )
    said = complaint(run("replay", "--port", 0, "--cassette", tmp_path / "c", "--pace", "slow"))
    assert "no pace is 'slow'; known: steps, recorded, instant, or how many times" in said


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["record", "--cassette", "c"], "--upstream"),
        (["record", "--upstream", "http://x"], "--cassette"),
        (["replay"], "--cassette"),
    ],
)
def test_what_a_command_cannot_do_without_is_asked_for(run, arguments, missing):
    result = run(*arguments)
    assert result.exit_code == 2
    assert f"Missing option '{missing}'" in result.stderr


# --- lists and help -------------------------------------------------------------------------------


def test_models_are_listed_with_their_limits_and_prices_a_line_each(run):
    result = run("models")
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if "wan2.5-t2i-preview" in line]
    for text in ("1280*1280", "2000", "beijing 0.20", "singapore 0.22"):
        assert text in line
    assert "wanx2.0-t2i-turbo" in result.stdout


def test_models_are_listed_as_the_newer_pages_have_them(run):
    lines = [run("models", "--profile", profile).stdout for profile in ("2025-10", "2026-10")]
    flash = [re.search(r"wan2\.2-t2i-flash.*", text)[0] for text in lines]
    assert " 800 " in flash[0]
    assert " 500 " in flash[1]


def test_errors_are_listed_with_how_we_know_them(run):
    result = run("errors")
    assert result.exit_code == 0
    rows = [line for line in result.stdout.splitlines() if " InvalidApiKey " in line]
    assert rows
    assert all("401" in row for row in rows)
    assert all(re.search(r" (documented|observed|assumed)\b", row) for row in rows)
    assert "Throttling.RateQuota" in result.stdout


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_command(run, option):
    result = run(option)
    assert result.exit_code == 0
    for name in ("demo", "serve", "record", "replay", "models", "errors"):
        assert re.search(rf"^  {name}\s+\w", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", ["demo", "serve", "record", "replay", "models", "errors"])
def test_every_command_explains_itself_and_each_option(run, name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: cli {name} [OPTIONS]" in result.stdout
    parameters = cli.get_command(click.Context(cli), name).params
    assert all(parameter.help for parameter in parameters)


def test_the_version_is_the_package_s(run):
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"wanx-sim, version {__version__}\n")


def test_help_needs_nothing_heavy():
    program = (
        "import sys; from wanx_sim.cli import cli; cli(['--help'], standalone_mode=False); "
        "print(sorted({'httpx', 'uvicorn', 'msgspec', 'PIL', 'diskcache'} & set(sys.modules)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines()[-1] == "[]"


def test_a_request_over_a_socket_is_plain_json(start):
    server = start("serve", "--port", 0, "--store", "memory://")
    body = {"model": "wan2.2-t2i-flash", "input": {"prompt": PROMPT}}
    headers = {"authorization": "Bearer sk-a", "x-dashscope-async": "enable"}
    answer = httpx.post(server.url + CREATE, json=body, headers=headers, trust_env=False)
    assert json.loads(answer.content)["output"]["task_status"] == "PENDING"
    listed = httpx.get(f"{server.url}/api/v1/tasks", headers=headers, trust_env=False)
    assert listed.json()["total"] == 1
