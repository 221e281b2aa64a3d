"""The simulator: its settings, its determinism, and what a test does to it by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from wanx_sim import Fault, ManualClock, Simulator, Timing
from wanx_sim.protocol.lifecycle import IllegalTransition

BEIJING = "https://dashscope.aliyuncs.com"
SINGAPORE = "https://dashscope-intl.aliyuncs.com"


# --- settings can change at any time ------------------------------------------------------------


def test_timing_can_change_and_existing_tasks_keep_their_plan(api, sim):
    before = api.submit()
    sim.timing = Timing.parse("instant")
    after = api.submit()
    assert (api.status(before), api.status(after)) == ("PENDING", "SUCCEEDED")


def test_timing_takes_a_spelling_too(api, sim):
    sim.timing = "polls:0,0"
    assert api.status(api.submit()) == "SUCCEEDED"


def test_keys_can_change(api, sim):
    assert api.create().status == 200
    sim.api_keys = {"sk-other": "beijing"}
    assert api.create().status == 401
    sim.api_keys = None
    assert api.create().status == 200


def test_validation_can_change(api, sim):
    sim.validation = "task"
    assert api.create(n=9).status == 200
    sim.validation = "submit"
    assert api.create(n=9).status == 400


def test_the_profile_can_change(api, sim):
    assert api.create(size="768*768").status == 200
    sim.profile = "2026-10"
    assert api.create(size="768*768").status == 400


def test_rate_limits_can_change(api, sim):
    assert [api.create().status for _ in range(7)] == [200] * 7
    sim.rate_limits = True
    assert [api.create().status for _ in range(7)] == [200] * 5 + [429] * 2
    sim.rate_limits = False
    assert api.create().status == 200


def test_the_region_of_other_hosts_can_change(connect, sim):
    api = connect(sim, "http://localhost")
    sim.api_keys = {"sk-test": "singapore"}
    assert api.create().status == 401
    sim.region = "singapore"
    assert api.create().status == 200


def test_magic_prompts_can_be_switched_off(api, sim):
    sim.magic_prompts = False
    assert api.create("[[moderation]]").status == 200


def test_the_public_url_can_change(api, sim):
    sim.public_url = "http://localhost:9000"
    (link,) = api.links(n=1)
    assert link.startswith("http://localhost:9000/oss/dashscope-result-bj/")


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("timing", "soon", "no timing is spelt 'soon'; known: instant"),
        ("region", "mars", "no region is called 'mars'; known: beijing, singapore"),
        ("api_keys", {"sk": "mars"}, "no region is called 'mars'"),
        ("validation", "never", "validation cannot be 'never'; known: submit, task"),
        ("profile", "1999", "no profile is called '1999'; known: 2025-10, 2026-10"),
    ],
)
def test_a_setting_that_does_not_exist_is_refused_early_and_late(sim, setting, value, says):
    with pytest.raises(ValueError, match=says):
        Simulator(**{setting: value})
    before = getattr(sim, setting)
    with pytest.raises(ValueError, match=says):
        setattr(sim, setting, value)
    assert getattr(sim, setting) == before


def test_a_simulator_shows_its_region_timing_and_seed(sim):
    assert repr(sim) == "<Simulator beijing polls:1,1 seed=1 <MemoryStore 0 tasks>>"


# --- regions ------------------------------------------------------------------------------------


@pytest.mark.proves("routes.one-region")
def test_a_task_is_unknown_in_the_other_region(connect, sim):
    beijing, singapore = connect(sim, BEIJING), connect(sim, SINGAPORE)
    task_id = beijing.submit()
    assert singapore.status(task_id) == "UNKNOWN"
    assert singapore.listed().json["total"] == 0
    assert singapore.cancel(task_id).status == 400
    assert beijing.status(task_id) == "PENDING"


@pytest.mark.parametrize(
    ("base", "bucket"), [(BEIJING, "dashscope-result-bj"), (SINGAPORE, "dashscope-result-sgp")]
)
def test_pictures_lie_in_a_bucket_of_the_region(connect, sim, base, bucket):
    api = connect(sim, base)
    (link,) = api.links(n=1, size="768*768")
    assert link.startswith(f"https://{bucket}.oss-")
    assert api.get(link).status == 200


def test_a_model_may_be_missing_in_a_region(connect, sim):
    model = "wanx2.0-t2i-turbo"
    assert connect(sim, BEIJING).create(model=model).status == 200
    answer = connect(sim, SINGAPORE).create(model=model)
    assert answer.refusal == (400, "InvalidParameter", "Model not exist.")


# --- validation in the task ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"n": 9}, "Range of n should be [1, 4]"),
        ({"seed": -1}, "Range of seed should be [0, 2147483647]"),
        ({"prompt": " "}, "prompt must contain words"),
        ({"prompt": None, "negative_prompt": "人物"}, "Field required: input.prompt"),
        (
            {"size": "1x1"},
            "The size '1x1' is not valid: it must be written width*height, as in 1024*1024.",
        ),
    ],
    ids=["n", "seed", "empty prompt", "no prompt", "size"],
)
def test_a_bad_parameter_fails_in_the_task_with_the_same_words(connect, clock, asked, message):
    sim = Simulator(clock=clock, validation="task")
    output = connect(sim).job(**asked)
    assert output["task_status"] == "FAILED"
    assert (output["code"], output["message"]) == ("InvalidParameter", message)
    assert sim.ledger.cost == 0


@pytest.mark.parametrize(
    "asked",
    [{"model": "wan9"}, {"body": b"{"}, {"headers": {"X-DashScope-Async": None}}, {"n": "one"}],
    ids=["model", "JSON", "header", "type"],
)
def test_what_the_gateway_checks_is_refused_at_submit_all_the_same(connect, clock, asked):
    sim = Simulator(clock=clock, validation="task")
    assert connect(sim).create(**asked).status in (400, 403)
    assert len(sim.tasks) == 0


# --- profile ------------------------------------------------------------------------------------


def test_the_newer_profile_extends_prompts_of_wan25(connect, clock):
    api = connect(Simulator(clock=clock, profile="2026-10"))
    assert "actual_prompt" in api.job(n=1)["results"][0]


def test_the_newer_profile_cuts_prompts_of_2_2_at_500(connect, clock):
    sim = Simulator(clock=clock, profile="2026-10")
    connect(sim).submit("花" * 900, "wan2.2-t2i-flash")
    assert len(sim.tasks.only.record.order.used_prompt) == 500


# --- rate limits --------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "rate"), [("wan2.5-t2i-preview", 5), ("wan2.2-t2i-flash", 2)])
def test_a_model_takes_so_many_submits_a_second(connect, clock, model, rate):
    api = connect(Simulator(clock=clock, rate_limits=True))
    statuses = [api.create(model=model).status for _ in range(rate + 1)]
    assert statuses == [200] * rate + [429]


def test_each_model_and_each_key_is_counted_by_itself(connect, clock):
    sim = Simulator(clock=clock, rate_limits=True)
    one, other = connect(sim, key="sk-one"), connect(sim, key="sk-other")
    for _ in range(2):
        one.submit(model="wan2.2-t2i-flash")
    assert one.create(model="wan2.2-t2i-flash").status == 429
    assert one.create(model="wan2.2-t2i-plus").status == 200
    assert other.create(model="wan2.2-t2i-flash").status == 200


@pytest.mark.proves("account.rate-window")
def test_the_window_slides(connect, clock):
    api = connect(Simulator(clock=clock, rate_limits=True))
    model = "wan2.2-t2i-flash"
    api.submit(model=model)
    clock.advance(seconds=0.6)
    api.submit(model=model)
    clock.advance(seconds=0.39)
    assert api.create(model=model).status == 429
    clock.advance(seconds=0.01)
    assert api.create(model=model).status == 200
    assert api.create(model=model).status == 429


@pytest.mark.proves("account.query-rate")
def test_queries_lists_and_cancels_share_20_a_second(connect, clock):
    api = connect(Simulator(clock=clock, rate_limits=True))
    statuses = [api.poll("1").status for _ in range(10)]
    statuses += [api.listed().status for _ in range(9)]
    assert statuses == [200] * 19
    assert api.cancel("1").status == 400
    assert api.poll("1").refusal[:2] == (429, "Throttling.RateQuota")
    clock.advance(seconds=1)
    assert api.poll("1").status == 200


def test_a_throttled_poll_counts_no_poll(connect, clock):
    api = connect(Simulator(clock=clock, rate_limits=True))
    task_id = api.submit()
    for _ in range(20):
        api.poll("1")
    assert api.poll(task_id).status == 429
    clock.advance(seconds=1)
    assert api.status(task_id) == "PENDING"


def test_downloads_are_not_limited(connect, clock):
    api = connect(Simulator(clock=clock, rate_limits=True))
    (link,) = api.links(n=1, size="768*768")
    assert {api.get(link).status for _ in range(30)} == {200}


# --- the same seed, the same history ------------------------------------------------------------


@pytest.fixture
def fresh(connect, start):
    """Makes a simulator at the start of time, and its API."""

    def made(**settings):
        sim = Simulator(clock=ManualClock(start), **settings)
        return sim, connect(sim)

    return made


def told(sim):
    return [(task.task_id, task.seed, task.record.plan) for task in sim.tasks]


@pytest.mark.parametrize("timing", ["polls:1,1", "seconds:5,5", "realistic", "manual"])
def test_the_same_seed_gives_the_same_tasks(fresh, timing):
    histories = []
    for _ in range(2):
        sim, api = fresh(seed=5, timing=timing)
        for _ in range(3):
            api.submit(n=2)
        histories.append(told(sim))
    assert histories[0] == histories[1]


def test_how_often_an_application_polls_changes_no_later_task(fresh):
    histories = []
    for polls in (0, 1, 17):
        sim, api = fresh(seed=5, timing="realistic")
        for _ in range(3):
            task_id = api.submit()
            for _ in range(polls):
                api.poll(task_id)
            api.create(n=9)
        histories.append(told(sim))
    assert histories[0] == histories[1] == histories[2]


@pytest.mark.parametrize(
    "refused",
    [{"n": 9}, {"model": "wan9"}, {"prompt": "[[moderation]]"}, {"prompt": "[[throttle:9]]"}],
    ids=["parameter", "model", "moderation", "throttle"],
)
def test_a_create_that_is_refused_changes_no_later_task(fresh, refused):
    histories = []
    for times in (0, 3):
        sim, api = fresh(seed=5, timing="realistic")
        for _ in range(times):
            assert api.create(**refused).status != 200
        api.submit()
        histories.append(told(sim))
    assert histories[0] == histories[1]


def test_how_often_a_submit_is_throttled_changes_no_later_task(fresh):
    histories = []
    for tries in (1, 4):
        sim, api = fresh(seed=5, timing="realistic", rate_limits=True)
        for _ in range(2):
            for _ in range(5):
                api.submit()
            assert {api.create().status for _ in range(tries)} == {429}
            sim.clock.advance(seconds=1)
        histories.append([(task.task_id, task.seed) for task in sim.tasks])
    assert histories[0] == histories[1]


def test_the_same_seed_gives_the_same_pictures(fresh):
    pictures = [fresh(seed=5)[1].pictures(n=1, size="768*768") for _ in range(2)]
    assert pictures[0] == pictures[1]


def test_another_seed_gives_other_tasks(fresh):
    ids = set()
    for seed in range(5):
        ids.add(fresh(seed=seed)[1].submit())
    assert len(ids) == 5


def test_without_a_seed_one_is_drawn(fresh):
    ids = {fresh(seed=None)[1].submit() for _ in range(3)}
    assert len(ids) == 3


def test_request_ids_do_not_repeat(fresh):
    _, api = fresh(seed=5)
    answers = [api.create(), *(api.poll("1") for _ in range(20))]
    assert len({answer.json["request_id"] for answer in answers}) == 21


# --- reset --------------------------------------------------------------------------------------


def test_after_a_reset_all_is_as_at_first(api, sim):
    first = [api.submit(), api.create("[[throttle:1]] 花").status]
    sim.reset()
    assert [api.submit(), api.create("[[throttle:1]] 花").status] == first


def test_a_reset_forgets_tasks_requests_faults_and_rates(api, sim):
    sim.rate_limits = True
    for _ in range(5):
        api.submit()
    sim.faults.add(Fault(on="create", code="Throttling"))
    sim.reset()
    assert (len(sim.tasks), len(sim.requests), len(sim.faults), sim.ledger.images) == (0, 0, 0, 0)
    assert api.create().status == 200


def test_a_reset_leaves_settings_and_clock(api, sim, clock):
    sim.timing = "manual"
    clock.advance(hours=1)
    now = clock.now()
    sim.reset()
    assert (str(sim.timing), clock.now()) == ("manual", now)


# --- by hand ------------------------------------------------------------------------------------


@pytest.mark.parametrize("timing", ["polls:5,5", "seconds:100,100", "manual"])
@pytest.mark.parametrize("polls", [0, 6])
def test_finish_lets_a_task_succeed_now(connect, clock, timing, polls):
    sim = Simulator(clock=clock, timing=timing)
    api = connect(sim)
    task_id = api.submit(n=2, size="768*768")
    for _ in range(polls):
        api.poll(task_id)
    clock.advance(seconds=3)
    sim.finish(task_id)
    output = api.poll(task_id).output
    assert output["task_status"] == "SUCCEEDED"
    assert output["end_time"] == "2025-10-28 12:00:03.000"
    assert [api.get(result["url"]).status for result in output["results"]] == [200, 200]


def test_finish_puts_a_stuck_task_on_the_bill(connect, clock):
    sim = Simulator(clock=clock, timing="manual")
    task_id = connect(sim).submit(n=2)
    assert sim.ledger.images == 0
    sim.finish(task_id)
    assert sim.ledger.images == 2


def test_fail_lets_a_task_fail_now(api, sim):
    task_id = api.submit()
    sim.fail(task_id, "InternalError.Upload")
    output = api.poll(task_id).output
    assert (output["task_status"], output["code"]) == ("FAILED", "InternalError.Upload")
    assert output["message"] == "Failed to upload result."


def test_fail_is_an_algorithms_failure_unless_told_otherwise(api, sim):
    task_id = api.submit()
    sim.fail(task_id)
    assert api.poll(task_id).output["code"] == "InternalError.Algo"


def test_expire_urls_cuts_links_of_that_task_only(api, sim):
    cut, kept = api.submit("花", n=1, size="768*768"), api.submit("鸟", n=1, size="768*768")
    links = {task: api.history(task)[-1]["results"][0]["url"] for task in (cut, kept)}
    sim.expire_urls(cut)
    assert (api.get(links[cut]).status, api.get(links[kept]).status) == (403, 200)
    assert api.status(cut) == "SUCCEEDED"


def test_expire_urls_cuts_links_that_are_given_out_later_too(api, sim):
    task_id = api.submit(n=1, size="768*768")
    sim.expire_urls(task_id)
    (result,) = api.history(task_id)[-1]["results"]
    assert api.get(result["url"]).status == 403


@pytest.mark.parametrize("act", ["finish", "fail", "expire_urls"])
def test_what_is_done_by_hand_wants_a_task_that_exists(sim, act):
    with pytest.raises(KeyError, match="no task has the id '1111'; there are 0"):
        getattr(sim, act)("1111")


@pytest.mark.parametrize("act", ["finish", "fail"])
def test_a_task_that_has_ended_cannot_be_ended_again(api, sim, act):
    task_id = api.submit()
    sim.finish(task_id)
    with pytest.raises(IllegalTransition, match="a SUCCEEDED task cannot"):
        getattr(sim, act)(task_id)


def test_fail_wants_a_code_of_the_service(api, sim):
    task_id = api.submit()
    with pytest.raises(ValueError, match="no error code 'Oops'"):
        sim.fail(task_id, "Oops")
    assert api.status(task_id) == "PENDING"


# --- threads ------------------------------------------------------------------------------------


def test_tasks_made_by_many_threads_are_all_there(connect, sim):
    def submit(_):
        return connect(sim).submit(n=1)

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(submit, range(80)))
    assert len(set(ids)) == 80
    assert {task.task_id for task in sim.tasks} == set(ids)
    assert len(sim.requests.creates) == 80
