"""The page on recording: its commands have the options it names, its programs do what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from wanx_sim import Cassette, Simulator
from wanx_sim.cli import cli

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("recording.md", "recording.zh-CN.md")
_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(page):
    return _BLOCK.findall((DOCS / page).read_text("utf-8"))


COMMANDS = [line for kind, code in blocks(PAGES[0]) if kind == "bash" for line in code.splitlines()]
PROGRAMS = [code for kind, code in blocks(PAGES[0]) if kind == "python"]


def test_both_languages_show_the_same():
    assert blocks(PAGES[0]) == blocks(PAGES[1])
    assert (len(COMMANDS), len(PROGRAMS)) == (11, 2)


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_exists_with_its_options(line):
    program, name, *arguments = shlex.split(line.replace('"$(wanx-sim ca --path)"', __file__))
    assert program == "wanx-sim"
    command = cli.get_command(click.Context(cli), name)
    while isinstance(command, click.Group):
        command = command.commands[arguments.pop(0)]
    command.make_context(name, arguments)


@pytest.mark.parametrize("program", PROGRAMS, ids=["Recorder", "CachedService"])
def test_each_program_records_what_it_generates(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-any")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    live = Simulator(timing="instant")
    with live.serve() as server:
        exec(program.replace("https://dashscope.aliyuncs.com", server.url), {})  # noqa: S102
    assert live.ledger.tasks == 1
    assert [job.complete for job in Cassette.load("cassettes/shop").jobs] == [True]
