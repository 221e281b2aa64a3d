"""Magic prompts: what each mark does, and what is none."""

from __future__ import annotations

import httpx
import pytest

from wanx_sim import Fault, Simulator, magic
from wanx_sim.protocol.errors import Refusal
from wanx_sim.wire import ConnectionLost, Request

# --- spelling -----------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["", "一间花店", "[一间花店]", "a [[ b", "]] [["])
def test_a_prompt_without_marks_asks_for_nothing(prompt):
    assert magic.parse(prompt) == ()


@pytest.mark.parametrize(
    ("mark", "asked"),
    [
        ("[[fail:InternalError.Algo]]", {"fail": "InternalError.Algo"}),
        ("[[partial:2]]", {"failed_images": 2}),
        ("[[moderation]]", {"code": "DataInspectionFailed", "times": None}),
        ("[[pending:10s]]", {"pending": "10s"}),
        ("[[pending:0.5s]]", {"pending": "0.5s"}),
        ("[[running:3polls]]", {"running": "3polls"}),
        ("[[running:1poll]]", {"running": "1poll"}),
        ("[[stuck]]", {"stuck": "RUNNING"}),
        ("[[lost-response]]", {"lost_response": True}),
        ("[[throttle:2]]", {"code": "Throttling.RateQuota", "times": 2}),
        ("[[ partial : 2 ]]", {"failed_images": 2}),
        ("[[running: 3 polls]]", {"running": "3 polls"}),
        ("[[fault:gateway-html]]", {"status": 502}),
    ],
)
@pytest.mark.parametrize("around", ["{}", "一间{}花店", "{} 一间花店"])
def test_a_mark_is_a_fault_wherever_it_stands(mark, asked, around):
    assert magic.parse(around.format(mark)) == (Fault(**asked),)


def test_marks_about_the_task_become_one_fault():
    (fault,) = magic.parse("[[pending:2polls]] 花店 [[fail:InternalError.Algo]]")
    assert fault == Fault(pending="2polls", fail="InternalError.Algo")


@pytest.mark.parametrize("prompt", ["[[throttle:0]]", "[[partial:0]]"])
def test_none_at_all_is_no_fault(prompt):
    assert magic.parse(prompt) == ()


def test_a_throttle_comes_before_what_does_not_end():
    first, second = magic.parse("[[moderation]] [[throttle:1]]")
    assert (first.code, second.code) == ("Throttling.RateQuota", "DataInspectionFailed")


@pytest.mark.parametrize(
    "mark",
    [
        "[[fial:InternalError]]",
        "[[fail]]",
        "[[fail:Nope]]",
        "[[partial]]",
        "[[partial:x]]",
        "[[partial:-1]]",
        "[[throttle:-1]]",
        "[[pending:10]]",
        "[[pending:10m]]",
        "[[running:1.5polls]]",
        "[[stuck:1]]",
        "[[Stuck]]",
        "[[fault:lost-respnse]]",
        "[[fault]]",
        "[[]]",
    ],
)
def test_a_misspelt_mark_is_refused_with_those_there_are(mark):
    with pytest.raises(Refusal) as caught:
        magic.parse(f"{mark} 花店")
    assert (caught.value.status, caught.value.code) == (400, "InvalidParameter")
    assert mark in caught.value.message
    assert magic.SPELLINGS in caught.value.message
    assert "--no-magic" in caught.value.message


# --- outcomes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["InternalError.Algo", "DataInspectionFailed", "Arrearage"])
def test_fail_makes_the_task_fail_with_the_code(api, code):
    output = api.job(f"[[fail:{code}]]")
    assert (output["task_status"], output["code"]) == ("FAILED", code)


def test_fail_costs_nothing(api, sim):
    api.job("[[fail:InternalError]]", n=4)
    assert sim.ledger.cost == 0


@pytest.mark.parametrize(("bad", "good"), [(1, 3), (3, 1), (0, 4)])
def test_partial_makes_that_many_pictures_fail(api, sim, bad, good):
    output = api.job(f"[[partial:{bad}]]", n=4)
    assert output["task_status"] == "SUCCEEDED"
    assert sum("url" in result for result in output["results"]) == good
    assert output["task_metrics"] == {"TOTAL": 4, "SUCCEEDED": good, "FAILED": bad}
    assert sim.ledger.images == good


