"""Verify: what it finds, and that it finds nothing in what is good."""

from __future__ import annotations

import json
import struct
import zlib
from datetime import timedelta
from hashlib import sha256

import httpx
import pytest

from wanx_sim import Fault, Recorder, Simulator
from wanx_sim.cassettes import drift
from wanx_sim.cassettes.verifying import orphans, verify

SMALL = {"size": "512*512", "n": 1, "seed": 7}


def edit(path, change):
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document, ensure_ascii=False))


def first(document):
    return document["interactions"][0]


def said(findings):
    return [str(finding) for finding in findings]


@pytest.fixture
def shop(record):
    """A cassette with one job, to spoil."""
    return record("花店").path


# --- what is good ---------------------------------------------------------------------------------

OUTCOMES = {
    "several pictures": {"prompt": "花店", "n": 4},
    "some lost": {"prompt": "[[partial:2]] 花店", "n": 3},
    "failed": {"prompt": "[[fail:DataInspectionFailed]] 花店"},
    "failed by an outage": {"prompt": "[[fail:InternalError.Algo]] 花店"},
    "an older model": {"prompt": "花店", "model": "wanx-v1", "size": "1024*1024"},
    "the newest model": {"prompt": "花店", "model": "wan2.5-t2i-preview", "size": "768*768"},
    "a prompt made longer": {"prompt": "花店", "prompt_extend": True},
}


@pytest.mark.parametrize("job", OUTCOMES.values(), ids=list(OUTCOMES))
def test_what_the_simulator_said_is_what_it_says_again(record, job):
    assert said(verify(record(job).path)) == []


@pytest.mark.parametrize("shape", ["full", "metrics", "plain"])
def test_each_shape_of_a_failed_answer_is_the_service_s(record, shape):
    path = record("[[fail:InternalError.Algo]] 花店", failed_shape=shape).path
    assert said(verify(path)) == []


def test_a_parameter_that_was_refused_late_is_no_drift(record):
    path = record({"prompt": "花店", "size": "10*10"}, validation="task").path
    assert (
        first(json.loads(path.read_bytes()))["states"][-1]["body"]["output"]["task_status"]
        == "FAILED"
    )
    assert said(verify(path)) == []


REQUESTS = {
    "a refused parameter": lambda client: client.create("花店", size="10*10"),
    "a refused prompt": lambda client: client.create("[[moderation]] 花店"),
    "a throttle": lambda client: client.create("[[throttle:1]] 花店"),
    "an unknown model": lambda client: client.create("花店", model="wan9"),
    "no asynchronous header": lambda client: client.ask(
        "POST", "/api/v1/services/aigc/text2image/image-synthesis", json={"model": "wan2.2-t2i-flash"}
    ),
    "an unknown task": lambda client: client.poll("0385dc79-5ff8-4d82-bcb6-4b1a6cbb1a11"),
    "a cancel of an unknown task": lambda client: client.ask("POST", "/api/v1/tasks/1/cancel"),
    "a wrong key": lambda client: client.ask("GET", "/api/v1/tasks", headers={"authorization": ""}),
    "a list": lambda client: client.ask("GET", "/api/v1/tasks"),
    "a page that is none": lambda client: client.ask("GET", "/api/v1/tasks?page_no=0"),
}  # fmt: skip


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=list(REQUESTS))
def test_requests_that_are_no_jobs_are_asked_again_too(recorder, talk, ask):
    client = talk(recorder)
    client.job("花店")
    ask(client)
    recorder.close()
    assert len(recorder.cassette) == 2
    assert said(verify(recorder.cassette.path)) == []


@pytest.mark.parametrize("cancel", ["PENDING", "SUCCEEDED"])
def test_a_cancel_is_asked_for_again_taken_or_refused(recorder, talk, cancel):
    client = talk(recorder)
    task_id = client.submit("花店")
    if cancel == "SUCCEEDED":
        client.history(task_id)
    client.ask("POST", f"/api/v1/tasks/{task_id}/cancel")
    client.history(task_id)
    client.ask("GET", "/api/v1/tasks")
    recorder.close()
    assert said(verify(recorder.cassette.path)) == []


