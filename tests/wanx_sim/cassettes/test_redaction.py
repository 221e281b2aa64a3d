"""No secret is ever written: the bytes of every file are searched, not the code."""

from __future__ import annotations

import json

import pytest

from wanx_sim import Recorder
from wanx_sim.cassettes.redaction import created, polled, refused, scrubbed

KEY = "sk-9f8e7d6c5b4a-distinctive"
SECRETS = [
    KEY,
    "Bearer",
    "authorization",
    "Signature",
    "OSSAccessKeyId",
    "LTAI5t",
    "Expires=",
    "://",
    "aliyuncs.com/",
    "api_key_id",
    "caller_uid",
    "caller_parent_id",
    "user_api_unique_key",
]
LINK = "https://b.oss-cn-beijing.aliyuncs.com/a.png?Expires=1&OSSAccessKeyId=LTAI5t&Signature=x%2B"


def found(folder, secrets=SECRETS):
    """Which secrets lie in which files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [
        (path.name, secret)
        for path in files
        for secret in secrets
        if secret.lower().encode() in path.read_bytes().lower() or secret in path.name
    ]


def test_a_recorded_job_holds_no_secret(recorder, talk, library):
    client = talk(recorder)
    assert len(client.pictures(client.job("[[partial:1]] 花店", n=3))) == 2
    client.ask("GET", "/api/v1/tasks")  # the account's ids are in every row of the list
    client.create(size="1*1")
    client.job("[[fail:InternalError.Algo]]")
    client.submit("left open")
    recorder.close()
    assert found(library) == []


def test_a_job_recorded_over_a_socket_holds_no_secret_and_no_account(sim, talk, library):
    with sim.serve() as server:
        recorder = Recorder(server.url, library / "flower-shop")
        with recorder.serve() as proxy:
            client = talk(proxy.url)
            client.pictures(client.job())
        recorder.close()
    assert found(library) == []


def test_of_the_list_of_an_account_only_the_cassette_s_own_tasks_are_written(recorder, talk, sim):
    talk(sim).submit("somebody else's")
    own = talk(recorder).submit()
    listed = talk(recorder).ask("GET", "/api/v1/tasks").json()
    assert len(listed["data"]) == 2
    kept = recorder.cassette.interactions[-1].body
    assert [row["task_id"] for row in kept["data"]] == [own]
    assert not {"api_key_id", "caller_uid", "caller_parent_id"} & set(kept["data"][0])


def test_a_service_that_repeats_the_key_is_not_quoted(scripted, talk, library):
    says = {"code": "InvalidApiKey", "message": f"Incorrect key: {KEY}.", "request_id": "r"}
    recorder = Recorder(scripted(says), library / "flower-shop")
    assert KEY in talk(recorder).create().text  # the client sees what the service said
    assert found(library, [KEY]) == []
    assert "Incorrect key: [key]." in recorder.cassette.path.read_text()


def test_a_service_that_repeats_a_signed_link_is_quoted_without_the_signature(
    scripted, talk, library
):
    output = {"task_id": "t", "task_status": "FAILED", "message": f"cannot write {LINK} (500)"}
    service = scripted({"output": {"task_id": "t"}}, {"output": output})
    recorder = Recorder(service, library / "flower-shop")
    client = talk(recorder)
    client.poll(client.submit())
    assert found(library, ["Signature", "OSSAccessKeyId", "LTAI5t", "Expires="]) == []
    said = recorder.cassette.jobs[0].states[0].body["output"]["message"]
    assert said == "cannot write https://b.oss-cn-beijing.aliyuncs.com/a.png (500)"


# What the service may add next year is not written, whatever it is.
ODD = {"secret": "s3cret"}


def test_of_a_create_s_answer_only_the_task_and_the_request_are_kept():
    body = {"output": {"task_id": "t", "task_status": "PENDING"} | ODD, "request_id": "r"} | ODD
    assert created(body) == {
        "output": {"task_id": "t", "task_status": "PENDING"},
        "request_id": "r",
    }


def test_of_a_poll_s_answer_only_what_is_listed_is_kept():
    output = {
        "task_id": "t",
        "task_status": "SUCCEEDED",
        "submit_time": "2025-10-28 12:00:00.000",
        "scheduled_time": "2025-10-28 12:00:01.000",
        "end_time": "2025-10-28 12:00:02.000",
        "results": [
            {"orig_prompt": "花店", "actual_prompt": "花店，", "url": LINK} | ODD,
            {"code": "InternalError.Timeout", "message": "late"} | ODD,
        ],
        "task_metrics": {"TOTAL": 2, "SUCCEEDED": 1, "FAILED": 1} | ODD,
    }
    body = {"request_id": "r", "output": output | ODD, "usage": {"image_count": 1} | ODD} | ODD
    kept = json.loads(json.dumps(output).replace(json.dumps(LINK), "null"))
    del kept["results"][0]["url"], kept["results"][0]["secret"], kept["results"][1]["secret"]
    del kept["task_metrics"]["secret"]
    assert polled(body) == {"output": kept, "usage": {"image_count": 1}}


def test_of_a_refusal_only_what_it_says_is_kept():
    says = {"code": "InvalidApiKey", "message": "no", "request_id": "r"}
    assert refused(says | ODD) == says


@pytest.mark.parametrize("body", [{}, {"output": None}, {"output": "none"}, {"output": []}])
def test_an_answer_without_an_output_has_nothing_to_keep(body):
    assert created(body) == {"output": {}}
    assert polled(body) == {"output": {}}


@pytest.mark.parametrize(
    "query",
    [
        "Expires=1&OSSAccessKeyId=LTAI5t&Signature=abc",
        "x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-signature=abc",
        "security-token=abc&Expires=1",
        "a=1&X-Amz-Signature=abc&b=2",
    ],
)
def test_a_signed_query_is_cut_wherever_it_stands(query):
    link = "https://host/a.png"
    assert scrubbed({"a": [f"see {link}?{query} or not"]}) == {"a": [f"see {link} or not"]}


@pytest.mark.parametrize("text", ["a signature=b", "https://host/a.png?size=1", "what? why!", "?"])
def test_a_text_that_holds_no_signed_query_stays_as_it_is(text):
    assert scrubbed(text, KEY) == text


def test_a_key_too_short_to_be_one_does_not_garble_the_text():
    assert scrubbed("a test of sk", "sk") == "a test of sk"
    assert scrubbed("花店", "") == "花店"
