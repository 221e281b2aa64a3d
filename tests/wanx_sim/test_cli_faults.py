"""The ``wanx-sim`` command about faults: listing those with names, and arming a server's."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from wanx_sim import Fault, cli
from wanx_sim.faces.server import Server
from wanx_sim.faults import presets, read


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(cli.cli, arguments)


@pytest.fixture
def served(monkeypatch):
    """What a server would have served, had it been started."""
    services = []

    monkeypatch.setattr(Server, "run", lambda server, **_: services.append(server.service))
    return services


def test_the_names_are_listed_with_what_happens(run):
    result = run("faults")
    assert result.exit_code == 0
    for preset in presets().values():
        assert preset.name in result.output
        assert preset.what in result.output


def test_the_list_as_json_can_be_armed(run):
    listed = json.loads(run("faults", "--json").output)
    assert [entry["name"] for entry in listed] == list(presets())
    for entry in listed:
        faults = tuple(fault for table in entry["faults"] for fault in read(table))
        assert faults == presets()[entry["name"]].faults


def test_a_server_is_armed_from_a_file(run, served, tmp_path):
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\non = "query"\ncode = "Throttling"\n', "utf-8")
    result = run("serve", "--store", "memory://", "--faults", str(path))
    assert result.exit_code == 0, result.output
    assert list(served[0].faults) == [Fault(on="query", code="Throttling")]


def test_a_server_is_armed_by_names(run, served):
    run("serve", "--store", "memory://", "--faults", "lost-response", "--faults", "poll-429")
    assert [fault.on for fault in served[0].faults] == ["create", "query"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("lost-respnse", "no fault is called 'lost-respnse'; did you mean lost-response"),
        ("none.toml", "none.toml: cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_armed_is_said_in_one_line(run, served, source, says):
    result = run("serve", "--store", "memory://", "--faults", source)
    assert result.exit_code == 1
    assert result.output.startswith(f"wanx-sim: {says}")
    assert result.output.count("\n") == 1
    assert served == []


def test_a_bad_entry_of_a_file_is_said_by_its_place(run, served, tmp_path):
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\ncode = "Throttling"\n\n[[fault]]\ncode = "Nope"\n', "utf-8")
    result = run("serve", "--store", "memory://", "--faults", str(path))
    assert f"wanx-sim: {path}: fault 2: the service has no error code 'Nope'" in result.output
    assert served == []
