"""The player: recorded jobs, answered at any pace, with pictures that load and expire."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from functools import partial
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from wanx_client import (
    AsyncWanxClient,
    ExpiredUrlError,
    ImageFailure,
    InvalidRequestError,
    TaskFailedError,
    WanxClient,
)
from wanx_sim import (
    Cassette,
    CassetteError,
    CassetteMissError,
    Fault,
    ManualClock,
    Player,
    Recorder,
    Simulator,
    WanxSimError,
)

BEIJING = "https://dashscope.aliyuncs.com"
TASKS = "/api/v1/tasks"
ZONE = timezone(timedelta(hours=8))
SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512", "seed": 7, "prompt_extend": False}
SECONDS = {"timing": "seconds:10,20", "every": 10.0}

# Of two answers to the same poll, one live and one replayed, only these may differ.
MINTED = ("submit_time", "scheduled_time", "end_time")


def lasting(output):
    """What of an output must be the same in every replay."""
    kept = {name: value for name, value in output.items() if name not in MINTED}
    results = [dict(result) for result in kept.get("results", [])]
    for result in results:
        if "url" in result:
            result["url"] = "a link"
    return kept | ({"results": results} if results else {})


def distinct(outputs):
    """The outputs without those that only repeat the one before."""
    found = []
    for output in map(lasting, outputs):
        if not found or found[-1] != output:
            found.append(output)
    return found


def statuses(outputs):
    return [output["task_status"] for output in outputs]


def moments(output):
    """An output's times in epoch seconds."""
    return {
        name: datetime.fromisoformat(output[name]).replace(tzinfo=ZONE).timestamp()
        for name in MINTED
        if name in output
    }


@pytest.fixture(scope="module")
def flower_shop(record):
    """One job: ten seconds PENDING, twenty RUNNING, polled every ten."""
    return record("一间花店", **SECONDS)


# --- what was recorded is what is replayed --------------------------------------------------------


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    timing=st.sampled_from(["instant", "polls:0,0", "polls:2,0", "polls:3,2", "seconds:4,9"]),
    every=st.sampled_from([0.1, 1.0, 10.0]),
    later=st.floats(0, 1e7),
    pauses=st.lists(st.floats(0, 600), max_size=5),
)
def test_a_replay_shows_the_recorded_states_and_bytes(record, timing, every, later, pauses):
    recording = record("[[partial:1]] 花店", timing=timing, every=every)
    clock = recording.clock
    clock.advance(later)
    player = Player(recording.path, clock=clock)
    with httpx.Client(transport=player.transport()) as client:
        headers = {"authorization": "Bearer sk-any", "x-dashscope-async": "enable"}
        body = {"model": "wan2.2-t2i-flash", "input": {"prompt": "[[partial:1]] 花店"}}
        asked = {"n": 1, "seed": 7, "size": "512*512", "prompt_extend": False}
        url = f"{BEIJING}/api/v1/services/aigc/text2image/image-synthesis"
        created = client.post(url, headers=headers, json=body | {"parameters": asked}).json()
        assert created["output"] == {"task_status": "PENDING", "task_id": recording.task_id}
        outputs, waits = [], iter(pauses)
        while not outputs or outputs[-1]["task_status"] in ("PENDING", "RUNNING"):
            answer = client.get(f"{BEIJING}{TASKS}/{recording.task_id}", headers=headers)
            outputs.append(answer.json()["output"])
            clock.advance(next(waits, 0.0))
    assert distinct(outputs) == distinct(recording.histories[0])


@pytest.mark.parametrize("timing", ["instant", "polls:1,1", "seconds:4,9"])
def test_pictures_are_the_recorded_bytes(record, talk, timing):
    recording = record({"prompt": "花店", "n": 3}, timing=timing, every=5.0)
    client = talk(Player(recording.path))
    assert client.pictures(client.job("花店", n=3)) == recording.pictures[0]
    assert len(set(recording.pictures[0])) == 3


