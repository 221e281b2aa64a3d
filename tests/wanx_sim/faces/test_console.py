"""The console page: who gets it, and what it may never do."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from wanx_sim.faces import console

FILES = {
    file.name: file.read_text("utf-8")
    for file in files(console).iterdir()
    if file.name.endswith((".js", ".css", ".html", ".svg"))
}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/html;q=0.5, */*"])
def test_whoever_does_not_prefer_html_gets_the_index(accept):
    assert console.answer("GET", "/_sim/", accept) is None


def test_a_browser_gets_the_page_under_a_strict_policy():
    page = console.answer("GET", "/_sim/", BROWSER)
    assert page is not None
    headers = dict(page.headers)
    assert headers["content-type"].startswith("text/html")
    assert headers["vary"] == "accept"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/_sim/console/__init__.py", "/_sim/console/../admin.py"])
def test_nothing_but_the_files_of_the_page_is_served(path):
    assert console.answer("GET", path, BROWSER) is None


def test_every_file_that_the_page_names_is_served():
    named = re.findall(r'(?:src|href)="(console/[^"]+)"', FILES["index.html"])
    assert named
    for name in named:
        assert console.answer("GET", f"/_sim/{name}", "*/*"), name


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_file_asks_elsewhere_or_makes_markup_of_text(name):
    text = FILES[name].replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
    assert not re.search(r"\beval\(|new Function|\son\w+=\"|style=\"", text)
