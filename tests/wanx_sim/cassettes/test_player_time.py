"""The player and time: the pace of states, moments that move, links that expire."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from wanx_sim import (
    CassetteError,
    ManualClock,
    Player,
    Recorder,
    Simulator,
)

ZONE = timezone(timedelta(hours=8))
MINTED = ("submit_time", "scheduled_time", "end_time")


def moments(output):
    """An output's times in epoch seconds."""
    return {
        name: datetime.fromisoformat(output[name]).replace(tzinfo=ZONE).timestamp()
        for name in MINTED
        if name in output
    }


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


def test_a_moment_that_was_shown_stays_as_it_was(flower_shop, talk):
    clock = ManualClock()
    player = Player(flower_shop.path, clock=clock)
    client = talk(player)
    task_id, shown = client.submit("一间花店"), []
    for _ in range(4):  # 20 s at the service, half a second here
        shown.append(moments(client.poll(task_id)["output"]))
        clock.advance(0.1)
    elsewhere = httpx.Client(
        transport=player.transport(), base_url="https://dashscope-intl.aliyuncs.com"
    )
    answer = elsewhere.get(f"/api/v1/tasks/{task_id}", headers={"authorization": "Bearer sk-a"})
    shown.append(moments(answer.json()["output"]))
    known = {}
    for output in shown:
        assert known | output == output | known
        known |= output
    assert set(known) == {"submit_time", "scheduled_time", "end_time"}


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
