"""`/_sim/`: what can be asked, what it does, and what it says to a request that makes no sense."""

from __future__ import annotations

import subprocess
import sys
from itertools import product

import httpx
import pytest
from starlette.testclient import TestClient

from wanx_sim import Cassette, Fault, Player, Recorder, Simulator, StoreError
from wanx_sim.faces.control import CONTROLS
from wanx_sim.protocol.lifecycle import Status
from wanx_sim.rendering import png_size
from wanx_sim.stores.memory import MemoryStore

NONE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def ask(sim):
    """Asks `/_sim/…` of this test's simulator: ``ask("POST clock", {"advance": 1})``."""
    return asking(sim)


def asking(service):
    client = TestClient(service.asgi_app())

    def asked(what, body=None, **more):
        method, _, path = what.partition(" ")
        given = {} if body is None else {"json": body}
        return client.request(method, f"/_sim/{path}", **given, **more)

    return asked


def error(answer):
    """Status and sentence of a refusal, which holds nothing else."""
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    return answer.status_code, answer.json()["error"]


# --- the simulator as a whole -------------------------------------------------------------------


def test_health_says_that_it_runs_and_in_what_state(sim, ask, api, clock):
    api.submit()
    sim.faults.add(Fault(on="query", code="InternalError"))
    answer = ask("GET health").json()
    assert (answer["ok"], answer["service"], answer["region"]) == (True, "simulator", "beijing")
    assert (answer["profile"], answer["clock"]["now"]) == ("2025-10", clock.now())
    assert answer["counts"] == {"tasks": 1, "requests": 1, "faults": 1, "sessions": 0}


def test_health_reads_no_task(sim, ask, monkeypatch):
    monkeypatch.setattr(sim.store, "tasks", lambda: pytest.fail("it reads them all"))
    assert ask("GET health").json()["ok"]


@pytest.fixture(params=["player", "recorder"])
def other_service(request, tmp_path):
    if request.param == "player":
        return Player(Cassette(tmp_path / "cassette"))
    return Recorder("http://127.0.0.1:9", tmp_path / "cassette")


def test_of_a_player_or_a_recorder_there_is_health_alone(other_service):
    ask = asking(other_service)
    kind = type(other_service).__name__.lower()
    assert (ask("GET health").json()["ok"], ask("GET health").json()["service"]) == (True, kind)
    for one in CONTROLS:
        if not one.path.endswith("/health"):
            assert ask(f"{one.method} {one.path.removeprefix('/_sim/')}", {}).status_code == 404


def test_the_index_lists_everything(ask):
    listed = [(one["method"], one["path"]) for one in ask("GET ").json()["endpoints"]]
    assert listed == [(one.method, one.path) for one in CONTROLS]


def test_the_index_needs_no_slash(sim):
    client = TestClient(sim.asgi_app(), follow_redirects=False)
    assert client.get("/_sim").json() == client.get("/_sim/").json()


def test_a_reset_starts_over(sim, ask, api):
    first = api.submit()
    sim.faults.add(Fault(on="query", code="InternalError"))
    assert ask("POST reset").json() == {"ok": True}
    assert (len(sim.tasks), len(sim.requests), len(sim.faults)) == (0, 0, 0)
    assert api.submit() == first


def test_settings_are_shown(ask):
    shown = ask("GET settings").json()
    assert (shown["timing"], shown["region"], shown["seed"]) == ("polls:1,1", "beijing", 1)
    assert (shown["validation"], shown["rate_limits"], shown["public_url"]) == (
        "submit",
        False,
        None,
    )


def test_settings_are_changed(sim, ask):
    changes = {"timing": "manual", "region": "singapore", "rate_limits": True, "profile": "2026-10"}
    changes |= {"account": {"arrears": True}, "public_url": "http://pictures.test"}
    answer = ask("POST settings", changes).json()
    assert {name: answer[name] for name in changes} == changes | {"account": answer["account"]}
    assert (str(sim.timing), sim.region, sim.rate_limits) == ("manual", "singapore", True)
    assert (sim.account.arrears, sim.public_url) == (True, "http://pictures.test")


def test_settings_are_changed_all_or_none(sim, ask):
    answer = ask("POST settings", {"magic_prompts": False, "timing": "manual", "profile": "1999"})
    assert error(answer) == (400, "no profile is called '1999'; known: 2025-10, 2026-10")
    assert (str(sim.timing), sim.magic_prompts) == ("polls:1,1", True)


