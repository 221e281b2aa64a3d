"""How answers are written, then and now."""

from __future__ import annotations

import re

import pytest

from wanx_sim import Fault
from wanx_sim.protocol.catalogue import PROFILES
from wanx_sim.protocol.dialects import DIALECTS


def test_every_profile_has_a_dialect():
    assert tuple(DIALECTS) == PROFILES


@pytest.mark.proves("dialect.2025-10")
def test_the_older_create_leads_with_the_output(api):
    answer = api.create()
    assert list(answer.json) == ["output", "request_id"]
    assert list(answer.output) == ["task_status", "task_id"]
    assert list(api.create(n=9).json) == ["code", "message", "request_id"]


@pytest.mark.proves("dialect.2026-10")
def test_the_newer_create_leads_with_the_ids(api, sim):
    sim.profile = "2026-10"
    answer = api.create()
    assert list(answer.json) == ["request_id", "output"]
    assert list(answer.output) == ["task_id", "task_status"]
    assert list(api.create(n=9).json) == ["request_id", "code", "message"]


@pytest.mark.proves("headers.timeout", "headers.content-type")
def test_the_newer_gateway_says_its_timeout(api, sim):
    assert "x-dashscope-timeout" not in api.create().headers
    sim.profile = "2026-10"
    answer = api.create()
    assert answer.headers["x-dashscope-timeout"] == "298"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"].startswith("Origin,")
    poll = api.poll(answer.output["task_id"])
    assert "x-dashscope-timeout" not in poll.headers
    assert poll.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.proves("headers.trace")
def test_the_older_gateway_sends_a_trace_id(api, sim):
    answer = api.create()
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["eagleeye-traceid"])
    assert "eagleeye-traceid" not in api.poll("1111").headers
    sim.profile = "2026-10"
    assert "eagleeye-traceid" not in api.create().headers


@pytest.mark.proves("headers.request-id", "ids.request-own")
@pytest.mark.parametrize("profile", PROFILES)
def test_every_answer_repeats_its_request_id_and_no_other_has_it(api, sim, profile):
    sim.profile = profile
    task_id = api.submit()
    answers = [
        api.create(),
        api.create(n=9),
        api.poll(task_id),
        api.listed(),
        api.cancel("1"),
        api.cancel(task_id),
        api.create(headers={"Authorization": None}),
        api.request("GET", "/"),
    ]
    ids = [answer.json["request_id"] for answer in answers]
    assert [answer.headers["x-request-id"] for answer in answers] == ids
    assert len(set(ids)) == len(ids)


@pytest.mark.proves("headers.wrong-key")
@pytest.mark.parametrize("operation", ["create", "poll", "list", "cancel"])
def test_a_wrong_key_is_turned_away_at_the_door(api, sim, operation):
    sim.api_keys = {}
    act = {
        "create": api.create,
        "poll": lambda: api.poll("1111"),
        "list": api.listed,
        "cancel": lambda: api.cancel("1111"),
    }
    answer = act[operation]()
    assert answer.refusal == (401, "InvalidApiKey", "Invalid API-key provided.")
    assert list(answer.json) == ["code", "message", "request_id"]
    assert answer.headers["content-type"] == "application/json"
    assert "x-dashscope-call-gateway" not in answer.headers


@pytest.mark.proves("headers.no-limits")
def test_a_429_says_nothing_about_when(api, sim):
    sim.faults.add(Fault(on="create", code="Throttling.RateQuota"))
    answer = api.create()
    assert answer.status == 429
    assert [name for name in answer.headers if "retry" in name or "ratelimit" in name] == []


@pytest.mark.parametrize("profile", PROFILES)
def test_a_whole_job_reads_the_same_in_every_dialect(api, sim, profile):
    sim.profile = profile
    outputs = api.history(api.submit(n=1))
    assert [output["task_status"] for output in outputs] == ["PENDING", "RUNNING", "SUCCEEDED"]
