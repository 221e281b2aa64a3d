"""Every group of rows, in a quick run: that it works and tells all it should; no figure is judged."""

from __future__ import annotations

import json
import math

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main, measured
from benchmarks.harness import table
from benchmarks.harness.figures import Figure
from benchmarks.rows import GROUPS

PEERS = ("vcrpy", "cassetter", "aimock", "Pillow")
UNLOADED = ("in-process", "cassettes", "imports", "pictures", "suite", "scale", "start")
"""The groups that need no load generator."""


def names(group):
    """Its rows; of those that differ in a number alone, the first."""
    return [row.name for row in GROUPS[group].rows if "-300" not in row.name]


@pytest.mark.parametrize("group", UNLOADED)
def test_a_group_measures_its_rows_and_says_which_peers_it_lacks(group, bench):
    run = bench(*names(group))
    results = list(measured(run, group))
    assert [result.row.name for result in results] == names(group)
    for result in results:
        if result.figure is None:
            assert "not installed" in result.note or "no node here" in result.note
            assert any(peer in result.row.against for peer in PEERS), result
        else:
            assert all(map(math.isfinite, result.figure[:3])), result
            assert result.series
    text = table.text(results)
    assert [line.split()[1] for line in text.splitlines()[2 : 2 + len(results)]] == names(group)
    if group == "scale":
        assert {len(points) for ops in run.curves.values() for points in ops.values()} == {2}


def test_names_are_unique_and_no_group_is_called_as_a_row():
    rows = [row.name for group in GROUPS.values() for row in group.rows]
    assert len(rows) == len(set(rows))
    assert not set(rows) & set(GROUPS)


def test_a_row_that_fails_says_so_and_the_others_are_kept(bench, monkeypatch, capsys):
    rows = GROUPS["in-process"].rows

    def measure(_):
        yield rows[0].result(Figure(1.0, 1.0, 1.0))
        raise OSError("the disk is full")

    monkeypatch.setitem(GROUPS, "in-process", GROUPS["in-process"]._replace(measure=measure))
    first, second = measured(bench(rows[0].name, rows[1].name), "in-process")
    assert first.figure == Figure(1.0, 1.0, 1.0)
    assert (second.figure, second.note) == (None, "not measured: it broke off; see the traceback")
    assert "the disk is full" in capsys.readouterr().err


# --- the command ----------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_command_prints_the_table_and_writes_it_and_the_json(tmp_path):
    output = tmp_path / "results" / "bench.json"
    options = ["--quick", "--no-install", "--peers", tmp_path / "none"]
    done = run(*options, "transport,picture-size", "-o", output)
    assert done.exit_code == 0, done.output
    written = json.loads(output.read_text(encoding="utf-8"))
    assert [row["name"] for row in written["rows"]] == ["transport", "picture-size"]
    assert all(row["series"][0]["values"] for row in written["rows"])
    assert {"cpu", "cores", "kernel", "python", "load", "versions"} <= set(written["machine"])
    assert output.with_suffix(".md").read_text(encoding="utf-8").strip() in done.output
    assert "goals met" in done.output
    assert "its figures mean nothing" in done.output


def test_a_row_that_there_is_not_is_refused():
    done = run("no-such-row")
    assert done.exit_code == 2
    assert "there is no row 'no-such-row'; see --list" in done.output


def test_the_list_names_every_row():
    listed = run("--list").output.split()
    assert {row.name for group in GROUPS.values() for row in group.rows} <= set(listed)


def test_what_is_measured_is_compiled_as_pip_would_have_left_it(tmp_path, monkeypatch):
    for package in ("wanx_client", "wanx_sim"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "module.py").write_text("x = 1\n")
    monkeypatch.setattr("benchmarks.__main__.ROOT", tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    nobody = ["--no-install", "--peers", str(tmp_path / "none")]
    found = CliRunner().invoke(main, [*nobody, "first-answer"])
    assert "not measured" in found.output, found.output
    assert len(list(tmp_path.glob("*/__pycache__/module.*.pyc"))) == 2