def test_api_keys_can_be_set_and_are_never_told(sim, ask):
    answer = ask("POST settings", {"api_keys": {"sk-secret": "beijing"}})
    assert sim.api_keys == {"sk-secret": "beijing"}
    assert "sk-secret" not in answer.text + ask("GET settings").text


def test_what_was_dropped_is_said(connect, clock):
    sim = Simulator(store=MemoryStore(keep=10), clock=clock, timing="instant")
    ask, api = asking(sim), connect(sim)
    first = api.submit(n=1)
    for _ in range(150):
        api.submit(model="wan2.2-t2i-flash", n=1)
    found = ask("GET tasks?limit=3").json()
    assert (found["total"], len(found["tasks"])) == (151 - found["dropped"], 3)
    assert found["dropped"] > 80
    totals = {
        query: ask(f"GET tasks?{query}").json()["total"]
        for query in ("model=wan2.2-t2i-flash", "model=wan2.5-t2i-preview", "status=UNKNOWN")
    }
    assert list(totals.values()) == [found["total"], 0, 0]
    usage = ask("GET usage").json()
    assert (usage["tasks"], usage["images"], usage["dropped"]) == (151, 151, found["dropped"])
    assert ask("GET health").json()["counts"]["tasks"] == found["total"]
    answer = ask(f"GET tasks/{first}")
    assert answer.status_code == 404
    assert f"there are {found['total']}, {found['dropped']} older dropped" in answer.text


def test_usage_is_the_ledger(ask, api):
    api.submit(n=2)
    api.submit(model="wan2.2-t2i-flash", n=1)
    assert ask("GET usage").json() == {
        "tasks": 2,
        "dropped": 0,
        "images": 3,
        "cost": 0.54,
        "currency": "CNY",
        "by_model": {
            "wan2.5-t2i-preview": {"tasks": 1, "images": 2, "cost": 0.4},
            "wan2.2-t2i-flash": {"tasks": 1, "images": 1, "cost": 0.14},
        },
    }


# --- time ---------------------------------------------------------------------------------------


def test_the_clock_is_shown(ask, clock):
    assert ask("GET clock").json() == {
        "now": clock.now(),
        "iso": "2025-10-28T04:00:00.000+00:00",
        "speed": 0.0,
        "frozen": True,
    }


def test_the_clock_jumps(ask, clock):
    before = clock.now()
    assert ask("POST clock", {"advance": 86400}).json()["now"] == before + 86400 == clock.now()


def test_the_clock_freezes_and_goes_on_as_fast_as_before(ask, clock):
    assert ask("POST clock", {"speed": 60}).json()["speed"] == 60
    assert ask("POST clock", {"freeze": True}).json()["frozen"]
    assert clock.speed == 0
    assert ask("POST clock", {"freeze": False}).json()["speed"] == 60
    clock.freeze()


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({}, "say how to move the clock: advance, freeze or speed"),
        ({"advence": 1}, "object contains unknown field `advence`; known: advance, freeze, speed"),
        ({"advance": -1}, "advance: expected a number >= 0.0"),
        ({"advance": "1"}, "advance: expected a number, got a string"),
        ({"advance": 1e300}, "a clock goes no further than the year 9990, not 1e+300 s from now"),
        ({"speed": -1}, "speed: expected a number >= 0.0"),
        ({"speed": 1e9}, "speed: expected a number <= 1000000.0"),
        ({"freeze": 1}, "freeze: expected true or false, got a whole number"),
        ({"freeze": True, "speed": 2}, "a frozen clock has no speed: send either freeze or speed"),
        ([], "expected an object, got an array; known: advance, freeze, speed"),
    ],
)
def test_a_clock_cannot_be_moved_in_a_way_that_makes_no_sense(ask, clock, order, says):
    before = clock.now()
    assert error(ask("POST clock", order)) == (400, says)
    assert (clock.now(), clock.speed) == (before, 0)


# --- faults -------------------------------------------------------------------------------------

THROTTLED = {"on": "create", "code": "Throttling.RateQuota"}


def test_a_fault_that_was_armed_strikes(ask, api):
    assert ask("POST faults", THROTTLED).status_code == 200
    assert [api.create().status, api.create().status] == [429, 200]


