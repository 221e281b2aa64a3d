"""Sessions: on a shared simulator, each tester with one of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from wanx_sim import Fault, ManualClock, Simulator, sessions
from wanx_sim.stores.memory import MemoryStore

CREATE = "/api/v1/services/aigc/text2image/image-synthesis"


def named(name):
    return {"X-Wanx-Session": name}


# --- a state of its own -------------------------------------------------------------------------


def test_a_request_that_names_a_session_is_answered_by_it(sim, api):
    api.create("a", headers=named("one"))
    api.create("b", headers=named("two"))
    api.create("c")
    assert [sim.session(name).tasks.only.prompt for name in ("one", "two")] == ["a", "b"]
    assert sim.tasks.only.prompt == "c"


def test_a_task_of_one_session_is_unknown_in_another(api):
    task_id = api.create(headers=named("one")).output["task_id"]
    poll = api.poll(task_id, headers=named("two"))
    assert poll.output["task_status"] == "UNKNOWN"
    assert api.poll(task_id, headers=named("one")).output["task_status"] == "PENDING"


def test_a_session_has_a_journal_and_a_ledger_of_its_own(sim, api):
    api.create(n=2, headers=named("one"))
    one = sim.session("one")
    assert (len(one.requests), one.ledger.images, one.ledger.cost) == (1, 2, 0.4)
    assert (len(sim.requests), sim.ledger.images) == (0, 0)


def test_a_session_has_faults_of_its_own(sim, api):
    sim.session("one").faults.add(Fault(on="create", code="Throttling.RateQuota", times=None))
    statuses = [api.create(headers=headers).status for headers in (named("one"), named("two"), {})]
    assert statuses == [429, 200, 200]


def test_faults_that_are_armed_strike_in_no_session(sim, api):
    sim.faults.add(Fault(on="create", code="Throttling.RateQuota", times=None))
    assert api.create(headers=named("one")).status == 200


def test_a_session_has_a_clock_of_its_own_that_begins_at_the_shared_one_s_time(sim):
    sim.clock.advance(60)
    one = sim.session("one")
    assert isinstance(one.clock, ManualClock)
    assert one.clock.now() == sim.clock.now()
    one.clock.advance(hours=24)
    assert one.clock.now() == sim.clock.now() + 86_400


def test_a_session_starts_with_the_settings_of_the_simulator_it_belongs_to():
    given = {
        "timing": "polls:0,3",
        "seed": 5,
        "region": "singapore",
        "api_keys": {"sk-a": "singapore"},
        "validation": "task",
        "rate_limits": True,
        "profile": "2026-10",
        "magic_prompts": False,
        "public_url": "http://pictures.test",
    }
    one = Simulator(**given).session("one")
    assert {name: getattr(one, name) for name in given} | {"timing": str(one.timing)} == given


def test_every_argument_of_a_simulator_is_a_session_s_setting_or_its_state(sim):
    """A new argument is taken over unless it is named here."""
    sim.rate_limits, sim.account = True, object()
    one = sim.session("one")
    assert (one.rate_limits, one.account) == (True, sim.account)


def test_a_session_s_settings_are_its_own_from_then_on(sim):
    one = sim.session("one")
    one.timing, sim.region = "manual", "singapore"
    assert (str(sim.timing), one.region) == ("polls:1,1", "beijing")


def test_a_session_repeats_what_the_simulator_does_with_the_same_seed(api):
    assert api.create(headers=named("one")).output == api.create().output


def test_a_reset_leaves_the_sessions_alone(sim, api):
    api.create(headers=named("one"))
    sim.reset()
    assert len(sim.session("one").tasks) == 1


def test_pictures_are_rendered_once_for_all(clock):
    class Counting(MemoryStore):
        rendered = 0

        def picture(self, key, render):
            def counted():
                self.rendered += 1
                return render()

            return super().picture(key, counted)

    store = Counting()
    sim = Simulator(store=store, clock=clock)
    for name in ("one", "two"):
        assert sim.session(name).store.picture("same", lambda: b"picture") == b"picture"
    assert store.rendered == 1


# --- links --------------------------------------------------------------------------------------


@pytest.fixture
def link(api):
    """Where the picture of a session called one is."""
    task_id = api.create(n=1, headers=named("one")).output["task_id"]
    for _ in range(3):
        output = api.poll(task_id, headers=named("one")).output
    return output["results"][0]["url"]


def test_a_link_leads_back_to_its_session(api, link):
    assert link.endswith("&x-wanx-session=one")
    assert api.get(link).status == 200


def test_a_link_leads_to_its_session_whatever_the_header_says(api, link):
    assert api.get(link, headers={"x-wanx-session": "two"}).status == 200


def test_a_link_without_its_session_leads_nowhere(api, link):
    assert api.get(link.removesuffix("&x-wanx-session=one")).status == 404


def test_a_link_of_no_session_names_none(api):
    assert "session" not in api.links(n=1)[0]


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "Z9._-", "x" * 64])
def test_what_can_be_a_name(sim, name):
    assert sim.session(name) is sim.session(name)


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "花", "a/b", "a\n"])
def test_what_cannot_be_a_name(sim, name):
    with pytest.raises(ValueError, match=r"a session's name is 1 to 64 of the characters A-Z a-z"):
        sim.session(name)
    assert len(sim.sessions) == 0


def test_a_request_with_a_name_that_cannot_be_one_is_refused(sim, api):
    status, code, message = api.create(headers=named("a b")).refusal
    assert (status, code) == (400, "InvalidParameter")
    assert message.startswith("a session's name is 1 to 64")
    assert (len(sim.tasks), len(sim.sessions)) == (0, 0)


@pytest.mark.parametrize(
    ("query", "headers", "name"),
    [
        ("", {}, None),
        ("", {"x-wanx-session": "one"}, "one"),
        ("x-wanx-session=two", {"x-wanx-session": "one"}, "two"),
        ("a=1&x-wanx-session=two", {}, "two"),
        ("a=x-wanx-session%3Dtwo", {}, None),
        ("not-x-wanx-session=two", {"x-wanx-session": "one"}, "one"),
    ],
)
def test_which_session_a_request_names(make_request, query, headers, name):
    assert sessions.asked(make_request(f"/?{query}", headers=headers)) == name


# --- how many -----------------------------------------------------------------------------------


def test_the_session_unused_for_longest_goes_first(sim, monkeypatch):
    monkeypatch.setattr(sessions, "LIMIT", 2)
    one, two = sim.session("one"), sim.session("two")
    sim.session("one")
    sim.session("three")
    assert list(sim.sessions) == ["one", "three"]
    assert sim.session("one") is one
    assert sim.session("two") is not two


def test_a_session_that_was_ended_starts_anew(sim, api):
    api.create(headers=named("one"))
    del sim.sessions["one"]
    assert len(sim.session("one").tasks) == 0
    with pytest.raises(KeyError, match="no session is called 'two'; there are 1"):
        del sim.sessions["two"]


def test_a_session_knows_the_others(sim):
    one = sim.session("one")
    assert one.session("two") is sim.session("two")
    assert one.session("one") is one


def test_requests_in_parallel_find_the_same_session(sim, connect):
    start = Barrier(8)

    def submit(number):
        api = connect(sim)
        start.wait()
        return [api.create(headers=named(f"s{place % 3}")).output["task_id"] for place in range(12)]

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(submit, range(8)))
    assert sorted(sim.sessions) == ["s0", "s1", "s2"]
    for place in range(3):
        ids = [task_id for ids in made for task_id in ids[place::3]]
        assert len(sim.session(f"s{place}").tasks) == len(set(ids)) == 32
