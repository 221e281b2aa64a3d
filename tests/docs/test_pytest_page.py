"""The page on the pytest plugin: its files are written, its commands are run, top to bottom."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from wanx_sim import Simulator
from wanx_sim.testing import wanted

ROOT = Path(__file__).parents[2]
PAGES = ("pytest.md", "pytest.zh-CN.md")
_BLOCK = re.compile(r"(?:<!-- (\w+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


def text(page=PAGES[0]):
    return (ROOT / "docs" / page).read_text("utf-8")


def blocks(page=PAGES[0]):
    return _BLOCK.findall(text(page))


class Reader:
    """Somebody who writes each file down and types each command in."""

    def __init__(self, folder, live):
        self.folder, self.live = folder, live
        self.said = {}
        self.environment = {
            "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONUTF8": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "-p wanx -p anyio -p no:cacheprovider -q -W error",
        }

    def read(self, kind, language, code):
        if language in ("python", "ini"):
            name = re.match(r"# (\S+)\n", code)[1]
            (self.folder / name).write_text(code, "utf-8")
        elif language == "bash":
            self.said[code] = self.record(code) if kind == "live" else self.run(code)

    def record(self, command):
        """A simulator stands in for the service, and ten seconds, which are real then, are less."""
        shop = self.folder / "shop.py"
        patient = shop.read_text("utf-8")
        shop.write_text(patient.replace("sleep(10)", "sleep(0.01)"), "utf-8")
        try:
            return self.run(command, DASHSCOPE_HTTP_BASE_URL=self.live)
        finally:
            shop.write_text(patient, "utf-8")

    def run(self, command, **more):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=self.folder,
            env=self.environment | more, capture_output=True, encoding="utf-8", timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, command + done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def live():
    sim = Simulator(timing="instant", api_keys={"sk-of-yours": "beijing"})
    with sim.serve() as server:
        yield sim, server.base_url


@pytest.fixture(scope="module")
def reader(tmp_path_factory, live):
    reader = Reader(tmp_path_factory.mktemp("reader"), live[1])
    for block in blocks():
        reader.read(*block)
    return reader


def test_every_file_and_command_of_the_page_works(reader, live):
    assert all(re.search(r"\d+ passed|^\{", said, re.MULTILINE) for said in reader.said.values())
    assert live[0].ledger.tasks == 5


def test_the_report_is_as_the_page_describes_it(reader):
    report = json.loads((reader.folder / "wanx.json").read_text("utf-8"))
    described = next(code for _, _, code in blocks() if code.startswith('{"format"'))
    keys = {key for part in walk(report) for key in part}
    for key in set(re.findall(r'"(\w+)"', described)) - {"wanx-report"}:
        assert key in keys | {"cassette", "index", "request"}, key
    assert keys <= set(re.findall(r'"(\w+)"', described))


def walk(value):
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


def test_the_summary_line_is_as_the_page_shows_it(reader):
    shown = next(code.strip() for _, _, code in blocks() if code.startswith("wanx: 12 replayed"))
    pattern = re.sub(r"[\d.]+", r"[\\d.]+", re.escape(shown).replace(r"\.", "."))
    lines = "".join(reader.said.values()).splitlines()
    assert any(re.fullmatch(pattern, line) for line in lines)


def test_every_fixture_option_and_ini_value_stands_on_the_page(reader):
    plugin = (ROOT / "wanx_sim" / "pytest_plugin.py").read_text("utf-8")
    options = (ROOT / "wanx_sim" / "testing" / "options.py").read_text("utf-8")
    names = re.findall(r"@pytest\.fixture.*\n(?:async )?def (wanx_\w+|async_\w+)", plugin)
    names += re.findall(r'"(--wanx-[a-z-]+)"', options)
    names += re.findall(r'addini\(\s*"(\w+)"', options)
    assert len(names) == 20
    for page in PAGES:
        assert [name for name in names if name not in text(page)] == []


def test_every_setting_of_the_markers_stands_on_the_page():
    from wanx_sim.testing import marker  # noqa: PLC0415

    for page in PAGES:
        rows = set(re.findall(r"^\| `(\w+)`", text(page), re.MULTILINE))
        assert {*marker.OF_THE_SIMULATOR, "etiquette", *wanted.KNOWN} <= rows


def test_the_example_of_a_miss_is_what_is_really_said():
    shown = next(code for _, _, code in blocks() if code.startswith("nothing in the cassette"))
    said = ROOT / "tests/wanx_sim/plugin/messages/another_request.txt"
    assert said.read_text("utf-8").endswith(shown)


def test_both_pages_show_the_same_code():
    assert blocks(PAGES[0]) == blocks(PAGES[1])


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_section_that_the_page_points_to_is_there(page):
    sections = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^##+ (.*)$", text(page), re.MULTILINE)
    }
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text(page)):
        name, _, section = target.partition("#")
        assert (section in sections) if not name else (ROOT / "docs" / name).exists(), target
