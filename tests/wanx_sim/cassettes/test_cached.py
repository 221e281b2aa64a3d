"""The recorder with a development cache: the same request is never bought twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event, Thread

import httpx
import pytest

from wanx_sim import (
    AmbiguousCreateError,
    BudgetExceededError,
    CachedService,
    Cassette,
    CassetteService,
    Fault,
    ManualClock,
    Player,
    Simulator,
    StoreError,
    UpstreamError,
)
from wanx_sim.cassettes.cache import Cache
from wanx_sim.cassettes.cachefiles import CacheWarning, Files

CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
TASKS = "/api/v1/tasks"


@pytest.fixture
def clock():
    """Today: a cache asks how old things are."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def opened(sim, clock, library, tmp_path, talk):
    """A client of the cached service, each time as a new process would open it."""
    services = []

    def made(upstream=None, name="shop", **more):
        cache = Cache(tmp_path / "cache")
        service = CachedService(
            upstream or sim, library / name, cache=cache, **({"clock": clock} | more)
        )
        services.append(service)
        return talk(service)

    yield made
    for service in services:
        service.close()


def entries(tmp_path):
    return [kept for _, kept in Cache(tmp_path / "cache").entries()]


# --- bought once ----------------------------------------------------------------------------------


def test_the_same_request_is_bought_once_and_replayed_with_its_pictures(opened, sim):
    live = opened().job(n=2)
    again = opened()
    answer = again.create(n=2)
    assert answer.headers["x-wanx-source"] == "cassette"
    assert answer.json()["output"]["task_id"] == live["task_id"]
    replayed = again.history(live["task_id"])
    assert [output["task_status"] for output in replayed] == ["SUCCEEDED"]
    assert len(again.pictures(replayed[-1])) == 2
    assert (sim.ledger.tasks, len(sim.requests.images)) == (1, 2)


def test_another_spelling_is_the_same_request_and_another_prompt_is_not(opened, sim):
    client = opened()
    client.job(watermark=False)
    client.job(watermark=None)
    client.job("一间书店")
    assert sim.ledger.tasks == 2


def test_the_same_request_to_another_host_is_bought_there(opened, library, talk):
    beijing, singapore = (
        Simulator(timing="instant"),
        Simulator(timing="instant", region="singapore"),
    )
    for host, upstream in (
        ("https://dashscope.aliyuncs.com", beijing),
        ("https://dashscope-intl.aliyuncs.com", singapore),
    ):
        opened(host, transport=upstream.transport()).job()
    assert (beijing.ledger.tasks, singapore.ledger.tasks) == (1, 1)


def test_the_bytes_are_those_that_were_bought(opened):
    client = opened()
    bought = client.pictures(client.job(n=2))
    again = opened()
    assert again.pictures(again.job(n=2)) == bought


def test_links_that_the_live_service_gave_still_work_when_the_same_is_replayed(opened):
    client = opened()
    live = client.job()
    replayed = client.job()
    assert client.pictures(live) == client.pictures(replayed)


def test_what_comes_from_the_cache_is_in_the_cassette_of_today(opened, library, talk):
    opened(name="yesterday").job()
    assert opened(name="today").job()["task_status"] == "SUCCEEDED"
    (old,), (new,) = (Cassette.load(library / name).jobs for name in ("yesterday", "today"))
    assert new == old
    player = talk(Player(library / "today"))
    assert len(player.pictures(player.job())) == 1


def test_a_cassette_of_today_keeps_prompts_and_pictures_as_it_is_told_to(opened, library):
    opened(name="yesterday").job(prompt_extend=True)
    opened(name="today", redact_prompts=True, pictures="placeholder").job(prompt_extend=True)
    (job,) = Cassette.load(library / "today").jobs
    assert "花店" not in (library / "today.json").read_text("utf-8")
    assert [image.kept for image in job.images] == ["placeholder"]


@pytest.mark.parametrize("pictures", ["thumbnail", "placeholder"])
def test_what_was_kept_small_is_served_small_in_its_size(opened, pictures):
    opened(pictures=pictures).job()
    client = opened(pictures=pictures)
    (picture,) = client.pictures(client.job())
    assert picture.startswith(b"\x89PNG")


def test_a_hashed_prompt_is_still_the_same_request(opened, sim):
    opened(redact_prompts=True).job()
    output = opened().job()
    assert sim.ledger.tasks == 1
    assert output["results"][0].get("orig_prompt", "一间花店") == "一间花店"


def test_polls_after_a_restart_come_from_the_cache(opened, sim):
    task_id = opened().job()["task_id"]
    asked = len(sim.requests)
    assert opened().poll(task_id)["output"]["task_status"] == "SUCCEEDED"
    assert len(sim.requests) == asked


