"""The demo: the main job, told step by step, and it all stays on this machine."""

from __future__ import annotations

import json
import re
import socket

import pytest
from click.testing import CliRunner

from wanx_sim import Cassette
from wanx_sim.cli import cli
from wanx_sim.demo import PROMPT

STEPS = [
    "a fake DashScope",
    "a wrong key",
    "a recording proxy",
    "a task",
    "PENDING",
    "RUNNING",
    "SUCCEEDED",
    "the picture",
    "recorded",
    "replayed, no server",
    "24 hours later",
    "the bill",
]


@pytest.fixture
def demo(monkeypatch):
    """Runs the demo into a folder, with every way out of this machine closed."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_here(self, address):
        assert address[0] in ("127.0.0.1", "::1"), f"the demo connects to {address}"
        return connect(self, address)

    def look_up_here(host, *more, **options):
        assert host in ("127.0.0.1", "localhost", "::1", b"127.0.0.1", None), host
        return look_up(host, *more, **options)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)

    def ran(folder):
        return CliRunner().invoke(cli, ["demo", "-o", str(folder)])

    return ran


def test_each_step_is_told_in_order(demo, tmp_path):
    result = demo(tmp_path / "demo")
    assert (result.exit_code, result.stderr) == (0, "")
    told = re.findall(r"^✓\s+(.*?)\s{2,}", result.stdout, re.MULTILINE)
    assert told == STEPS
    for text in (PROMPT, "AuthenticationError", "ExpiredUrlError", "¥0.20 at the live service"):
        assert text in result.stdout


def test_it_leaves_a_picture_and_a_cassette(demo, tmp_path):
    result = demo(tmp_path / "demo")
    (picture,) = (tmp_path / "demo").glob("*.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in result.stdout
    cassette = Cassette.load(tmp_path / "demo" / "cassettes" / "flower-shop")
    (job,) = cassette.jobs
    assert cassette.image(job.images[0]) == picture.read_bytes()
    assert [state.body["output"]["task_status"] for state in job.states] == [
        "PENDING",
        "RUNNING",
        "SUCCEEDED",
    ]
    (again,) = (tmp_path / "demo" / "replayed").iterdir()
    assert again.read_bytes() == picture.read_bytes()
    assert "://" not in json.dumps(job.states[-1].body)


def test_it_can_be_told_again_in_the_same_folder(demo, tmp_path):
    for _ in range(2):
        assert demo(tmp_path).exit_code == 0
    assert len(Cassette.load(tmp_path / "cassettes" / "flower-shop").jobs) == 1
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_a_proxy_of_the_user_s_is_not_asked(demo, tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.example.com:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert demo(tmp_path).exit_code == 0


def test_settings_of_the_user_s_for_the_live_service_play_no_part(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "https://dashscope.example.com/api/v1")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-live")
    monkeypatch.setenv("WANX_REGION", "singapore")
    result = demo(tmp_path)
    assert result.exit_code == 0, result.output
    assert "sk-live" not in result.output


@pytest.mark.parametrize("place", ["", "demo", "cassettes"])
def test_a_folder_that_cannot_be_written_is_said_in_one_line(demo, tmp_path, place):
    """Whether the folder itself, one above it, or one in it is a file."""
    folder = tmp_path / "out"
    blocked = {"": folder, "demo": folder, "cassettes": folder / "cassettes"}[place]
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("in the way")
    result = demo(folder / "demo" if place == "demo" else folder)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("wanx-sim: the demo broke off: ")
    assert str(blocked) in line
