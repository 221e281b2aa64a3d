"""Each model of the catalogue, on the wire, in each profile."""

from __future__ import annotations

import pytest

from wanx_sim.account import Account
from wanx_sim.protocol import catalogue
from wanx_sim.protocol.errors import Refusal

HOSTS = {
    "beijing": "https://dashscope.aliyuncs.com",
    "singapore": "https://dashscope-intl.aliyuncs.com",
}


@pytest.fixture(params=catalogue.PROFILES)
def profile(request):
    return request.param


@pytest.fixture(params=list(catalogue.load().models))
def model(request, profile, sim):
    """One model of one profile; the simulator is set to it."""
    sim.profile = profile
    return catalogue.load(profile).models[request.param]


@pytest.fixture
def ask(sim, connect, model):
    """The API, in a region that has the model; its creates are for the model."""
    api = connect(sim, HOSTS[next(iter(model.price))])
    create = api.create
    api.create = lambda prompt="一间花店", **more: create(prompt, model.name, **more)
    return api


@pytest.mark.proves("model.*.size")
def test_it_has_its_default_size(ask, sim, model):
    ask.submit()
    assert sim.tasks.only.size == model.size


@pytest.mark.proves("model.*.rule", "profile.*.rule", "catalogue.which-page")
@pytest.mark.parametrize(
    "size", ["512*512", "768*768", "1024*1024", "1440*1440", "1328*1328", "1445*1440", "720*1280"]
)
def test_it_takes_the_sizes_of_its_rule_and_no_others(ask, model, size):
    width, height = map(int, size.split("*"))
    assert (ask.create(size=size).status == 200) == model.rule.allows(width, height)


@pytest.mark.proves("model.*.prompt_limit", "profile.*.prompt_limit")
def test_it_sees_a_prompt_up_to_its_limit(ask, sim, model):
    ask.submit("花" * 3000)
    assert len(sim.tasks.only.record.order.used_prompt) == model.prompt_limit


@pytest.mark.proves("model.*.prompt_extend", "profile.*.prompt_extend", "answer.actual-prompt")
def test_it_rewrites_prompts_by_default_or_not(ask, model):
    (result,) = ask.job(n=1)["results"]
    assert ("actual_prompt" in result) == (model.prompt_extend and not model.only_links)


@pytest.mark.proves("model.*.n", "create.n")
def test_it_makes_so_many_pictures_by_default(ask, model):
    assert len(ask.job()["results"]) == model.n


@pytest.mark.proves("model.*.n_most", "create.n-range")
def test_it_makes_so_many_pictures_at_most(ask, model):
    assert ask.create(n=model.n_most).status == 200
    assert ask.create(n=model.n_most + 1).status == ask.create(n=0).status == 400


@pytest.mark.proves("create.seed-range")
def test_it_takes_seeds_of_its_range(ask, model):
    assert ask.create(seed=model.seed_most).status == ask.create(seed=0).status == 200
    assert ask.create(seed=model.seed_most + 1).status == ask.create(seed=-1).status == 400


@pytest.mark.proves("model.*.price", "billing.good-images")
def test_it_costs_its_price_in_each_region(sim, connect, model):
    for region in model.price:
        sim.reset()
        connect(sim, HOSTS[region]).submit(model=model.name, n=1)
        assert sim.ledger.cost == float(model.price[region])


@pytest.mark.proves("model.*.rate", "account.create-rate")
def test_it_takes_so_many_creates_a_second(ask, sim, clock, model):
    sim.rate_limits = True
    answers = [ask.create(n=1).status for _ in range(model.rate + 1)]
    assert answers == [200] * model.rate + [429]
    clock.advance(seconds=1)
    assert ask.create(n=1).status == 200


@pytest.mark.proves("model.*.running", "account.queue")
def test_so_many_run_at_a_time_and_the_rest_wait(ask, sim, clock, model):
    sim.rate_limits, sim.timing = True, "seconds:0,100"
    for _ in range(model.running + 1):
        ask.submit(n=1)
        clock.advance(seconds=1)
    found = [task.status for task in sim.tasks]
    assert found == ["RUNNING"] * model.running + ["PENDING"]


@pytest.mark.proves("model.*.free_images", "account.free-tier")
def test_it_has_so_many_free_images(model):
    account = Account(free_tier_only=True)
    account.check(model, 1, model.free_images - 1)
    with pytest.raises(Refusal, match="FreeTierOnly"):
        account.check(model, 1, model.free_images)


# --- the models' own ways -------------------------------------------------------------------------


@pytest.mark.proves("create.style")
def test_wanx_v1_takes_its_styles_and_no_others(api):
    assert api.create(model="wanx-v1", style="<sketch>").status == 200
    status, code, message = api.create(model="wanx-v1", style="<cubism>").refusal
    assert (status, code) == (400, "InvalidParameter")
    assert message.startswith("The style is not match the allowed style ['<auto>', ")


@pytest.mark.proves("create.style", "create.unknown-keys")
@pytest.mark.parametrize("style", ["<cubism>", 7])
def test_other_models_ignore_a_style(api, style):
    assert api.create(style=style).status == 200


def test_wanx_v1_names_the_sizes_it_allows(api):
    assert api.create(model="wanx-v1", size="1000*1000").refusal == (
        400,
        "InvalidParameter",
        "The size is not match the allowed size ['1024*1024', '720*1280', '1280*720', '768*1152']",
    )


@pytest.mark.proves("answer.only-links")
def test_wanx_v1_gives_links_and_no_prompts(api):
    results = api.job(model="wanx-v1", n=2)["results"]
    assert [list(result) for result in results] == [["url"], ["url"]]


@pytest.mark.parametrize("n", [2, 4, 0])
def test_qwen_image_makes_one_picture(api, n):
    says = "num_images_per_prompt must be 1"
    assert api.create(model="qwen-image", n=n).refusal == (400, "InvalidParameter", says)


@pytest.mark.proves("create.negative-prompt-in-parameters")
@pytest.mark.parametrize("model", ["qwen-image", "wan2.5-t2i-preview"])
def test_only_qwen_image_takes_a_negative_prompt_in_parameters(api, sim, model):
    body = {
        "model": model,
        "input": {"prompt": "花店"},
        "parameters": {"negative_prompt": "人物"},
    }
    api.submit(body=body)
    expected = "人物" if model == "qwen-image" else None
    assert sim.tasks.only.record.order.negative_prompt == expected


def test_a_negative_prompt_of_the_input_goes_before_that_of_the_parameters(api, sim):
    body = {
        "model": "qwen-image",
        "input": {"prompt": "花店", "negative_prompt": "汽车"},
        "parameters": {"negative_prompt": "人物"},
    }
    api.submit(body=body)
    assert sim.tasks.only.record.order.negative_prompt == "汽车"


@pytest.mark.proves("answer.no-metrics")
def test_qwen_image_succeeds_without_metrics(api):
    *earlier, last = api.history(api.submit(model="qwen-image"))
    assert "task_metrics" not in last
    assert all("task_metrics" in output for output in earlier)


@pytest.mark.proves("catalogue.no-sync")
def test_no_model_answers_at_once(ask):
    assert ask.create(headers={"X-DashScope-Async": None}).refusal[:2] == (403, "AccessDenied")