def test_what_the_service_has_forgotten_since_is_still_in_the_cache(opened, sim, clock):
    client = opened()
    client.job()
    clock.advance(hours=25)
    again = client.job()
    assert (again["task_status"], sim.ledger.tasks) == ("SUCCEEDED", 1)
    assert len(client.pictures(again)) == 1


@pytest.mark.parametrize("answer", [{"output": [1]}, {"output": {"task_id": 5}}, {"code": []}])
def test_an_odd_answer_is_passed_on(opened, scripted, answer):
    assert opened(scripted(answer)).create().json() == answer


# --- while it runs --------------------------------------------------------------------------------


def test_who_asks_for_a_task_that_still_runs_gets_its_id_and_its_polls_go_upstream(
    opened, sim, library, tmp_path
):
    first, second = opened(name="one"), opened(name="two")
    task_id = first.submit()
    answer = second.create()
    assert answer.json()["output"]["task_id"] == task_id
    assert answer.headers["x-wanx-source"] == "cassette"
    assert second.ask("GET", f"{TASKS}/{task_id}").headers["x-wanx-source"] == "live"
    assert second.history(task_id)[-1]["task_status"] == "SUCCEEDED"
    assert [kept.standing for kept in entries(tmp_path)] == ["complete"]
    assert first.history(task_id)[-1]["task_status"] == "SUCCEEDED"
    assert sim.ledger.tasks == 1
    for name in ("one", "two"):
        assert [job.complete for job in Cassette.load(library / name).jobs] == [True]


def test_a_task_that_still_runs_is_answered_though_its_create_had_no_request_id(opened, scripted):
    client = opened(scripted({"output": {"task_status": "PENDING", "task_id": "a-task"}}))
    first, second = client.create(), client.create()
    assert second.headers["x-wanx-source"] == "cassette"
    assert second.json()["output"] == first.json()["output"]


def test_two_creates_at_once_buy_one(sim, opened):
    on_its_way, may_answer, seen = Event(), Event(), []

    class Slow(Simulator):
        def handle(self, request):
            if request.path == CREATE:
                on_its_way.set()
                assert may_answer.wait(20)
            return super().handle(request)

    upstream = Slow(timing="manual")
    clients = [opened(upstream), opened(upstream)]
    threads = [Thread(target=lambda each=each: seen.append(each.submit())) for each in clients]
    threads[0].start()
    assert on_its_way.wait(20)
    threads[1].start()
    may_answer.set()
    for thread in threads:
        thread.join(20)
    assert (len(seen), len(set(seen)), upstream.ledger.tasks) == (2, 1, 1)


@pytest.mark.parametrize("prompt", ["[[fail:InternalError.Algo]]", "[[pending:9s]]"])
def test_what_came_to_nothing_is_bought_anew(opened, sim, prompt):
    client = opened()
    task_id = client.submit(prompt)
    if "pending" in prompt:
        assert client.ask("POST", f"{TASKS}/{task_id}/cancel").status_code == 200
    client.history(task_id)
    assert opened().submit(prompt) != task_id
    assert sim.ledger.tasks == 2


def test_what_the_service_has_forgotten_is_bought_anew(opened, sim, clock):
    task_id = opened().submit()
    clock.advance(hours=24)
    assert opened().submit() != task_id
    assert sim.ledger.tasks == 2


def test_a_partial_success_is_a_success(opened, sim):
    first = opened().job("[[partial:1]]", n=2)
    second = opened().job("[[partial:1]]", n=2)
    assert [result.get("code") for result in second["results"]] == [
        result.get("code") for result in first["results"]
    ]
    assert sim.ledger.tasks == 1


def test_what_is_too_old_is_bought_anew(sim, clock, library, tmp_path, talk, opened):
    task_id = opened().job()["task_id"]
    assert opened(max_age=timedelta(days=1)).submit() == task_id
    assert opened(max_age=timedelta(microseconds=1)).submit() != task_id


# --- what may have been bought --------------------------------------------------------------------


def test_a_create_whose_answer_was_lost_is_not_bought_again_silently(opened, sim, tmp_path, clock):
    sim.faults.add(Fault(on="create", lost_response=True))
    with pytest.raises(httpx.RemoteProtocolError):
        opened().submit()
    for client in (opened(), opened()):
        with pytest.raises(AmbiguousCreateError, match=r"may exist and be billed.*prune --unansw"):
            client.submit()
    assert sim.ledger.tasks == 1
    Cache(tmp_path / "cache").prune(unanswered=True)
    opened().job()
    assert sim.ledger.tasks == 2


def test_after_a_day_it_may_be_bought_again(opened, sim, clock):
    sim.faults.add(Fault(on="create", lost_response=True))
    with pytest.raises(httpx.RemoteProtocolError):
        opened().submit()
    clock.advance(hours=24)
    assert opened().submit()