def test_ids_stay_as_they_were_recorded(flower_shop, talk):
    created = talk(Player(flower_shop.path)).create("一间花店").json()
    (job,) = flower_shop.cassette.jobs
    assert created == job.created
    assert created["output"]["task_id"] == flower_shop.task_id


def test_polls_have_request_ids_of_their_own(flower_shop, talk):
    client = talk(Player(flower_shop.path))
    task_id = client.submit("一间花店")
    assert len({client.poll(task_id)["request_id"] for _ in range(5)}) == 5


def test_a_partial_failure_is_replayed_with_its_codes_in_their_places(record, talk):
    recording = record({"prompt": "[[partial:2]] 花店", "n": 4})
    client = talk(Player(recording.path))
    output = client.job("[[partial:2]] 花店", n=4)
    assert lasting(output) == lasting(recording.histories[0][-1])
    assert ["url" in result for result in output["results"]] == [True, True, False, False]
    assert output["results"][3] == {
        "code": "InternalError.Timeout",
        "message": recording.histories[0][-1]["results"][3]["message"],
    }
    assert client.pictures(output) == recording.pictures[0]


def test_a_failed_job_is_replayed_as_failed(record):
    recording = record("[[fail:InternalError.Algo]] 花店")
    transport, clock = Player(recording.path).transport(), ManualClock()
    client = WanxClient("sk-a", transport=transport, sleep=clock.sleep)
    with client, pytest.raises(TaskFailedError) as caught:
        client.generate("[[fail:InternalError.Algo]] 花店", **SMALL)
    assert caught.value.code == "InternalError.Algo"
    assert recording.histories[0][-1]["message"] in caught.value.message
    assert caught.value.task_id == recording.task_id


def test_a_refused_create_is_replayed_as_it_was_refused(sim, clock, talk, library):
    recorder = Recorder(sim, library / "refused", clock=clock)
    live = talk(recorder).create(size="1*1")
    replayed = talk(Player(library / "refused")).create(size="1*1")
    assert (replayed.status_code, replayed.content) == (live.status_code, live.content)


def test_a_job_that_was_recorded_unfinished_stays_unfinished(sim, clock, talk, library):
    recorder = Recorder(sim, library / "open", clock=clock)
    client = talk(recorder)
    client.submit("never polled")
    client.poll(client.submit("polled once"))
    recorder.close()
    player = Player(library / "open")
    for prompt in ("never polled", "polled once"):
        client = talk(player)
        task_id = client.submit(prompt)
        assert [client.poll(task_id)["output"]["task_status"] for _ in range(4)] == ["PENDING"] * 4


# --- pace -----------------------------------------------------------------------------------------


def replayed(flower_shop, talk, pace, every):
    """The statuses of a replay that is polled every so many seconds."""
    player = Player(flower_shop.path, pace=pace, clock=ManualClock())
    client = talk(player)
    task_id, seen = client.submit("一间花店"), []
    for _ in range(8):
        seen.append(client.poll(task_id)["output"]["task_status"])
        player.clock.advance(every)
    return seen


@pytest.mark.parametrize("every", [0.0, 1.0, 3600.0])
def test_by_steps_each_poll_shows_the_next_state_whatever_time_passes(flower_shop, talk, every):
    seen = replayed(flower_shop, talk, "steps", every)
    assert seen == ["PENDING", "RUNNING", *["SUCCEEDED"] * 6]


def test_steps_is_the_pace_if_none_is_asked_for(flower_shop):
    assert Player(flower_shop.path).pace == "steps"


@pytest.mark.parametrize(
    ("pace", "every", "polls"),
    [
        ("recorded", 10.0, (1, 2)),
        ("recorded", 5.0, (2, 4)),
        ("recorded", 60.0, (1, 0)),
        (1, 10.0, (1, 2)),
        (10, 1.0, (1, 2)),
        ("10", 1.0, (1, 2)),
        (0.5, 20.0, (1, 2)),
    ],
)
def test_at_a_recorded_pace_states_come_as_time_passes(flower_shop, talk, pace, every, polls):
    pending, running = polls
    seen = replayed(flower_shop, talk, pace, every)
    rest = ["SUCCEEDED"] * (8 - pending - running)
    assert seen == ["PENDING"] * pending + ["RUNNING"] * running + rest


