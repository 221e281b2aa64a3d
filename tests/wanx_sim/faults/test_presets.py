"""The situations by name: each does what it says."""

from __future__ import annotations

import pytest

from wanx_sim import Fault
from wanx_sim.faults import presets
from wanx_sim.faults.presets import find


@pytest.mark.parametrize("preset", presets().values(), ids=lambda preset: preset.name)
def test_a_preset_says_what_happens_and_how_we_know(preset):
    assert preset.what.endswith(".")
    assert preset.tag in ("documented", "observed", "assumed")
    assert preset.evidence
    assert preset.faults


def test_names_are_unique():
    assert all(name == preset.name for name, preset in presets().items())


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"'lost-answer'; did you mean .*lost-response"):
        find("lost-answer")
    with pytest.raises(ValueError, match="'xyzzy'; `wanx-sim faults` lists them"):
        find("xyzzy")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gateway-html", 502),
        ("gateway-empty", 503),
        ("gateway-timeout", 504),
        ("submit-429", 429),
        ("region-mix-up", 401),
        ("url-error", 400),
        ("sync-only-model", 403),
        ("moderation", 400),
        ("arrears", 400),
    ],
)
def test_a_create_is_answered_so(api, sim, name, expected):
    sim.faults.add(name)
    assert api.create().status == expected


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("stuck-queue", ["PENDING", "PENDING", "PENDING"]),
        ("stuck-running", ["PENDING", "RUNNING", "RUNNING"]),
        ("slow-task", ["PENDING", "RUNNING", "RUNNING"]),
        ("failed-task", ["PENDING", "RUNNING", "FAILED"]),
        ("late-validation", ["PENDING", "RUNNING", "FAILED"]),
        ("moderation-in-task", ["PENDING", "RUNNING", "FAILED"]),
        ("partial-success", ["PENDING", "RUNNING", "SUCCEEDED"]),
        ("unknown-early", ["PENDING", "RUNNING", "UNKNOWN"]),
    ],
)
def test_a_task_goes_so(api, sim, name, statuses):
    sim.faults.add(name)
    task_id = api.submit(n=2)
    assert [api.status(task_id) for _ in range(3)] == statuses


def test_a_task_that_is_refused_late_says_which_rule_it_broke(api, sim):
    sim.faults.add("late-validation")
    output = api.job()
    assert output["code"] == "InvalidParameter"
    assert output["message"].startswith("The size is not match")


def test_output_moderation_speaks_of_output(api, sim):
    sim.faults.add("moderation-in-task")
    message = "Output data may contain inappropriate content."
    assert api.job()["message"] == message


def test_a_wrong_region_key_is_wrong_on_every_call(api, sim):
    task_id = api.submit()
    sim.faults.add("region-mix-up")
    expected = (401, "InvalidApiKey", "Invalid API-key provided.")
    assert api.create().refusal == expected
    assert api.poll(task_id).refusal == expected
    assert api.create().refusal == expected


def test_an_endless_503_never_ends(api, sim):
    task_id = api.submit()
    sim.faults.add("endless-503")
    answers = [api.poll(task_id) for _ in range(10)]
    assert {answer.status for answer in answers} == {503}
    assert answers[0].body.startswith(b"<html>")


def test_flaky_strikes_about_one_in_ten(api, sim):
    sim.faults.add("flaky")
    statuses = [api.listed().status for _ in range(300)]
    assert set(statuses) == {200, 503}
    assert 10 < statuses.count(503) < 60


def test_every_preset_can_be_changed_in_how_often():
    for name in presets():
        assert all(fault.times == 2 for fault in Fault.preset(name, times=2))
