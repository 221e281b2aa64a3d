"""Every simulated behaviour says how we know it, and is exercised by a test that says so."""

from __future__ import annotations

import ast
from collections import Counter
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

from wanx_sim.protocol import catalogue, errors
from wanx_sim.protocol.provenance import behaviours, tagged

TESTS = Path(__file__).parents[2]
KEYS = [behaviour.key for behaviour in behaviours()]

every_behaviour = pytest.mark.parametrize(
    "behaviour", behaviours(), ids=lambda behaviour: behaviour.key
)


@cache
def proved():
    """The keys that `pytest.mark.proves` cites on tests; `*` stands for any text."""
    found = set()
    for path in TESTS.rglob("test_*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for mark in function.decorator_list:
                    found |= cited(mark)
    return found


def cited(mark):
    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.proves":
        return {ast.literal_eval(argument) for argument in mark.args}
    return set()


@every_behaviour
def test_a_behaviour_has_a_tag_and_a_source(behaviour):
    assert behaviour.tag in {"documented", "observed", "assumed"}
    assert behaviour.says.strip()
    assert behaviour.source.strip()


@every_behaviour
def test_a_behaviour_is_exercised_by_a_test(behaviour):
    assert any(fnmatchcase(behaviour.key, key) for key in proved()), (
        f"no test is marked @pytest.mark.proves({behaviour.key!r})"
    )


def test_no_test_claims_to_prove_what_is_no_behaviour():
    assert {key for key in proved() if not any(fnmatchcase(known, key) for known in KEYS)} == set()


def test_no_two_behaviours_have_one_key():
    assert [key for key, count in Counter(KEYS).items() if count > 1] == []


def test_every_error_row_is_a_behaviour_with_its_own_tag():
    found = {behaviour.key: behaviour.tag for behaviour in behaviours()}
    assert {name: found[f"error.{name}"] for name in errors.NAMED} == {
        name: row.tag for name, row in errors.NAMED.items()
    }


def test_every_limit_of_every_model_is_a_behaviour():
    fields = {"size", "rule", "prompt_limit", "prompt_extend", "n", "n_most"}
    fields |= {"price", "rate", "running", "free_images"}
    for name in catalogue.load().models:
        prefix = f"model.{name}."
        assert {key.removeprefix(prefix) for key in KEYS if key.startswith(prefix)} == fields


def test_what_no_page_says_of_a_model_is_assumed():
    found = {behaviour.key: behaviour for behaviour in behaviours()}
    assert found["model.qwen-image.price"].tag == "assumed"
    assert found["model.wan2.5-t2i-preview.price"].tag == "documented"


def test_where_the_newer_pages_differ_is_a_behaviour_of_that_profile():
    assert [key for key in KEYS if key.startswith("profile.")] == [
        "profile.2026-10.wan2.2-t2i-flash.prompt_limit",
        "profile.2026-10.wan2.2-t2i-plus.prompt_limit",
        "profile.2026-10.wan2.5-t2i-preview.prompt_extend",
        "profile.2026-10.wan2.5-t2i-preview.rule",
        "profile.2026-10.wanx2.1-t2i-plus.prompt_limit",
        "profile.2026-10.wanx2.1-t2i-turbo.prompt_limit",
    ]


@pytest.mark.parametrize(
    "key",
    [
        "answer.pending",
        "answer.canceled",
        "lifecycle.cancel-unknown",
        "error.size-outside",
        "error.n-outside",
        "error.seed-outside",
        "create.validation-submit",
        "catalogue.which-page",
        "catalogue.no-sync",
        "oss.content-type",
        "answer.orig-prompt",
        "routes.async-on-query",
    ],
)
def test_what_nobody_has_seen_is_said_to_be_assumed(key):
    assert key in {behaviour.key for behaviour in tagged("assumed")}


def test_the_tags_part_the_table():
    parts = [tagged("documented"), tagged("observed"), tagged("assumed")]
    assert sum(map(len, parts)) == len(tagged()) == len(behaviours())