def test_before_the_first_recorded_state_a_task_is_as_it_was_created(sim, clock, talk, library):
    recorder = Recorder(sim, library / "late", clock=clock)
    client = talk(recorder)
    task_id = client.submit("花店")
    clock.advance(seconds=30)
    client.history(task_id)
    client = talk(Player(library / "late", pace="recorded", clock=clock))
    created = client.create("花店").json()
    assert client.poll(task_id)["output"] == created["output"]
    clock.advance(seconds=30)
    assert client.poll(task_id)["output"]["task_status"] == "SUCCEEDED"


def test_instantly_the_first_poll_shows_the_end(flower_shop, talk):
    assert set(replayed(flower_shop, talk, "instant", 0.0)) == {"SUCCEEDED"}


@pytest.mark.parametrize("pace", ["fast", "", "0", 0, -1, float("inf"), "nan", "-2"])
def test_a_pace_that_does_not_exist_is_refused_with_those_that_do(flower_shop, pace):
    with pytest.raises(ValueError, match="known: steps, recorded, instant, or how many times") as e:
        Player(flower_shop.path, pace=pace)
    assert str(pace) in str(e.value)


# --- times ----------------------------------------------------------------------------------------


def test_times_are_shifted_to_the_present_and_keep_their_distances(flower_shop, talk):
    clock = ManualClock()
    client = talk(Player(flower_shop.path, pace="recorded", clock=clock))
    began = clock.now()
    task_id = client.submit("一间花店")
    clock.advance(hours=1)
    seen = moments(client.poll(task_id)["output"])
    expected = {"submit_time": 0, "scheduled_time": 10, "end_time": 30}
    assert {name: seen[name] - began for name in seen} == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize("pace", ["steps", "instant", 1000])
def test_no_moment_lies_in_the_future(flower_shop, talk, pace):
    clock = ManualClock()
    client = talk(Player(flower_shop.path, pace=pace, clock=clock))
    task_id = client.submit("一间花店")
    for _ in range(4):
        seen = moments(client.poll(task_id)["output"])
        assert max(seen.values()) <= clock.now() + 0.001
        assert seen["submit_time"] == pytest.approx(clock.now(), abs=0.05 + 0.002)
        clock.advance(0.01)


def test_times_hold_where_the_service_s_clock_and_the_recorder_s_disagree(talk, start, library):
    simulator = Simulator(clock=ManualClock(start), timing="seconds:10,20")
    recorder = Recorder(simulator, library / "any", clock=ManualClock(start + timedelta(hours=5)))
    client = talk(recorder)
    task_id = client.submit("花店")
    simulator.clock.advance(seconds=60)
    client.history(task_id)
    clock = ManualClock()
    client = talk(Player(library / "any", pace="instant", clock=clock))
    client.submit("花店")
    began = clock.now()
    clock.advance(minutes=10)
    seen = moments(client.poll(task_id)["output"])
    expected = {"submit_time": 0, "scheduled_time": 10, "end_time": 30}
    assert {name: seen[name] - began for name in seen} == pytest.approx(expected, abs=0.002)


def test_a_time_that_cannot_be_read_is_left_as_it_is(flower_shop, talk, tmp_path):
    document = json.loads(flower_shop.path.read_bytes())
    for state in document["interactions"][0]["states"]:
        state["body"]["output"]["end_time"] = "yesterday"
    (tmp_path / "edited.json").write_text(json.dumps(document))
    client = talk(Player(tmp_path / "edited"))
    assert client.poll(flower_shop.task_id)["output"]["end_time"] == "yesterday"


# --- links ----------------------------------------------------------------------------------------


