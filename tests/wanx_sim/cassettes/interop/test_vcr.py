"""VCR YAML that vcrpy and cassetter wrote themselves becomes jobs."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256

import pytest
import yaml
from vcr.serializers import jsonserializer, yamlserializer

from wanx_sim import Cassette, Fault, ManualClock, Player, Timing
from wanx_sim.cassettes.interop import plain_yaml
from wanx_sim.cassettes.interop.exporting import export_file
from wanx_sim.cassettes.interop.importing import import_files
from wanx_sim.errors import CassetteError

TOOLS = ["vcrpy", "cassetter"]
CLIENTS = ["httpx", "httpx2", "requests"]


def statuses(job):
    return [state.task_status or state.status for state in job.states]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_recorded_job_replays_for_a_client_of_another_pace(
    tape, take_over, talk, sim, tool, client
):
    with tape(tool, client) as shop:
        shop.order("一间花店，木门")
    cassette, _ = take_over(shop.path)
    (job,) = cassette.jobs
    assert (job.task_id, job.complete) == (shop.task_ids[0], True)
    assert job.request["input"] == {"prompt": "一间花店，木门"}
    again = talk(Player(cassette, pace="instant", clock=ManualClock()))
    output = again.job("一间花店，木门", n=1, seed=7)
    assert again.pictures(output) == shop.pictures
    assert job.images[0].sha256 == sha256(shop.pictures[0]).hexdigest()


@pytest.mark.parametrize("every", [0.5, 1.0, 7.0])
def test_polls_at_any_pace_are_the_same_states_with_the_offsets_of_the_service_s_own_clock(
    tape, take_over, sim, every
):
    sim.timing = Timing.parse("seconds:10,20")
    with tape("vcrpy", every=every) as shop:
        shop.order()
    (job,) = take_over(shop.path)[0].jobs
    assert statuses(job) == ["PENDING", "RUNNING", "SUCCEEDED"]
    first = [0.0, -(-10 // every) * every, -(-30 // every) * every]
    assert [state.offset for state in job.states] == pytest.approx(first, abs=0.0015)


def test_cassetter_s_interactions_stand_by_url_and_are_read_by_time(tape, take_over):
    with tape("cassetter") as shop:
        shop.order()
        shop.order("[[fail:InternalError.Algo]] 花店")
    written = yaml.safe_load(shop.path.read_text(encoding="utf-8"))["interactions"]
    assert written[0]["request"]["method"] == "GET"
    jobs = take_over(shop.path)[0].jobs
    assert [job.task_id for job in jobs] == shop.task_ids
    assert [statuses(job)[-1] for job in jobs] == ["SUCCEEDED", "FAILED"]


@pytest.mark.parametrize("tool", TOOLS)
def test_errors_throttled_polls_and_cancels_come_along(tape, take_over, sim, tool):
    with tape(tool) as shop:
        shop.create("花店", size="1*1")
        sim.faults.add(Fault(on="query", code="Throttling.RateQuota", nth=2))
        shop.order()
        sim.timing = "manual"
        task_id = shop.create("要取消的花店").json()["output"]["task_id"]
        shop.ask("POST", f"/api/v1/tasks/{task_id}/cancel")
        shop.ask("GET", f"/api/v1/tasks/{task_id}")
    cassette, (imported,) = take_over(shop.path)
    first, second = cassette.jobs
    assert statuses(first) == ["PENDING", 429, "RUNNING", "SUCCEEDED"]
    assert statuses(second) == ["CANCELED"]
    kept = [(entry.operation, entry.status) for entry in imported.exchanges]
    assert kept == [("create", 400), ("cancel", 200)]
    assert imported.skipped == {}


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_not_of_this_api_is_skipped_and_counted(tape, take_over, sim, tool):
    with tape(tool) as shop:
        shop.ask("GET", "/api/v1/tasks/of-somebody-else")
        shop.client.get(f"{shop.base}/_sim/health")
        shop.order()
        shop.client.get(f"{shop.base}/oss/dashscope-result-bj/another.png?Expires=1")
    _, (imported,) = take_over(shop.path)
    assert len(imported.jobs) == 1
    assert imported.skipped == {
        "not of the text-to-image API": 1,
        "pictures of no job in the file": 1,
    }
    assert [entry.operation for entry in imported.exchanges] == ["query"]  # it was UNKNOWN


def test_polls_without_a_create_are_counted(tape, take_over):
    with tape() as shop:
        shop.order()
    document = yaml.safe_load(shop.path.read_text(encoding="utf-8"))
    kept = document["interactions"][1:]
    for interaction in kept:
        interaction["request"]["uri"] = interaction["request"]["uri"].replace(
            shop.base, "https://dashscope.aliyuncs.com"
        )
    shop.path.write_text(yamlserializer.serialize(document | {"interactions": kept}))
    cassette, (imported,) = take_over(shop.path)
    assert not cassette.exists
    assert imported.skipped["polls of tasks whose create was not taken over"] == 3


def test_a_job_whose_picture_is_not_in_the_file_is_kept_and_says_so(tape, take_over):
    with tape() as shop:
        shop.order(n=2)
    document = yaml.safe_load(shop.path.read_text(encoding="utf-8"))
    del document["interactions"][-1]
    shop.path.write_text(yamlserializer.serialize(document))
    (job,) = take_over(shop.path)[0].jobs
    assert not job.complete
    assert job.trouble == "result 1: the file does not hold it"
    assert [image.sha256 for image in job.images] == [sha256(shop.pictures[0]).hexdigest()]


def test_a_signature_that_was_filtered_does_not_hide_a_picture(tape, take_over):
    with tape() as shop:
        shop.order()
    document = yaml.safe_load(shop.path.read_text(encoding="utf-8"))
    picture = document["interactions"][-1]["request"]
    picture["uri"] = picture["uri"].partition("?")[0]
    shop.path.write_text(yamlserializer.serialize(document))
    assert take_over(shop.path)[0].jobs[0].complete


def test_headers_that_were_filtered_do_not_make_a_create_synchronous(tape, take_over):
    with tape() as shop:
        shop.order()
    document = yaml.safe_load(shop.path.read_text(encoding="utf-8"))
    for interaction in document["interactions"]:
        interaction["request"]["headers"] = {}
    shop.path.write_text(yamlserializer.serialize(document))
    assert "synchronous" not in take_over(shop.path)[0].jobs[0].request


def packed(document):
    """As vcrpy writes what was gzipped on the wire, which the live service does."""
    for interaction in document["interactions"]:
        response = interaction["response"]
        if "json" in response["headers"]["content-type"][0]:
            response["headers"]["content-encoding"] = ["gzip"]
            response["body"] = {"string": gzip.compress(response["body"]["string"].encode())}
    return document


def old_httpx(document):
    """As vcrpy's httpx stub wrote it before version 6."""
    for interaction in document["interactions"]:
        response = interaction["response"]
        interaction["response"] = {
            "content": response["body"]["string"],
            "headers": response["headers"],
            "http_version": "HTTP/1.1",
            "status_code": response["status"]["code"],
        }
    return document