def test_faults_can_be_armed_by_the_list_and_by_a_preset_s_name(sim, ask):
    ask("POST faults", [THROTTLED, {"preset": "lost-response"}])
    assert list(sim.faults) == [Fault(**THROTTLED), *Fault.preset("lost-response")]


def test_armed_faults_are_listed_as_they_can_be_armed_again(sim, ask):
    sim.faults.add(Fault(on="query", code="InternalError", times=None))
    listed = ask("GET faults").json()["faults"]
    assert listed == [{"on": "query", "code": "InternalError", "times": None}]
    ask("POST faults", listed)
    first, second = sim.faults
    assert first == second


def test_faults_are_armed_all_or_none(sim, ask):
    status, says = error(ask("POST faults", [THROTTLED, {"on": "create", "cod": "x"}]))
    assert status == 400
    assert "cod" in says
    assert "code" in says
    assert len(sim.faults) == 0


@pytest.mark.parametrize("order", [{}, {"on": "dream"}, {"preset": "no-such"}, {"preset": 1}, 3])
def test_what_is_no_fault_is_refused(ask, order):
    status, says = error(ask("POST faults", order))
    assert status == 400
    assert says


def test_how_often_a_fault_has_struck_is_told_when_it_is_used_up_too(sim, ask, api):
    sim.faults.add(Fault(**THROTTLED), Fault(on="query", code="InternalError", times=None))
    api.create(), api.poll(NONE), api.poll(NONE)
    told = ask("GET faults").json()
    assert [one["struck"] for one in told["strikes"]] == [1, 2]
    assert [one["fault"]["on"] for one in told["strikes"][1:]] == ["query"]
    assert told["faults"] == [told["strikes"][1]["fault"]]


def test_what_orders_can_name_is_listed_and_can_be_named(ask, api):
    listed = ask("GET choices").json()
    assert {"name", "what", "tag"} == listed["presets"][0].keys()
    for one in listed["presets"]:
        assert ask("POST faults", {"preset": one["name"]}).status_code == 200
    for name in listed["profiles"]:
        assert ask("POST settings", {"profile": name}).status_code == 200
    ask("POST reset")
    for code in listed["codes"]:
        assert ask(f"POST tasks/{api.submit()}", {"fail": code}).json()["code"] == code


def test_faults_are_disarmed(sim, ask):
    sim.faults.add(Fault(**THROTTLED))
    assert ask("DELETE faults").json() == {"faults": [], "strikes": []}
    assert len(sim.faults) == 0


# --- requests and tasks -------------------------------------------------------------------------


def test_requests_are_listed_newest_last(ask, api):
    task_id = api.submit("花店")
    api.poll(task_id)
    first, second = ask("GET requests").json()["requests"]
    assert (first["operation"], first["prompt"], first["status"]) == ("create", "花店", 200)
    assert (second["operation"], second["task_status"]) == ("query", "PENDING")


def test_requests_are_filtered(ask, api):
    one, two = api.submit(), api.submit()
    for task_id in (one, two, two):
        api.poll(task_id)

    def found(query):
        answer = ask(f"GET requests?{query}").json()
        return answer["total"], [entry["task_id"] for entry in answer["requests"]]

    assert found("operation=create") == (2, [one, two])
    assert found(f"task_id={two}") == (3, [two, two, two])
    assert found("operation=query&limit=2") == (3, [two, two])


