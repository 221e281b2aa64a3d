"""The answers, against recordings of the real service and rule by rule."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from wanx_sim import Fault
from wanx_sim.protocol import responses
from wanx_sim.protocol.lifecycle import Failure, cancel
from wanx_sim.protocol.times import BEIJING, beijing_date, http_date, iso_time, wire_time

# The recordings lie beside the repository, not in it.
RECORDINGS = Path(__file__).parents[4] / "shared" / "protocol" / "observed"
FAILURE = Failure("InternalError", "broken")


@pytest.fixture
def recorded():
    """Reads the response of one recording."""

    def read(name):
        path = RECORDINGS / f"{name}.json"
        if not path.exists():
            pytest.skip("the recordings of the real service are not beside this repository")
        return json.loads(path.read_text("utf-8"))["response"]

    return read


def shape(value):
    """Keys in their order and types, of JSON; the entries of a list all count."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


# --- as recorded --------------------------------------------------------------------------------


def assert_same(answer, recording):
    assert answer.status == recording["status"]
    assert shape(answer.json) == shape(recording["body"])


def test_a_create_is_answered_as_recorded(api, recorded):
    assert_same(api.create(), recorded("create-wanx-v1"))


def test_a_running_task_is_answered_as_recorded(api, recorded):
    task_id = api.submit(n=4)
    api.poll(task_id)
    recording = recorded("poll-running")
    answer = api.poll(task_id)
    assert_same(answer, recording)
    assert answer.output["task_metrics"] == recording["body"]["output"]["task_metrics"]


def test_a_succeeded_task_is_answered_as_recorded(api, recorded):
    """The recorded model, wanx-v1, gives no `orig_prompt`; all newer ones do."""
    recording = recorded("poll-succeeded")
    task_id = api.submit(n=4)
    answer = [api.poll(task_id) for _ in range(3)][-1]
    body = answer.json
    for result in body["output"]["results"]:
        del result["orig_prompt"]
    assert shape(body) == shape(recording["body"])
    assert body["output"]["task_metrics"] == recording["body"]["output"]["task_metrics"]
    assert body["usage"] == recording["body"]["usage"]


def test_an_unknown_task_is_answered_as_recorded(api, recorded):
    recording = recorded("poll-unknown")
    answer = api.poll("1111")
    assert_same(answer, recording)
    assert answer.output == recording["body"]["output"]


def test_a_cancel_of_a_finished_task_is_answered_as_recorded(api, sim, recorded):
    recording = recorded("cancel-finished-task")
    task_id = api.submit()
    sim.finish(task_id)
    answer = api.cancel(task_id)
    assert_same(answer, recording)
    assert answer.json["code"] == recording["body"]["code"]
    assert answer.json["message"] == recording["body"]["message"]


def test_a_list_is_answered_as_recorded(api, sim, recorded):
    sim.finish(api.submit())
    assert_same(api.listed(), recorded("list-tasks"))


def test_a_wrong_key_is_answered_as_recorded(api, sim, recorded):
    recording = recorded("invalid-api-key")
    sim.api_keys = {}
    answer = api.create()
    assert_same(answer, recording)
    assert answer.json["message"] == recording["body"]["message"]


def test_a_bad_parameter_is_answered_as_recorded(api, recorded):
    recording = recorded("invalid-parameter")
    answer = api.create(n=5)
    assert_same(answer, recording)
    assert answer.json["code"] == recording["body"]["code"]


@pytest.mark.parametrize("name", ["create-wanx-v1", "poll-running", "cancel-finished-task"])
def test_the_headers_that_were_recorded_are_sent(api, sim, recorded, name):
    task_id = api.submit()
    acts = {
        "create-wanx-v1": api.create,
        "poll-running": lambda: api.poll(task_id),
        "cancel-finished-task": lambda: sim.finish(task_id) or api.cancel(task_id),
    }
    answer = acts[name]()
    headers = {key.lower(): value for key, value in recorded(name)["headers"]}
    transport = {"content-encoding", "transfer-encoding", "vary", "eagleeye-traceid"}
    assert headers.keys() - transport <= set(answer.headers)
    for key in ("content-type", "server"):
        assert answer.headers[key] == headers[key]
    gateway = "x-dashscope-call-gateway"
    assert answer.headers.get(gateway) == headers.get(gateway)


# --- bodies -------------------------------------------------------------------------------------


def queried(task, now):
    return responses.queried(task, now, "r", lambda index: f"link {index}")


@pytest.mark.proves("answer.canceled")
def test_a_cancelled_task_has_its_end_and_no_metrics(make_task, make_plan):
    task = make_task(plan=cancel(make_plan(), 1005.0))
    output = queried(task, 1006.0)["output"]
    assert list(output) == ["task_id", "task_status", "submit_time", "end_time"]
    assert output["end_time"] == wire_time(1005.0)


def test_a_failed_task_says_why_behind_its_times(make_task, make_plan):
    output = queried(make_task(plan=make_plan(failure=FAILURE)), 1030.0)["output"]
    assert list(output) == [
        "task_id",
        "task_status",
        "submit_time",
        "scheduled_time",
        "end_time",
        "code",
        "message",
        "task_metrics",
    ]
    assert output["task_metrics"] == {"TOTAL": 2, "SUCCEEDED": 0, "FAILED": 2}


def test_a_failed_task_used_nothing(make_task, make_plan):
    assert "usage" not in queried(make_task(plan=make_plan(failure=FAILURE)), 1030.0)


