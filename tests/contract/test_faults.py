"""Every kind of fault, the same on every face and in both stores."""

from __future__ import annotations

from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from wanx_sim import Fault

SMALL = "768*768"


@pytest.fixture
def link(api):
    (link,) = api.links(n=1, size=SMALL)
    return link


# --- an answer of somebody else's ---------------------------------------------------------------


def test_a_gateway_answers_in_html(api, sim):
    sim.faults.add(Fault(status=502))
    answer = api.create()
    assert answer.status == 502
    assert answer.headers["content-type"] == "text/html"
    assert b"<h1>502 Bad Gateway</h1>" in answer.body
    assert (len(sim.tasks), sim.requests[-1].status) == (0, 502)


@pytest.mark.parametrize(
    ("fault", "body", "content_type"),
    [
        (Fault(on="list", status=503, body=""), b"", "text/html"),
        (Fault(on="list", status=200, body="OK", content_type="text/plain"), b"OK", "text/plain"),
        (Fault(on="list", body='{"a":1}', content_type="application/json"), b'{"a":1}', "app"),
    ],
    ids=["empty", "not-json", "other-json"],
)
def test_an_answer_may_be_anything(api, sim, fault, body, content_type):
    sim.faults.add(fault)
    answer = api.listed()
    assert (answer.status, answer.body) == (fault.status or 200, body)
    assert answer.headers["content-type"].startswith(content_type)


def test_a_gateway_may_give_up_on_a_create_that_was_accepted(api, sim):
    sim.faults.add(Fault(status=504, acted_upon=True))
    assert api.create(n=2).status == 504
    assert (len(sim.tasks), sim.ledger.images) == (1, 2)


def test_an_answer_may_lack_what_belongs_in_it(api, sim):
    task_id = api.submit()
    sim.faults.add(Fault(on="query", omit="output.task_status"))
    answer = api.poll(task_id)
    assert answer.status == 200
    assert list(answer.json["output"]) == ["task_id", "submit_time", "task_metrics"]


def test_an_answer_may_say_that_it_is_of_another_type(api, sim):
    task_id = api.submit()
    sim.faults.add(Fault(on="query", content_type="text/html"))
    answer = api.poll(task_id)
    assert answer.headers["content-type"] == "text/html"
    assert answer.output["task_status"] == "PENDING"


# --- connections that break ---------------------------------------------------------------------


def test_a_connection_that_breaks_before_leaves_nothing(api, sim, face):
    sim.faults.add(Fault(reset="before"))
    with pytest.raises(face.lost):
        api.create()
    assert (len(sim.tasks), sim.requests[-1].status) == (0, None)
    assert api.create().status == 200


def test_a_connection_that_breaks_after_leaves_a_bill(api, sim, face):
    sim.faults.add(Fault(reset="after"))
    with pytest.raises(face.lost):
        api.create(n=3)
    assert (len(sim.tasks), sim.ledger.images, sim.requests[-1].status) == (1, 3, None)


def test_a_poll_may_be_cut(api, sim, face):
    task_id = api.submit()
    sim.faults.add(Fault(on="query", cut=20))
    with pytest.raises(face.lost):
        api.poll(task_id)
    assert api.status(task_id) == "RUNNING"


@pytest.mark.parametrize("cut", [0, 1000])
def test_a_download_may_be_cut(api, sim, face, link, cut):
    sim.faults.add(Fault(on="image", cut=cut))
    with pytest.raises(face.lost):
        api.get(link)
    assert api.get(link).status == 200


def test_a_content_length_may_promise_too_much(api, sim, face):
    sim.faults.add(Fault(on="list", content_length=100_000))
    with pytest.raises(face.lost):
        api.listed()
    assert api.listed().status == 200


def test_a_content_length_may_promise_too_little(api, sim):
    whole = api.listed().body
    sim.faults.add(Fault(on="list", content_length=9))
    answer = api.listed()
    assert (answer.headers["content-length"], answer.body) == ("9", whole[:9])
    assert api.listed().status == 200


# --- time ---------------------------------------------------------------------------------------


