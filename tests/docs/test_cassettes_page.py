"""The page on cassettes: its commands run, its JSON is the committed cassette's, its hook works."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from wanx_sim import Simulator
from wanx_sim.cassettes.files import LARGEST
from wanx_sim.cassettes.format import MOST_NESTED
from wanx_sim.cassettes.modes import Mode
from wanx_sim.cassettes.pictures import MOST_PIXELS
from wanx_sim.cli.cassettes import cassette

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("cassettes.md", "cassettes.zh-CN.md")
LIVE = "https://dashscope.aliyuncs.com"
SCRIPTS = Path(sys.executable).parent
FLOWER_SHOP = json.loads((ROOT / "fixtures/cassettes/flower-shop.json").read_bytes())
_BLOCK = re.compile(r"(?:<!-- (\w+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


def text(page):
    return (DOCS / page).read_text("utf-8")


def blocks(page, *languages):
    return [block for block in _BLOCK.findall(text(page)) if block[1] in languages]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with the committed cassette in it."""
    shutil.copytree(ROOT / "fixtures" / "cassettes", tmp_path / "cassettes")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONUTF8", "1")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-anything")
    subprocess.run(["git", "init", "-q"], check=True)
    return tmp_path


@pytest.fixture
def recordings(folder):
    """What other tools recorded: here, what they would replay."""
    (folder / "tests" / "cassettes").mkdir(parents=True)
    for name in ("tests/cassettes/flower-shop.yaml", "session.har", "other.yaml"):
        command = ["wanx-sim", "cassette", "export", "cassettes/flower-shop", "-o", name]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


class Reader:
    """Somebody who types in one block after another."""

    def __init__(self, upstream, stack):
        self.upstream, self.stack = upstream, stack
        self.port = ""

    def read(self, kind, language, code):
        code = code.replace(LIVE, self.upstream).replace("8966", self.port or "8966")
        if kind == "server":
            return self.serve(code.replace("--port 8966", "--port 0"))
        command = [sys.executable, "-c", code] if language == "python" else ["bash", "-euc", code]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def serve(self, code):
        process = subprocess.Popen(
            ["bash", "-c", f"exec {code}"], stdout=subprocess.PIPE, text=True
        )
        self.stack.callback(process.stdout.close)
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)
        ready = process.stdout.readline()
        self.port = ready.strip().rpartition(":")[2]
        return ready


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_every_program_of_the_page_runs(page, folder, recordings):
    with ExitStack() as stack:
        live = stack.enter_context(Simulator(timing="instant", seed=3).serve())
        reader = Reader(live.url, stack)
        said = "\n".join(reader.read(*block) for block in blocks(page, "bash", "python"))
    assert "wanx-sim ready at" in said
    assert "1 job in 1 cassette" in said, "ls"
    assert "SUCCEEDED" in said, "show"
    assert "they differ" in said, "diff"
    assert "all good" in said, "verify"
    assert "would free 0 B" in said, "prune"
    assert "cassettes/flower-shop.json: clean" in said, "scrub"
    made = (
        "sheet.png",
        "flower-shop.har",
        "flower-shop.yaml",
        "recorded/flower-shop.json",
        "replayed",
        "pictures",
    )
    assert [name for name in made if not (folder / name).exists()] == []


def parts(value):
    """Every object within a JSON value."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from parts(item)


@pytest.mark.parametrize("page", PAGES)
def test_all_json_on_the_page_stands_in_the_committed_cassette(page):
    shown = [json.loads(code) for _, _, code in blocks(page, "json")]
    assert len(shown) == 5
    for example in shown:
        assert any(
            all(part.get(key) == value for key, value in example.items())
            for part in parts(FLOWER_SHOP)
        )


@pytest.mark.parametrize("page", PAGES)
def test_every_field_of_the_format_is_explained(page):
    schema = json.loads(files("wanx_sim.cassettes").joinpath("schema.json").read_text("utf-8"))
    kinds = [schema, *schema["$defs"].values()]
    fields = {name for kind in kinds for name in kind["properties"]}
    unsaid = {name for name in fields if not re.search(rf"[`\"]{name}[`\"]", text(page))}
    assert unsaid == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_mode_and_every_command_is_explained(page):
    assert [mode for mode in Mode if f"| `{mode}` |" not in text(page)] == []
    said = (
        f"**{name}**" in text(page) or f"cassette {name} " in text(page)
        for name in cassette.commands
    )
    assert all(said)


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_the_page_names_is_one(page):
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text(page)))
    known = {
        option
        for command in cassette.commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    elsewhere = {
        "--budget", "--cassette", "--upstream", "--port", "--pictures", "--redact-prompts",
        "--base-url", "--model", "--size", "--extcmd",
    }  # fmt: skip
    assert named - known - elsewhere == set()


@pytest.mark.parametrize("page", PAGES)
def test_the_limits_that_the_page_names_are_those_that_hold(page):
    assert f"{LARGEST // 2**20} MiB" in text(page)
    assert f" {MOST_NESTED} " in text(page)
    assert MOST_PIXELS == 2**24
    assert "2²⁴" in text(page)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_the_page_names_is_there(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text(page)):
        assert (DOCS / target).exists(), target


def test_both_pages_show_the_same_code():
    languages = ("bash", "python", "json", "yaml")
    assert blocks(PAGES[0], *languages) == blocks(PAGES[1], *languages)


# --- the hook -------------------------------------------------------------------------------------

(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))


def committed(*names):
    """What pre-commit does with the files of a commit."""
    wanted = [name for name in names if re.search(HOOK["files"], name)]
    command = [*shlex.split(HOOK["entry"]), *wanted]
    return wanted, subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_and_the_hook_agree(page):
    ((_, _, code),) = blocks(page, "yaml")
    assert yaml.safe_load(code)["repos"][0]["hooks"] == [{"id": HOOK["id"]}]
    assert f"`{HOOK['entry']}`" in text(page)


def test_the_hook_lets_good_cassettes_pass_and_looks_at_nothing_else(folder):
    wanted, done = committed(
        "cassettes/flower-shop.json", "package.json", "cassettes/README.md", "src/cassettes.json"
    )
    assert wanted == ["cassettes/flower-shop.json"]
    assert (done.returncode, done.stdout) == (0, "1 cassette: all good\n")


def test_the_hook_stops_a_secret(folder):
    path = folder / "cassettes" / "flower-shop.json"
    key = "sk-0123456789abcdef0123456789abcdef"
    path.write_text(path.read_text("utf-8").replace("花店", key, 1), "utf-8")
    _, done = committed("cassettes/flower-shop.json")
    assert done.returncode == 1
    assert "holds what looks like a key" in done.stdout
    assert key not in done.stdout


def test_the_hook_stops_a_picture_that_was_not_added(folder):
    shutil.rmtree(folder / "cassettes" / "images")
    _, done = committed("cassettes/flower-shop.json")
    assert done.returncode == 1
    assert "No such file" in done.stdout
