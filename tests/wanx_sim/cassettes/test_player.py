"""The player: recorded jobs, answered at any pace, with pictures that load and expire."""

from __future__ import annotations

import pytest

from wanx_client import (
    TaskFailedError,
    WanxClient,
)
from wanx_sim import (
    CassetteMissError,
    Fault,
    ManualClock,
    Player,
    Recorder,
)

BEIJING = "https://dashscope.aliyuncs.com"
TASKS = "/api/v1/tasks"
SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512", "seed": 7, "prompt_extend": False}

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


# --- what was recorded is what is replayed --------------------------------------------------------


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


def test_a_picture_that_a_client_has_is_not_sent_again(flower_shop, talk):
    client = talk(Player(flower_shop.path))
    link = client.job("一间花店")["results"][0]["url"]
    first = client.client.get(link)
    again = client.client.get(link, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
