"""A fault as a value: what it is meant for, and what makes no sense."""

from __future__ import annotations

import math

import msgspec
import pytest

from wanx_sim import Fault
from wanx_sim.faults.subject import Subject


def meant(operation="create", about=None, **fields):
    fault = Fault(on=operation, code="Throttling", **fields)
    return fault.meant_for(Subject(operation, **(about or {})))


def test_a_fault_is_for_its_own_operation():
    fault = Fault(on="query", code="Throttling")
    assert fault.meant_for(Subject("query"))
    assert not fault.meant_for(Subject("create"))


def test_any_is_every_operation():
    fault = Fault(on="any", code="Throttling")
    operations = ("create", "query", "list", "cancel", "image")
    assert all(fault.meant_for(Subject(operation)) for operation in operations)


def test_a_fault_strikes_creates_unless_told_otherwise():
    assert Fault(code="Throttling").on == "create"


def test_a_fault_may_be_for_one_model():
    assert meant(model="wan2.2-t2i-plus", about={"model": "wan2.2-t2i-plus"})
    assert not meant(model="wan2.2-t2i-plus", about={"model": "wan2.2-t2i-flash"})


def test_a_fault_may_be_for_prompts_that_contain_a_text():
    assert meant(prompt="花店", about={"prompt": "一间花店，木门"})
    assert not meant(prompt="花店", about={"prompt": "一间书店"})


def test_a_fault_may_be_for_one_key():
    assert meant(key="sk-a", about={"key": "sk-a"})
    assert not meant(key="sk-a", about={"key": "sk-b"})
    assert not meant(key="sk-a")


def test_a_fault_may_be_for_one_task():
    assert meant("query", task_id="1", about={"task_id": "1"})
    assert not meant("query", task_id="1", about={"task_id": "2"})


def test_a_key_is_kept_nowhere():
    fault = Fault(code="Throttling", key="sk-secret")
    assert "sk-secret" not in repr(fault)
    assert b"sk-secret" not in msgspec.json.encode(fault)
    assert "sk-secret" not in repr(Subject("create", key="sk-secret"))


def test_a_fault_survives_json_with_its_key():
    fault = Fault(on="query", code="Throttling", key="sk-a", times=None, nth=2)
    again = msgspec.json.decode(msgspec.json.encode(fault), type=Fault)
    assert again == fault
    assert again.meant_for(Subject("query", key="sk-a"))


def test_a_fault_shows_what_was_said_and_no_more():
    fault = Fault(on="query", code="Throttling", times=2)
    assert repr(fault) == "Fault(on='query', times=2, code='Throttling')"


def test_a_fault_cannot_be_changed():
    with pytest.raises(AttributeError):
        Fault(code="Throttling").times = 2


# --- what is no fault ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"on": "submit", "code": "Throttling"}, "cannot strike on 'submit'; known: create, query"),
        ({"code": "Nope"}, "no error code 'Nope'; known: AccessDenied"),
        ({"fail": "Nope"}, "no error code 'Nope'"),
        ({}, "a fault does one thing: give it one of code=, status="),
        ({"code": "Throttling", "lost_response": True}, "not both code and reset"),
        ({"status": 502, "cut": 3}, "not both status and cut"),
        ({"fail": "Throttling", "reset": "before"}, "not both reset and outcome"),
        ({"code": "Throttling", "times": 0}, "times must be 1 or more, or None for always, not 0"),
        ({"code": "Throttling", "nth": 0}, "nth must be 1 or more, not 0"),
        ({"code": "Throttling", "probability": 0}, "probability must be above 0 and at most 1"),
        ({"code": "Throttling", "probability": 1.5}, "probability must be above 0 and at most 1"),
        ({"code": "Throttling", "probability": math.nan}, "probability must be above 0"),
        ({"delay": -1}, "delay must be 0 or more"),
        ({"delay": math.nan}, "delay must be 0 or more"),
        ({"delay": math.inf}, "delay must be a number of seconds"),
        ({"cut": -1}, "cut must be 0 or more"),
        ({"drip": 0}, "drip must be above 0 bytes a second"),
        ({"content_length": -1}, "content_length must be 0 or more"),
        ({"status": 99}, "status must be from 200 to 599"),
        ({"reset": "soon"}, "no reset 'soon'; known: before, after"),
        ({"stuck": "FAILED"}, "no stuck 'FAILED'; known: PENDING, RUNNING"),
        ({"picture": "blue", "on": "image"}, "no picture 'blue'; known: missing, truncated"),
        ({"pending": "10"}, "a duration is spelt 10s or 3polls, not '10'"),
        ({"unknown_after": "soon"}, "a duration is spelt 10s or 3polls"),
        ({"failed_images": 0}, "failed_images must be 1 or more"),
        ({"results_after": 0}, "results_after must be 1 or more"),
        ({"fail": "Throttling", "on": "query"}, "fail= strikes on create, not on query"),
        ({"stuck": "RUNNING", "on": "any"}, "stuck= strikes on create, not on any"),
        ({"picture": "missing"}, "picture= strikes on image, not on create"),
        ({"finish": True, "on": "query"}, "finish= strikes on cancel, not on query"),
        ({"omit": "x", "on": "image"}, "omit= strikes on create or query or list or cancel"),
        ({"code": "Throttling", "task_id": "1"}, "a create is about no task_id"),
        ({"cut": 1, "message": "x"}, "message= goes with code= or fail="),
        ({"cut": 1, "acted_upon": True}, "acted_upon= goes with status= or body="),
        ({"stuck": "RUNNING", "delay": 1}, "delay= is about the answer, not the task"),
    ],
    ids=str,
)
def test_a_fault_that_makes_no_sense_is_refused(given, says):
    with pytest.raises(ValueError, match=says):
        Fault(**given)


def test_delay_goes_with_another_effect():
    assert Fault(delay=1, code="Throttling").effects == ("code",)


def test_what_becomes_of_a_task_may_be_several_things():
    assert Fault(pending="1s", failed_images=1, unknown_after="9polls").effects == ("outcome",)


def test_a_name_of_the_error_table_is_as_good_as_a_code(api, sim):
    sim.faults.add(Fault(code="output-rejected"))
    message = "Output data may contain inappropriate content."
    assert api.create().refusal == (400, "DataInspectionFailed", message)


def test_a_message_replaces_the_codes_own(api, sim):
    sim.faults.add(Fault(code="Throttling", message="slow down"))
    assert api.create().refusal == (429, "Throttling", "slow down")


# --- presets ------------------------------------------------------------------------------------


def test_a_preset_can_be_changed():
    (fault,) = Fault.preset("lost-response", times=3, model="wan2.2-t2i-plus")
    assert (fault.reset, fault.times, fault.model) == ("after", 3, "wan2.2-t2i-plus")


def test_a_change_of_a_field_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"'colour'.* known: on, model"):
        Fault.preset("lost-response", colour="blue")
