"""Every refusal, the same on every face and in both stores."""

from __future__ import annotations

import pytest

from wanx_sim import Fault

NO_SYNC = "current user api does not support synchronous calls"
BAD_BODY = "Required body invalid, please check the request body format."


@pytest.mark.proves("answer.refusal", "create.validation-submit")
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"headers": {"X-DashScope-Async": None}}, (403, "AccessDenied", NO_SYNC)),
        ({"headers": {"Authorization": None}}, (401, "InvalidApiKey", "No API-key provided.")),
        (
            {"headers": {"Authorization": "Basic c2stdGVzdA=="}},
            (401, "InvalidApiKey", "Invalid API-key provided."),
        ),
        (
            {"headers": {"Content-Type": "text/plain"}},
            (400, "BadRequest.IllegalInput", "The input parameter requires json format."),
        ),
        ({"body": b"{"}, (400, "InvalidParameter", BAD_BODY)),
        (
            {"body": {"model": "wan2.5-t2i-preview"}},
            (400, "BadRequest.EmptyInput", "Required input parameter missing from request."),
        ),
        (
            {"body": {"input": {"prompt": "花店"}}},
            (400, "BadRequest.EmptyModel", 'Required parameter "model" missing from request.'),
        ),
        ({"model": "wan9"}, (400, "InvalidParameter", "Model not exist.")),
        ({"prompt": " "}, (400, "InvalidParameter", "prompt must contain words")),
        ({"n": 5}, (400, "InvalidParameter", "Range of n should be [1, 4]")),
        ({"seed": -1}, (400, "InvalidParameter", "Range of seed should be [0, 2147483647]")),
        (
            {"prompt": "[[moderation]]"},
            (400, "DataInspectionFailed", "Input data may contain inappropriate content."),
        ),
        (
            {"prompt": "[[throttle:1]]"},
            (
                429,
                "Throttling.RateQuota",
                "Requests rate limit exceeded, please try again later.",
            ),
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "+".join(value),
)
def test_a_bad_create_is_refused_and_leaves_nothing(api, sim, asked, expected):
    answer = api.create(**asked)
    assert answer.refusal == expected
    assert list(answer.json) == ["code", "message", "request_id"]
    assert answer.headers["content-type"] == "application/json"
    assert (len(sim.tasks), sim.ledger.cost) == (0, 0)


def test_a_size_beyond_the_rule_is_refused_with_the_rule(api):
    status, code, message = api.create(size="512*512").refusal
    assert (status, code) == (400, "InvalidParameter")
    assert "768*768" in message


def test_a_key_that_is_not_valid_cannot_do_anything(api, sim):
    task_id = api.submit()
    sim.api_keys = {"sk-other": "beijing"}
    expected = (401, "InvalidApiKey", "Invalid API-key provided.")
    for answer in (api.create(), api.poll(task_id), api.cancel(task_id), api.listed()):
        assert answer.refusal == expected


@pytest.mark.parametrize(
    "path", ["/api/v1", "/api/v1/services/aigc/text2video/video-synthesis", "/api/v2/tasks/1", "/"]
)
def test_an_unknown_path_is_refused_in_json(api, path):
    answer = api.request("GET", path)
    assert answer.refusal == (404, "NotFound", "Not found!")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/services/aigc/text2image/image-synthesis"),
        ("DELETE", "/api/v1/tasks/1111"),
        ("POST", "/api/v1/tasks"),
        ("GET", "/api/v1/tasks/1111/cancel/"),  # as SDK 1.24.9's asyncio client does
    ],
)
def test_a_wrong_method_is_refused_in_json(api, method, path):
    answer = api.request(method, path)
    message = f"Request method '{method}' is not supported."
    assert answer.refusal == (400, "InvalidParameter", message)


@pytest.mark.parametrize("operation", ["create", "query", "list", "cancel"])
def test_a_fault_refuses_the_operation_it_is_on(api, sim, operation):
    task_id = api.submit()
    sim.faults.add(Fault(on=operation, code="ModelUnavailable"))
    act = {
        "create": api.create,
        "query": lambda: api.poll(task_id),
        "list": api.listed,
        "cancel": lambda: api.cancel(task_id),
    }
    expected = (503, "ModelUnavailable", "Model is unavailable, please try again later.")
    assert act[operation]().refusal == expected
    assert len(sim.faults) == 0
    assert api.status(task_id) == "PENDING"


def test_submits_above_the_rate_are_throttled_until_the_second_is_over(api, sim, clock):
    sim.rate_limits = True
    answers = [api.create(model="wan2.2-t2i-flash") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].refusal[1] == "Throttling.RateQuota"
    clock.advance(seconds=1)
    assert api.create(model="wan2.2-t2i-flash").status == 200
    assert len(sim.tasks) == 3


@pytest.mark.proves("create.validation-task")
def test_a_bad_parameter_may_be_found_in_the_task_instead(api, sim):
    sim.validation = "task"
    task_id = api.submit(n=5)
    output = api.history(task_id)[-1]
    assert (output["task_status"], output["code"]) == ("FAILED", "InvalidParameter")
    assert output["message"] == "Range of n should be [1, 4]"
    assert sim.ledger.cost == 0