def test_a_task_that_was_forgotten_and_a_trouble_on_the_way_are_no_drift(
    recorder, talk, sim, clock
):
    client = talk(recorder)
    sim.faults.add(Fault(on="query", code="Throttling.RateQuota"))
    troubled = client.submit("花店")
    assert client.poll(troubled)["code"] == "Throttling.RateQuota"
    client.history(troubled)
    forgotten = client.submit("另一间花店")
    clock.advance(hours=24)
    client.poll(forgotten)
    recorder.close()
    found = verify(recorder.cassette.path)
    assert [finding.kind for finding in found] == ["job"], said(found)
    assert "forgotten the task" in found[0].says


def test_singapore_is_asked_as_singapore(tmp_path):
    simulator = Simulator(region="singapore")
    recorder = Recorder(simulator, tmp_path / "flower-shop")
    recorder.cassette.host = "dashscope-intl.aliyuncs.com"
    with httpx.Client(
        transport=recorder.transport(), headers={"authorization": "Bearer sk-test"}
    ) as client:
        base = "https://dashscope-intl.aliyuncs.com/api/v1/tasks"
        client.get(f"{base}/1")
    assert recorder.cassette.region == "singapore"
    assert said(verify(recorder.cassette.path)) == []


# --- drift ----------------------------------------------------------------------------------------

DRIFTED = {
    "a key more in the create": (
        lambda job: job["created"]["output"].update(queue=3),
        ("created.output.queue", "an integer", "nothing"),
    ),
    "a key less in a state": (
        lambda job: job["states"][1]["body"]["output"].pop("scheduled_time"),
        ("states.1.body.output.scheduled_time", "nothing", "a string"),
    ),
    "a key more in a result": (
        lambda job: job["states"][2]["body"]["output"]["results"][0].update(seed=7),
        ("states.2.body.output.results.0.seed", "an integer", "nothing"),
    ),
    "another type": (
        lambda job: job["states"][0]["body"]["output"]["task_metrics"].update(TOTAL="1"),
        ("states.0.body.output.task_metrics.TOTAL", "a string", "an integer"),
    ),
    "a status that nobody knows": (
        lambda job: job["states"][1]["body"]["output"].update(task_status="QUEUED"),
        ("states.1.body.output.task_status", "QUEUED", "no such state"),
    ),
    "a request that is refused": (
        lambda job: job["request"].update(model="wan9"),
        ("created", "a task", "400 InvalidParameter"),
    ),
    "fewer results": (
        lambda job: job["states"][2]["body"]["output"].update(results=[]),
        ("states.2.body.output.results", "0 items", "1 items"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DRIFTED)
def test_a_difference_in_shape_is_found_with_its_field(shop, case):
    change, expected = DRIFTED[case]
    edit(shop, lambda document: change(first(document)))
    found = [finding for finding in verify(shop) if finding.kind == "drift"]
    assert [(each.field, each.recorded, each.simulator) for each in found] == [expected]
    assert found[0].job == first(json.loads(shop.read_bytes()))["created"]["output"]["task_id"]
    assert found[0].level == "error"
    assert [finding.kind for finding in verify(shop, with_drift=False)] == []


def test_other_words_ids_times_and_links_are_no_drift(shop):
    def change(document):
        output = first(document)["states"][2]["body"]["output"]
        output["results"][0]["orig_prompt"] = "其他"
        output["end_time"] = "1999-01-01 00:00:00.000"
        first(document)["created"]["request_id"] = "x"

    edit(shop, change)
    assert said(verify(shop)) == []


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "InvalidParameter", ("status", "404 InvalidParameter", "400 InvalidParameter")),
        (400, "Unheard.Of", ("body.code", "Unheard.Of", "no such code")),
        (400, "Throttling.RateQuota", ("status", "400 Throttling.RateQuota", "429 Throttling.RateQuota")),
    ],
)  # fmt: skip
def test_a_refusal_that_the_simulator_words_otherwise_is_found(
    recorder, talk, status, code, expected
):
    talk(recorder).create("花店", size="10*10")
    path = recorder.cassette.path

    def change(document):
        first(document)["status"] = status
        first(document)["body"]["code"] = code

    edit(path, change)
    (found,) = verify(path)
    assert (found.field, found.recorded, found.simulator) == (
        f"interactions.0.{expected[0]}", *expected[1:]
    )  # fmt: skip