def test_an_answer_may_take_its_time_on_the_simulators_clock(api, sim, clock):
    before = clock.now()
    sim.faults.add(Fault(delay=2))
    assert api.create().status == 200
    assert clock.now() == before + 2


@pytest.mark.parametrize("fault", [{"code": "Throttling"}, {"status": 502}])
def test_a_refusal_may_take_its_time_too(api, sim, clock, fault):
    before = clock.now()
    sim.faults.add(Fault(delay=2, **fault))
    assert api.create().status in (429, 502)
    assert clock.now() == before + 2


@pytest.mark.parametrize("reset", ["before", "after"])
def test_a_connection_may_take_its_time_to_break(api, sim, clock, face, reset):
    before = clock.now()
    sim.faults.add(Fault(delay=2, reset=reset))
    with pytest.raises(face.lost):
        api.create()
    assert clock.now() == before + 2


def test_a_download_may_drip_on_the_simulators_clock(api, sim, clock, link):
    whole = api.get(link).body
    before = clock.now()
    sim.faults.add(Fault(on="image", drip=10_000))
    assert api.get(link).body == whole
    assert clock.now() - before == pytest.approx(len(whole) / 10_000, abs=0.001)


# --- tasks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_a_task_may_be_stuck(api, sim, clock, status):
    sim.faults.add(Fault(stuck=status))
    task_id = api.submit()
    for _ in range(5):
        api.poll(task_id)
        clock.advance(hours=1)
    assert api.status(task_id) == status
    assert sim.ledger.images == 0


def test_a_task_may_fail_with_a_code(api, sim):
    sim.faults.add(Fault(fail="InternalError.Algo"))
    output = api.job()
    assert (output["task_status"], output["code"]) == ("FAILED", "InternalError.Algo")
    assert sim.ledger.cost == 0


def test_some_images_may_fail(api, sim):
    sim.faults.add(Fault(failed_images=2))
    results = api.job(n=3)["results"]
    assert ["url" in result for result in results] == [True, False, False]
    assert sim.ledger.images == 1


def test_a_task_may_take_its_own_time(api, sim, clock):
    sim.faults.add(Fault(pending="5s", running="1poll"))
    task_id = api.submit()
    before = api.status(task_id)
    clock.advance(seconds=5)
    assert [before, *(api.status(task_id) for _ in range(2))] == ["PENDING", "RUNNING", "SUCCEEDED"]


def test_a_task_may_be_forgotten_after_some_polls(api, sim):
    sim.faults.add(Fault(unknown_after="3polls"))
    task_id = api.submit()
    assert [api.status(task_id) for _ in range(5)] == [
        "PENDING", "RUNNING", "SUCCEEDED", "UNKNOWN", "UNKNOWN",
    ]  # fmt: skip
    assert api.poll(task_id).output == {"task_id": task_id, "task_status": "UNKNOWN"}


def test_a_task_may_be_forgotten_after_some_seconds(api, sim, clock):
    sim.faults.add(Fault(unknown_after="60s"))
    task_id = api.submit()
    before = api.status(task_id)
    clock.advance(seconds=60)
    assert [before, api.status(task_id)] == ["PENDING", "UNKNOWN"]
    assert sim.tasks[task_id].status == "UNKNOWN"


def test_results_may_show_later_than_the_success(api, sim):
    sim.faults.add(Fault(results_after=2))
    task_id = api.submit(n=1)
    polls = [api.poll(task_id) for _ in range(5)]
    statuses = [poll.output["task_status"] for poll in polls]
    assert statuses == ["PENDING", "RUNNING", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]
    assert ["results" in poll.output for poll in polls] == [False] * 4 + [True]
    assert ["usage" in poll.json for poll in polls] == [False] * 4 + [True]


def test_a_task_may_finish_just_before_its_cancel(api, sim):
    sim.timing = "manual"
    task_id = api.submit(n=1)
    sim.faults.add(Fault(on="cancel", finish=True))
    assert api.cancel(task_id).refusal[:2] == (400, "UnsupportedOperation")
    assert api.status(task_id) == "SUCCEEDED"
    assert sim.ledger.images == 1