def test_over_a_socket_it_is_a_501_that_no_client_retries(sim, library, tmp_path, talk, clock):
    sim.faults.add(Fault(on="create", lost_response=True))
    service = CachedService(sim, library / "shop", cache=tmp_path / "cache", clock=clock)
    with service.serve() as server:
        client = talk(server.url)
        with pytest.raises(httpx.TransportError):
            client.create()
        answer = client.create()
    service.close()
    assert (answer.status_code, answer.json()["code"]) == (501, "WanxSim.AmbiguousCreateError")


def test_a_job_that_only_the_cassette_heard_of_is_not_bought_again(opened, sim, tmp_path):
    """As when the process is killed between the two files."""
    client = opened()
    task_id = client.submit()
    ((key, kept),) = Cache(tmp_path / "cache").entries()
    cache = Cache(tmp_path / "cache")
    cache.forget(key)
    cache.sent(key, kept.host, kept.at)
    assert opened().submit() == task_id
    assert sim.ledger.tasks == 1


@pytest.mark.parametrize("size", ["1*1"])
def test_a_refusal_is_not_kept(opened, sim, size, tmp_path):
    for _ in range(2):
        assert opened().create(size=size).status_code == 400
    assert (len(sim.requests.creates), entries(tmp_path)) == (2, [])


def test_what_was_not_sent_leaves_no_mark(opened, tmp_path):
    with pytest.raises(BudgetExceededError):
        opened(budget=0).submit()

    def nobody(request):
        raise httpx.ConnectError("no way", request=request)

    with pytest.raises(UpstreamError, match="no way"):
        opened("https://dashscope.aliyuncs.com", transport=httpx.MockTransport(nobody)).submit()
    assert entries(tmp_path) == []


def test_a_create_without_a_key_or_without_sense_is_not_looked_up(opened, sim, tmp_path):
    client = opened()
    client.job()
    asked = {"x-dashscope-async": "enable", "authorization": ""}
    assert client.ask("POST", CREATE, json={}, headers=asked).status_code == 401
    asked = {"x-dashscope-async": "enable"}
    assert client.ask("POST", CREATE, content=b"{", headers=asked).status_code == 400
    assert sim.ledger.tasks == 1


# --- with the rest --------------------------------------------------------------------------------


def test_the_list_shows_what_is_replayed_among_what_is_live(opened, sim):
    cached = opened().job()["task_id"]
    client = opened()
    client.submit()
    live = client.submit("一间书店")
    rows = client.ask("GET", TASKS).json()["data"]
    assert {row["task_id"] for row in rows} == {cached, live}


def test_only_what_is_bought_counts_against_a_budget(opened):
    opened().job()
    client = opened(budget=0.14)
    client.job()
    client.job("一间书店")
    with pytest.raises(BudgetExceededError):
        client.submit("一间茶馆")


def test_a_record_mode_buys_only_what_neither_cassette_nor_cache_holds(
    opened, sim, clock, library, tmp_path, talk
):
    opened(name="other").job("一间书店")
    opened(name="modes").job("一间花店")
    service = CassetteService(
        library / "modes",
        "new_episodes",
        upstream=sim,
        clock=clock,
        cache=tmp_path / "cache",
        record={"budget": 0.14},
    )
    client = talk(service)
    for prompt in ("一间花店", "一间书店", "一间茶馆"):
        client.job(prompt)
    assert service.recorder.spent == Decimal("0.14")
    assert len(Cassette.load(library / "modes").jobs) == 3
    service.close()


# --- full, or damaged -----------------------------------------------------------------------------


def full(self, name, content, *, tag):
    raise StoreError("the cache cannot be used (No space left on device)")


def test_what_the_cache_cannot_note_is_not_bought(opened, sim, monkeypatch):
    monkeypatch.setattr(Files, "set", full)
    with pytest.raises(StoreError, match="No space left"):
        opened().submit()
    assert sim.ledger.tasks == 0


def test_what_was_bought_is_passed_on_though_the_cache_cannot_keep_it(
    opened, sim, monkeypatch, library
):
    client = opened()
    task_id = client.submit()
    monkeypatch.setattr(Files, "set", full)
    with pytest.warns(CacheWarning, match="not kept in the cache: .*No space left"):
        assert client.history(task_id)[-1]["task_status"] == "SUCCEEDED"
    assert [job.complete for job in Cassette.load(library / "shop").jobs] == [True]


def test_a_picture_that_was_changed_is_bought_anew_and_not_served(opened, sim, tmp_path):
    opened().job()
    cache = Cache(tmp_path / "cache")
    ((key, kept),) = cache.entries()
    name = f"{key}/{kept.job.images[0].sha256}"
    cache._files.set(name, cache._files.get(name)[::-1], tag=key)
    with pytest.warns(CacheWarning, match="was damaged and is dropped"):
        opened().job()
    assert sim.ledger.tasks == 2
