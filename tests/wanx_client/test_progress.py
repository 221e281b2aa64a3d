"""How a wait is shown."""

import re
import sys

import pytest

from wanx_client import Task, TaskStatus
from wanx_client.progress import Lines, Live, Silence, watcher

PENDING, RUNNING = (
    Task(id="t-1", status=status) for status in (TaskStatus.PENDING, TaskStatus.RUNNING)
)


def watch(progress):
    with progress:
        progress.submitted(PENDING)
        for task in (PENDING, RUNNING, RUNNING):
            progress(task)


def test_in_a_pipe_each_change_is_a_line(capsys):
    watch(Lines())
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["task", "PENDING", "RUNNING"]


def test_beside_json_nothing_is_shown(capsys):
    watch(Silence())
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_a_line_moves_and_is_taken_away(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    watch(Live())
    shown = capsys.readouterr().err
    assert "\x1b[2K" in shown
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n").splitlines()
    assert any(line.endswith("poll 3 · task t-1") for line in lines)
    assert any(line.startswith("RUNNING after ") for line in lines)


@pytest.mark.parametrize(
    ("terminal", "as_json", "kind"),
    [(True, False, Live), (False, False, Lines), (True, True, Silence), (False, True, Silence)],
)
def test_the_kind_follows_from_the_terminal_and_the_wish(terminal, as_json, kind, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert type(watcher(as_json=as_json)) is kind
