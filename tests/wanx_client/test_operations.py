"""What the client asks of the service, and what it asks again."""

import json

import httpx
import pytest

from wanx_client import (
    AmbiguousSubmitError,
    ConnectionFailedError,
    ContentRejectedError,
    InvalidRequestError,
    QuotaError,
    RateLimitError,
    ResponseFormatError,
    ServiceError,
    TaskCanceledError,
    TaskFailedError,
    TaskStatus,
    TaskUnknownError,
    WaitTimeoutError,
)

TASK_ID = "0385dc79-5ff8-4d82-bcb6-4b1a6cbb1a11"
CREATE = "POST /api/v1/services/aigc/text2image/image-synthesis"
POLL = f"GET /api/v1/tasks/{TASK_ID}"


# --- submit


def test_a_create_is_sent_as_the_service_wants_it(connect, script, answer):
    service = script(answer.created())
    task = connect(service, workspace="llm-1").submit("一间花店", seed=7, watermark=False)
    [request] = service.requests
    assert service.paths == [CREATE]
    assert request.url.host == "dashscope.aliyuncs.com"
    assert request.headers["Authorization"] == "Bearer sk-do-not-show-me"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-DashScope-Async"] == "enable"
    assert request.headers["X-DashScope-WorkSpace"] == "llm-1"
    assert request.headers["User-Agent"].startswith("wanx-kit/")
    assert json.loads(request.content) == {
        "model": "wan2.5-t2i-preview",
        "input": {"prompt": "一间花店"},
        "parameters": {"size": "1024*1024", "n": 1, "seed": 7, "watermark": False},
    }
    assert (task.id, task.status, task.request_id) == (TASK_ID, TaskStatus.PENDING, "req-create")


LOST = [
    httpx.ReadError("reset"),
    httpx.ReadTimeout("timed out"),
    httpx.WriteError("broken pipe"),
    httpx.WriteTimeout("timed out"),
    httpx.RemoteProtocolError("server disconnected"),
    httpx.CloseError("closed"),
    httpx.DecodingError("not gzip"),
]


@pytest.mark.parametrize("lost", LOST, ids=lambda error: type(error).__name__)
def test_a_create_whose_answer_was_lost_is_never_sent_twice(lost, connect, script, pauses):
    service = script(lost)
    with pytest.raises(AmbiguousSubmitError, match=r"may exist and be billed.*tasks\(\)"):
        connect(service).submit("一间花店")
    assert service.paths == [CREATE]
    assert pauses == []


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_create_that_a_gateway_gave_up_on_is_never_sent_twice(status, connect, script, answer):
    service = script(answer.page(status))
    with pytest.raises(AmbiguousSubmitError) as caught:
        connect(service).submit("一间花店")
    assert caught.value.http_status == status
    assert service.paths == [CREATE]


@pytest.mark.parametrize(
    "refused",
    [httpx.ConnectError("refused"), httpx.ConnectTimeout("timed out"), httpx.PoolTimeout("full")],
    ids=lambda error: type(error).__name__,
)
def test_a_create_that_never_left_is_sent_again(refused, connect, script, answer, pauses):
    service = script(refused, refused, answer.created())
    assert connect(service).submit("一间花店").id == TASK_ID
    assert service.paths == [CREATE] * 3
    assert pauses == [0.5, 1]


@pytest.mark.parametrize("code", ["Throttling", "Throttling.RateQuota", "Throttling.BurstRate"])
def test_a_create_that_was_throttled_is_sent_again(code, connect, script, answer, pauses):
    service = script(answer.refused(429, code, Retry_After="3"), answer.created())
    assert connect(service).submit("一间花店").id == TASK_ID
    assert pauses == [3]


def test_a_create_that_never_leaves_is_no_ambiguity(connect, script, pauses):
    service = script(httpx.ConnectError("refused"))
    with pytest.raises(ConnectionFailedError):
        connect(service).submit("一间花店")
    assert pauses == [0.5, 1, 2, 4]


def test_a_create_that_was_throttled_and_then_lost_is_ambiguous(connect, script, answer):
    service = script(answer.refused(429, "Throttling"), httpx.ReadError("reset"), answer.created())
    with pytest.raises(AmbiguousSubmitError):
        connect(service).submit("一间花店")
    assert service.paths == [CREATE] * 2


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "Throttling.AllocationQuota", QuotaError),
        (400, "DataInspectionFailed", ContentRejectedError),
        (400, "InvalidParameter", InvalidRequestError),
        (500, "InternalError", ServiceError),
        (503, "ModelServingError", ServiceError),
    ],
)
def test_a_create_that_the_service_refuses_is_not_sent_again(
    status, code, kind, connect, script, answer
):
    service = script(answer.refused(status, code))
    with pytest.raises(kind) as caught:
        connect(service).submit("一间花店")
    assert type(caught.value) is kind
    assert service.paths == [CREATE]


def test_an_accepted_create_without_a_task_id_is_a_format_error(connect, script):
    service = script(lambda: httpx.Response(200, json={"output": {"task_status": "PENDING"}}))
    with pytest.raises(ResponseFormatError, match=r"task_id.*may exist and be billed"):
        connect(service).submit("一间花店")
    assert service.paths == [CREATE]


