"""VCR's record modes, and what answers behind a cassette."""

from __future__ import annotations

from datetime import timedelta

import pytest

from wanx_sim import Cassette, CassetteMissError, CassetteService, Fallback, Player, Simulator
from wanx_sim.cassettes.recordings import StaleCassetteWarning
from wanx_sim.errors import CassetteExpiredError

PROMPT = "一间花店"


@pytest.fixture
def opened(sim, clock, library, talk):
    """Opens the test's cassette in a mode, and a client in front of it."""

    def made(mode, **more):
        service = CassetteService(
            library / "modes", mode, upstream=sim, clock=clock, record=more or None
        )
        return talk(service)

    return made


def jobs(library):
    return Cassette.load(library / "modes").jobs


def test_none_buys_nothing_and_says_how_to_record(opened, sim):
    with pytest.raises(CassetteMissError, match="holds nothing; record it"):
        opened("none").create()
    assert sim.ledger.tasks == 0


def test_once_records_while_there_is_no_cassette_and_replays_alone_afterwards(opened, sim):
    assert opened("once").job()["task_status"] == "SUCCEEDED"
    again = opened("once")
    assert again.job()["task_status"] == "SUCCEEDED"
    with pytest.raises(CassetteMissError):
        again.create("一间书店")
    assert sim.ledger.tasks == 1


def test_new_episodes_buys_only_what_is_not_recorded(opened, sim, library):
    opened("once").job()
    client = opened("new_episodes")
    client.job()
    client.job("一间书店")
    assert (sim.ledger.tasks, len(jobs(library))) == (2, 2)


def test_all_buys_anew_and_takes_the_place_of_what_was_recorded(opened, sim, library):
    opened("once").job()
    (old,) = jobs(library)
    opened("all").job()
    (new,) = jobs(library)
    assert sim.ledger.tasks == 2
    assert new.task_id != old.task_id


def test_all_keeps_what_it_records_more_than_once_itself(opened, library):
    client = opened("all")
    ids = [client.job()["task_id"] for _ in range(2)]
    assert [job.task_id for job in jobs(library)] == ids


def test_a_job_whose_end_was_not_recorded_is_bought_again_and_not_waited_for(opened, sim, library):
    opened("once").submit()
    client = opened("new_episodes")
    assert client.job()["task_status"] == "SUCCEEDED"
    assert (sim.ledger.tasks, [job.complete for job in jobs(library)]) == (2, [False, True])


def test_a_mode_that_does_not_exist_is_refused_with_those_that_do(library):
    with pytest.raises(ValueError, match="known: none, once, new_episodes, all"):
        CassetteService(library / "modes", "rewrite")


def test_a_mode_that_records_needs_a_service(library):
    with pytest.raises(ValueError, match="needs an upstream"):
        CassetteService(library / "modes", "all")


def test_a_mode_that_buys_everything_has_no_use_for_a_cache(library, sim, tmp_path):
    with pytest.raises(ValueError, match="buys everything anew, and a cache would not"):
        CassetteService(library / "modes", "all", upstream=sim, cache=tmp_path / "cache")


# --- fallback -------------------------------------------------------------------------------------


def test_what_is_recorded_is_replayed_and_the_rest_simulated(record, talk, clock):
    recording = record(PROMPT)
    client = talk(Fallback(Player(recording.path, clock=clock), Simulator(clock=clock, seed=2)))
    answers = [client.create(), client.create("一间书店")]
    assert [answer.headers["x-wanx-source"] for answer in answers] == ["cassette", "simulator"]
    ids = [answer.json()["output"]["task_id"] for answer in answers]
    ends = [client.history(task_id)[-1] for task_id in ids]
    assert client.pictures(ends[0]) == recording.pictures[0]
    assert len(client.pictures(ends[1])) == 1
    listed = client.ask("GET", "/api/v1/tasks").json()
    assert {row["task_id"] for row in listed["data"]} == set(ids)
    first = client.ask("GET", "/api/v1/tasks?page_size=1").json()
    assert (first["total"], len(first["data"])) == (2, 1)


def test_a_long_list_is_read_page_by_page(record, talk, clock):
    recording, simulator = record(PROMPT), Simulator(clock=clock, timing="instant", seed=2)
    client = talk(Fallback(Player(recording.path, clock=clock), simulator))
    for number in range(101):
        client.submit(f"一间书店 {number}")
    client.submit(PROMPT)
    assert client.ask("GET", "/api/v1/tasks").json()["total"] == 102
    assert client.ask("GET", "/api/v1/tasks?status=no").status_code == 400
    lists = [entry for entry in simulator.requests if entry.operation == "list"]
    assert len(lists) == 3


# --- age ------------------------------------------------------------------------------------------


def aged(recording, **how):
    return Player(recording.path, max_age=timedelta(days=30), **how)


def test_a_job_of_long_ago_is_replayed_with_a_warning(record, talk):
    player = aged(record(PROMPT))
    with pytest.warns(StaleCassetteWarning, match="record it again: wanx-sim record"):
        talk(player).submit()
    assert len(player.stale) == 1


def test_a_job_of_long_ago_may_be_an_error(record, talk):
    with pytest.raises(CassetteExpiredError, match="at most 30 are accepted"):
        talk(aged(record(PROMPT), on_expired="error")).create()


def test_a_job_of_long_ago_may_count_as_not_recorded(record, talk):
    with pytest.raises(CassetteMissError, match="recorded too long ago or without its end"):
        talk(aged(record(PROMPT), on_expired="record")).create()


def test_a_job_of_long_ago_is_recorded_anew_and_then_replayed(record, talk):
    recording, live = record("一间很老的花店"), Simulator(seed=2)
    old = {"play": {"max_age": timedelta(days=30), "on_expired": "record"}}
    for _ in range(2):
        service = CassetteService(recording.path, "new_episodes", upstream=live, **old)
        assert talk(service).job("一间很老的花店")["task_status"] == "SUCCEEDED"
        service.close()
    assert live.ledger.tasks == 1