@pytest.mark.parametrize("bad", [2, 3])
def test_partial_of_all_pictures_is_a_failed_task(api, bad):
    output = api.job(f"[[partial:{bad}]]", n=2)
    assert (output["task_status"], output["code"]) == ("FAILED", "InternalError.Timeout")


@pytest.mark.proves("create.moderation-at-submit")
def test_moderation_refuses_the_prompt(api, sim):
    assert api.create("[[moderation]]").refusal[:2] == (400, "DataInspectionFailed")
    assert len(sim.tasks) == 0


def test_pending_and_running_set_how_long(api, clock):
    task_id = api.submit("[[pending:10s]] [[running:2polls]]")
    before = [api.status(task_id) for _ in range(2)]
    clock.advance(seconds=10)
    after = [api.status(task_id) for _ in range(3)]
    assert before + after == ["PENDING", "PENDING", "RUNNING", "RUNNING", "SUCCEEDED"]


def test_a_stuck_task_runs_until_it_is_forgotten(api, clock):
    task_id = api.submit("[[stuck]]")
    assert [api.status(task_id) for _ in range(10)] == ["PENDING"] + ["RUNNING"] * 9
    clock.advance(hours=23)
    assert api.status(task_id) == "RUNNING"
    clock.advance(hours=1)
    assert api.status(task_id) == "UNKNOWN"


def test_throttle_refuses_the_first_submits_of_this_prompt(api):
    statuses = [api.create("[[throttle:2]] 花").status for _ in range(4)]
    assert statuses == [429, 429, 200, 200]


def test_throttle_counts_each_prompt_by_itself(api):
    statuses = [api.create(f"[[throttle:1]] {word}").status for word in ("花", "鸟", "花", "鸟")]
    assert statuses == [429, 429, 200, 200]


def test_lost_response_loses_only_the_first_answer_and_bills_each(sim):
    body = (
        '{"model":"wan2.5-t2i-preview","input":{"prompt":"[[lost-response]]"},"parameters":{"n":1}}'
    )
    request = Request(
        method="POST",
        host="dashscope.aliyuncs.com",
        path="/api/v1/services/aigc/text2image/image-synthesis",
        headers={
            "authorization": "Bearer sk-test",
            "content-type": "application/json",
            "x-dashscope-async": "enable",
        },
        body=body.encode(),
    )
    with pytest.raises(ConnectionLost):
        sim.handle(request)
    assert sim.handle(request).status == 200
    assert sim.ledger.images == 2


def test_a_throttled_prompt_loses_its_answer_when_it_is_accepted(api, sim):
    prompt = "[[throttle:1]] [[lost-response]]"
    assert api.create(prompt).status == 429
    with pytest.raises(httpx.RemoteProtocolError):
        api.create(prompt)
    assert api.create(prompt).status == 200
    assert len(sim.tasks) == 2


def test_a_prompts_own_marks_have_the_last_word(api, sim):
    sim.faults.add(Fault(running="9polls", fail="SystemError"))
    output = api.job("[[fail:InternalError.Algo]]")
    assert output["code"] == "InternalError.Algo"
    assert sim.requests.queries[-2].task_status == "RUNNING"


def test_a_misspelt_mark_is_refused_by_the_simulator(api, sim):
    status, code, message = api.create("[[stcuk]]").refusal
    assert (status, code) == (400, "InvalidParameter")
    assert "[[stcuk]]" in message
    assert len(sim.tasks) == 0


@pytest.mark.parametrize("prompt", ["[[fail:InternalError]]", "[[stcuk]]", "[[moderation]]"])
def test_without_magic_such_text_is_a_prompt_as_any_other(connect, clock, prompt):
    sim = Simulator(clock=clock, magic_prompts=False)
    output = connect(sim).job(prompt, n=1)
    assert output["task_status"] == "SUCCEEDED"
    assert output["results"][0]["orig_prompt"] == prompt
