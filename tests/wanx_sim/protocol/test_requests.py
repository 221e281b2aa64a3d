"""From the bytes of a body to an order, or to a refusal that says the rule."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings, strategies as st

from wanx_sim import Region
from wanx_sim.protocol import catalogue, errors, requests
from wanx_sim.protocol.errors import Refusal

CATALOGUE = catalogue.load()
WAN25 = CATALOGUE.models["wan2.5-t2i-preview"]
FLASH = CATALOGUE.models["wan2.2-t2i-flash"]
MOST_SEED = 2_147_483_647


def body(prompt="花店", **parameters):
    sent = {"model": WAN25.name, "input": {"prompt": prompt}, "parameters": parameters}
    return requests.decode(json.dumps(sent).encode())


# --- decoding -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{} {}",
        b'{"model": "\xff"}',
        b'{"input": {"prompt": "\\ud800"}}',
        b"{'model': 'x'}",
        b'{"deep": ' + b"[" * 100_000,
    ],
    ids=range(10),
)
def test_what_is_no_json_object_is_an_invalid_body(content):
    with pytest.raises(Refusal) as caught:
        requests.decode(content)
    assert caught.value.row is errors.INVALID_BODY


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": 1}, "model: expected string, got integer"),
        ({"input": []}, "input: expected object, got array"),
        ({"input": {"prompt": ["花"]}}, "input.prompt: expected string, got array"),
        ({"parameters": {"n": "1"}}, "parameters.n: expected integer, got string"),
        ({"parameters": {"n": True}}, "parameters.n: expected integer, got boolean"),
        ({"parameters": {"seed": 1.5}}, "parameters.seed: expected integer, got float"),
        ({"parameters": {"watermark": 0}}, "parameters.watermark: expected boolean, got integer"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_path(content, message):
    with pytest.raises(Refusal) as caught:
        requests.decode(json.dumps(content).encode())
    assert caught.value.code == "InvalidParameter"
    assert caught.value.message == message


def test_null_counts_as_left_out():
    given_null = {"model": None, "input": {"prompt": None}, "parameters": {"n": None, "size": None}}
    assert requests.decode(json.dumps(given_null).encode()) == requests.Body(input=requests.Input())


@pytest.mark.proves("create.unknown-keys")
def test_unknown_keys_are_ignored():
    sent = {"model": "m", "input": {"prompt": "p", "x": 1}, "parameters": {"y": []}, "z": {}}
    expected = requests.Body(model="m", input=requests.Input(prompt="p"))
    assert requests.decode(json.dumps(sent).encode()) == expected


@settings(deadline=None)
@given(content=st.binary(max_size=200))
def test_no_bytes_do_anything_but_decode_or_be_refused(content):
    try:
        assert isinstance(requests.decode(content), requests.Body)
    except Refusal as refusal:
        assert refusal.status == 400  # noqa: PT017 - either is right


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["model", "input", "parameters", "prompt", "size", "n", "seed"]), inner
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(content=JSON)
def test_no_json_does_anything_but_decode_or_be_refused(content):
    try:
        assert isinstance(requests.decode(json.dumps(content).encode()), requests.Body)
    except Refusal as refusal:
        assert (refusal.status, refusal.code) == (400, "InvalidParameter")  # noqa: PT017 - as above


# --- the model ----------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"{}", b'{"model": ""}', b'{"model": null}'])
def test_a_model_must_be_named(content):
    with pytest.raises(Refusal) as caught:
        requests.find_model(requests.decode(content), CATALOGUE, Region.BEIJING)
    assert caught.value.row is errors.EMPTY_MODEL


def test_a_model_must_exist():
    with pytest.raises(Refusal) as caught:
        requests.find_model(requests.decode(b'{"model": "x"}'), CATALOGUE, Region.BEIJING)
    assert caught.value.row is errors.MODEL_NOT_EXIST


def test_a_model_must_be_offered_in_the_region():
    asked = requests.decode(b'{"model": "wanx2.0-t2i-turbo", "input": {"prompt": "x"}}')
    assert requests.find_model(asked, CATALOGUE, Region.BEIJING).name == "wanx2.0-t2i-turbo"
    with pytest.raises(Refusal) as caught:
        requests.find_model(asked, CATALOGUE, Region.SINGAPORE)
    assert caught.value.row is errors.MODEL_NOT_EXIST


@pytest.mark.parametrize("content", [{}, {"input": None}, {"input": {}}, {"input": {"x": 1}}])
def test_an_input_must_be_given(content):
    asked = requests.decode(json.dumps({"model": WAN25.name} | content).encode())
    with pytest.raises(Refusal) as caught:
        requests.find_model(asked, CATALOGUE, Region.BEIJING)
    assert caught.value.row is errors.EMPTY_INPUT


# --- problems -----------------------------------------------------------------------------------


def test_a_good_body_has_no_problem():
    assert requests.problem(body(size="1024*1024", n=1, seed=0, watermark=True), WAN25) is None


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"prompt": None, "n": 9}, "Field required: input.prompt"),
        ({"prompt": " ", "size": "x"}, "prompt must contain words"),
        (
            {"size": "1024x1024", "n": 9},
            "The size '1024x1024' is not valid: it must be written width*height, as in 1024*1024.",
        ),
        ({"n": 0, "seed": -1}, "Range of n should be [1, 4]"),
        ({"seed": -1}, "Range of seed should be [0, 2147483647]"),
    ],
    ids=["prompt missing", "prompt empty", "size", "n", "seed"],
)
def test_the_first_rule_that_is_broken_is_the_problem(asked, message):
    found = requests.problem(body(**asked), WAN25)
    assert (found.status, found.code, found.message) == (400, "InvalidParameter", message)


@pytest.mark.proves("create.size-star")
@pytest.mark.parametrize(
    "size", ["1024*1024\n", " 1024*1024", "01024*1024", "1024**1024", "１０２４*1024", "1e3*1024"]
)
def test_a_size_is_spelt_exactly(size):
    assert "width*height" in requests.problem(body(size=size), WAN25).message


@settings(deadline=None)
@given(width=st.integers(1, 6000), height=st.integers(1, 6000))
def test_wan25_is_limited_by_area_and_ratio_only(width, height):
    legal = 768**2 <= width * height <= 1440**2 and width <= 4 * height and height <= 4 * width
    assert (requests.problem(body(size=f"{width}*{height}"), WAN25) is None) == legal


@settings(deadline=None)
@given(width=st.integers(400, 1600), height=st.integers(400, 1600))
def test_the_older_models_are_limited_by_sides_only(width, height):
    legal = 512 <= width <= 1440 and 512 <= height <= 1440
    assert (requests.problem(body(size=f"{width}*{height}"), FLASH) is None) == legal


@pytest.mark.proves("create.n-range", "create.seed-range")
@settings(deadline=None)
@given(n=st.integers(-3, 9), seed=st.integers(-(2**40), 2**40) | st.sampled_from([0, MOST_SEED]))
def test_n_and_seed_have_their_ranges(n, seed):
    legal = 1 <= n <= 4 and 0 <= seed <= MOST_SEED
    assert (requests.problem(body(n=n, seed=seed), WAN25) is None) == legal


# --- orders -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "size", "extend"), [(WAN25, "1280*1280", False), (FLASH, "1024*1024", True)]
)
def test_an_order_fills_in_the_models_defaults(model, size, extend):
    order = requests.order(body(), model)
    assert (order.model, order.size, order.n) == (model.name, size, 4)
    assert (order.prompt_extend, order.watermark, order.seed) == (extend, False, None)


def test_an_order_keeps_what_was_asked_for():
    asked = body(size="800*1200", n=3, seed=9, prompt_extend=True, watermark=True)
    order = requests.order(asked, WAN25)
    assert (order.width, order.height, order.n, order.seed) == (800, 1200, 3, 9)
    assert (order.prompt_extend, order.watermark) == (True, True)


@pytest.mark.parametrize(("n", "expected"), [(0, 1), (9, 4), (-5, 1)])
def test_an_order_of_a_bad_body_is_one_that_can_be_kept(n, expected):
    order = requests.order(body(size="x", n=n), WAN25)
    assert (order.n, order.size) == (expected, "1280*1280")


def test_the_model_sees_a_prompt_up_to_its_limit_and_the_order_keeps_it_whole():
    order = requests.order(body("花" * 900), FLASH)
    assert (len(order.prompt), len(order.used_prompt)) == (900, 800)


@pytest.mark.proves("create.prompt-cut")
def test_each_hanzi_letter_and_mark_counts_as_one():
    order = requests.order(body("花a，🎄" * 250), FLASH)
    assert order.used_prompt == "花a，🎄" * 200
