"""The commands that print what the simulator knows: `errors`, `models` and `provenance`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from wanx_sim.cli import cli
from wanx_sim.protocol import catalogue
from wanx_sim.protocol.errors import NAMED
from wanx_sim.protocol.provenance import behaviours


@pytest.fixture
def run():
    """Runs ``wanx-sim`` in this process; what it printed."""

    def ran(*arguments):
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    return ran


def line_of(text, start):
    (found,) = [line for line in text.splitlines() if line.split()[:1] == [start]]
    return found


def test_each_error_has_a_line_with_all_that_is_known_of_it(run):
    text = run("errors")
    for name, row in NAMED.items():
        line = line_of(text, name)
        message = row.message.replace("\n", "\\n")
        for cell in (str(row.status), row.code, message, row.when, row.tag, row.source):
            assert cell in line


def test_no_line_of_a_pipe_ends_in_blanks(run):
    assert [line for line in run("errors").splitlines() if line != line.rstrip()] == []


def test_errors_as_json_are_the_table(run):
    found = json.loads(run("errors", "--json"))
    assert [row["name"] for row in found] == list(NAMED)
    assert found[0].keys() == {
        "name", "status", "code", "message", "when", "tag", "source", "anchor", "linked", "variants"
    }  # fmt: skip
    refused = next(row for row in found if row["name"] == "input-rejected")
    assert refused["anchor"] == "inappropriate-content"
    assert "Green net check rejected text (input)" in refused["variants"]


def test_models_beyond_the_seed_document_are_marked(run):
    text = run("models")
    assert line_of(text, "wanx-v1").split()[1] == "*"
    assert line_of(text, "wan2.5-t2i-preview").split()[1] == "1280*1280"
    assert "* not in the seed document" in text


def test_models_that_are_refused_are_listed_with_the_reason(run):
    text = run("models")
    assert "refused, other endpoint: wan2.6-t2i" in text
    assert "refused, sync only: qwen-image-max" in text


@pytest.mark.parametrize("profile", catalogue.PROFILES)
def test_models_as_json_are_the_catalogue_of_the_profile(run, profile):
    found = json.loads(run("models", "--profile", profile, "--json"))
    models = catalogue.load(profile).models
    assert [model["name"] for model in found["models"]] == list(models)
    assert found["models"][0]["rule"]["min_pixels"] == models["wan2.5-t2i-preview"].rule.min_pixels
    assert found["models"][0]["price"]["beijing"] == "0.20"
    assert {row["why"] for row in found["elsewhere"]} == {"other endpoint", "sync only"}


def test_each_behaviour_has_a_line_with_tag_and_source(run):
    text = run("provenance")
    for behaviour in behaviours():
        line = line_of(text, behaviour.key)
        assert behaviour.says in line
        assert behaviour.tag in line
        assert behaviour.source in line
    assert f"{len(behaviours())} behaviours" in text


@pytest.mark.parametrize(
    ("options", "tag"),
    [
        (["--assumed"], "assumed"),
        (["--tag", "assumed"], "assumed"),
        (["--assumed", "--tag", "assumed"], "assumed"),
        (["--tag", "observed"], "observed"),
        (["--tag", "documented"], "documented"),
    ],
)
def test_behaviours_can_be_narrowed_to_a_tag(run, options, tag):
    found = json.loads(run("provenance", *options, "--json"))
    expected = [behaviour.key for behaviour in behaviours() if behaviour.tag == tag]
    assert [row["key"] for row in found] == expected != []
    assert all(row.keys() == {"key", "says", "tag", "source"} for row in found)


def test_two_tags_at_once_are_a_usage_error():
    result = CliRunner().invoke(cli, ["provenance", "--assumed", "--tag", "observed"])
    assert result.exit_code == 2
    assert "--assumed and --tag observed exclude each other; give one of them" in result.stderr