def test_a_refusal_of_what_the_simulator_accepts_is_found(recorder, talk):
    talk(recorder).create("花店", size="10*10")
    edit(recorder.cassette.path, lambda d: first(d)["request"]["parameters"].update(size="512*512"))
    (found,) = verify(recorder.cassette.path)
    assert (found.recorded, found.simulator) == ("400 InvalidParameter", "200 accepted")


def test_shapes_are_compared_by_keys_types_and_lengths():
    one = {"a": 1, "b": [{"c": "x"}, {"d": 1.5}], "e": None, "f": True}
    assert list(drift.compare(one, one | {"b": [{"d": 0.5}, {"c": "y"}], "f": False}, "")) == []
    assert list(drift.compare({"a": 1}, {"a": 1.0}, "x")) == [("x.a", "an integer", "a number")]
    assert list(drift.compare({"a": {}}, {"a": []}, "x")) == [("x.a", "an object", "a list")]


# --- secrets --------------------------------------------------------------------------------------

KEY = "sk-0123456789abcdef0123456789abcdef"


def test_a_secret_is_found_wherever_it_stands_in_the_file(shop):
    shop.write_text(shop.read_text().replace('"host": ""', f'"note": "{KEY}", "host": ""'))
    found = verify(shop)
    assert [(each.kind, each.level) for each in found] == [
        ("secret", "error"),
        ("field", "warning"),
    ]
    assert KEY not in str(found)
    assert "line 6 holds what looks like a key" in found[0].says


def test_a_secret_that_is_spelt_in_escapes_is_found(shop):
    hidden = KEY.replace("sk", "\\u0073\\u006b")
    shop.write_text(shop.read_text().replace('"花店"', f'"花店 {hidden}"', 1))
    (found,) = verify(shop)
    assert found.field == "interactions.0.request.input.prompt"


def png_with(content, kind, data):
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return content[:33] + chunk + content[33:]


TEXTS = {
    "a text": (b"tEXt", b"Comment\0" + KEY.encode()),
    "a packed text": (b"zTXt", b"Comment\0\0" + zlib.compress(KEY.encode())),
    "an international text": (b"iTXt", b"Comment\0\0\0\0\0" + KEY.encode()),
    "a packed international text": (b"iTXt", b"Comment\0\1\0zh\0\0" + zlib.compress(KEY.encode())),
    "a keyword": (b"tEXt", KEY.encode() + b"\0x"),
    "Exif": (b"eXIf", b"II*\0" + KEY.encode()),
}


def with_picture(path, change):
    """Change the picture, and the cassette with it."""
    (old,) = (path.parent / "images").iterdir()
    content = change(old.read_bytes())
    digest = sha256(content).hexdigest()
    old.with_stem(digest).write_bytes(content)
    old.unlink()
    edit(path, lambda d: first(d)["images"][0].update(sha256=digest, size=len(content)))


@pytest.mark.parametrize("case", TEXTS)
def test_a_secret_inside_a_picture_is_found(shop, case):
    with_picture(shop, lambda content: png_with(content, *TEXTS[case]))
    (found,) = verify(shop)
    assert (found.kind, found.field) == ("secret", "images.0")
    assert KEY not in str(found)


def test_a_secret_behind_a_picture_is_found(shop):
    with_picture(shop, lambda content: content + KEY.encode())
    (found,) = verify(shop)
    assert "its text 'what follows the picture' holds what looks like a key" in found.says


