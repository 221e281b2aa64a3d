"""The armed faults: which strikes a request, how often, and what was armed in vain."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from wanx_sim import Fault, Simulator
from wanx_sim.faults import Faults, armed as module
from wanx_sim.faults.subject import Subject

THROTTLED = Fault(code="Throttling")


def taken(faults, operation="create", **about):
    """The fault that strikes a request, if any."""
    armed = faults.take(Subject(operation, **about))
    return armed and armed.fault


def strikes(faults, times, **about):
    return [taken(faults, **about) is not None for _ in range(times)]


# --- how often ----------------------------------------------------------------------------------


def test_a_fault_strikes_once_unless_told_otherwise():
    assert strikes(Faults([THROTTLED]), 3) == [True, False, False]


def test_a_fault_strikes_as_often_as_it_says():
    faults = Faults([Fault(code="Throttling", times=2)])
    assert strikes(faults, 4) == [True, True, False, False]


def test_a_fault_without_end_strikes_always():
    faults = Faults([Fault(code="Throttling", times=None)])
    assert strikes(faults, 20) == [True] * 20
    assert len(faults) == 1


def test_a_fault_may_begin_at_the_nth_request():
    faults = Faults([Fault(code="Throttling", nth=3)])
    assert strikes(faults, 5) == [False, False, True, False, False]


def test_only_requests_that_a_fault_is_meant_for_are_counted_to_the_nth():
    faults = Faults([Fault(code="Throttling", nth=2, model="a")])
    seen = [taken(faults, model=model) is not None for model in ("b", "a", "b", "b", "a")]
    assert seen == [False, False, False, False, True]


def test_a_fault_behind_another_counts_the_requests_that_the_other_takes():
    faults = Faults([THROTTLED, Fault(code="SystemError", nth=3)])
    assert [fault and fault.code for fault in (taken(faults) for _ in range(4))] == [
        "Throttling",
        None,
        "SystemError",
        None,
    ]


def test_a_probability_strikes_some():
    faults = Faults([Fault(code="Throttling", probability=0.3, times=None)])
    assert 200 < strikes(faults, 1000).count(True) < 400


def test_the_same_seed_draws_the_same_strikes():
    def history(seed):
        fault = Fault(code="Throttling", probability=0.5, times=None)
        return strikes(Faults([fault], seed=seed), 64)

    assert history(1) == history(1)
    assert history(1) != history(2)


def test_times_counts_strikes_not_requests():
    faults = Faults([Fault(code="Throttling", probability=0.2, times=3)])
    assert strikes(faults, 500).count(True) == 3


# --- which --------------------------------------------------------------------------------------


def test_faults_strike_in_the_order_in_which_they_were_added():
    faults = Faults()
    faults.add(THROTTLED)
    faults.add(Fault(status=502))
    faults.add(Fault(code="SystemError"))
    order = [taken(faults) for _ in range(3)]
    assert [fault.code or fault.status for fault in order] == ["Throttling", 502, "SystemError"]


def test_a_fault_that_does_not_fit_leaves_the_next_its_turn():
    faults = Faults([Fault(code="Throttling", model="x"), Fault(code="SystemError")])
    assert taken(faults, model="y").code == "SystemError"


def test_what_becomes_of_the_task_is_asked_for_apart():
    faults = Faults([Fault(stuck="RUNNING"), THROTTLED])
    assert taken(faults) == THROTTLED
    assert faults.take(Subject("create"), outcome=True).fault.stuck == "RUNNING"


def test_the_faults_of_a_prompt_come_after_the_armed_ones():
    faults = Faults([THROTTLED])
    scripted = [Fault(status=502)]
    struck = [faults.take(Subject("create", prompt="花"), scripted=scripted) for _ in range(3)]
    assert [armed and (armed.fault.code or armed.fault.status) for armed in struck] == [
        "Throttling",
        502,
        None,
    ]


def test_the_faults_of_a_prompt_are_counted_for_each_prompt():
    faults = Faults()
    struck = [
        faults.take(Subject("create", prompt=prompt), scripted=[THROTTLED]) is not None
        for prompt in ("花", "鸟", "花", "鸟")
    ]
    assert struck == [True, True, False, False]


def test_of_prompts_that_were_struck_the_newest_are_remembered(monkeypatch):
    monkeypatch.setattr(module, "SCRIPTED", 2)
    faults = Faults()
    struck = [
        faults.take(Subject("create", prompt=prompt), scripted=[THROTTLED]) is not None
        for prompt in ("花", "鸟", "鱼", "鱼", "鸟", "花")
    ]
    assert struck == [True, True, True, False, False, True]


def test_nothing_is_remembered_of_prompts_that_only_say_what_becomes_of_the_task():
    """A million of them would be more than the tasks themselves."""
    faults = Faults()
    for number in range(100):
        subject = Subject("create", prompt=f"[[stuck]] {number}")
        assert faults.take(subject, scripted=[Fault(stuck="RUNNING")]) is None
    assert not faults._scripted


def test_a_strike_that_is_given_back_is_there_again():
    faults = Faults([THROTTLED])
    faults.give_back(faults.take(Subject("create")))
    assert (len(faults), len(faults.unused)) == (1, 1)
    assert strikes(faults, 2) == [True, False]


def test_no_strike_is_counted_twice_by_threads():
    faults = Faults([Fault(code="Throttling", times=50)])
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: taken(faults) is not None, range(200)))
    assert results.count(True) == 50


# --- looking at them ----------------------------------------------------------------------------


def test_faults_can_be_looked_at_and_cleared():
    faults = Faults([THROTTLED])
    assert list(faults) == [THROTTLED]
    faults.clear()
    assert (len(faults), taken(faults)) == (0, None)


def test_a_spent_fault_is_armed_no_more():
    faults = Faults([THROTTLED])
    taken(faults)
    assert (len(faults), bool(faults)) == (0, False)


def test_unused_are_those_that_struck_nothing():
    other = Fault(on="list", code="Throttling")
    faults = Faults([THROTTLED, other])
    taken(faults)
    assert faults.unused == [other]


def test_a_preset_is_armed_by_its_name():
    faults = Faults(["lost-response"])
    faults.add("poll-429", THROTTLED)
    assert [fault.on for fault in faults] == ["create", "query", "create"]


def test_a_name_that_does_not_exist_arms_nothing():
    faults = Faults()
    with pytest.raises(ValueError, match="no fault is called 'lost-respnse'; did you mean lost-r"):
        faults.add(THROTTLED, "lost-respnse")
    assert len(faults) == 0


# --- in the simulator ---------------------------------------------------------------------------


def test_a_simulator_can_start_with_faults(connect, clock):
    faults = [Fault(code="Throttling.RateQuota", times=2), "gateway-html"]
    api = connect(Simulator(clock=clock, faults=faults))
    assert [api.create().status for _ in range(4)] == [429, 429, 502, 200]


@pytest.mark.parametrize("faults", ["submit-429", Fault(code="Throttling", times=2)])
def test_one_alone_is_as_good_as_a_list(connect, clock, faults):
    api = connect(Simulator(clock=clock, faults=faults))
    assert [api.create().status for _ in range(3)] == [429, 429, 200]


def test_the_simulators_seed_is_that_of_its_faults(connect, clock):
    def history(seed):
        fault = Fault(on="list", code="Throttling", probability=0.5, times=None)
        api = connect(Simulator(clock=clock, seed=seed, faults=[fault]))
        return [api.listed().status for _ in range(32)]

    assert history(7) == history(7)
    assert history(7) != history(8)


def test_a_refusing_fault_leaves_no_task_and_no_bill(api, sim):
    sim.faults.add(Fault(code="InternalError"))
    api.create()
    assert (len(sim.tasks), sim.ledger.cost) == (0, 0)


@pytest.mark.parametrize(
    "fault",
    [THROTTLED, Fault(reset="after"), Fault(status=504, acted_upon=True), Fault(fail="Throttling")],
)
def test_a_bad_request_uses_no_fault_up(api, sim, fault):
    sim.faults.add(fault)
    assert api.create(n=9).status == 400
    assert api.create(headers={"Authorization": None}).status == 401
    assert sim.faults.unused == [fault]


@pytest.mark.parametrize("headers", [{}, {"Authorization": None}])
def test_a_gateway_in_front_looks_at_nothing(api, sim, headers):
    sim.faults.add(Fault(status=502))
    assert api.create(n=9, headers=headers).status == 502
    assert len(sim.faults) == 0


def test_a_refused_create_uses_up_no_fault_of_its_task(api, sim):
    sim.faults.add(THROTTLED, Fault(fail="InternalError.Algo"))
    assert api.create().status == 429
    assert api.job()["task_status"] == "FAILED"


def test_a_fault_on_a_poll_counts_no_poll(api, sim):
    task_id = api.submit()
    sim.faults.add(Fault(on="query", code="ModelServingError"))
    assert api.poll(task_id).status == 503
    assert api.status(task_id) == "PENDING"


def test_a_reset_forgets_the_faults_and_the_marks(api, sim):
    sim.faults.add(Fault(code="Throttling", times=None))
    sim.reset()
    before = [api.create("[[throttle:1]]").status for _ in range(2)]
    sim.reset()
    assert before == [429, 200]
    assert api.create("[[throttle:1]]").status == 429