def first_link(client, prompt="一间花店"):
    return client.job(prompt)["results"][0]["url"]


def test_links_are_minted_afresh_for_the_host_that_is_asked(flower_shop, talk):
    player = Player(flower_shop.path)
    link = first_link(talk(player))
    assert link.startswith("https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/1d/")
    assert flower_shop.task_id in link
    assert link != flower_shop.histories[0][-1]["results"][0]["url"]
    public = Player(flower_shop.path, public_url="http://pictures.test:8965/")
    assert first_link(talk(public)).startswith("http://pictures.test:8965/oss/dashscope-result-bj/")


def test_a_cassette_of_singapore_links_to_singapore(record, talk, library):
    upstream = Simulator(region="singapore")
    url = "https://dashscope-intl.aliyuncs.com"
    recorder = Recorder(url, library / "intl", transport=upstream.transport())
    talk(recorder).job("花店")
    recorder.close()
    assert urlsplit(first_link(talk(Player(library / "intl")), "花店")).netloc == (
        "dashscope-result-sgp.oss-ap-southeast-1.aliyuncs.com"
    )


def test_links_expire_24_hours_after_the_job_ended(flower_shop, talk, clock):
    client = talk(Player(flower_shop.path, pace="recorded", clock=clock))
    task_id = client.submit("一间花店")
    clock.advance(hours=1)
    output = client.poll(task_id)["output"]
    link = output["results"][0]["url"]
    (expires,) = parse_qs(urlsplit(link).query)["Expires"]
    assert int(expires) == int(moments(output)["end_time"]) + 86_399
    clock.advance(int(expires) - clock.now())
    assert client.client.get(link).status_code == 200
    clock.advance(seconds=1)
    expired = client.client.get(link)
    assert expired.status_code == 403
    assert "<Message>Request has expired.</Message>" in expired.text


def test_a_link_stays_the_same_however_often_a_job_is_polled(flower_shop, talk):
    player = Player(flower_shop.path, clock=ManualClock())
    client = talk(player)
    link = first_link(client)
    player.clock.advance(hours=1)
    assert client.poll(flower_shop.task_id)["output"]["results"][0]["url"] == link


def test_a_link_with_another_signature_is_refused(flower_shop, talk):
    client = talk(Player(flower_shop.path))
    link = re.sub(r"Signature=[^&]*", "Signature=forged", first_link(client))
    assert client.client.get(link).status_code == 403
    assert "SignatureDoesNotMatch" in client.client.get(link).text
    assert client.client.get(link.partition("?")[0]).status_code == 403


