"""The catalogue: what each profile says of the models."""

from __future__ import annotations

from decimal import Decimal

import pytest

from wanx_sim import Region
from wanx_sim.protocol import catalogue
from wanx_sim.protocol.requests import Body, order

OLD, NEW = (catalogue.load(profile) for profile in ("2025-10", "2026-10"))
WAN25 = "wan2.5-t2i-preview"
SEED_MODELS = (
    WAN25,
    "wan2.2-t2i-flash",
    "wan2.2-t2i-plus",
    "wanx2.1-t2i-turbo",
    "wanx2.1-t2i-plus",
    "wanx2.0-t2i-turbo",
)


def test_the_seed_document_is_the_default_profile():
    assert catalogue.load().profile == "2025-10"


def test_an_unknown_profile_is_refused_with_those_there_are():
    with pytest.raises(
        ValueError, match=r"no profile is called '2024-01'; known: 2025-10, 2026-10"
    ):
        catalogue.load("2024-01")


def test_both_profiles_have_the_same_models():
    assert list(OLD.models) == list(NEW.models)


def test_the_newer_pages_raise_the_floor_of_wan25():
    assert OLD.models[WAN25].rule.allows(768, 768)
    assert not NEW.models[WAN25].rule.allows(1279, 1280)
    assert NEW.models[WAN25].rule.allows(1280, 1280)


def test_the_newer_pages_extend_prompts_for_every_model_of_the_seed_document():
    assert not OLD.models[WAN25].prompt_extend
    assert all(NEW.models[name].prompt_extend for name in SEED_MODELS)


@pytest.mark.parametrize(
    ("model", "old", "new"),
    [
        (WAN25, 2000, 2000),
        ("wan2.2-t2i-flash", 800, 500),
        ("wan2.2-t2i-plus", 800, 500),
        ("wanx2.1-t2i-turbo", 800, 500),
        ("wanx2.1-t2i-plus", 800, 500),
        ("wanx2.0-t2i-turbo", 800, 800),
    ],
)
def test_the_newer_pages_shorten_prompts_of_2_2_and_2_1(model, old, new):
    assert (OLD.models[model].prompt_limit, NEW.models[model].prompt_limit) == (old, new)


@pytest.mark.parametrize("profile", catalogue.PROFILES)
@pytest.mark.parametrize("name", OLD.models)
def test_every_models_default_size_keeps_its_own_rule(profile, name):
    model = catalogue.load(profile).models[name]
    made = order(Body(model=name), model)
    assert model.rule.allows(made.width, made.height)


@pytest.mark.parametrize(
    ("model", "price", "rate"),
    [
        (WAN25, "0.20", 5),
        ("wan2.2-t2i-plus", "0.20", 2),
        ("wan2.2-t2i-flash", "0.14", 2),
        ("wanx2.1-t2i-plus", "0.20", 2),
        ("wanx2.1-t2i-turbo", "0.14", 2),
        ("wanx2.0-t2i-turbo", "0.04", 2),
    ],
)
def test_prices_and_rates_are_the_pages(model, price, rate):
    found = OLD.find(model, Region.BEIJING)
    assert (found.price[Region.BEIJING], found.rate) == (Decimal(price), rate)


def test_a_model_without_a_price_is_not_offered_in_the_region():
    assert OLD.find("wanx2.0-t2i-turbo", Region.SINGAPORE) is None


@pytest.mark.proves("catalogue.regions")
def test_what_singapore_calls_2_1_is_not_known_in_beijing():
    assert OLD.find("wan2.1-t2i-turbo", Region.BEIJING) is None
    assert OLD.find("wan2.1-t2i-turbo", Region.SINGAPORE).price == {
        "singapore": Decimal("0.183481")
    }


def test_each_model_beyond_the_seed_document_is_marked_and_has_a_source():
    beyond = [model for model in OLD.models.values() if model.beyond_seed]
    assert [model.name for model in beyond] == [
        "wan2.1-t2i-turbo",
        "wan2.1-t2i-plus",
        "wanx-v1",
        "qwen-image",
        "qwen-image-plus",
    ]
    assert all(model.source != OLD.models[WAN25].source for model in beyond)


@pytest.mark.parametrize("profile", catalogue.PROFILES)
def test_what_is_assumed_of_a_model_are_fields_of_it(profile):
    for model in catalogue.load(profile).models.values():
        assert set(model.assumed) <= set(model.__struct_fields__)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("wan2.6-t2i", "other endpoint"),
        ("wan2.7-t2i-preview", "other endpoint"),
        ("wan2.5-i2i-preview", "other endpoint"),
        ("qwen-image-edit-plus", "other endpoint"),
        ("qwen-image-max", "sync only"),
        ("qwen-image-max-2025-12-30", "sync only"),
        ("qwen-image-2.0-pro", "sync only"),
        ("qwen-image-3.0", "sync only"),
    ],
)
def test_models_that_exist_but_not_here_are_known(name, why):
    assert OLD.find_elsewhere(name).why == why


@pytest.mark.parametrize("name", ["wan9", "wan2.6", "", "*", *OLD.models])
def test_no_other_name_is_known_elsewhere(name):
    assert OLD.find_elsewhere(name) is None


def test_each_rule_says_itself_in_words():
    assert str(OLD.models[WAN25].rule) == (
        "width*height must be within [768*768, 1440*1440] pixels and the aspect ratio within "
        "[1:4, 4:1]"
    )
    assert str(OLD.models["wan2.2-t2i-flash"].rule) == (
        "width and height must each be within [512, 1440]"
    )
    assert str(OLD.models["wanx-v1"].rule) == (
        "the size must be one of 1024*1024, 720*1280, 1280*720, 768*1152"
    )
