"""Faults as tables, of TOML and JSON."""

from __future__ import annotations

import pytest

from wanx_sim import Fault, Simulator
from wanx_sim.faults import load, read


@pytest.fixture
def file(tmp_path):
    """Writes a file of faults."""

    def written(text):
        path = tmp_path / "faults.toml"
        path.write_text(text, "utf-8")
        return path

    return written


def test_a_table_has_the_fields_of_a_fault():
    table = {"on": "query", "code": "Throttling", "times": 3, "prompt": "花"}
    assert read(table) == (Fault(on="query", code="Throttling", times=3, prompt="花"),)


@pytest.mark.parametrize("spelling", ["always", None])
def test_always_is_spelt_in_both_languages(spelling):
    (fault,) = read({"code": "Throttling", "times": spelling})
    assert fault.times is None


def test_a_table_may_name_a_preset_and_change_it():
    assert read({"preset": "poll-429", "times": 5, "model": "wan2.2-t2i-plus"}) == (
        Fault(on="query", code="Throttling.RateQuota", times=5, model="wan2.2-t2i-plus"),
    )


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"colour": "blue"}, "unknown field `colour`; known: preset, on"),
        ({"code": "Throttling", "times": "twice"}, "times: expected `int | null`, got `str`"),
        ({"code": 429}, "code: expected `str"),
        ({"on": "submit", "code": "Throttling"}, "on: invalid enum value 'submit'"),
        ({"code": "Nope"}, "no error code 'Nope'"),
        ({"preset": "lost-respnse"}, "no fault is called 'lost-respnse'; did you mean"),
        ({"preset": 3}, "preset: a name"),
        ({"preset": "lost-response", "colour": 1}, "unknown field `colour`"),
        ({"preset": "lost-response", "cut": 1}, "not both reset and cut"),
        ("lost-response", "a fault is a table of its fields"),
    ],
)
def test_what_is_wrong_is_said_by_its_field(table, says):
    with pytest.raises(ValueError, match=says):
        read(table)


def test_a_file_holds_faults_in_order(file):
    path = file("""
        [[fault]]
        on = "query"
        status = 502

        [[fault]]
        preset = "lost-response"
        prompt = "花店"
    """)
    assert load(path) == (Fault(on="query", status=502), Fault(reset="after", prompt="花店"))


def test_a_simulator_loads_a_file(file, connect, clock):
    sim = Simulator(clock=clock)
    sim.faults.load(file('[[fault]]\ncode = "Throttling"\n'))
    assert connect(sim).create().status == 429


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[fault]]\ncode = "Throttling"\n[[fault]]\ncolour = 1', "fault 2: .* field `colour`"),
        ("[[fault]]\ntimes = 'x'\ncode = 'Throttling'", "fault 1: times: expected"),
        ("fault = 3", "fault: a file of faults holds"),
        ("[faults]\na = 1", "faults: a file of faults holds"),
        ("[[fault", "is no TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(file, text, says):
    path = file(text)
    with pytest.raises(ValueError, match=f"^{path}: {says}"):
        load(path)


def test_a_file_that_is_wrong_arms_nothing(file, sim):
    path = file('[[fault]]\ncode = "Throttling"\n[[fault]]\ncolour = 1')
    with pytest.raises(ValueError, match="fault 2"):
        sim.faults.load(path)
    assert len(sim.faults) == 0


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(ValueError, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml")
