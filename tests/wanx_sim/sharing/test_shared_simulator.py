"""Several simulators over a board and a store: whichever is asked, they are one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from wanx_sim import Account, Fault, ManualClock, sessions

THROTTLED = "Throttling.RateQuota"
ONE = {"X-Wanx-Session": "one"}


# --- the clock, the settings, a reset -------------------------------------------------------------


def test_a_clock_that_is_moved_moves_for_all(pair, apis, start):
    one, other = pair
    task_id = apis[0].submit(n=1)
    link = apis[0].links(n=1)[0]
    other.clock.advance(hours=25)
    assert apis[0].get(link).status == 403  # its link has expired
    assert apis[0].status(task_id) == "UNKNOWN"
    assert one.clock.now() == other.clock.now() == start.timestamp() + 25 * 3600


def test_a_clock_is_frozen_and_goes_on_for_all(join):
    one, other = join(clock=None), join(clock=None)
    one.clock.freeze()
    assert other.meant(None).clock.speed == 0
    assert other.clock.now() == one.clock.now()
    other.clock.resume()
    one.refresh()
    assert one.clock.speed == 1
    one.clock.speed = 60
    assert other.meant(None).clock.speed == 60


def test_what_a_clock_refuses_is_refused_and_nothing_moves(pair, start):
    with pytest.raises(ValueError, match="only goes forward"):
        pair[0].clock.advance(-1)
    with pytest.raises(ValueError, match="speed must be"):
        pair[0].clock.speed = -1
    assert pair[1].meant(None).clock.now() == start.timestamp()


def test_whoever_comes_later_takes_the_clock_as_it_is(join, start):
    join().clock.advance(60)
    assert join(clock=ManualClock(0)).clock.now() == start.timestamp() + 60


def test_settings_that_are_changed_are_changed_for_all_and_for_those_to_come(join, apis):
    one, other = join(), join()
    account = Account(granted=frozenset({"wan2.2-t2i-flash"}), over_running="refuse")
    one.change(
        timing="seconds:1,2", account=account, api_keys={"sk-a": "beijing"}, rate_limits=True
    )
    for sim in (other.meant(None), join()):
        assert (str(sim.timing), sim.rate_limits, sim.account) == ("seconds:1,2", True, account)
        assert sim.api_keys == {"sk-a": "beijing"}
    assert apis[0].create().status == 401
    one.change(api_keys=None, public_url=None)
    assert other.meant(None).api_keys is None


def test_settings_that_are_not_changed_are_each_one_s_own(join):
    one, other = join(timing="polls:1,1"), join(timing="polls:2,2")
    one.change(validation="task")
    assert (str(other.meant(None).timing), other.validation) == ("polls:2,2", "task")


def test_a_wrong_setting_changes_none(pair):
    with pytest.raises(ValueError, match="no region is called 'mars'"):
        pair[0].change(timing="manual", region="mars")
    assert str(pair[0].timing) == str(pair[1].meant(None).timing) == "polls:1,1"


def test_a_reset_is_one_for_all(pair, apis):
    one, other = pair
    for api in apis:
        api.submit()
    one.faults.add("lost-response")
    other.reset()
    one.refresh()
    assert [len(one.tasks), len(one.requests), len(one.faults), one.ledger.images] == [0, 0, 0, 0]
    # Of their seeds, too: each repeats what it drew at first.
    first = [api.submit() for api in apis]
    other.reset()
    assert [api.submit() for api in apis] == first


def test_no_two_draw_the_same_ids_of_one_seed(pair, apis):
    taken = []
    for sim in pair:
        add = sim.store.add
        sim.store.add = lambda task, add=add: add(task) or taken.append(task)
    assert len({api.submit() for api in apis * 20}) == 40
    assert taken == []


# --- faults ---------------------------------------------------------------------------------------


def test_a_fault_strikes_as_often_as_it_is_to_whoever_is_asked(pair, apis):
    pair[0].faults.add(Fault(on="create", code=THROTTLED, times=3, nth=2))
    assert [api.create().status for api in apis * 3] == [200, 429, 429, 429, 200, 200]
    assert len(pair[0].faults) == len(pair[1].faults) == 0
    assert pair[1].faults.unused == []


def test_a_fault_strikes_as_often_as_it_is_to_when_all_ask_at_once(join, connect):
    sims = [join() for _ in range(4)]
    sims[0].faults.add(Fault(on="create", code=THROTTLED, times=25))
    apis = [connect(sim) for sim in sims]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda api: [api.create().status for _ in range(15)], apis))
    assert [status for row in answers for status in row].count(429) == 25


def test_faults_are_disarmed_for_all(pair, apis):
    pair[0].faults.add(Fault(on="create", code=THROTTLED, times=None))
    assert apis[1].create().status == 429
    pair[1].faults.clear()
    assert apis[0].create().status == 200


def test_a_strike_that_the_service_forestalled_counts_for_nobody(pair, apis):
    pair[0].faults.add(Fault(on="create", code=THROTTLED))
    assert apis[1].create(model="no-such-model").status == 400
    assert apis[0].create().status == 429


def test_faults_that_strike_nobody_are_not_written(pair, apis, monkeypatch):
    pair[0].faults.add(Fault(on="query", code=THROTTLED))
    apis[0].poll(apis[1].submit())
    monkeypatch.setattr(pair[0].board, "swap", lambda *_: pytest.fail("it writes"))
    apis[0].submit()
    assert apis[0].poll("spent").status == 200


def test_a_mark_in_a_prompt_is_counted_for_all(apis):
    assert [api.create("[[throttle:3]] 花").status for api in apis * 3] == [429] * 3 + [200] * 3


def test_a_mark_comes_after_an_armed_fault(pair, apis):
    pair[0].faults.add(Fault(on="create", code="Throttling.AllocationQuota"))
    codes = [api.create("[[throttle:2]] 花").json.get("code") for api in apis * 2]
    assert codes == ["Throttling.AllocationQuota", THROTTLED, THROTTLED, None]


def test_a_mark_that_was_forestalled_is_given_back(pair, apis):
    assert apis[0].create("[[throttle:1]]", size="1*1").status == 400
    assert [api.create("[[throttle:1]]").status for api in apis] == [429, 200]


def test_what_a_mark_makes_of_a_task_is_the_same_for_all(apis):
    assert apis[1].history(apis[0].submit("[[fail:InternalError]]"))[-1]["task_status"] == "FAILED"


# --- limits ---------------------------------------------------------------------------------------


def test_creates_a_second_are_counted_for_all(join, connect):
    apis = [connect(join(rate_limits=True)) for _ in range(2)]
    statuses = [api.create(model="wan2.2-t2i-flash").status for api in apis * 2]
    assert statuses == [200, 200, 429, 429]


def test_of_two_creates_for_the_last_free_place_one_is_accepted(join, connect):
    account = Account(over_running="refuse")
    sims = [join(rate_limits=True, account=account, timing="manual") for _ in range(4)]
    model = "wan2.2-t2i-flash"
    connect(sims[0]).submit(model=model)
    sims[1].clock.advance(2)  # so that only the last place is what they compete for
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda sim: connect(sim).create(model=model).status, sims))
    assert sorted(answers) == [200, 429, 429, 429]
    assert len(sims[0].tasks) == 2


def test_tasks_wait_behind_each_other_whoever_took_them(join, connect, start):
    sims = [join(rate_limits=True, timing="seconds:0,60") for _ in range(2)]
    for sim in sims * 2:
        connect(sim).submit(model="wan2.2-t2i-flash")
        sim.clock.advance(1)
    scheduled = [view.record.plan.scheduled - start.timestamp() for view in sims[1].tasks]
    assert scheduled == [0, 1, 60, 61]


# --- the journal and the ledger -------------------------------------------------------------------


def test_the_journal_has_what_was_sent_to_any(pair, apis):
    task_id = apis[0].submit()
    for api in apis:
        api.poll(task_id)
    for sim in pair:
        assert [entry.operation for entry in sim.requests] == ["create", "query", "query"]
        assert [entry.task_status for entry in sim.requests.queries] == ["PENDING", "RUNNING"]
        assert (len(sim.requests), sim.requests[-1].task_id) == (3, task_id)
        assert sim.requests[:1] == list(sim.requests.creates)
        assert sorted(at for _, at in sim.requests.timed()) == [
            at for _, at in sim.requests.timed()
        ]
        assert (sim.ledger.tasks, sim.ledger.images) == (1, 4)
        sim.assert_no_duplicate_submits()


def test_a_lost_answer_is_in_the_journal_of_all(pair, apis):
    pair[0].faults.add(Fault(on="query", reset="before"))
    with pytest.raises(Exception, match="closed"):
        apis[1].poll("id")
    assert [entry.answer for entry in pair[0].requests] == ["connection lost"]


def test_a_journal_that_is_cleared_is_empty_for_all(pair, apis):
    apis[0].submit()
    pair[1].requests.clear()
    assert [len(sim.requests) for sim in pair] == [0, 0]
    apis[0].submit()
    assert [len(sim.requests) for sim in pair] == [1, 1]


# --- sessions -------------------------------------------------------------------------------------


def test_a_session_is_the_same_whoever_is_asked(pair, apis):
    one, other = pair
    task_id = apis[0].create(headers=ONE).output["task_id"]
    statuses = [api.poll(task_id, headers=ONE).output["task_status"] for api in reversed(apis)]
    assert statuses == ["PENDING", "RUNNING"]
    assert (len(one.tasks), len(other.tasks)) == (0, 0)
    for sim in pair:
        assert list(sim.sessions) == ["one"]
        assert "one" in sim.sessions
        (named,) = sim.sessions.items()
        assert named[0] == "one"
        assert (len(named[1].tasks), len(named[1].requests), named[1].ledger.images) == (1, 3, 4)


def test_a_session_s_links_lead_back_to_it_whoever_is_asked(apis):
    task_id = apis[0].create(n=1, headers=ONE).output["task_id"]
    for api in apis * 2:
        output = api.poll(task_id, headers=ONE).output
    link = output["results"][0]["url"]
    assert [api.get(link).status for api in apis] == [200, 200]


def test_a_session_has_clock_faults_and_settings_of_its_own(pair, apis):
    one, other = pair
    one.clock.advance(60)
    one.change(timing="manual")
    session = other.session("one")  # begins as the server is now
    assert session.clock.now() == one.clock.now()
    assert str(session.timing) == "manual"
    session.clock.advance(60)
    session.change(timing="instant")
    session.faults.add(Fault(on="create", code=THROTTLED))
    assert one.session("one").clock.now() == one.clock.now() + 60
    assert [str(one.meant(None).timing), str(one.session("one").timing)] == [
        "manual",
        "seconds:0,0",
    ]
    assert [api.create(headers=ONE).status for api in apis] == [429, 200]
    assert apis[0].create().status == 200


def test_a_session_that_is_ended_is_ended_for_all(pair, apis):
    one, other = pair
    task_id = apis[0].create(headers=ONE).output["task_id"]
    assert apis[1].poll(task_id, headers=ONE).output["task_status"] == "PENDING"
    del other.sessions["one"]
    assert list(one.sessions) == []
    assert apis[0].poll(task_id, headers=ONE).output["task_status"] == "UNKNOWN"
    assert len(one.session("one").requests) == 1
    with pytest.raises(KeyError, match="no session is called 'two'; there are 1"):
        del one.sessions["two"]


def test_a_session_that_is_ended_and_begun_anew_elsewhere_is_the_new_one_here(pair, apis):
    apis[0].create(headers=ONE)
    del pair[1].sessions["one"]
    apis[1].create(headers=ONE)
    assert len(pair[0].session("one").tasks) == 1
    assert pair[0].session("one").tasks.only.task_id == pair[1].session("one").tasks.only.task_id


def test_the_session_unused_for_longest_goes_first(pair, apis, monkeypatch):
    monkeypatch.setattr(sessions, "LIMIT", 2)
    for number, name in enumerate(["one", "two", "one", "three"]):
        apis[number % 2].create(headers={"X-Wanx-Session": name})
    assert list(pair[0].sessions) == ["one", "three"]
    assert len(pair[1].session("one").tasks) == 2


def test_more_sessions_than_are_at_hand_lose_nothing(pair, apis, monkeypatch):
    monkeypatch.setattr("wanx_sim.sharing.simulator._OPEN", 2)
    for number in range(12):
        apis[number % 2].create(headers={"X-Wanx-Session": f"s{number % 4}"})
    assert {name: len(sim.tasks) for name, sim in pair[0].sessions.items()} == {
        f"s{number}": 3 for number in range(4)
    }


@pytest.mark.parametrize("name", ["", "a b", "花", "x" * 65])
def test_what_cannot_be_a_session_s_name_is_refused(apis, pair, name):
    status, code, message = apis[0].create(headers={"X-Wanx-Session": name.encode()}).refusal
    assert (status, code) == (400, "InvalidParameter")
    assert message.startswith("a session's name is 1 to 64")
    assert len(pair[0].sessions) == 0