@pytest.mark.proves("answer.partial")
def test_a_bad_picture_has_code_and_message_in_place_of_its_link(make_task, make_plan):
    task = make_task(plan=make_plan(failed_images={0: FAILURE}))
    body = queried(task, 1030.0)
    assert body["output"]["results"] == [
        {"code": "InternalError", "message": "broken"},
        {"orig_prompt": "一间花店", "url": "link 1"},
    ]
    assert body["usage"] == {"image_count": 1}


@pytest.mark.proves("answer.actual-prompt")
def test_a_rewritten_prompt_stands_between_prompt_and_link(make_task):
    results = queried(make_task(prompt_extend=True), 1030.0)["output"]["results"]
    assert list(results[0]) == ["orig_prompt", "actual_prompt", "url"]


@pytest.mark.parametrize("prompt", ["一间花店", "一间花店。", "a flower shop."])
def test_a_prompt_is_rewritten_in_its_own_language(prompt):
    rewritten = responses.extended(prompt)
    assert rewritten.startswith(prompt.rstrip("。."))
    assert rewritten != prompt
    assert rewritten.isascii() == prompt.isascii()


@pytest.mark.proves("answer.absent-not-null")
@pytest.mark.parametrize("now", [1000.0, 1010.0, 1030.0, 1000.0 + 86_400])
def test_what_does_not_apply_is_absent_never_null(make_task, now):
    assert "null" not in json.dumps(queried(make_task(), now))


def test_a_refusal_of_a_task_endpoint_puts_the_request_id_first(api, sim):
    sim.faults.add(Fault(on="query", code="Throttling"))
    assert list(api.poll("1111").json) == ["request_id", "code", "message"]


def test_the_answers_header_repeats_its_request_id(api):
    answer = api.create()
    assert answer.headers["x-request-id"] == answer.json["request_id"]


# --- ids and times ------------------------------------------------------------------------------


@pytest.mark.proves("ids.task")
@settings(deadline=None)
@given(bits=st.integers(0, 2**128 - 1))
def test_a_task_id_is_a_lower_case_uuid_of_version_4(bits):
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        responses.task_id(bits),
    )


@pytest.mark.proves("ids.request")
@settings(deadline=None)
@given(bits=st.integers(0, 2**128 - 1))
def test_a_request_ids_third_group_begins_with_8_or_9(bits):
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-[89][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        responses.request_id(bits),
    )


@pytest.mark.proves("times.zone")
def test_times_on_the_wire_are_beijings_and_do_not_say_so():
    moment = datetime(2025, 4, 15, 14, 9, 23, 434_000, tzinfo=BEIJING).timestamp()
    assert wire_time(moment) == "2025-04-15 14:09:23.434"


def test_oss_writes_times_in_utc():
    moment = datetime(2025, 4, 15, 14, 9, 23, tzinfo=BEIJING).timestamp()
    assert iso_time(moment) == "2025-04-15T06:09:23.000Z"
    assert http_date(moment) == "Tue, 15 Apr 2025 06:09:23 GMT"


def test_an_object_key_has_beijings_date():
    assert beijing_date(datetime(2025, 4, 15, 0, 30, tzinfo=BEIJING).timestamp()) == "20250415"


# --- the three shapes of FAILED -------------------------------------------------------------------

SHAPES = {
    "full": ["submit_time", "scheduled_time", "end_time", "code", "message", "task_metrics"],
    "metrics": ["code", "message", "task_metrics"],
    "plain": ["code", "message"],
}


@pytest.mark.proves("answer.failed-full", "answer.failed-metrics", "answer.failed-plain")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_failed_task_is_told_in_the_shape_that_is_set(api, sim, shape):
    sim.failed_shape = shape
    answer = api.history(api.submit("[[fail:InternalError.Algo]] 花店"))[-1]
    assert list(answer) == ["task_id", "task_status", *SHAPES[shape]]
    assert answer["code"] == "InternalError.Algo"


def test_a_shape_that_does_not_exist_is_refused_with_those_there_are(sim):
    with pytest.raises(ValueError, match="failed_shape cannot be 'x'; known: full, metrics, plain"):
        sim.failed_shape = "x"


@pytest.mark.proves("answer.orig-prompt")
def test_the_original_prompt_is_whole_even_where_the_model_saw_less(api):
    prompt = "花" * 3000
    (result,) = api.job(prompt, n=1)["results"]
    assert result["orig_prompt"] == prompt


@pytest.mark.proves("billing.no-idempotency")
def test_the_same_create_twice_is_two_tasks(api, sim):
    assert api.submit(n=1, seed=7) != api.submit(n=1, seed=7)
    assert sim.ledger.cost == 0.4


@pytest.mark.proves("routes.async-on-query")
def test_a_query_may_carry_the_async_header(api):
    task_id = api.submit()
    assert api.poll(task_id, headers={"X-DashScope-Async": "enable"}).output["task_id"] == task_id


@pytest.mark.proves("routes.header-names")
def test_header_names_have_no_case_and_media_types_may_have_parameters(api):
    headers = {"x-DASHSCOPE-async": "enable", "CONTENT-type": "application/json; charset=utf-8"}
    assert api.create(headers=headers).status == 200


@pytest.mark.proves("list.page-size")
def test_a_page_may_be_as_long_as_one_likes(api):
    for _ in range(3):
        api.submit()
    assert len(api.listed("page_size=100000").json["data"]) == 3