def test_a_text_that_unpacks_to_a_flood_is_refused(shop):
    flood = zlib.compress(bytes(50 * 2**20))
    with_picture(shop, lambda content: png_with(content, b"zTXt", b"Comment\0\0" + flood))
    (found,) = verify(shop)
    assert found.kind == "picture"


# --- jobs, fields, age, orphans -------------------------------------------------------------------


def test_what_is_not_complete_is_a_warning(shop):
    edit(shop, lambda d: first(d).update(complete=False, trouble="the line broke"))
    (found,) = verify(shop)
    assert (found.level, found.says) == ("warning", "it is not complete: the line broke")


def test_a_result_without_a_picture_is_an_error(shop):
    edit(shop, lambda d: first(d).update(images=[]))
    (found,) = verify(shop)
    assert (found.level, found.says) == ("error", "no picture was recorded of result 0")


def test_a_second_job_of_one_task_is_an_error(shop):
    edit(shop, lambda d: d["interactions"].append(first(d)))
    assert [finding.says for finding in verify(shop)] == ["a second job has the same task id"]


def test_an_unknown_field_is_a_warning_wherever_it_stands(shop):
    def change(document):
        document["author"] = "x"
        first(document)["mood"] = "x"
        first(document)["states"][0]["mood"] = "x"
        first(document)["images"][0]["mood"] = "x"

    edit(shop, change)
    found = verify(shop)
    assert {finding.level for finding in found} == {"warning"}
    assert {finding.field for finding in found} == {
        "author",
        "interactions.0.mood",
        "interactions.0.states.0.mood",
        "interactions.0.images.0.mood",
    }


def test_what_is_older_than_it_may_be_is_a_warning(shop):
    assert verify(shop, max_age=timedelta(days=100_000)) == []
    (found,) = verify(shop, max_age=timedelta(days=30))
    assert (found.kind, found.level) == ("age", "warning")
    assert "at most 30 are wanted" in found.says


def test_each_damaged_job_is_told_of_and_the_others_are_looked_at(shop):
    def change(document):
        good = first(document)
        document["interactions"] = [{"type": "job"}, good, {"type": "video"}]

    edit(shop, change)
    found = verify(shop)
    assert [finding.field for finding in found] == ["0", "2"]


def test_a_picture_that_no_cassette_names_is_worth_knowing(shop):
    spare = shop.parent / "images" / f"{'0' * 64}.png"
    spare.write_bytes(b"x")
    (shop.parent / ".wanx-0123").write_bytes(b"half")
    found = list(orphans(shop.parent))
    assert {(each.level, each.cassette) for each in found} == {
        ("info", str(spare)),
        ("info", str(shop.parent / ".wanx-0123")),
    }


# --- what no recorder writes ----------------------------------------------------------------------


def ended_unseen(job):
    job["created"]["output"]["task_status"] = "SUCCEEDED"
    job |= {"states": [], "images": []}


def exchanged(operation, path, body):
    def change(job):
        asked = {"method": "GET", "path": path, "query": {}}
        kept = {"at": job["at"], "operation": operation, "request": asked, "status": 200}
        job.clear()
        job |= {"type": "exchange", "body": body} | kept

    return change


ODD = {
    "a job that ended before it was polled": ended_unseen,
    "a picture's download": exchanged("image", "/oss/b/k", {}),
    "a list of something else": exchanged("list", "/api/v1/tasks/x", {"data": [{"task_id": "x"}]}),
    "a list that is none": exchanged("list", "/api/v1/tasks", {"data": 3}),
    "a poll of an image's path": exchanged("query", "/oss/b/k", {"output": {}}),
}


@pytest.mark.parametrize("change", ODD.values(), ids=list(ODD))
def test_of_what_no_recorder_writes_there_are_findings_and_no_exception(shop, change):
    edit(shop, lambda document: change(first(document)))
    assert all(finding.cassette == str(shop) for finding in verify(shop))
