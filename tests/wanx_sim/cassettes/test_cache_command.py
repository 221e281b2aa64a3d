"""``wanx-sim cache``, and what ``record`` says before it begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from wanx_sim.cassettes.cache import Cache
from wanx_sim.cli import cli


@pytest.fixture
def run(tmp_path):
    """Runs a command of ``wanx-sim cache`` on this test's cache; what it printed."""

    def ran(name, *arguments):
        options = [name, "--cache-dir", tmp_path / "cache", *arguments]
        result = CliRunner().invoke(cli, ["cache", *map(str, options)])
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    return ran


@pytest.fixture(scope="module")
def shops(record):
    return record("花店", {"prompt": "书店 有一个很长很长的名字 " * 4, "n": 2})


def test_a_cache_that_is_not_there_is_empty_and_is_not_made(run, tmp_path):
    for command, said in (
        ("ls", "0 jobs, 0.0 MiB in {}"),
        ("prune", "0 jobs dropped from {}"),
        ("clear", "0 jobs dropped from {}"),
    ):
        assert run(command) == [said.format(tmp_path / "cache")]
    assert list(tmp_path.iterdir()) == []


def test_it_is_rebuilt_from_cassettes_or_folders_and_listed(run, shops, tmp_path):
    says = f"2 jobs from 1 place, now in {tmp_path / 'cache'}"
    assert run("rebuild", shops.path) == [says]
    assert run("rebuild", shops.path.parent) == [says]
    *rows, total = run("ls")
    first, second = (row.split() for row in rows if "complete" in row)
    assert first[2:6] == ["complete", "wan2.2-t2i-flash", "1", "0.14"]
    assert first[-1] == "花店"
    assert second[4:6] == ["2", "0.28"]
    assert second[-1].endswith("…")
    assert total.startswith("2 jobs, 0.")


def test_what_is_pruned_is_said(run, shops, tmp_path):
    run("rebuild", shops.path)
    cache = Cache(tmp_path / "cache")
    cache.sent("a" * 64, "dashscope.aliyuncs.com", datetime.now(UTC) - timedelta(hours=1))
    cache.close()
    assert run("prune") == [f"0 jobs dropped from {tmp_path / 'cache'}"]
    assert run("prune", "--unanswered")[0] == "dropped: a create (unanswered, 0 days old)"
    (first, *_, total) = run("prune", "--max-age", 1)
    assert first.startswith("dropped: 1 × wan2.2-t2i-flash, 花店 (complete, ")
    assert total.startswith("2 jobs dropped")


def test_a_size_may_be_set_and_everything_be_dropped(run, shops):
    run("rebuild", shops.path)
    assert len(run("prune", "--max-size", 0)) == 3
    run("rebuild", shops.path)
    assert run("clear")[0].startswith("2 jobs dropped")
    assert run("ls")[-1].startswith("0 jobs")


def test_a_cassette_that_is_not_there_is_said_in_one_line(tmp_path):
    options = ("rebuild", "--cache-dir", tmp_path / "cache", tmp_path / "none.json")
    result = CliRunner().invoke(cli, ["cache", *map(str, options)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("wanx-sim: cannot read ")


# --- what record cannot do ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--mode", "all", "--cache"], 2, "--mode all buys everything anew; drop --cache"),
        (["--max-age", "3"], 2, "--max-age is for what is replayed: choose --mode once"),
        (["--mode", "none"], 2, "'none' is not one of 'once', 'new_episodes', 'all'"),
        (["--ca-file", "no-such-file.pem"], 1, "no-such-file.pem holds no CA certificate"),
        (["--ca-file", __file__], 1, "holds no CA certificate"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_opened(tmp_path, options, code, says):
    required = ("record", "--cassette", tmp_path / "c", "--upstream", "http://x", "--port", "0")
    result = CliRunner().invoke(cli, [*map(str, required), *options])
    assert result.exit_code == code
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_recorder_is_not_its_own_proxy(tmp_path, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:8966")
    required = ("record", "--cassette", tmp_path / "c", "--upstream", "http://x")
    result = CliRunner().invoke(cli, [*map(str, required), "--proxy-port", "8966"])
    assert result.exit_code == 2
    assert "which is this recorder's own: set HTTPS_PROXY for the program under test alone" in (
        result.stderr
    )
