"""What the benchmarks print and write."""

from __future__ import annotations

import json

import pytest

from benchmarks.harness import table
from benchmarks.harness.figures import Sample, Series, at_least, at_most, excess, times_as_fast
from benchmarks.harness.machine import Machine
from benchmarks.harness.rows import Row, Shown, Unit, duration, size

OURS = Series("ours", (Sample(0.002, 0.001),) * 3)
THEIRS = Series("theirs", (Sample(0.001, 0.0005),) * 3)
POLL = Row(name="poll", work="a poll", against="the limit", goal=at_least(0.75))
TAX = Row(name="tax", work="a start", against="none", unit=Unit.MILLISECONDS, goal=at_most(15))
RESULTS = [
    POLL.result(times_as_fast(OURS, THEIRS), OURS, THEIRS, shown=Shown.RATE, note="0.50x them"),
    TAX.result(excess(OURS, THEIRS), OURS, THEIRS),
    Row(name="peer", work="a poll").skipped("moto is not installed"),
]


def machine(load=0.1):
    return Machine(
        cpu="a CPU", cores=2, memory_bytes=2**34, kernel="Linux", python="CPython", commit="abc",
        load=load, versions={"httpx": "0.28"}, peers={},
    )  # fmt: skip


def cells(name):
    (line,) = [line for line in table.text(RESULTS).splitlines() if line.startswith(f"| {name} ")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_ratio_comes_first_then_the_goal_and_whether_it_was_met():
    assert cells("poll")[:5] == ["poll", "0.50x", "≥ 0.75x", "MISS", "0.50x"]
    assert cells("tax")[:5] == ["tax", "1.00 ms", "≤ 15.0 ms", "pass", "0.50 ms"]


def test_both_sides_are_shown_behind_it():
    assert cells("poll")[-2:] == ["500/s, CPU 1.00 ms", "1,000/s, CPU 500 µs"]
    assert cells("tax")[-2:] == ["2.00 ms, CPU 1.00 ms", "1.00 ms, CPU 500 µs"]


def test_notes_and_what_could_not_be_measured_stand_below():
    below = table.text(RESULTS).splitlines()[-2:]
    assert below == ["poll: 0.50x them", "peer: not measured: moto is not installed"]
    assert cells("peer")[1] == "-"


def test_the_summary_counts_the_goals_and_names_what_was_missed():
    assert table.summary(RESULTS) == "1 of 2 goals met; missed: poll; not measured: peer"


def test_the_document_is_json_and_holds_every_round():
    written = json.loads(json.dumps(table.document(RESULTS, machine(), {"quick": True})))
    poll, tax, peer = written["rows"]
    assert (poll["figure"], poll["met"], poll["goal"]) == (0.5, False, {"sign": "≥", "bound": 0.75})
    assert poll["series"][0] == {"who": "ours", "values": [0.002] * 3, "cpu": [0.001] * 3}
    assert (tax["unit"], tax["figure"]) == ("ms", 1.0)
    assert (peer["figure"], peer["met"]) == (None, None)
    assert (written["quick"], written["machine"]["cpu"]) == (True, "a CPU")


@pytest.mark.parametrize(("load", "busy"), [(0.1, False), (0.5, False), (0.6, True)])
def test_a_busy_machine_is_said_to_be_one(load, busy):
    assert machine(load).busy is busy
    assert any("WARNING" in line for line in machine(load).lines()) is busy


def test_a_reason_does_not_fill_the_screen():
    note = POLL.skipped("x" * 1000 + "\nmore").note
    assert len(note) < 400
    assert "\n" not in note


def test_times_and_sizes_are_written_in_three_digits():
    times = [duration(seconds) for seconds in (90, 1.5, 0.0234, -3.3e-5, 2e-9)]
    assert times == ["90.0 s", "1.50 s", "23.4 ms", "-33.0 µs", "2.00 ns"]
    assert [size(count) for count in (12, 1234, 3.8e7, 2e9)] == [
        "12.0 B",
        "1.23 kB",
        "38.0 MB",
        "2.00 GB",
    ]
