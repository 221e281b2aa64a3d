"""The life of a job, the same on every face and in both stores."""

from __future__ import annotations

import pytest

from wanx_sim import Fault


@pytest.mark.proves("answer.pending", "lifecycle.flow", "routes.create", "routes.query")
def test_a_job_is_created_waits_runs_and_succeeds(api):
    task_id = api.submit("一间花店", n=2)
    history = api.history(task_id)
    assert [output["task_status"] for output in history] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert {output["task_id"] for output in history} == {task_id}
    assert len(history[-1]["results"]) == 2


def test_the_prompt_arrives_and_comes_back_in_unicode(api, sim):
    prompt = '雪地，“教堂” 🎄 \\ "quoted" \n second line'
    results = api.job(prompt, n=1)["results"]
    assert sim.tasks.only.prompt == prompt
    assert results[0]["orig_prompt"] == prompt


@pytest.mark.proves("answer.status-200")
def test_a_failed_job_is_answered_with_200(api):
    answer = api.poll(api.submit("[[fail:InternalError.Timeout]]"))
    assert answer.status == 200
    output = api.history(answer.output["task_id"])[-1]
    assert (output["task_status"], output["code"]) == ("FAILED", "InternalError.Timeout")
    assert "results" not in output


@pytest.mark.proves("answer.partial", "billing.good-images")
def test_a_job_with_some_bad_pictures_succeeds_with_the_good_ones(api, sim):
    task_id = api.submit("[[partial:1]] 花店", n=3)
    output = api.history(task_id)[-1]
    assert output["task_status"] == "SUCCEEDED"
    assert ["url" in result for result in output["results"]] == [True, True, False]
    assert output["results"][2]["code"] == "InternalError.Timeout"
    assert output["task_metrics"] == {"TOTAL": 3, "SUCCEEDED": 2, "FAILED": 1}
    assert api.poll(task_id).json["usage"] == {"image_count": 2}
    assert sim.ledger.images == 2


def test_seconds_pass_on_the_simulators_clock(api, sim, clock):
    sim.timing = "seconds:10,20"
    task_id = api.submit()
    seen = []
    for _ in range(4):
        seen.append(api.status(task_id))
        clock.advance(seconds=10)
    assert seen == ["PENDING", "RUNNING", "RUNNING", "SUCCEEDED"]


def test_a_task_waits_for_the_hand_in_manual_timing(api, sim):
    sim.timing = "manual"
    task_id = api.submit()
    assert [api.status(task_id) for _ in range(3)] == ["PENDING"] * 3
    sim.finish(task_id)
    assert api.status(task_id) == "SUCCEEDED"


def test_a_task_that_does_not_exist_is_unknown_not_missing(api):
    for task_id in ("1111", "6075262c-b56d-4968-9abf-2a9784a90f3e", "no-such-task", "format"):
        assert api.poll(task_id).output == {"task_id": task_id, "task_status": "UNKNOWN"}


# --- cancel -------------------------------------------------------------------------------------


@pytest.mark.proves(
    "answer.cancel",
    "answer.canceled",
    "lifecycle.cancel-pending",
    "routes.cancel",
)
def test_a_pending_task_can_be_cancelled(api, sim):
    sim.timing = "manual"
    task_id = api.submit()
    answer = api.cancel(task_id)
    assert answer.status == 200
    assert list(answer.json) == ["request_id"]
    assert api.status(task_id) == "CANCELED"
    assert sim.ledger.images == 0


def test_a_running_task_cannot_be_cancelled(api):
    task_id = api.submit()
    while api.status(task_id) != "RUNNING":
        pass
    message = "Failed to cancel the task, please confirm if the task is in PENDING status."
    assert api.cancel(task_id).refusal == (400, "UnsupportedOperation", message)
    assert api.status(task_id) == "SUCCEEDED"


@pytest.mark.proves("lifecycle.cancel-else", "lifecycle.cancel-unknown")
def test_a_finished_or_unknown_task_cannot_be_cancelled(api, sim):
    task_id = api.submit()
    sim.finish(task_id)
    assert api.cancel(task_id).refusal[:2] == (400, "UnsupportedOperation")
    assert api.cancel("1111").refusal[:2] == (400, "UnsupportedOperation")


# --- list ---------------------------------------------------------------------------------------


@pytest.mark.proves("list.order", "routes.list")
def test_the_list_has_all_tasks_newest_first(api):
    ids = [api.submit(prompt) for prompt in ("花", "鸟", "鱼")]
    listed = api.listed().json
    assert [row["task_id"] for row in listed["data"]] == ids[::-1]
    assert (listed["total"], listed["page_no"], listed["page_size"]) == (3, 1, 10)


def test_the_list_comes_in_pages(api):
    ids = [api.submit(prompt) for prompt in ("花", "鸟", "鱼")]
    listed = api.listed("page_no=2&page_size=2").json
    assert [row["task_id"] for row in listed["data"]] == ids[:1]
    assert listed["total_page"] == 2