def test_a_part_of_a_picture_can_be_asked_for(flower_shop, talk):
    client = talk(Player(flower_shop.path))
    (picture,) = flower_shop.pictures[0]
    answer = client.client.get(first_link(client), headers={"range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, picture[10:20])
    assert answer.headers["content-range"] == f"bytes 10-19/{len(picture)}"


def test_a_picture_that_was_changed_on_disk_is_not_handed_out(record, talk):
    recording = record("花店")
    client = talk(Player(recording.path))
    link = first_link(client, "花店")
    (file,) = recording.cassette.images_folder.iterdir()
    file.write_bytes(file.read_bytes()[::-1])
    with pytest.raises(CassetteError, match="its hash differs"):
        client.client.get(link)


def test_a_cassette_that_leads_out_of_its_library_hands_nothing_out(record, talk):
    recording = record("花店")
    (recording.path.parent.parent / "secret.png").write_bytes(b"secret")
    text = re.sub(r'"sha256": "\w+"', '"sha256": "../../secret"', recording.path.read_text())
    recording.path.write_text(text)
    client = talk(Player(recording.path))
    with pytest.raises(CassetteError, match=r"is damaged .* at `\$\.images\[0\]\.sha256`"):
        client.client.get(first_link(client, "花店"))


# --- matching -------------------------------------------------------------------------------------


@pytest.fixture
def missed(flower_shop, talk):
    """The error of a request that the flower shop's cassette does not answer."""

    def asked(*args, **parameters):
        with pytest.raises(CassetteMissError) as caught:
            talk(Player(flower_shop.path)).create(*args, **parameters)
        return str(caught.value)

    return asked


def test_a_miss_names_the_cassette_the_differences_and_the_command(missed, flower_shop):
    assert missed("一间书店", n=2, watermark=True) == (
        f"nothing in {flower_shop.path} answers this request. The nearest recorded one, in "
        f"{flower_shop.path}, differs in:\n"
        "  input.prompt          recorded '一间花店', asked '一间书店'\n"
        "  parameters.n          recorded 1, asked 2\n"
        "  parameters.watermark  recorded False, asked True\n"
        f"To record it: wanx-sim record --cassette {flower_shop.path} --upstream URL"
    )


def test_a_miss_is_explained_by_the_nearest_of_several_jobs(record, talk):
    recording = record({"prompt": "花店", "n": 2, "seed": 1}, {"prompt": "书店", "seed": 2})
    with pytest.raises(CassetteMissError) as caught:
        talk(Player(recording.path)).create("书店", seed=3)
    assert "recorded 2, asked 3" in str(caught.value)
    assert "花店" not in str(caught.value)


def test_a_miss_fails_a_test_and_is_no_error_of_a_network():
    assert issubclass(CassetteMissError, AssertionError)
    assert not issubclass(CassetteMissError, httpx.HTTPError | OSError | WanxSimError)


def test_an_empty_cassette_says_so(talk, tmp_path):
    with pytest.raises(CassetteMissError, match="holds nothing; record it"):
        talk(Player(Cassette(tmp_path / "empty"))).create()


def test_a_spelling_that_means_the_same_matches(flower_shop, talk):
    body = {
        "parameters": {"watermark": None, "seed": 7, "n": 1, "prompt_extend": False}
        | {"size": "512*512"},
        "input": {"negative_prompt": None, "prompt": "一间花店"},
        "model": "wan2.2-t2i-flash",
    }
    path = "/api/v1/services/aigc/text2image/image-synthesis"
    client = talk(Player(flower_shop.path))
    headers = {"x-dashscope-async": "enable"}
    assert client.ask("POST", path, json=body, headers=headers).status_code == 200


def test_a_field_that_is_ignored_need_not_match(flower_shop, talk):
    client = talk(Player(flower_shop.path, ignore=["parameters.seed", "input.prompt"]))
    assert client.submit("anything", seed=99) == flower_shop.task_id


def test_equal_requests_are_answered_in_the_order_of_their_recording(record, talk):
    recording = record("花店", "书店", "花店")
    client = talk(Player(recording.path))
    asked = [client.submit("花店"), client.submit("书店"), client.submit("花店")]
    assert asked == recording.task_ids
    assert [client.pictures(client.history(task_id)[-1]) for task_id in asked] == recording.pictures


def test_one_request_more_than_was_recorded_says_so(record, talk):
    recording = record("花店", "书店", "花店")
    client = talk(Player(recording.path))
    client.submit("花店")
    client.submit("花店")
    with pytest.raises(CassetteMissError) as caught:
        client.submit("花店")
    assert str(caught.value) == (
        f"{recording.path} holds this request 2 time(s), and it was asked for once more: record "
        "it again, or play with repeat=True"
    )


def test_with_repeat_a_job_is_replayed_from_its_beginning(flower_shop, talk):
    client = talk(Player(flower_shop.path, repeat=True))
    for _ in range(3):
        assert statuses(client.history(client.submit("一间花店"))) == [
            "PENDING",
            "RUNNING",
            "SUCCEEDED",
        ]


def test_what_was_not_asked_for_is_unused(record, talk):
    recording = record("花店", "书店", "茶馆")
    player = Player(recording.path)
    assert len(player.unused) == 3
    talk(player).submit("花店")
    talk(player).poll(recording.task_ids[1])  # resumed: used as well
    assert [job.task_id for job in player.unused] == [recording.task_ids[2]]


# --- polls, cancels, lists ------------------------------------------------------------------------


def test_a_job_can_be_resumed_without_its_create(flower_shop, talk):
    client = talk(Player(flower_shop.path))
    outputs = client.history(flower_shop.task_id)
    assert distinct(outputs) == distinct(flower_shop.histories[0])
    assert client.pictures(outputs[-1]) == flower_shop.pictures[0]


def test_a_task_that_was_not_recorded_is_a_miss(flower_shop, talk):
    with pytest.raises(CassetteMissError, match="/api/v1/tasks/no-such-task"):
        talk(Player(flower_shop.path)).poll("no-such-task")


def test_a_task_that_was_recorded_as_unknown_is_unknown_however_often(sim, clock, talk, library):
    recorder = Recorder(sim, library / "unknown", clock=clock)
    recorded = [talk(recorder).poll("no-such-task")["output"] for _ in range(3)]
    assert len(recorder.cassette.interactions) == 1
    client = talk(Player(library / "unknown"))
    assert [client.poll("no-such-task")["output"] for _ in range(3)] == recorded


def test_a_task_is_forgotten_24_hours_after_its_submission(flower_shop, talk):
    clock = ManualClock()
    client = talk(Player(flower_shop.path, clock=clock))
    task_id = client.submit("一间花店")
    client.history(task_id)
    clock.advance(hours=24)
    assert client.poll(task_id)["output"]["task_status"] == "UNKNOWN"


def test_a_replayed_task_can_be_cancelled_while_it_shows_pending(flower_shop, talk):
    client = talk(Player(flower_shop.path))
    task_id = client.submit("一间花店")
    assert client.ask("POST", f"{TASKS}/{task_id}/cancel").status_code == 200
    assert [client.poll(task_id)["output"]["task_status"] for _ in range(2)] == ["CANCELED"] * 2


def test_a_replayed_task_that_runs_cannot_be_cancelled(flower_shop, talk):
    client = talk(Player(flower_shop.path))
    task_id = client.submit("一间花店")
    while client.poll(task_id)["output"]["task_status"] == "PENDING":
        pass
    answer = client.ask("POST", f"{TASKS}/{task_id}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (400, "UnsupportedOperation")
    assert client.history(task_id)[-1]["task_status"] == "SUCCEEDED"


@pytest.mark.parametrize("polls", [0, 1, 5])
def test_a_recorded_cancel_takes_effect_when_it_is_asked_for(sim, clock, talk, library, polls):
    sim.timing = "manual"
    recorder = Recorder(sim, library / "cancel", clock=clock)
    recording = talk(recorder)
    task_id = recording.submit()
    recording.poll(task_id)
    recording.ask("POST", f"{TASKS}/{task_id}/cancel")
    recorded = recording.poll(task_id)["output"]
    player = Player(library / "cancel")
    client = talk(player)
    client.submit()
    before = [client.poll(task_id)["output"]["task_status"] for _ in range(polls)]
    assert before == ["PENDING"] * polls
    assert client.ask("POST", f"{TASKS}/{task_id}/cancel").status_code == 200
    assert client.poll(task_id)["output"].keys() == recorded.keys()
    assert client.poll(task_id)["output"]["task_status"] == "CANCELED"
    assert player.unused == []


def test_what_is_forgotten_cannot_be_cancelled(flower_shop, talk):
    clock = ManualClock()
    client = talk(Player(flower_shop.path, clock=clock))
    task_id = client.submit("一间花店")
    clock.advance(hours=24)
    assert client.ask("POST", f"{TASKS}/{task_id}/cancel").status_code == 400


def test_the_list_shows_the_newest_task_first(record, talk):
    recording, clock = record("花店", "书店"), ManualClock()
    client = talk(Player(recording.path, clock=clock))
    for prompt in ("花店", "书店"):
        client.submit(prompt)
        clock.advance(60)
    rows = client.ask("GET", TASKS).json()["data"]
    assert [row["task_id"] for row in rows] == recording.task_ids[::-1]


def test_the_list_shows_the_tasks_that_were_asked_for_as_their_polls_do(record, talk):
    recording = record("花店", "书店", "never asked for")
    client = talk(Player(recording.path, clock=ManualClock()))
    assert client.ask("GET", TASKS).json()["total"] == 0
    client.job("花店")
    client.submit("书店")
    listed = client.ask("GET", TASKS).json()
    assert {row["task_id"]: row["status"] for row in listed["data"]} == {
        recording.task_ids[0]: "SUCCEEDED",
        recording.task_ids[1]: "PENDING",
    }
    running = client.ask("GET", f"{TASKS}?status=RUNNING").json()
    assert (running["total"], running["data"]) == (0, [])


def test_a_throttled_poll_is_replayed_once_between_the_states(sim, clock, talk, library):
    recorder = Recorder(sim, library / "throttled", clock=clock)
    recording = talk(recorder)
    task_id = recording.submit()
    recording.poll(task_id)
    sim.faults.add(Fault(on="query", code="Throttling.RateQuota"))
    recording.poll(task_id)
    recording.history(task_id)
    client = talk(Player(library / "throttled"))
    client.submit()
    answers = [client.ask("GET", f"{TASKS}/{task_id}") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 429, 200, 200, 200]
    clock.advance(hours=1)
    timed = talk(Player(library / "throttled", pace="recorded", clock=clock))
    timed.submit()
    answers = [timed.ask("GET", f"{TASKS}/{task_id}").status_code for _ in range(3)]
    assert answers == [429, 200, 200]
    instant = talk(Player(library / "throttled", pace="instant"))
    assert instant.job()["task_status"] == "SUCCEEDED"


def test_requests_are_refused_as_the_service_would_refuse_them(flower_shop, talk):
    client = talk(Player(flower_shop.path))
    refused = {
        "no key": client.ask("GET", f"{TASKS}/t", headers={"authorization": ""}),
        "synchronous": client.ask("POST", "/api/v1/services/aigc/text2image/image-synthesis"),
        "no path": client.ask("GET", "/no/such/path"),
        "method": client.ask("DELETE", TASKS),
    }
    assert {name: answer.status_code for name, answer in refused.items()} == {
        "no key": 401,
        "synchronous": 403,
        "no path": 404,
        "method": 400,
    }
    assert {answer.headers["x-wanx-source"] for answer in refused.values()} == {"cassette"}


def test_a_body_that_is_no_request_is_refused_as_the_service_would(flower_shop, talk):
    headers = {"x-dashscope-async": "enable", "content-type": "application/json"}
    path = "/api/v1/services/aigc/text2image/image-synthesis"
    client = talk(Player(flower_shop.path))
    for content in (b"{", b'{"x": 1e999}', b"\xff"):
        answer = client.ask("POST", path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter")


def test_the_player_keeps_a_journal(flower_shop, talk):
    player = Player(flower_shop.path)
    client = talk(player)
    client.pictures(client.job("一间花店"))
    assert len(player.requests.creates) == 1
    assert len(player.requests.queries) == 3
    assert [entry.status for entry in player.requests.images] == [200]


# --- every face -----------------------------------------------------------------------------------


def _generate(client, tmp_path):
    task = client.generate("一间花店", **SMALL)
    return task, client.download(task, tmp_path)


async def _generate_async(client, tmp_path):
    async with client:
        task = await client.generate("一间花店", **SMALL)
        return task, await client.download(task, tmp_path)


def by_transport(player, clock, tmp_path):
    with WanxClient("sk-a", transport=player.transport(), sleep=clock.sleep) as client:
        return _generate(client, tmp_path)


def by_interception(player, clock, tmp_path):
    with player.intercept(), WanxClient("sk-a", sleep=clock.sleep) as client:
        return _generate(client, tmp_path)


def by_socket(player, clock, tmp_path):
    with (
        player.serve() as server,
        WanxClient("sk-a", base_url=server.base_url, sleep=clock.sleep) as client,
    ):
        return _generate(client, tmp_path)


def _by_async(transport, base_url, clock, tmp_path, backend="asyncio"):
    async def run():
        client = AsyncWanxClient(
            "sk-a", base_url=base_url, transport=transport, sleep=clock.async_sleep
        )
        return await _generate_async(client, tmp_path)

    return anyio.run(run, backend=backend)


def by_asyncio(player, clock, tmp_path, backend="asyncio"):
    return _by_async(player.transport(), None, clock, tmp_path, backend)


def by_asgi(player, clock, tmp_path):
    transport = httpx.ASGITransport(player.asgi_app())
    return _by_async(transport, "http://wanx.test:8965/api/v1", clock, tmp_path)


FACES = {
    "transport": by_transport,
    "asyncio": by_asyncio,
    "trio": partial(by_asyncio, backend="trio"),
    "interception": by_interception,
    "asgi": by_asgi,
    "socket": by_socket,
}


@pytest.mark.parametrize("generate", FACES.values(), ids=list(FACES))
def test_a_recorded_job_is_replayed_by_every_face(flower_shop, tmp_path, generate):
    clock = ManualClock()
    player = Player(flower_shop.path, clock=clock)
    task, paths = generate(player, clock, tmp_path)
    assert task.id == flower_shop.task_id
    assert [path.read_bytes() for path in paths] == flower_shop.pictures[0]
    assert player.unused == []


@pytest.mark.parametrize("face", ["transport", "asyncio", "trio", "interception"])
def test_in_process_a_miss_is_raised_through_the_client(record, tmp_path, face):
    player = Player(record("书店").path)
    with pytest.raises(CassetteMissError, match="recorded '书店', asked '一间花店'"):
        FACES[face](player, ManualClock(), tmp_path)


@pytest.mark.parametrize("face", ["asgi", "socket"])
def test_over_http_a_miss_is_a_501_that_explains_itself(record, tmp_path, face):
    recording = record("书店")
    with pytest.raises(Exception, match="recorded '书店', asked '一间花店'") as caught:
        FACES[face](Player(recording.path), ManualClock(), tmp_path)
    assert (caught.value.http_status, caught.value.code) == (501, "WanxSim.CassetteMissError")
    assert str(recording.path) in caught.value.message


def test_a_thin_client_sees_the_failures_among_the_pictures(record, tmp_path):
    recording = record({"prompt": "[[partial:2]] 花店", "n": 4})
    clock = ManualClock()
    player = Player(recording.path, clock=clock)
    with WanxClient("sk-a", transport=player.transport(), sleep=clock.sleep) as client:
        task = client.generate("[[partial:2]] 花店", n=4, **SMALL)
        paths = client.download(task, tmp_path)
        assert [path.read_bytes() for path in paths] == recording.pictures[0]
        assert [type(image) for image in task.images[2:]] == [ImageFailure] * 2
        assert task.usage_images == 2
        clock.advance(hours=24)
        with pytest.raises(ExpiredUrlError):
            client.download(task, tmp_path)
        with pytest.raises(InvalidRequestError):
            client.cancel(task)


def test_clients_at_once_share_a_player(flower_shop):
    player = Player(flower_shop.path, repeat=True)

    async def one(client, seen):
        headers = {"authorization": "Bearer sk-a"}
        answer = await client.get(f"{TASKS}/{flower_shop.task_id}", headers=headers)
        seen.append(answer.json()["output"]["task_status"])

    async def all_of_them(url, seen):
        async with httpx.AsyncClient(base_url=url) as client, anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(one, client, seen)

    seen = []
    with player.serve() as server:
        anyio.run(all_of_them, server.url, seen)
    assert sorted(seen) == ["PENDING", "RUNNING", *["SUCCEEDED"] * 18]
