"""Cassettes of many jobs, made of one."""

from __future__ import annotations

import json

import pytest
import yaml

from benchmarks.programs.photographs import identifier
from benchmarks.programs.wire import marker, prompt
from benchmarks.rows.tapes import multiply


def entry(number):
    return {"uri": f"/tasks/{identifier(number)}", "body": prompt(number)}


@pytest.mark.parametrize("versioned", ["before", "after"])
def test_a_yaml_cassette_is_repeated_with_other_ids_and_prompts(tmp_path, versioned):
    one, many = tmp_path / "one.yaml", tmp_path / "many.yaml"
    text = yaml.safe_dump([entry(0)], allow_unicode=True)
    parts = [f"interactions:\n{text}", "version: 1\n"]
    one.write_text("".join(parts if versioned == "after" else reversed(parts)), encoding="utf-8")
    multiply(one, many, 3)
    written = yaml.safe_load(many.read_text(encoding="utf-8"))
    assert written == {"interactions": [entry(0), entry(1), entry(2)], "version": 1}


def test_our_cassette_is_still_one_of_ours(tmp_path):
    one, many = tmp_path / "one.json", tmp_path / "many.json"
    job = {"task": identifier(0), "prompt": prompt(0)}
    one.write_text(json.dumps({"format": "any", "interactions": [job]}), encoding="utf-8")
    multiply(one, many, 2)
    written = json.loads(many.read_text(encoding="utf-8"))
    assert written["format"] == "any"
    assert [made["task"] for made in written["interactions"]] == [identifier(0), identifier(1)]
    assert [marker(n) in written["interactions"][n]["prompt"] for n in range(2)] == [True, True]


def test_what_does_not_hold_job_0_is_refused(tmp_path):
    one = tmp_path / "one.json"
    one.write_text('{"interactions": [{}]}', encoding="utf-8")
    with pytest.raises(AssertionError):
        multiply(one, tmp_path / "many.json", 2)