def test_a_request_s_key_is_not_told(ask, api):
    api.submit()
    assert "sk-test" not in ask("GET requests").text


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("operation=dream", "operation: invalid enum value 'dream'; known: create, query, list, "),
        ("limit=0", "limit: expected a whole number >= 1"),
        ("limit=few", "limit: expected a whole number, got a string"),
        ("taskid=1", "object contains unknown field `taskid`; known: operation, task_id, limit"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(ask, query, says):
    status, said = error(ask(f"GET requests?{query}"))
    assert status == 400
    assert said.startswith(says)


def test_tasks_are_listed_and_filtered(ask, api):
    one, two = api.submit(), api.submit(model="wan2.2-t2i-flash")
    api.poll(one), api.poll(one)

    def found(query=""):
        return [task["task_id"] for task in ask(f"GET tasks{query}").json()["tasks"]]

    assert found() == [one, two]
    assert found("?limit=1") == [two]
    assert found("?status=RUNNING") == [one]
    assert found("?model=wan2.2-t2i-flash") == [two]


def test_a_filter_finds_what_reading_all_tasks_would(sim, ask, connect, clock):
    """Whatever is asked of the index: regions, models, statuses, tasks that are forgotten."""
    apis = [connect(sim), connect(sim, "https://dashscope-intl.aliyuncs.com")]
    for _ in range(4):
        for place, (model, marks, polls) in enumerate(
            product(
                ("wan2.5-t2i-preview", "wan2.2-t2i-flash"),
                ("", "[[fail:InternalError]]"),
                (0, 2, 3),
            )
        ):
            api = apis[place % 3 == 2]
            clock.advance(1)
            task_id = api.submit(f"花店 {marks}", model=model)
            for _ in range(polls):
                api.poll(task_id)
        clock.advance(hours=9)
    told = ask("GET tasks").json()["tasks"]
    assert {task["status"] for task in told} == {
        "PENDING",
        "RUNNING",
        "SUCCEEDED",
        "UNKNOWN",
        "FAILED",
    }
    for status in (None, *Status):
        for model in (None, "wan2.5-t2i-preview", "wan2.2-t2i-flash", "wan2.2-t2i-plus"):
            expected = [
                task["task_id"]
                for task in told
                if status in (None, task["status"]) and model in (None, task["model"])
            ]
            for limit in (None, 1, 3):
                asked = {"status": status, "model": model, "limit": limit}
                query = "&".join(f"{name}={value}" for name, value in asked.items() if value)
                answer = ask(f"GET tasks?{query}").json()
                assert answer["total"] == len(expected)
                found = [task["task_id"] for task in answer["tasks"]]
                assert found == expected[-limit if limit else 0 :], asked


@pytest.mark.parametrize("query", ["", "&model=wan2.5-t2i-preview", "&status=PENDING"])
def test_a_page_of_the_tasks_is_had_without_reading_them_all(sim, ask, api, monkeypatch, query):
    for _ in range(20):
        api.submit()
    newest = sim.store.tasks(newest_first=True)
    few = (next(newest) for _ in range(2))
    monkeypatch.setattr(sim.store, "tasks", lambda **_: few)
    answer = ask(f"GET tasks?limit=2{query}").json()
    assert (answer["total"], len(answer["tasks"])) == (20, 2)


def test_a_task_is_shown_and_to_look_is_no_poll(ask, api, clock):
    task_id = api.submit("花店", n=2, size="1024*1024", seed=7)
    for _ in range(3):
        shown = ask(f"GET tasks/{task_id}").json()
    assert shown == {
        "task_id": task_id,
        "status": "PENDING",
        "region": "beijing",
        "model": "wan2.5-t2i-preview",
        "prompt": "花店",
        "size": "1024*1024",
        "n": 2,
        "seed": 7,
        "images": 2,
        "price": 0.2,
        "submitted": clock.now(),
    }


@pytest.mark.parametrize("headers", [{}, {"X-Wanx-Session": "mine"}], ids=["own", "session"])
@pytest.mark.parametrize("face", ["application", "socket"])
def test_a_task_s_links_are_those_that_a_poll_gives(sim, make_api, make_answer, face, headers):
    def told(client):
        def call(method, url, headers, *, content=None):
            answer = client.request(method, url, headers=headers, content=content)
            return make_answer(answer.status_code, answer.headers, answer.content)

        polled = make_api(call, str(client.base_url).rstrip("/")).job("[[partial:1]]", n=3)
        (shown,) = client.get("/_sim/tasks").json()["tasks"]
        return polled["results"], shown["results"]

    if face == "application":
        polled, shown = told(TestClient(sim.asgi_app(), headers=dict(headers)))
    else:
        with (
            sim.serve() as server,
            httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client,
        ):
            polled, shown = told(client)
    assert [one.get("url", one.get("code")) for one in shown] == [
        one.get("url", one.get("code")) for one in polled
    ]
    assert [("url" in one, "code" in one) for one in shown].count((True, False)) == 2
    assert ("x-wanx-session=mine" in str(shown)) is bool(headers)


def test_to_look_at_links_and_pictures_is_noted_nowhere(sim, ask, api):
    sim.faults.add(Fault(on="image", picture="missing"))
    task_id = api.submit(n=1)
    api.history(task_id)
    before = len(sim.requests)
    picture = ask(f"GET tasks/{task_id}/pictures/0")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert (len(sim.requests), sim.faults.strikes[0][1]) == (before, 0)


def test_a_picture_is_what_the_link_leads_to(ask, api):
    task_id = api.submit(n=2)
    urls = [result["url"] for result in api.history(task_id)[-1]["results"]]
    for place, url in enumerate(urls):
        assert ask(f"GET tasks/{task_id}/pictures/{place}").content == api.get(url).body


@pytest.mark.parametrize(("size", "within", "shown"), [
    ("1440*512", 160, (160, 57)), ("1024*1024", 100, (100, 100)), ("768*768", 2048, (768, 768)),
])  # fmt: skip
def test_a_picture_can_be_had_small(ask, api, size, within, shown):
    task_id = api.submit(n=1, size=size, model="wan2.2-t2i-flash")
    ask(f"POST tasks/{task_id}", {"finish": True})
    content = ask(f"GET tasks/{task_id}/pictures/0?within={within}").content
    assert png_size(content) == shown


@pytest.mark.parametrize("place", ["1", "-1", "x", "00", "0/0"])
def test_a_picture_that_is_not_there_is_not_found(ask, api, place):
    task_id = api.submit("[[partial:1]]", n=2)
    assert error(ask(f"GET tasks/{task_id}/pictures/0"))[1].endswith("it has none")
    api.history(task_id)
    assert error(ask(f"GET tasks/{task_id}/pictures/{place}"))[0] == 404


def test_links_that_were_cut_or_are_old_are_told_as_expired(ask, api, clock):
    cut, old = api.submit(n=1), api.submit(n=1)
    for task_id in (cut, old):
        ask(f"POST tasks/{task_id}", {"finish": True})
    ask(f"POST tasks/{cut}", {"expire_urls": True})

    def expired():
        rows = ask("GET tasks").json()["tasks"]
        return [row["results"][0].get("expired", False) for row in rows]

    assert expired() == [True, False]
    (result,) = ask(f"GET tasks/{old}").json()["results"]
    clock.advance(result["expires"] - clock.now())
    assert expired() == [True, False]
    clock.advance(1)
    assert expired() == [True, True]


@pytest.mark.parametrize("prompt", ["[[stuck]]", "[[fail:InternalError]]"])
def test_a_task_that_has_not_succeeded_has_no_results(ask, api, prompt):
    task_id = api.submit(prompt)
    for _ in range(3):
        api.poll(task_id)
    assert "results" not in ask(f"GET tasks/{task_id}").json()


def test_a_task_is_finished(ask, api):
    task_id = api.submit()
    assert ask(f"POST tasks/{task_id}", {"finish": True}).json()["status"] == "SUCCEEDED"
    assert api.status(task_id) == "SUCCEEDED"


def test_a_task_is_failed(ask, api):
    task_id = api.submit()
    shown = ask(f"POST tasks/{task_id}", {"fail": "InternalError.Algo"}).json()
    assert (shown["status"], shown["code"]) == ("FAILED", "InternalError.Algo")
    assert api.poll(task_id).output["code"] == "InternalError.Algo"


def test_a_task_s_links_expire(ask, api):
    task_id = api.submit(n=1)
    url = api.history(task_id)[-1]["results"][0]["url"]
    ask(f"POST tasks/{task_id}", {"expire_urls": True})
    assert b"Request has expired." in api.get(url).body


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({}, "say what becomes of it"),
        ({"finish": False}, "say what becomes of it"),
        ({"finish": True, "fail": "InternalError"}, "a task ends once"),
        ({"fail": "Oops"}, "the service has no error code 'Oops'; known: "),
        ({"succeed": True}, "object contains unknown field `succeed`; known: finish, fail, expire"),
    ],
)
def test_what_cannot_become_of_a_task_is_refused(ask, api, order, says):
    task_id = api.submit()
    status, said = error(ask(f"POST tasks/{task_id}", order))
    assert status == 400
    assert said.startswith(says)
    assert api.status(task_id) == "PENDING"