# --- fetch


def test_a_poll_needs_the_key_only(connect, script, answer):
    """The async header on a poll has been reported to be refused."""
    service = script(answer.polled("RUNNING"))
    task = connect(service).fetch(TASK_ID)
    assert service.paths == [POLL]
    assert "X-DashScope-Async" not in service.requests[0].headers
    assert "Content-Type" not in service.requests[0].headers
    assert task.status is TaskStatus.RUNNING


@pytest.mark.parametrize("status", ["FAILED", "CANCELED", "UNKNOWN"])
def test_to_fetch_a_task_that_failed_is_no_error(status, connect, script, answer):
    assert connect(script(answer.polled(status))).fetch(TASK_ID).status == status


def test_a_poll_is_repeated_over_all_that_may_pass(connect, script, answer, pauses):
    service = script(
        httpx.ReadTimeout("timed out"),
        answer.refused(429, "Throttling.RateQuota"),
        answer.page(502),
        answer.page(200),
        answer.polled("RUNNING"),
    )
    assert connect(service).fetch(TASK_ID).status is TaskStatus.RUNNING
    assert pauses == [0.5, 1, 2, 4]


def test_a_poll_gives_up_after_its_retries(connect, script, answer):
    service = script(answer.refused(429, "Throttling"))
    with pytest.raises(RateLimitError):
        connect(service, retries=2).fetch(TASK_ID)
    assert service.paths == [POLL] * 3


def test_a_poll_that_was_refused_is_not_repeated(connect, script, answer):
    service = script(answer.refused(401, "InvalidApiKey"))
    with pytest.raises(Exception, match="region"):
        connect(service).fetch(TASK_ID)
    assert service.paths == [POLL]


@pytest.mark.parametrize("task_id", ["", "  "])
def test_an_empty_id_is_refused_rather_than_the_list_asked_for(task_id, connect, script, answer):
    with pytest.raises(ValueError, match="empty"):
        connect(script(answer.polled("RUNNING"))).fetch(task_id)


# --- wait


def test_a_wait_polls_at_once_and_then_at_the_interval(connect, script, answer, pauses):
    service = script(answer.polled("PENDING"), answer.polled("RUNNING"), answer.succeeded())
    task = connect(service).wait(TASK_ID, poll_interval=3)
    assert task.status is TaskStatus.SUCCEEDED
    assert pauses == [3, 3]


def test_a_wait_shows_every_task_that_a_poll_brings(connect, script, answer):
    service = script(
        answer.polled("RUNNING"), answer.polled("RUNNING"), answer.page(503), answer.succeeded()
    )
    seen = []
    task = connect(service).wait(TASK_ID, on_update=seen.append)
    assert [update.status for update in seen] == ["RUNNING", "RUNNING", "SUCCEEDED"]
    assert seen[-1] is task


def test_a_task_that_succeeded_already_is_returned_as_it_is(connect, script, answer):
    service = script(answer.succeeded())
    client = connect(service)
    task = client.fetch(TASK_ID)
    assert client.wait(task) is task
    assert service.paths == [POLL]


def test_a_wait_survives_a_bad_moment_of_the_service(connect, script, answer, pauses):
    service = script(
        answer.polled("PENDING"),
        answer.refused(429, "Throttling"),
        answer.page(503),
        httpx.ConnectError("refused"),
        answer.succeeded(),
    )
    assert connect(service).wait(TASK_ID, poll_interval=10).status is TaskStatus.SUCCEEDED
    assert pauses == [10, 0.5, 1, 2]


@pytest.mark.parametrize(
    ("status", "kind"),
    [("FAILED", TaskFailedError), ("CANCELED", TaskCanceledError), ("UNKNOWN", TaskUnknownError)],
)
def test_a_task_that_ends_otherwise_is_raised(status, kind, connect, script, answer):
    service = script(answer.polled("PENDING"), answer.polled(status))
    with pytest.raises(kind) as caught:
        connect(service).wait(TASK_ID)
    assert caught.value.task.status == status
    assert (caught.value.task_id, caught.value.request_id) == (TASK_ID, "req-poll")


def test_a_task_known_to_have_failed_is_not_asked_for_again(connect, script, answer):
    service = script(answer.polled("FAILED", code="InternalError.Algo", message="inference"))
    client = connect(service)
    task = client.fetch(TASK_ID)
    with pytest.raises(TaskFailedError, match="inference") as caught:
        client.wait(task)
    assert caught.value.code == "InternalError.Algo"
    assert service.paths == [POLL]


def test_a_picture_refused_by_moderation_is_a_failed_task(connect, script, answer):
    service = script(answer.polled("FAILED", code="DataInspectionFailed", message="Output data…"))
    with pytest.raises(TaskFailedError) as caught:
        connect(service).wait(TASK_ID)
    assert caught.value.code == "DataInspectionFailed"


