"""When an asked request is a recorded one, and where it differs."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from msgspec.structs import replace

from wanx_sim.cassettes.matching import (
    ABSENT,
    asked,
    canonical,
    difference,
    explain,
    fingerprint,
    without_prompts,
)
from wanx_sim.wire import Request

BODY = {
    "model": "wan2.5-t2i-preview",
    "input": {"prompt": "一间花店"},
    "parameters": {"size": "1024*1024", "n": 2, "seed": 7},
}

# A busy machine is no reason to fail.
patiently = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
texts = st.text(max_size=8)
forms = st.fixed_dictionaries(
    {
        "model": texts,
        "input": st.fixed_dictionaries({"prompt": texts}, optional={"negative_prompt": texts}),
        "parameters": st.dictionaries(
            st.sampled_from(["size", "n", "seed", "watermark", "style"]),
            st.integers() | texts | st.booleans() | st.lists(st.integers(), max_size=2),
        ),
    }
)


def form(body=BODY, **parameters):
    given = body.get("parameters", {}) | parameters
    return canonical(json.dumps(body | {"parameters": given}).encode())


# --- the canonical form ---------------------------------------------------------------------------


def test_a_model_s_defaults_are_filled_in_where_nothing_was_asked_for():
    bare = {"model": "wan2.2-t2i-flash", "input": {"prompt": "花店"}}
    assert canonical(json.dumps(bare).encode()) == bare | {
        "parameters": {"n": 4, "prompt_extend": True, "size": "1024*1024", "watermark": False}
    }


def test_asking_for_the_defaults_is_asking_for_nothing():
    bare = {"model": "wan2.5-t2i-preview", "input": {"prompt": "花店"}}
    asked = {"n": 4, "prompt_extend": False, "size": "1280*1280", "watermark": False}
    assert form(bare) == form(bare, **asked)


def test_a_seed_that_was_not_given_stays_absent():
    assert "seed" not in form({"model": BODY["model"], "input": BODY["input"]})["parameters"]


def test_the_order_of_keys_plays_no_part():
    text = '{"parameters":{"seed":7,"n":2,"size":"1024*1024"},"input":{"prompt":"一间花店"},'
    backwards = canonical(f'{text}"model":"wan2.5-t2i-preview"}}'.encode())
    assert json.dumps(backwards) == json.dumps(form())


def test_white_space_and_escapes_play_no_part():
    assert canonical(json.dumps(BODY, indent=4, ensure_ascii=True).encode()) == form()


@pytest.mark.parametrize("spelling", ["5", "5.0", "5e0", "0.5E1", "50e-1"])
def test_the_spelling_of_a_number_plays_no_part(spelling):
    text = json.dumps(BODY).replace('"n": 2', f'"n": 2, "guidance": {spelling}')
    assert json.dumps(canonical(text.encode())["parameters"]["guidance"]) == "5"


def test_a_number_that_is_not_whole_stays_as_it_is():
    assert form(guidance=0.5)["parameters"]["guidance"] == 0.5


def test_null_is_absent():
    body = BODY | {"input": BODY["input"] | {"negative_prompt": None}}
    assert form(body, watermark=None, style=None) == form()


def test_a_model_that_the_catalogue_does_not_know_keeps_what_was_sent():
    body = BODY | {"model": "wan9-t2i"}
    assert form(body)["parameters"] == BODY["parameters"]


def test_fields_that_nobody_knows_take_part():
    assert form(style="sketch") != form()
    assert form(style="sketch")["parameters"]["style"] == "sketch"


def test_a_signed_link_within_is_the_same_whenever_it_was_signed():
    link = "https://bucket.oss-cn-beijing.aliyuncs.com/a.png"

    def asked(signature):
        query = f"?Expires={signature}&OSSAccessKeyId=LTAI5t&Signature={signature}"
        return form(BODY | {"input": {"prompt": "花店", "ref_img": link + query}})

    assert asked("one") == asked("two")
    assert asked("one")["input"]["ref_img"] == link


def test_a_signed_link_is_one_however_its_question_mark_is_spelt():
    link = "https://a.b/c.png?Expires=1&Signature=s"
    text = json.dumps(BODY | {"input": {"prompt": "shop", "ref_img": link}}, ensure_ascii=False)
    plain, escaped = canonical(text.encode()), canonical(text.replace("?", r"\u003f").encode())
    assert plain["input"]["ref_img"] == escaped["input"]["ref_img"] == "https://a.b/c.png"


def test_the_form_of_equal_bodies_is_made_once_but_a_long_one_s_is_not_kept():
    short, long = (json.dumps({"input": {"prompt": "a" * length}}).encode() for length in (9, 9000))
    assert canonical(short) is canonical(short)
    assert canonical(long) == canonical(long)
    assert canonical(long) is not canonical(long)


def test_a_create_without_the_async_header_leaves_the_kept_form_as_it_is():
    request = Request(method="POST", body=json.dumps(BODY).encode())
    asynchronous = replace(request, headers={"x-dashscope-async": "enable"})
    assert asked(request, "create") == asked(asynchronous, "create") | {"synchronous": True}
    assert "synchronous" not in canonical(request.body)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"input": "text"}', b'{"x": 1e999}', b'{"x":' * 5000],
    ids=["empty", "cut", "a list", "no text", "text", "too great", "too deep"],
)
def test_what_is_no_create_request_is_known_by_its_bytes(content):
    assert canonical(content) == {"malformed": sha256(content).hexdigest()}


def test_values_of_a_wrong_type_are_kept_as_they_were_sent():
    assert form(n="two")["parameters"] == BODY["parameters"] | {"n": "two"}


# --- difference -----------------------------------------------------------------------------------


@patiently
@given(forms)
def test_a_request_matches_itself(asked):
    assert difference(asked, json.loads(json.dumps(asked))) == []


@patiently
@given(forms, forms)
def test_a_difference_has_the_same_fields_from_either_side(one, other):
    there, back = difference(one, other), difference(other, one)
    assert sorted(path for path, _, _ in there) == sorted(path for path, _, _ in back)


def test_a_difference_is_the_field_what_is_recorded_and_what_was_asked():
    asked = form(BODY | {"input": {"prompt": "一间书店"}}, n=4)
    assert difference(form(), asked) == [
        ("input.prompt", "一间花店", "一间书店"),
        ("parameters.n", 2, 4),
    ]


def test_a_field_on_one_side_only_differs_from_absence():
    assert difference(form(), form(style="sketch")) == [("parameters.style", ABSENT, "sketch")]
    assert difference(form(style="sketch"), form()) == [("parameters.style", "sketch", ABSENT)]


def test_a_field_that_is_ignored_plays_no_part():
    assert difference(form(seed=1), form(seed=2), ignore=["parameters.seed"]) == []
    assert difference(form(seed=1), form(seed=2), ignore=["seed"]) == []
    assert difference(form(seed=1), form(seed=2), ignore=["input.seed"]) != []


@patiently
@given(forms, forms)
def test_requests_have_the_same_fingerprint_where_they_do_not_differ(one, other):
    assert (fingerprint(one) == fingerprint(other)) is (difference(one, other) == [])


def test_true_is_not_1():
    assert difference(form(watermark=True), form(watermark=1)) != []


def test_a_hashed_prompt_matches_the_prompt_and_no_other():
    assert difference(without_prompts(form()), form()) == []
    other = form(BODY | {"input": {"prompt": "一间书店"}})
    assert [path for path, _, _ in difference(without_prompts(form()), other)] == ["input.prompt"]


# --- explain --------------------------------------------------------------------------------------


def test_differences_read_as_a_table_with_a_line_a_field():
    lines = explain([("input.prompt", "花店", "书店"), ("parameters.seed", 7, ABSENT)])
    assert lines.splitlines() == [
        "  input.prompt     recorded '花店', asked '书店'",
        "  parameters.seed  recorded 7, asked (absent)",
    ]


def test_no_difference_needs_no_words():
    assert explain([]) == ""