def test_a_task_that_has_ended_cannot_end_again(ask, api):
    task_id = api.submit()
    ask(f"POST tasks/{task_id}", {"finish": True})
    status, says = error(ask(f"POST tasks/{task_id}", {"fail": "InternalError"}))
    assert (status, says[:31]) == (409, "a SUCCEEDED task cannot fail; w")


@pytest.mark.parametrize("what", ["GET", "POST"])
def test_a_task_that_is_not_there_is_not_found(ask, what):
    status, says = error(ask(f"{what} tasks/{NONE}", {"finish": True}))
    assert (status, says) == (404, f"no task has the id '{NONE}'; there are 0")


# --- sessions -----------------------------------------------------------------------------------


def test_a_session_s_header_says_whose_simulator_is_meant(sim, ask):
    ask("POST clock", {"advance": 60}, headers={"X-Wanx-Session": "mine"})
    assert sim.session("mine").clock.now() == sim.clock.now() + 60


def test_a_session_can_be_named_in_the_query_too(sim, ask):
    ask("POST faults?x-wanx-session=mine", THROTTLED)
    assert (len(sim.faults), len(sim.session("mine").faults)) == (0, 1)
    assert ask("GET requests?x-wanx-session=mine").json()["total"] == 0


def test_what_cannot_be_a_session_s_name_is_refused(ask):
    answer = ask("GET health", headers={"X-Wanx-Session": "a b"})
    assert error(answer) == (
        400,
        "a session's name is 1 to 64 of the characters A-Z a-z 0-9 . _ -",
    )


