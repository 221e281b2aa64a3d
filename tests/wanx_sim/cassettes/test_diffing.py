"""Diff: what is a change of meaning, and what is not."""

from __future__ import annotations

import json
import shutil

import pytest

from wanx_sim import Cassette, Recorder, Simulator
from wanx_sim.cassettes.diffing import diff


@pytest.fixture
def shop(record):
    """Two jobs and, of the first, a copy to change."""
    return record("花店", {"prompt": "灯塔", "n": 2}).path


@pytest.fixture
def changed(shop, tmp_path):
    """The cassette with a change."""

    def made(change):
        document = json.loads(shop.read_bytes())
        change(document["interactions"])
        path = tmp_path / "changed.json"
        path.write_text(json.dumps(document, sort_keys=True))
        return Cassette.load(path)

    return made


def told(entries):
    return [
        (entry.what, entry.kind, entry.name, {change.field: (change.before, change.after) for change in entry.changes})
        for entry in entries
    ]  # fmt: skip


def test_the_order_of_keys_and_of_jobs_is_no_difference(shop, changed):
    assert diff(Cassette.load(shop), changed(lambda jobs: jobs.reverse())) == []


def test_a_job_that_was_recorded_again_is_the_same_but_for_its_times(record):
    def once(**settings):
        return record("花店", timing="seconds:1,2", every=0.5, **settings).cassette

    one = once(seed=1)
    later = record("花店", timing="seconds:1.5,2", every=0.7, seed=2).cassette
    assert one.jobs[0].task_id != later.jobs[0].task_id
    assert diff(one, later) == []
    ((what, _, _, changes),) = told(diff(one, later, times=True))
    assert what == "changed"
    assert {"created.output.task_id", "offsets.1", "created.request_id"} <= changes.keys()


def test_jobs_are_added_and_removed(shop, changed):
    before = Cassette.load(shop)
    after = changed(lambda jobs: jobs.pop())
    assert told(diff(before, after)) == [("removed", "job", "灯塔", {})]
    assert told(diff(after, before)) == [("added", "job", "灯塔", {})]


def field(path, value):
    def change(jobs):
        part = jobs[0]
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value

    return change


CHANGES = {
    "a parameter": (field(["request", "parameters", "seed"], 8), {"request.parameters.seed": (7, 8)}),
    "the prompt of a task": (
        field(["request", "input", "prompt"], "花"), {"request.input.prompt": ("花店", "花")},
    ),
    "a word of a result": (
        field(["states", 2, "body", "output", "results", 0, "orig_prompt"], "花"),
        {"states.2.output.results.0.orig_prompt": ("花店", "花")},
    ),
    "a step": (
        lambda jobs: jobs[0]["states"].pop(1),
        {"steps": ("PENDING RUNNING SUCCEEDED", "PENDING SUCCEEDED")},
    ),
    "a picture": (field(["images", 0, "sha256"], "0" * 64), {"images.0.sha256": (None, "0" * 64)}),
    "a picture's size": (field(["images", 0, "width"], 513), {"images.0.pixels": ("512×512", "513×512")}),
    "no picture": (field(["images"], []), None),
    "the price": (field(["price"], "0.20"), {"price": ("0.14", "0.20")}),
    "a lost end": (field(["complete"], False), {"complete": (True, False)}),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_a_job_that_changed_is_told_of_field_by_field(shop, changed, case):
    change, expected = CHANGES[case]
    ((what, kind, _, fields),) = told(diff(Cassette.load(shop), changed(change)))
    assert (what, kind) == ("changed", "job")
    if expected is None:
        assert fields["images.0.sha256"][1] is None
        return
    assert fields.keys() == expected.keys()
    for path, (before, after) in expected.items():
        assert fields[path] == (before or fields[path][0], after)


def test_prompts_that_were_redacted_are_no_difference(sim, clock, library, talk):
    for name, hidden in (("plain", False), ("hidden", True)):
        sim.reset()
        recorder = Recorder(sim, library / name, clock=clock, redact_prompts=hidden)
        talk(recorder).job("花店", prompt_extend=True)
    plain, hidden = Cassette.load(library / "plain"), Cassette.load(library / "hidden")
    assert "花店" not in hidden.path.read_text()
    assert diff(plain, hidden) == []
    assert diff(hidden, plain) == []


def test_equal_requests_are_compared_in_their_order(record):
    one = record("花店", "花店").cassette
    assert diff(one, record("花店", "花店", seed=3).cassette) == []
    assert told(diff(one, record("花店").cassette)) == [("removed", "job", "花店", {})]


def test_what_is_no_job_is_compared_too(clock, library, talk):
    def recorded(name, size, seed):
        recorder = Recorder(Simulator(clock=clock, seed=seed), library / name, clock=clock)
        client = talk(recorder)
        task_id = client.submit("花店")
        client.ask("POST", f"/api/v1/tasks/{task_id}/cancel")
        client.create("花店", size=size)
        return recorder.cassette

    one, same = recorded("one", "10*10", 1), recorded("same", "10*10", 2)
    assert diff(one, same) == []
    (entry,) = told(diff(one, recorded("other", "20*20", 1)))
    assert entry[:3] == ("changed", "create", "花店")
    assert entry[3]["request.parameters.size"] == ("10*10", "20*20")


def test_a_cassette_is_equal_to_its_copy(shop, tmp_path):
    shutil.copy(shop, tmp_path / "copy.json")
    assert diff(Cassette.load(shop), Cassette.load(tmp_path / "copy"), times=True) == []