@pytest.mark.proves("list.filters")
def test_the_list_can_be_narrowed(api, sim):
    api.submit(model="wan2.2-t2i-flash")
    task_id = api.submit(model="wan2.2-t2i-plus")
    sim.finish(task_id)
    for query in ("status=SUCCEEDED", "model_name=wan2.2-t2i-plus", f"task_id={task_id}"):
        assert [row["task_id"] for row in api.listed(query).json["data"]] == [task_id]


# --- as the official SDKs send it ---------------------------------------------------------------


@pytest.mark.proves("routes.trailing-slash")
def test_the_asyncio_sdks_poll_is_understood(api):
    """It ends paths with a slash and leaks the call's parameters into the query (SDK 1.24, 2.0)."""
    task_id = api.submit()
    path = f"/api/v1/tasks/{task_id}/?size=1024*1024&n=1&seed=7&prompt_extend=false"
    assert api.request("GET", path).output["task_status"] == "PENDING"


def test_the_asyncio_sdks_cancel_is_understood(api, sim):
    """SDK 2.0.2 ends the path with a slash and sends a body with nothing in it."""
    sim.timing = "manual"
    task_id = api.submit()
    body = b'{"model":"","parameters":{},"input":""}'
    answer = api.request("POST", f"/api/v1/tasks/{task_id}/cancel/", content=body)
    assert answer.status == 200
    assert api.status(task_id) == "CANCELED"


def test_the_asyncio_sdks_list_is_understood(api):
    """SDK 1.24.9 asks for ``/tasks/``."""
    task_id = api.submit()
    answer = api.request("GET", "/api/v1/tasks/?page_no=1&page_size=10")
    assert [row["task_id"] for row in answer.json["data"]] == [task_id]


def test_the_sdks_create_is_understood(api, sim):
    """SDK 2.0.2: a charset in the content type, another key order, headers of its own."""
    body = '{"model":"wan2.5-t2i-preview","parameters":{"n":1},"input":{"prompt":"花店"}}'
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "x-dashscope-sdk-client": "python-sdk/2.0.2/aigc",
        "x-dashscope-sdk-session-id": "0" * 32,
        "X-DashScope-WorkSpace": "llm-abc",
    }
    assert api.create(body=body.encode(), headers=headers).status == 200
    assert sim.tasks.only.n == 1


# --- a lost response ----------------------------------------------------------------------------


def test_a_lost_response_breaks_the_connection_and_is_billed_once(api, sim, face):
    sim.faults.add(Fault(on="create", lost_response=True))
    with pytest.raises(face.lost):
        api.create(n=2)
    assert (len(sim.tasks), sim.ledger.images) == (1, 2)
    assert sim.requests.creates[0].status is None


def test_after_a_lost_response_the_service_goes_on(api, sim, face):
    with pytest.raises(face.lost):
        api.create("[[lost-response]] 花店", n=1)
    assert api.status(sim.tasks.only.task_id) == "PENDING"
    api.submit("[[lost-response]] 花店", n=1)
    assert (len(sim.tasks), sim.ledger.images) == (2, 2)


def test_a_lost_picture_breaks_the_connection_too(api, sim, face):
    (link,) = api.links(n=1, size="768*768")
    sim.faults.add(Fault(on="image", lost_response=True))
    with pytest.raises(face.lost):
        api.get(link)
    assert api.get(link).status == 200


def test_a_lost_poll_still_counts_as_a_poll(api, sim, face):
    task_id = api.submit()
    sim.faults.add(Fault(on="query", lost_response=True))
    with pytest.raises(face.lost):
        api.poll(task_id)
    assert api.status(task_id) == "RUNNING"


# --- what a test sees ---------------------------------------------------------------------------


def test_the_journal_has_every_request_and_what_became_of_it(api, sim):
    (link,) = api.links(n=1)
    api.get(link)
    api.create(n=5)
    seen = [(entry.operation, entry.status, entry.task_status) for entry in sim.requests]
    assert seen == [
        ("create", 200, "PENDING"),
        ("query", 200, "PENDING"),
        ("query", 200, "RUNNING"),
        ("query", 200, "SUCCEEDED"),
        ("image", 200, None),
        ("create", 400, None),
    ]
    assert sim.requests[-1].code == "InvalidParameter"
    assert sim.requests[0].task_id == sim.tasks.only.task_id


def test_the_ledger_adds_up_accepted_tasks(api, sim):
    api.submit(model="wan2.5-t2i-preview", n=2)
    api.submit(model="wan2.2-t2i-flash", n=1)
    api.create(n=9)
    assert (sim.ledger.tasks, sim.ledger.images, sim.ledger.cost) == (2, 3, 0.54)


def test_reset_forgets_tasks_and_requests(api, sim):
    task_id = api.submit()
    sim.reset()
    assert (len(sim.tasks), len(sim.requests), sim.ledger.cost) == (0, 0, 0)
    assert api.status(task_id) == "UNKNOWN"