def test_sessions_are_listed_and_ended(sim, ask):
    sim.session("one"), sim.session("two")
    assert [one["name"] for one in ask("GET sessions").json()["sessions"]] == ["one", "two"]
    assert ask("GET sessions").json()["full"] is False
    assert ask("DELETE sessions/one").json() == {"ok": True}
    assert list(sim.sessions) == ["two"]
    assert error(ask("DELETE sessions/one")) == (404, "no session is called 'one'; there are 1")


def test_that_a_new_session_ends_an_old_one_is_said(sim, ask):
    for number in range(1000):
        sim.session(f"session-{number}")
    assert ask("GET sessions").json()["full"] is True


# --- HTTP ---------------------------------------------------------------------------------------


def test_a_path_that_is_not_there_is_not_found(ask):
    assert error(ask("GET dreams")) == (
        404,
        "there is no /_sim/dreams; GET /_sim/ lists what there is",
    )


def test_a_method_that_a_path_does_not_know_is_refused_with_those_it_knows(ask):
    answer = ask("PUT clock", {})
    assert error(answer) == (405, "/_sim/clock cannot be asked with PUT, only with GET, HEAD, POST")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_must_be_json_by_its_type(ask, clock, kind):
    before = clock.now()
    headers = {} if kind is None else {"Content-Type": kind}
    answer = ask("POST clock", content='{"advance": 1}', headers=headers)
    assert error(answer) == (415, "send JSON, and say so: Content-Type: application/json")
    assert clock.now() == before


@pytest.mark.parametrize("body", ["", "{", "\udcff", "[" * 100_000], ids=range(4))
def test_what_is_no_json_is_refused(ask, body):
    content = body.encode("utf-8", "surrogateescape")
    answer = ask(
        "POST clock", content=content, headers={"Content-Type": "application/json; charset=utf-8"}
    )
    status, says = error(answer)
    assert status == 400
    assert says.startswith(("the body is no JSON (", "expected"))


def test_trouble_with_the_store_is_said(sim, ask, monkeypatch):
    def broken(**_):
        raise StoreError("make room")

    monkeypatch.setattr(sim.store, "tasks", broken)
    assert error(ask("GET tasks")) == (500, "make room")


@pytest.mark.parametrize("what", ["GET health", "POST reset", "GET dreams", "OPTIONS clock"])
def test_no_answer_lets_a_page_of_another_origin_read_it(sim, ask, what):
    headers = ask(what, headers={"Origin": "http://testserver"}).headers
    assert not [name for name in headers if name.startswith("access-control-")]


def test_it_is_there_on_a_real_socket_too(sim):
    with sim.serve() as server:
        answer = httpx.post(f"{server.url}/_sim/clock", json={"advance": 1}, trust_env=False)
    assert answer.json()["now"] == sim.clock.now()


def test_the_framework_is_imported_when_it_is_first_asked_for():
    code = (
        "import sys, wanx_sim.faces.server; from wanx_sim import Simulator;"
        "Simulator().asgi_app(); sys.exit('starlette' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