# --- pictures -----------------------------------------------------------------------------------


def test_a_picture_may_be_missing(api, sim, link):
    sim.faults.add(Fault(on="image", picture="missing"))
    answer = api.get(link)
    assert answer.status == 404
    assert ET.fromstring(answer.body).findtext("Code") == "NoSuchKey"  # noqa: S314 - our own
    assert api.get(link).status == 200


def test_a_picture_may_be_refused_in_the_words_of_its_host(api, sim, link):
    sim.faults.add(Fault(on="image", code="InternalError"))
    answer = api.get(link)
    assert (answer.status, answer.headers["content-type"]) == (500, "application/xml")
    assert ET.fromstring(answer.body).findtext("Code") == "InternalError"  # noqa: S314 - our own
    assert api.get(link).status == 200


def test_a_link_may_have_expired_at_once(api, sim, link):
    sim.faults.add(Fault(on="image", picture="expired"))
    answer = api.get(link)
    assert answer.status == 403
    assert ET.fromstring(answer.body).findtext("Message") == "Request has expired."  # noqa: S314
    assert api.get(link).status == 200


def test_a_picture_may_be_truncated_and_nothing_says_so(api, sim, link):
    whole = api.get(link).body
    sim.faults.add(Fault(on="image", picture="truncated"))
    answer = api.get(link)
    assert (answer.status, answer.body) == (200, whole[: len(whole) // 2])
    assert answer.headers["content-length"] == str(len(answer.body))


def test_a_picture_may_be_corrupted(api, sim, link):
    whole = api.get(link).body
    sim.faults.add(Fault(on="image", picture="corrupted"))
    broken = api.get(link).body
    assert (len(broken), broken[:24]) == (len(whole), whole[:24])
    with pytest.raises((OSError, SyntaxError)):
        Image.open(BytesIO(broken)).load()


# --- which requests -----------------------------------------------------------------------------


def test_a_fault_may_be_about_one_task(api, sim):
    one, other = api.submit(), api.submit()
    sim.faults.add(Fault(on="query", task_id=one, status=502, times=None))
    assert [api.poll(task_id).status for task_id in (other, one)] == [200, 502]


def test_a_polls_model_and_prompt_are_those_of_its_task(api, sim):
    rose, lily = api.submit("玫瑰"), api.submit("百合", model="wan2.2-t2i-flash")
    sim.faults.add(Fault(on="query", prompt="玫瑰", status=502))
    sim.faults.add(Fault(on="query", model="wan2.2-t2i-flash", status=503))
    assert [api.poll(task_id).status for task_id in (lily, rose)] == [503, 502]


def test_a_pictures_task_is_known_by_its_link(api, sim):
    (rose,), (lily,) = (api.links(prompt, n=1, size=SMALL) for prompt in ("玫瑰", "百合"))
    sim.faults.add(Fault(on="image", prompt="玫瑰", status=502))
    assert [api.get(link).status for link in (lily, rose)] == [200, 502]


def test_a_fault_may_be_about_one_key(api, sim):
    sim.faults.add(Fault(on="list", key="sk-other", code="Throttling"))
    assert api.listed().status == 200
    assert api.request("GET", "/api/v1/tasks", {"Authorization": "Bearer sk-other"}).status == 429


# --- from inside a prompt -----------------------------------------------------------------------


def test_a_prompt_may_ask_for_a_fault_by_name(api, sim):
    prompt = "[[fault:gateway-html]] 花店"
    assert [api.create(prompt).status for _ in range(2)] == [502, 200]
    assert len(sim.tasks) == 1


def test_a_fault_of_a_prompt_follows_its_task(api):
    troubled = api.submit("[[fault:poll-429]] [[fault:truncated-picture]] 花店", n=1, size=SMALL)
    other = api.submit("花店", n=1, size=SMALL)
    assert [api.poll(troubled).status for _ in range(3)] == [429, 429, 200]
    assert api.poll(other).status == 200
    link = api.history(troubled)[-1]["results"][0]["url"]
    first, again = (len(api.get(link).body) for _ in range(2))
    assert first == again // 2
