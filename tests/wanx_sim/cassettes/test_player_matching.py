"""The player: which job answers a request, and what is said where none does."""

from __future__ import annotations

import httpx
import pytest

from wanx_sim import (
    Cassette,
    CassetteMissError,
    ManualClock,
    Player,
    WanxSimError,
)


def statuses(outputs):
    return [output["task_status"] for output in outputs]


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


def test_with_repeat_equal_requests_go_round_in_the_order_of_their_recording(record, talk):
    recording = record("花店", "花店")
    client = talk(Player(recording.path, repeat=True))
    asked = []
    for _ in range(5):
        asked.append(client.submit("花店"))
        client.history(asked[-1])
    one, other = recording.task_ids
    assert asked == [one, other, one, other, one]


def test_a_job_does_not_start_over_while_another_client_waits_for_it(flower_shop, talk):
    player = Player(flower_shop.path, repeat=True, clock=ManualClock())
    first, second = talk(player), talk(player)
    task_id = first.submit("一间花店")
    seen = [first.poll(task_id) for _ in range(2)]
    assert second.submit("一间花店") == task_id
    seen.append(first.poll(task_id))
    assert statuses(answer["output"] for answer in seen) == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert second.poll(task_id)["output"]["task_status"] == "SUCCEEDED"
    assert statuses(first.history(first.submit("一间花店")))[0] == "PENDING"


def test_a_job_that_nobody_waits_for_any_more_starts_over(flower_shop, talk):
    player = Player(flower_shop.path, repeat=True, clock=ManualClock())
    client = talk(player)
    client.submit("一间花店")
    client.poll(flower_shop.task_id)
    player.clock.advance(seconds=60)
    client.submit("一间花店")
    assert client.poll(flower_shop.task_id)["output"]["task_status"] == "PENDING"


def test_what_was_not_asked_for_is_unused(record, talk):
    recording = record("花店", "书店", "茶馆")
    player = Player(recording.path)
    assert len(player.unused) == 3
    talk(player).submit("花店")
    talk(player).poll(recording.task_ids[1])  # resumed: used as well
    assert [job.task_id for job in player.unused] == [recording.task_ids[2]]