@pytest.mark.parametrize("spelling", [packed, old_httpx])
def test_other_spellings_of_vcrpy_are_the_same_jobs(tape, take_over, spelling):
    with tape() as shop:
        shop.order()
    before, _ = take_over(shop.path)
    document = yaml.safe_load(shop.path.read_text(encoding="utf-8"))
    shop.path.write_text(yamlserializer.serialize(spelling(document)))
    after, _ = take_over(shop.path, name="other")
    assert after.jobs == before.jobs


def test_vcrpy_s_json_is_read_too(tape, take_over):
    with tape() as shop:
        shop.order("[[fail:InternalError.Algo]] 花店 🎨")
    document = yaml.safe_load(shop.path.read_text(encoding="utf-8"))
    before, _ = take_over(shop.path)
    shop.path.write_text(jsonserializer.serialize(document))
    after, (imported,) = take_over(shop.path, name="other")
    assert (after.jobs, imported.format) == (before.jobs, "vcr")


def test_a_packing_that_is_not_known_is_a_reason(tape, take_over):
    with tape() as shop:
        shop.create()
    document = yaml.safe_load(shop.path.read_text(encoding="utf-8"))
    document["interactions"][0]["response"]["headers"]["content-encoding"] = ["br"]
    shop.path.write_text(yamlserializer.serialize(document))
    _, (imported,) = take_over(shop.path)
    assert imported.skipped == {"its answer is packed in a way that is not known here": 1}


PROMPTS = ["yes", "012", "08", "1_000", "12:30:45", "2025-10-28", "1e3", "~", "<<", "=", "null"]
PROMPTS += [
    "花\n店",
    " 花店 ",
    "🎨",
    "花\u2028店",
    "'\"",
    "# 花",
    "- 花",
    "&a",
    "!!binary eA==",
    "{花}",
]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_prompt_is_the_same_whatever_yaml_would_make_of_it(tape, take_over, tool):
    with tape(tool) as shop:
        for prompt in PROMPTS:
            shop.create(prompt)
    jobs = take_over(shop.path)[0].jobs
    assert [job.request["input"]["prompt"] for job in jobs] == PROMPTS


def test_without_libyaml_it_is_the_same(tape, take_over, record, tmp_path, monkeypatch):
    with tape() as shop:
        shop.order("一间花店 🎨")
    export_file(record("一间花店").cassette, tmp_path / "fast.yaml")
    before, _ = take_over(shop.path)
    monkeypatch.delattr(yaml, "CSafeLoader")
    monkeypatch.delattr(yaml, "CSafeDumper")
    plain_yaml._loader.cache_clear()
    after, _ = take_over(shop.path, name="other")
    export_file(record("一间花店").cassette, tmp_path / "slow.yaml")
    plain_yaml._loader.cache_clear()
    assert after.jobs == before.jobs
    loaded = [yaml.safe_load((tmp_path / name).read_bytes()) for name in ("fast.yaml", "slow.yaml")]
    assert loaded[0] == loaded[1]


