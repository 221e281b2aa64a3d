"""The service's JSON, both ways."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from wanx_client import Image, ImageFailure, ResponseFormatError, TaskError, TaskStatus
from wanx_client.wire import Order, list_query, read_page, read_task

# As recorded from the service in 2024, the account's ids replaced.
RECORDED_POLL = {
    "request_id": "6662e925-4846-9afe-a3af-0d131805d378",
    "output": {
        "task_id": "9e2b6ef6-285d-4efa-8651-4dbda7d571fa",
        "task_status": "SUCCEEDED",
        "submit_time": "2024-03-01 17:38:24.817",
        "scheduled_time": "2024-03-01 17:38:24.831",
        "end_time": "2024-03-01 17:38:55.565",
        "results": [{"url": "https://host/one.png"}, {"url": "https://host/two.png"}],
        "task_metrics": {"TOTAL": 2, "SUCCEEDED": 2, "FAILED": 0},
    },
    "usage": {"image_count": 2},
}
RECORDED_LIST = {
    "total": 1,
    "data": [
        {
            "api_key_id": "10000",
            "caller_parent_id": "1000000000000000",
            "caller_uid": "1000000000000000",
            "end_time": 1709260685184,
            "gmt_create": 1709260684485,
            "model_name": "text-embedding-async-v2",
            "region": "cn-beijing",
            "request_id": "db5ce040-4548-9919-9a75-3385ee152335",
            "start_time": 1709260684527,
            "status": "SUCCEEDED",
            "task_id": "6075262c-b56d-4968-9abf-2a9784a90f3e",
        }
    ],
    "total_page": 1,
    "page_no": 1,
    "request_id": "fcb29ae5-a352-9e7b-901c-e53525376cde",
    "page_size": 10,
}


def order(**changes):
    fields = {
        "prompt": "一间花店",
        "model": "wan2.5-t2i-preview",
        "size": "1024*1024",
        "n": 1,
        "seed": None,
        "negative_prompt": None,
        "prompt_extend": None,
        "watermark": None,
    }
    return json.loads(Order(**fields | changes).body())


def poll(**output):
    return {"request_id": "r", "output": {"task_id": "t", "task_status": "PENDING", **output}}


def test_the_body_leaves_out_what_is_none_and_always_names_n():
    body = order()
    assert body == {
        "model": "wan2.5-t2i-preview",
        "input": {"prompt": "一间花店"},
        "parameters": {"size": "1024*1024", "n": 1},
    }
    assert list(body) == ["model", "input", "parameters"]


def test_the_body_puts_each_argument_where_the_service_looks_for_it():
    body = order(negative_prompt="人物", seed=0, prompt_extend=False, watermark=False, n=4)
    assert body["input"] == {"prompt": "一间花店", "negative_prompt": "人物"}
    assert body["parameters"] == {
        "size": "1024*1024",
        "n": 4,
        "seed": 0,
        "prompt_extend": False,
        "watermark": False,
    }


def test_a_size_of_none_is_left_to_the_model():
    assert "size" not in order(size=None)["parameters"]


@pytest.mark.parametrize("size", ["768x2700", "768X2700", "768×2700", "768*2700"])
def test_a_size_may_be_written_with_a_times_sign(size):
    assert order(size=size)["parameters"]["size"] == "768*2700"


def test_a_recorded_poll_is_read():
    task = read_task(RECORDED_POLL)
    assert task.id == "9e2b6ef6-285d-4efa-8651-4dbda7d571fa"
    assert task.status is TaskStatus.SUCCEEDED
    assert task.request_id == "6662e925-4846-9afe-a3af-0d131805d378"
    assert task.images == (
        Image(index=0, url="https://host/one.png"),
        Image(index=1, url="https://host/two.png"),
    )
    assert task.usage_images == 2
    assert task.error is None


def test_times_without_a_zone_are_the_services_own():
    task = read_task(RECORDED_POLL)
    assert task.submit_time == datetime(2024, 3, 1, 9, 38, 24, 817000, tzinfo=UTC)
    assert task.scheduled_time.utcoffset() == timedelta(hours=8)
    assert task.end_time - task.submit_time == timedelta(seconds=30, milliseconds=748)


def test_a_time_in_a_new_dress_costs_nobody_a_picture():
    assert read_task(poll(submit_time="yesterday", end_time=7)).submit_time is None


def test_prompts_come_with_the_image():
    [image] = read_task(
        poll(results=[{"url": "u", "orig_prompt": "a", "actual_prompt": "b"}])
    ).images
    assert (image.orig_prompt, image.actual_prompt) == ("a", "b")


def test_an_image_without_a_url_is_a_failure():
    task = read_task(
        poll(results=[{"url": "u"}, {"code": "InternalError.Timeout", "message": "m"}])
    )
    assert task.images[1] == ImageFailure(index=1, code="InternalError.Timeout", message="m")


def test_a_failed_task_says_why():
    task = read_task(poll(task_status="FAILED", code="InvalidParameter", message="size"))
    assert task.error == TaskError(code="InvalidParameter", message="size")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"output": None},
        {"output": {"task_status": "PENDING"}},
        {"output": {"task_id": "", "task_status": "PENDING"}},
        {"output": {"task_id": 7, "task_status": "PENDING"}},
        {"output": {"task_id": "t"}},
        poll(task_status="SUSPENDED"),
        poll(results=["u"]),
        poll(results=7),
        poll(results=[{"url": 7}]),
    ],
)
def test_an_answer_that_nobody_has_documented_is_refused(body):
    with pytest.raises(ResponseFormatError):
        read_task(body)


def test_a_recorded_list_is_read():
    page = read_page(RECORDED_LIST)
    [task] = page.tasks
    assert (page.total, page.page, page.page_size, page.total_pages) == (1, 1, 10, 1)
    assert task.id == "6075262c-b56d-4968-9abf-2a9784a90f3e"
    assert task.model == "text-embedding-async-v2"
    assert task.submit_time == datetime(2024, 3, 1, 2, 38, 4, 485000, tzinfo=UTC)
    assert task.submit_time < task.scheduled_time < task.end_time


def test_a_task_in_a_list_that_still_runs_has_no_end():
    row = {name: value for name, value in RECORDED_LIST["data"][0].items() if name != "end_time"}
    assert read_page(RECORDED_LIST | {"data": [row]}).tasks[0].end_time is None


@pytest.mark.parametrize("key", ["data", "total", "total_page", "page_no", "page_size"])
def test_a_list_without_its_numbers_is_refused(key):
    with pytest.raises(ResponseFormatError, match=key):
        read_page({name: value for name, value in RECORDED_LIST.items() if name != key})


def query(**changes):
    fields = {"status": None, "model": None, "start": None, "end": None, "page": 1, "page_size": 10}
    return list_query(**fields | changes)


def test_a_list_asks_for_a_page_and_nothing_else():
    assert query(page=2) == {"page_no": "2", "page_size": "10"}


def test_a_list_asks_in_the_services_own_time():
    moment = datetime(2025, 10, 28, 20, 30, 5, tzinfo=timezone(timedelta(hours=1)))
    assert query(start=moment)["start_time"] == "20251029033005"


def test_a_list_asks_by_status_and_model():
    asked = query(status="FAILED", model="wanx-v1")
    assert (asked["status"], asked["model_name"]) == ("FAILED", "wanx-v1")


@pytest.mark.parametrize("edge", ["start", "end"])
def test_a_time_without_a_zone_is_refused(edge):
    with pytest.raises(ValueError, match="zone"):
        query(**{edge: datetime(2025, 10, 28)})  # noqa: DTZ001  # that is the point


def test_a_status_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="DONE"):
        query(status="DONE")
