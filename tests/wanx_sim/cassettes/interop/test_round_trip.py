"""Ours to HAR and VCR and back are the same jobs; what we export, the tools themselves replay."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import cassetter
import httpx
import pytest
import requests
import vcr
import yaml
from hypothesis import given, settings, strategies as st

from wanx_client import WanxClient
from wanx_sim import Cassette, Fault, Recorder
from wanx_sim.cassettes import secrets
from wanx_sim.cassettes.format import Exchange, Job, State
from wanx_sim.cassettes.interop.exporting import export_file
from wanx_sim.cassettes.interop.importing import import_files
from wanx_sim.cassettes.matching import canonical
from wanx_sim.wire import Response

BEIJING = "https://dashscope.aliyuncs.com"
CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
SUFFIXES = ["har", "yaml"]
SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512", "prompt_extend": False, "n": 1, "seed": 7}


def and_back(cassette, suffix, folder):
    """A cassette of what an export of another holds."""
    path = folder / f"exported.{suffix}"
    export_file(cassette, path)
    back = Cassette(folder / "back")
    import_files([path], back)
    return Cassette.load(back.path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_recorded_jobs_come_back_with_their_pictures(record, tmp_path, suffix):
    marks = ["[[fail:InternalError.Algo]]", "[[partial:1]]", "[[moderation]]", ""]
    jobs = [{"prompt": f"{mark} 一间花店", "n": 2} for mark in marks if "moderation" not in mark]
    recording = record(*jobs, "另一间花店", "另一间花店", timing="seconds:1.5,2.25", every=0.733)
    cassette = recording.cassette
    back = and_back(cassette, suffix, tmp_path)
    assert back.jobs == cassette.jobs
    assert len(back.jobs) == 5
    for job in back.jobs:
        assert [back.image(image) for image in job.images] == [
            cassette.image(image) for image in job.images
        ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_all_that_is_no_job_comes_back(sim, clock, talk, library, tmp_path, suffix):
    recorder = Recorder(sim, library / "shop", clock=clock)
    client = talk(recorder)
    client.create(size="1*1")
    sim.faults.add(Fault(on="query", code="Throttling.RateQuota", nth=2))
    troubled = client.submit()
    for _ in range(4):
        client.poll(troubled)
    sim.timing = "manual"
    task_id = client.submit("要取消的花店")
    client.ask("POST", f"/api/v1/tasks/{task_id}/cancel")
    client.poll(task_id)
    client.poll("11111111-1111-4111-8111-111111111111")
    client.ask("GET", "/api/v1/tasks?page_no=1&page_size=10")
    recorder.close()
    cassette = Cassette.load(library / "shop")
    assert [entry.operation for entry in cassette.interactions if isinstance(entry, Exchange)] == [
        "create",
        "cancel",
        "query",
        "list",
    ]
    assert and_back(cassette, suffix, tmp_path).interactions == cassette.interactions


def test_a_lost_answer_comes_back_from_har_and_is_left_out_of_vcr(sim, talk, library, tmp_path):
    recorder = Recorder(sim, library / "shop", clock=sim.clock)
    with pytest.raises(httpx.RemoteProtocolError):
        talk(recorder).create("[[lost-response]] 花店")
    recorder.close()
    cassette = Cassette.load(library / "shop")
    assert and_back(cassette, "har", tmp_path).interactions == cassette.interactions
    exported = export_file(cassette, tmp_path / "shop.yaml")
    assert exported.skipped == {"requests whose connection broke, which VCR has no way to say": 1}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_gateway_s_page_comes_back(scripted, talk, library, tmp_path, suffix):
    page = Response(502, (("content-type", "text/html"),), "<html>坏</html>".encode())
    recorder = Recorder(scripted(page), library / "shop")
    talk(recorder).create()
    recorder.close()
    cassette = Cassette.load(library / "shop")
    back = and_back(cassette, suffix, tmp_path)
    assert back.interactions == cassette.interactions


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_job_whose_picture_was_never_loaded_stays_incomplete(
    record, sim, tmp_path, suffix, scripted, talk, library
):
    created = {"output": {"task_status": "PENDING", "task_id": "t-1"}, "request_id": "r"}
    url = "https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/1d/a.png?Expires=1"
    done = {"output": {"task_id": "t-1", "task_status": "SUCCEEDED", "results": [{"url": url}]}}
    recorder = Recorder(scripted(created, done, Response(404)), library / "shop")
    client = talk(recorder)
    client.submit()
    client.poll("t-1")
    recorder.close()
    (job,) = and_back(Cassette.load(library / "shop"), suffix, tmp_path).jobs
    assert (job.complete, job.trouble) == (False, "result 0: the file does not hold it")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_hashed_prompts_come_back_as_hashes(sim, talk, library, tmp_path, suffix):
    recorder = Recorder(sim, library / "shop", clock=sim.clock, redact_prompts=True)
    talk(recorder).job("一间花店")
    recorder.close()
    cassette = Cassette.load(library / "shop")
    assert and_back(cassette, suffix, tmp_path).jobs == cassette.jobs


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_export_is_the_same_each_time(record, tmp_path, suffix):
    cassette = record("一间花店").cassette
    made = []
    for name in ("one", "two"):
        export_file(cassette, tmp_path / f"{name}.{suffix}")
        made.append((tmp_path / f"{name}.{suffix}").read_bytes())
    assert made[0] == made[1]


def test_a_cassette_of_singapore_keeps_its_hosts(record, tmp_path):
    recording = record("一间花店")
    text = recording.path.read_text(encoding="utf-8")
    moved = recording.path.with_name("singapore.json")
    moved.write_text(text.replace('"host": ""', '"host": "dashscope-intl.aliyuncs.com"'), "utf-8")
    export_file(Cassette.load(moved), tmp_path / "shop.har")
    entries = json.loads((tmp_path / "shop.har").read_text(encoding="utf-8"))["log"]["entries"]
    hosts = [entry["request"]["url"].split("/")[2] for entry in entries]
    assert hosts == ["dashscope-intl.aliyuncs.com"] * 4 + [
        "dashscope-result-sgp.oss-ap-southeast-1.aliyuncs.com"
    ]


# --- the tools replay it --------------------------------------------------------------------------


@pytest.fixture
def exported(record, tmp_path):
    """A recording, and its export to VCR YAML."""
    recording = record({"prompt": "一间花店", "n": 2}, timing="seconds:10,20", every=5.0)
    path = tmp_path / "shop.yaml"
    export_file(recording.cassette, path)
    return recording, path


TOOLS = {
    "vcrpy": lambda path: vcr.use_cassette(str(path), record_mode="none"),
    "cassetter": lambda path: cassetter.use_cassette(str(path), record_mode="none"),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_our_own_client_is_replayed_by_the_tools(exported, tmp_path, tool):
    recording, path = exported
    with TOOLS[tool](path), WanxClient("sk-anything", sleep=lambda _: None) as client:
        seen = []
        task = client.generate(
            "一间花店", **SMALL | {"n": 2}, on_update=lambda t: seen.append(t.status)
        )
        files = client.download(task, tmp_path)
    assert task.id == recording.task_id
    assert seen[-3:] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert [file.read_bytes() for file in files] == recording.pictures[0]


def test_requests_is_replayed_by_vcrpy(exported):
    recording, path = exported
    with vcr.use_cassette(str(path), record_mode="none"), requests.Session() as client:
        task_id = client.post(BEIJING + CREATE, json={}).json()["output"]["task_id"]
        url = f"{BEIJING}/api/v1/tasks/{task_id}"
        outputs = [client.get(url).json()["output"] for _ in range(3)]
        pictures = [client.get(result["url"]).content for result in outputs[-1]["results"]]
    assert [output["task_status"] for output in outputs] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert pictures == recording.pictures[0]


def test_what_vcrpy_reads_of_an_export_is_what_is_in_it(exported):
    """Its loader is safe, and knows no tag but those of plain data."""
    _, path = exported
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["version"] == 1


# --- HAR 1.2 --------------------------------------------------------------------------------------


def test_a_har_has_every_field_that_the_specification_demands(record, tmp_path):
    export_file(record("一间花店").cassette, tmp_path / "shop.har")
    log = json.loads((tmp_path / "shop.har").read_text(encoding="utf-8"))["log"]
    assert log["version"] == "1.2"
    assert set(log["creator"]) == {"name", "version"}
    asked = {"method", "url", "httpVersion", "cookies", "headers", "queryString"}
    answered = {"status", "statusText", "httpVersion", "cookies", "headers", "content"}
    answered |= {"redirectURL"}
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "cache", "timings"} <= set(entry)
        assert {"send", "wait", "receive"} <= set(entry["timings"])
        assert asked | {"headersSize", "bodySize"} <= set(entry["request"])
        assert answered | {"headersSize", "bodySize"} <= set(entry["response"])
        assert {"size", "mimeType"} <= set(entry["response"]["content"])
        datetime.fromisoformat(entry["startedDateTime"])
    starts = [entry["startedDateTime"] for entry in log["entries"]]
    assert starts == sorted(starts)
    picture = log["entries"][-1]["response"]["content"]
    assert (picture["mimeType"], picture["encoding"]) == ("image/png", "base64")


# --- any job --------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40).filter(
    lambda text: not secrets.kinds(text)
)
PARAMETERS = {
    "n": st.integers(1, 4),
    "seed": st.integers(0, 2**31 - 1),
    "size": texts,
    "watermark": st.booleans(),
    "of_next_year": st.integers(-9, 9) | st.booleans() | texts | st.floats(-9, 9) | st.none(),
}
codes = st.sampled_from(["Throttling.RateQuota", "InternalError.Algo", "花"])
milliseconds = st.integers(0, 10**7).map(lambda number: number / 1000)


@st.composite
def jobs(draw, number):
    """Jobs without pictures: whatever a recorder may have seen, but each state as new."""
    task_id = str(UUID(int=number, version=4))
    form = {"model": draw(st.sampled_from(["wan2.2-t2i-flash", "another", "花店"]))}
    parameters = draw(st.fixed_dictionaries({}, optional=PARAMETERS))
    body = json.dumps(form | {"input": {"prompt": draw(texts)}, "parameters": parameters}).encode()
    offsets = sorted(draw(st.lists(milliseconds, min_size=1, max_size=4, unique=True)))
    states = []
    for place, offset in enumerate(offsets):
        if place == len(offsets) - 1:
            output = {"task_id": task_id, "task_status": "FAILED", "message": draw(texts)}
        elif draw(st.booleans()) and states and states[-1].status == 200:
            says = {"code": draw(codes), "message": draw(texts)}
            states.append(State(offset=offset, status=429, body=says))
            continue
        else:
            output = {"task_id": task_id, "task_status": "RUNNING", "message": str(place)}
        states.append(State(offset=offset, body={"output": output}))
    created = {"output": {"task_status": "PENDING", "task_id": task_id}, "request_id": "r"}
    start = datetime(2025, 10, 28, 4, 0, tzinfo=UTC) + timedelta(
        milliseconds=draw(st.integers(0, 9))
    )
    return Job(
        at=start + timedelta(hours=number * 4),
        request=canonical(body),
        created=created,
        states=states,
        images=[],
        price=Decimal("0.14"),
        complete=True,
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_jobs_come_back_as_they_were(tmp_path_factory, suffix, data):
    folder = tmp_path_factory.mktemp("any")
    cassette = Cassette(folder / "shop")
    made = [data.draw(jobs(number)) for number in range(data.draw(st.integers(1, 3)))]
    cassette.extend(made, {})
    back = and_back(Cassette.load(cassette.path), suffix, folder).jobs
    found = [(job.at, job.request, job.created, job.states, job.complete) for job in back]
    assert found == [(job.at, job.request, job.created, job.states, True) for job in made]