def test_what_has_no_time_at_all_is_of_the_file_s_own(tape, take_over):
    with tape() as shop:
        shop.order()
    document = yaml.safe_load(shop.path.read_text(encoding="utf-8"))
    for interaction in document["interactions"]:
        interaction["response"]["headers"] = {}
    shop.path.write_text(yamlserializer.serialize(document))
    (job,) = take_over(shop.path)[0].jobs
    assert job.at.timestamp() == pytest.approx(shop.path.stat().st_mtime, abs=0.001)
    assert [state.offset for state in job.states] == [0.0, 0.0, 0.0]


# --- into a cassette that is there ----------------------------------------------------------------


def test_a_file_that_is_imported_twice_changes_nothing(tape, take_over):
    with tape() as shop:
        shop.create("花店", size="1*1")
        shop.order()
    cassette, _ = take_over(shop.path)
    before = cassette.path.read_bytes()
    _, made = take_over(shop.path, shop.path)
    assert [imported.known for imported in made] == [2, 2]
    assert cassette.path.read_bytes() == before


def test_a_job_that_is_complete_takes_the_place_of_one_that_is_not(tape, take_over):
    with tape() as shop:
        shop.order("一间花店")
        shop.order("另一间花店")
    whole = shop.path.read_text(encoding="utf-8")
    document = yaml.safe_load(whole)
    part = {"interactions": document["interactions"][:2], "version": 1}
    shop.path.write_text(yamlserializer.serialize(part))
    cassette, _ = take_over(shop.path)
    assert [job.complete for job in cassette.jobs] == [False]
    shop.path.write_text(whole, encoding="utf-8")
    cassette, _ = take_over(shop.path)
    assert [(job.task_id, job.complete) for job in cassette.jobs] == [
        (task_id, True) for task_id in shop.task_ids
    ]


def test_jobs_are_added_to_those_that_were_recorded(tape, take_over, record):
    recording = record("录好的花店", seed=5)
    with tape() as shop:
        shop.order()
    import_files([shop.path], Cassette(recording.path))
    assert [job.task_id for job in recording.cassette.jobs] == [recording.task_id, *shop.task_ids]


def test_nothing_is_written_if_the_second_file_is_damaged(tape, take_over, library, tmp_path):
    with tape() as shop:
        shop.order()
    bad = tmp_path / "bad.yaml"
    bad.write_text("interactions: [1]")
    with pytest.raises(
        CassetteError, match=r"bad.yaml: interaction 1: Expected `object`, got `str`"
    ):
        take_over(shop.path, bad)
    assert not library.exists()


def test_nothing_stays_if_the_cassette_cannot_be_written(tape, take_over, library, monkeypatch):
    with tape() as shop:
        shop.order("一间花店")
    take_over(shop.path)
    before = {path: path.read_bytes() for path in library.rglob("*") if path.is_file()}
    with tape("cassetter") as shop:
        shop.order("另一间花店")

    def full(path, content):
        raise CassetteError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr("wanx_sim.cassettes.cassette.write", full)
    with pytest.raises(CassetteError, match="No space left"):
        take_over(shop.path)
    assert {path: path.read_bytes() for path in library.rglob("*") if path.is_file()} == before


def test_two_files_in_one_command_are_one_write(tape, take_over, sim):
    with tape("vcrpy") as first:
        first.order("一间花店")
    with tape("cassetter") as second:
        second.order("另一间花店")
    cassette, made = take_over(first.path, second.path)
    assert [job.task_id for job in cassette.jobs] == [*first.task_ids, *second.task_ids]
    assert [len(imported.jobs) for imported in made] == [1, 1]


@pytest.mark.parametrize("kept", ["thumbnail", "placeholder"])
def test_pictures_are_kept_as_they_are_told_to(tape, take_over, library, kept):
    with tape() as shop:
        shop.order()
    (job,) = take_over(shop.path, pictures=kept)[0].jobs
    assert job.images[0].kept == kept
    assert job.images[0].sha256 == sha256(shop.pictures[0]).hexdigest()
    assert len(list(library.rglob("*.png"))) == (kept == "thumbnail")


def test_a_dry_run_says_the_same_and_writes_nothing(tape, take_over, library):
    with tape() as shop:
        shop.order()
    _, (imported,) = take_over(shop.path, dry_run=True)
    assert (len(imported.jobs), imported.known) == (1, 0)
    assert not library.exists()


def test_prompts_can_be_hashed(tape, take_over, library, talk):
    with tape() as shop:
        shop.order("一间花店")
    cassette, _ = take_over(shop.path, redact_prompts=True)
    assert "花店" not in cassette.path.read_text(encoding="utf-8")
    assert talk(Player(cassette)).job("一间花店")["results"][0]["orig_prompt"] == "一间花店"


def test_json_of_a_file_is_the_service_s_own(tape, take_over):
    """The order of keys is that of the wire: cassetter keeps it as YAML, vcrpy as text."""
    outputs = []
    for tool in TOOLS:
        with tape(tool) as shop:
            shop.order("[[fail:InternalError.Algo]] 花店")
        (job,) = take_over(shop.path, name=tool)[0].jobs
        outputs.append(json.dumps(list(job.states[-1].body["output"])))
    assert outputs[0] == outputs[1]
