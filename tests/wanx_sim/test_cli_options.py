"""Options that several commands have: what their values may be."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from wanx_sim.cli import cli

LIVE = ("--upstream", "http://127.0.0.1:9")
AMOUNTS = (
    ("replay", "--cassette", "any", "--max-age"),
    ("record", "--cassette", "any", *LIVE, "--max-age"),
    ("record", "--cassette", "any", *LIVE, "--budget"),
    ("cassette", "verify", "any", "--max-age"),
    ("cassette", "prune", "any", "--max-age"),
    ("cache", "prune", "--max-age"),
    ("cache", "prune", "--max-size"),
    ("probe", *LIVE, "--spend"),
)


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "many"])
@pytest.mark.parametrize("command", AMOUNTS, ids=lambda command: f"{command[0]} {command[-1]}")
def test_an_amount_is_a_number_that_is_not_below_nothing(command, value):
    found = CliRunner().invoke(cli, [*command, value])
    assert found.exit_code == 2
    assert f"Invalid value for '{command[-1]}'" in found.output
    assert value in found.output


@pytest.mark.parametrize("command", [row for row in AMOUNTS if row[-1] == "--max-age"])
def test_days_are_no_more_than_a_calendar_has(command):
    found = CliRunner().invoke(cli, [*command, "1e12"])
    assert found.exit_code == 2
    assert "is not in the range 0<=x<=1000000" in found.output