def test_an_unknown_task_says_what_that_can_mean(connect, script, answer):
    with pytest.raises(TaskUnknownError, match=r"wrong.*24 hours.*account or region"):
        connect(script(answer.polled("UNKNOWN"))).wait(TASK_ID)


def test_a_wait_ends_at_its_deadline_with_a_last_poll(connect, script, answer, pauses):
    service = script(answer.polled("RUNNING"))
    with pytest.raises(WaitTimeoutError, match=r"still RUNNING after 25 s.*goes on") as caught:
        connect(service).wait(TASK_ID, poll_interval=10, timeout=25)
    assert pauses == [10, 10, pytest.approx(5, abs=0.5)]
    assert service.paths == [POLL] * 4
    assert caught.value.task.status is TaskStatus.RUNNING
    assert caught.value.task_id == TASK_ID


def test_a_timeout_of_zero_polls_once(connect, script, answer, pauses):
    service = script(answer.polled("RUNNING"))
    with pytest.raises(WaitTimeoutError):
        connect(service).wait(TASK_ID, timeout=0)
    assert service.paths == [POLL]
    assert pauses == []


def test_retries_do_not_outlast_the_deadline(connect, script, answer, pauses):
    service = script(answer.polled("RUNNING"), answer.page(503))
    with pytest.raises(WaitTimeoutError, match="RUNNING") as caught:
        connect(service, retries=50).wait(TASK_ID, poll_interval=10, timeout=12)
    assert sum(pauses) == pytest.approx(12, abs=0.1)
    assert isinstance(caught.value.__cause__, ServiceError)


def test_a_hanging_poll_cannot_eat_more_than_what_is_left(connect, script, answer):
    service = script(answer.succeeded())
    connect(service, timeout=60).wait(TASK_ID, timeout=20)
    assert service.requests[0].extensions["timeout"]["read"] == pytest.approx(20, abs=1)


def test_a_deadline_without_an_answer_is_a_timeout_too(connect, script):
    service = script(httpx.ConnectError("refused"))
    with pytest.raises(WaitTimeoutError, match="not seen") as caught:
        connect(service, retries=50).wait(TASK_ID, timeout=12)
    assert caught.value.task is None


def test_a_lost_connection_before_the_deadline_is_itself(connect, script):
    service = script(httpx.ConnectError("refused"))
    with pytest.raises(ConnectionFailedError) as caught:
        connect(service).wait(TASK_ID)
    assert caught.value.task_id == TASK_ID


@pytest.mark.parametrize("wrong", [{"poll_interval": -1}, {"timeout": -1}])
def test_negative_seconds_are_refused_before_anything_is_billed(wrong, connect, script, answer):
    service = script(answer.created())
    with pytest.raises(ValueError, match="negative"):
        connect(service).generate("一间花店", **wrong)
    assert service.requests == []


def test_an_error_of_the_callback_is_the_callers(connect, script, answer):
    def raising(_task):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        connect(script(answer.polled("RUNNING"))).wait(TASK_ID, on_update=raising)


# --- generate


def test_generate_is_submit_and_wait(connect, script, answer):
    service = script(answer.created(), answer.polled("RUNNING"), answer.succeeded("a.png"))
    task = connect(service).generate("一间花店", n=2)
    assert service.paths == [CREATE, POLL, POLL]
    assert json.loads(service.requests[0].content)["parameters"]["n"] == 2
    assert task.good_images[0].url.startswith("https://dashscope-result-bj.")


# --- cancel


def test_a_cancel_is_an_empty_post(connect, script):
    service = script(lambda: httpx.Response(200, json={"request_id": "r"}))
    assert connect(service).cancel(TASK_ID) is None
    assert service.paths == [f"POST /api/v1/tasks/{TASK_ID}/cancel"]
    assert service.requests[0].content == b""


def test_a_cancel_that_comes_too_late_is_refused(connect, script, answer):
    """The usual case: without a queue a task is PENDING for milliseconds."""
    service = script(answer.refused(400, "UnsupportedOperation", "Failed to cancel the task."))
    with pytest.raises(InvalidRequestError) as caught:
        connect(service).cancel(TASK_ID)
    assert (caught.value.code, caught.value.task_id) == ("UnsupportedOperation", TASK_ID)


def test_a_cancel_whose_answer_was_lost_is_not_sent_again(connect, script):
    """It may have worked, and a second one would then be refused."""
    service = script(httpx.ReadError("reset"))
    with pytest.raises(ConnectionFailedError):
        connect(service).cancel(TASK_ID)
    assert len(service.requests) == 1


# --- tasks


def test_a_list_is_asked_for_and_asked_for_again(connect, script, answer):
    body = {"total": 0, "data": [], "total_page": 0, "page_no": 2, "page_size": 5, "request_id": ""}
    service = script(answer.page(502), lambda: httpx.Response(200, json=body))
    page = connect(service).tasks(status="FAILED", model="wanx-v1", page=2, page_size=5)
    assert page.tasks == ()
    assert service.paths == ["GET /api/v1/tasks"] * 2
    assert dict(service.requests[1].url.params) == {
        "model_name": "wanx-v1",
        "status": "FAILED",
        "page_no": "2",
        "page_size": "5",
    }
