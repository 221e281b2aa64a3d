"""The page of recipes: what it quotes is what the examples say, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "tests" / "examples"
PAGES = ("recipes.md", "recipes.zh-CN.md")
PROJECTS = {path.parent.name for path in EXAMPLES.glob("*/pyproject.toml")}


def text(page):
    return (DOCS / page).read_text("utf-8")


def sections(page):
    """The introduction, and what stands under each heading."""
    return re.split(r"^## .*$", text(page), flags=re.MULTILINE)


def quoted(section, language="python"):
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def files(section):
    """The files of the repository that a section points to."""
    return [(DOCS / target).resolve() for target in re.findall(r"\]\((\.\./[^)#]+)\)", section)]


QUOTES = [
    pytest.param(quote, section, id=quote.splitlines()[-1].strip())
    for section in sections(PAGES[0])[1:]
    for quote in quoted(section)
]


@pytest.mark.parametrize(("quote", "section"), QUOTES)
def test_what_is_quoted_stands_in_a_file_that_its_section_points_to(quote, section):
    assert any(quote in path.read_text("utf-8") for path in files(section))


@pytest.mark.parametrize("page", PAGES)
def test_each_example_has_one_section_which_points_to_each_of_its_files(page):
    there = [set(files(section)) for section in sections(page)[1:]]
    for name in PROJECTS:
        modules = set((EXAMPLES / name).glob("*.py")) - {EXAMPLES / name / "conftest.py"}
        assert modules in there
    assert len(there) == len(PROJECTS)


def test_each_recipe_quotes_a_test():
    assert all(quoted(section) for section in sections(PAGES[0])[1:])


def test_the_configuration_that_is_quoted_is_the_one_that_examples_have():
    configured = [path.read_text("utf-8") for path in EXAMPLES.glob("*/pyproject.toml")]
    settings = quoted(text(PAGES[0]), "toml")
    assert len(settings) == 2
    for setting in settings:
        assert any(setting in configuration for configuration in configured)


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_each_example_brings_its_bug_back(name):
    assert "def test_the_suite_sees_" in (EXAMPLES / name / "test_naive.py").read_text("utf-8")


def test_both_pages_quote_the_same():
    for page in PAGES[1:]:
        for language in ("python", "toml", "bash"):
            assert quoted(text(page), language) == quoted(text(PAGES[0]), language)
