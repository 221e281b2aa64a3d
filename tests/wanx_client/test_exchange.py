"""One request and its answer: what is sent, and what a bad answer becomes."""

import traceback

import httpx
import pytest

from wanx_client import (
    AuthenticationError,
    ConnectionFailedError,
    QuotaError,
    ResponseFormatError,
    ServiceError,
    WanxError,
)

KEY = "sk-do-not-show-me"


def failure(client, call=lambda client: client.fetch("t-1")):
    with pytest.raises(WanxError) as caught:
        call(client)
    return caught.value


def test_a_refusal_carries_all_that_the_answer_tells(connect, script, answer):
    error = failure(connect(script(answer.refused(403, "AllocationQuota.FreeTierOnly", "Gone."))))
    assert type(error) is QuotaError
    assert (error.message, error.code) == ("Gone.", "AllocationQuota.FreeTierOnly")
    assert (error.http_status, error.request_id, error.task_id) == (403, "req-refused", "t-1")


def test_a_refused_key_comes_with_the_hint_that_keys_have_regions(connect, script, answer):
    """A key of the other region is refused in the very words of a wrong one [observed]."""
    refusal = answer.refused(401, "InvalidApiKey", "Invalid API-key provided.")
    error = failure(connect(script(refusal), region="singapore"))
    assert type(error) is AuthenticationError
    assert error.message.startswith("Invalid API-key provided. ")
    assert "region" in error.message
    assert "https://dashscope-intl.aliyuncs.com/api/v1 (Singapore)" in error.message


def test_a_refusal_without_a_content_type_is_read(connect, script):
    """As a 401 was recorded."""
    body = b'{"code":"InvalidApiKey","message":"No.","request_id":"r"}'
    error = failure(connect(script(lambda: httpx.Response(401, content=body))))
    assert (type(error), error.request_id) == (AuthenticationError, "r")


def test_the_request_id_may_stand_in_a_header_only(connect, script):
    response = httpx.Response(400, json={"code": "InvalidURL"}, headers={"X-Request-ID": "r-7"})
    assert failure(connect(script(lambda: response))).request_id == "r-7"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_gateways_page_is_a_service_error(status, connect, script, answer):
    error = failure(connect(script(answer.page(status)), retries=0))
    assert type(error) is ServiceError
    assert (error.http_status, error.code) == (status, None)
    assert "text/html" in error.message


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b'"PENDING"', b"\xff\xfe"])
def test_a_200_that_is_no_json_object_is_a_format_error(content, connect, script):
    error = failure(connect(script(lambda: httpx.Response(200, content=content)), retries=0))
    assert type(error) is ResponseFormatError


def test_a_lost_connection_names_the_place_and_the_cause(connect, script):
    error = failure(connect(script(httpx.ReadTimeout("timed out")), retries=0))
    assert type(error) is ConnectionFailedError
    assert error.message == (
        "No answer from https://dashscope.aliyuncs.com/api/v1/tasks/t-1: timed out (ReadTimeout)."
    )
    assert error.sent


@pytest.mark.parametrize(
    "cause", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
)
def test_a_connection_that_never_was_sent_nothing(cause, connect, script):
    assert not failure(connect(script(cause("no")), retries=0)).sent


@pytest.mark.parametrize(
    "broken",
    [
        httpx.ConnectError("[Errno 111] Connection refused"),
        httpx.ReadError("reset"),
        lambda: httpx.Response(401, json={"code": "InvalidApiKey", "message": f"Bad key {KEY}."}),
        lambda: httpx.Response(400, json={"code": "InvalidParameter", "message": KEY}),
        lambda: httpx.Response(502, text=f"<html>Authorization: Bearer {KEY}</html>"),
        lambda: httpx.Response(200, json={"output": {"task_id": "t"}}),
    ],
)
@pytest.mark.parametrize(
    "call", [lambda client: client.submit("一间花店"), lambda client: client.fetch("t-1")]
)
def test_the_key_is_in_no_error_and_no_traceback(broken, call, connect, script):
    client = connect(script(broken), retries=1)
    error = failure(client, call)
    shown = (
        "".join(traceback.format_exception(error)) + repr(error) + str(vars(error)) + repr(client)
    )
    assert KEY not in shown
