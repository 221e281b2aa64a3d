"""The filters and pages of the task list."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from wanx_sim.protocol import responses
from wanx_sim.protocol.errors import Refusal
from wanx_sim.protocol.lifecycle import Leg
from wanx_sim.protocol.listing import Filter
from wanx_sim.protocol.times import BEIJING

NOON = datetime(2025, 10, 28, 12, 0, tzinfo=BEIJING)
NOW = NOON.timestamp()
HOUR = 3600.0
UNTIL_TOLD = Leg()


@pytest.fixture
def task_at(make_task, make_plan):
    """Makes a task submitted so many hours before noon."""

    def made(hours=1.0, number=1, *, pending=UNTIL_TOLD, **more):
        return make_task(number, plan=make_plan(NOW - hours * HOUR, pending), **more)

    return made


def admits(query, task, now=NOW):
    return Filter.read(query, now).admits(task, now)


def stamp(hours):
    return (NOON - timedelta(hours=hours)).strftime("%Y%m%d%H%M%S")


# --- which tasks --------------------------------------------------------------------------------


def test_without_filters_every_task_of_the_last_24_hours_is_listed(task_at):
    assert admits({}, task_at(0))
    assert admits({}, task_at(23.9))


@pytest.mark.proves("list.forgotten")
def test_a_task_that_is_forgotten_is_not_listed(task_at):
    assert not admits({}, task_at(24))
    assert not admits({"start_time": stamp(26), "end_time": stamp(3)}, task_at(25))


@pytest.mark.proves("list.filters")
def test_a_task_is_listed_by_its_id(task_at):
    task = task_at()
    assert admits({"task_id": task.task_id}, task)
    assert not admits({"task_id": "another"}, task)


@pytest.mark.proves("list.filters")
def test_a_task_is_listed_by_its_model(task_at):
    task = task_at(model="wan2.2-t2i-plus")
    assert admits({"model_name": "wan2.2-t2i-plus"}, task)
    assert not admits({"model_name": "wan2.2-t2i-flash"}, task)


@pytest.mark.proves("list.filters")
@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "SUCCEEDED"])
def test_a_task_is_listed_by_the_status_it_has_now(task_at, status):
    seconds = {"PENDING": 7200.0, "RUNNING": 3590.0, "SUCCEEDED": 10.0}
    task = task_at(pending=Leg(seconds=seconds[status]))
    asked = ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"]
    assert [name for name in asked if admits({"status": name}, task)] == [status]


@pytest.mark.proves("list.span", "list.zone", "list.milliseconds", "list.filters")
@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ({"start_time": stamp(3)}, [3.0, 2.0, 1.0]),
        ({"end_time": stamp(3)}, [5.0, 3.0]),
        ({"start_time": stamp(4), "end_time": stamp(2)}, [3.0, 2.0]),
        ({"start_time": str(int((NOW - 2 * HOUR) * 1000))}, [2.0, 1.0]),
        ({}, [5.0, 3.0, 2.0, 1.0]),
    ],
    ids=["start", "end", "both", "epoch milliseconds, as the Java SDK's test sends", "neither"],
)
def test_a_task_is_listed_by_when_it_was_submitted(task_at, query, listed):
    assert [hours for hours in (5.0, 3.0, 2.0, 1.0) if admits(query, task_at(hours))] == listed


# --- what cannot be read ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"start_time": "yesterday"}, "start_time must be written YYYYMMDDhhmmss"),
        ({"end_time": "2025-10-28"}, "end_time must be written YYYYMMDDhhmmss"),
        ({"start_time": "20251328000000"}, "start_time must be written YYYYMMDDhhmmss"),
        ({"start_time": stamp(30), "end_time": stamp(5)}, "at most 24 hours"),
        ({"start_time": stamp(2), "end_time": stamp(3)}, "not before it"),
        ({"status": "DONE"}, "status must be one of PENDING, RUNNING, SUCCEEDED"),
        ({"page_no": "0"}, "page_no must be a whole number from 1"),
        ({"page_no": "-1"}, "page_no must be a whole number from 1"),
        ({"page_size": "ten"}, "page_size must be a whole number from 1"),
        ({"page_size": "²"}, "page_size must be a whole number from 1"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_with_the_rule(query, says):
    with pytest.raises(Refusal) as caught:
        Filter.read(query, NOW)
    assert (caught.value.status, caught.value.code) == (400, "InvalidParameter")
    assert says in caught.value.message


def test_the_span_may_be_24_hours_exactly():
    read = Filter.read({"start_time": stamp(24), "end_time": stamp(0)}, NOW)
    assert read.start == NOW - 24 * HOUR


def test_an_empty_filter_counts_as_left_out():
    empty = dict.fromkeys(["task_id", "model_name", "status", "page_no", "start_time"], "")
    assert Filter.read(empty, NOW) == Filter.read({}, NOW)


# --- pages --------------------------------------------------------------------------------------


@pytest.mark.proves("list.paging")
def test_the_first_ten_are_the_default_page():
    read = Filter.read({}, NOW)
    assert (read.page, read.size) == (1, 10)


@pytest.mark.parametrize(
    ("page", "size", "numbers", "pages"),
    [
        (1, 2, [0, 1], 3),
        (2, 2, [2, 3], 3),
        (3, 2, [4], 3),
        (4, 2, [], 3),
        (1, 10, [0, 1, 2, 3, 4], 1),
    ],
)
def test_a_page_is_a_part_and_the_total_is_the_whole(task_at, page, size, numbers, pages):
    found = [task_at(1, number) for number in range(5)]
    rows = [found[number] for number in numbers]
    body = responses.listed(rows, 5, NOW, "r", page=page, size=size)
    assert [row["task_id"] for row in body["data"]] == [row.task_id for row in rows]
    assert (body["total"], body["total_page"]) == (5, pages)
    assert (body["page_no"], body["page_size"]) == (page, size)


@pytest.mark.proves("answer.list")
def test_a_row_gives_its_times_in_milliseconds_and_only_those_it_has(task_at):
    pending, running, done = (
        responses.listed([task_at(1, pending=Leg(seconds=seconds))], 1, NOW, "r", page=1, size=1)
        for seconds in (7200.0, 3590.0, 10.0)
    )
    hour_ago = int(NOW - HOUR) * 1000
    assert not {"start_time", "end_time"} & set(pending["data"][0])
    assert running["data"][0]["start_time"] == hour_ago + 3_590_000
    assert "end_time" not in running["data"][0]
    assert done["data"][0]["gmt_create"] == hour_ago
    assert done["data"][0]["end_time"] == hour_ago + 30_000
