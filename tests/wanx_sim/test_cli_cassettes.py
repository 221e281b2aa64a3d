"""``wanx-sim cassette``: what people see, and what scripts go by."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from base64 import standard_b64decode
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from wanx_sim.cli import cli, looking
from wanx_sim.cli.inline import picture, protocol
from wanx_sim.cli.printing import printable

FIXTURE = Path(__file__).parents[2] / "fixtures" / "cassettes"
TASK_ID = json.loads((FIXTURE / "flower-shop.json").read_bytes())["interactions"][0]["created"][
    "output"
]["task_id"]
KEY = "sk-0123456789abcdef0123456789abcdef"


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library with two cassettes, one of them in a folder of its own; it is the folder below."""
    shutil.copytree(FIXTURE, tmp_path / "cassettes")
    shutil.copytree(FIXTURE, tmp_path / "cassettes" / "more")
    (tmp_path / "cassettes/more/flower-shop.json").rename(tmp_path / "cassettes/more/second.json")
    monkeypatch.chdir(tmp_path)
    return Path("cassettes")


def run(*arguments, code=0, **more):
    result = CliRunner().invoke(cli, ["cassette", *map(str, arguments)], **more)
    assert result.exit_code == code, result.output
    assert type(result.exception) in (type(None), SystemExit)
    return result


def edit(path, change):
    document = json.loads(path.read_bytes())
    change(document["interactions"], document)
    path.write_text(json.dumps(document, ensure_ascii=False))


# --- ls -------------------------------------------------------------------------------------------


def test_ls_has_a_line_for_each_job_and_one_for_all(library):
    text = run("ls", library).stdout
    assert text.count("一间有着精致窗户的花店") == 2
    assert "cassettes/flower-shop.json" in text
    assert "cassettes/more/second.json" in text
    assert text.splitlines()[-1] == (
        "  2 jobs in 2 cassettes, and 2 other requests; ¥0.28; 2 pictures, 37 kB"
    )


def test_ls_as_json_is_one_document(library):
    found = json.loads(run("ls", library / "flower-shop", "--json").stdout)
    (job,) = found["jobs"]
    assert job["task_id"] == TASK_ID
    assert (job["status"], job["complete"], job["pictures"], job["price"]) == (
        "SUCCEEDED",
        True,
        1,
        "0.14",
    )
    assert found["totals"] == {
        "cassettes": 1, "jobs": 1, "requests": 1, "price": "0.14", "pictures": 1, "bytes": job["bytes"]
    }  # fmt: skip


def test_ls_marks_what_is_not_complete_and_cuts_a_long_prompt(library):
    def change(jobs, _):
        jobs[0].update(complete=False)
        jobs[0]["request"]["input"]["prompt"] = "花" * 500

    edit(library / "flower-shop.json", change)
    (line,) = [
        line for line in run("ls", library / "flower-shop").stdout.splitlines() if "花" in line
    ]
    assert "SUCCEEDED, incomplete" in line
    assert line.count("花") == 29
    assert "花…" in line


def test_ls_goes_on_behind_a_cassette_that_cannot_be_read(library):
    (library / "broken.json").write_text("{")
    result = run("ls", library, code=1)
    assert result.stdout.count("花店") == 2
    assert re.fullmatch(
        r"wanx-sim: the cassette cassettes/broken\.json is damaged .*\n", result.stderr
    )


def test_ls_of_an_empty_folder_says_so(tmp_path):
    assert "0 jobs in 0 cassettes" in run("ls", tmp_path).stdout


@pytest.mark.parametrize("command", ["ls", "show", "verify", "prune", "scrub"])
def test_a_path_that_is_not_there_is_named(tmp_path, command):
    result = run(command, tmp_path / "gone", code=1)
    (line,) = result.stderr.splitlines()
    assert str(tmp_path / "gone") in line


# --- show -----------------------------------------------------------------------------------------


def test_show_tells_a_job_from_its_request_to_its_picture(library):
    lines = run("show", library / "flower-shop").stdout.splitlines()
    text = "\n".join(" ".join(line.split()) for line in lines)
    for says in (
        "recorded with wanx-kit",
        f"job 1 {TASK_ID} SUCCEEDED ¥0.14",
        "input.prompt 一间有着精致窗户的花店，漂亮的木质门，摆放着花朵",
        "parameters.size 512*512",
        "+4.000 s RUNNING",
        "+24.000 s SUCCEEDED",
        "picture 0 512×512",
        "cassettes/images/",
        "request 1 create HTTP 400",
        "-> code InvalidParameter",
    ):
        assert says in text


@pytest.mark.parametrize("job", ["1", TASK_ID[:6], TASK_ID])
def test_show_of_one_job_shows_that_alone(library, job):
    text = run("show", library / "flower-shop", job).stdout
    assert TASK_ID in text
    assert "InvalidParameter" not in text


@pytest.mark.parametrize("job", ["0", "2", "ffff", "", "9" * 5000])
def test_show_of_a_job_that_is_none_says_which_there_are(library, job):
    result = run("show", library / "flower-shop", job, code=1)
    assert "give a number from 1 to 1, or the beginning of one task id" in result.stderr


def test_show_says_which_picture_is_not_there(library):
    shutil.rmtree(library / "images")
    assert "No such file" in run("show", library / "flower-shop").stdout


def test_a_contact_sheet_is_a_picture_of_the_pictures(library, tmp_path):
    edit(library / "flower-shop.json", lambda jobs, _: jobs.insert(0, jobs[0] | {"images": []}))
    said = run("show", library / "flower-shop", "--sheet", tmp_path / "sheet.png").stdout
    assert "sheet.png: the pictures of 2 jobs" in said
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        empty, full = (sheet.crop((left, 24, left + 256, 280)) for left in (24, 304))
        assert len(empty.getcolors(100_000)) == 1
        assert len(full.getcolors(100_000)) > 50


TERMINALS = {
    "kitty": ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, "kitty"),
    "ghostty": ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, "kitty"),
    "iTerm2": ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
    "iTerm2 over ssh": ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
    "WezTerm": ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
    "xterm": ({"TERM": "xterm-256color"}, None),
    "kitty in tmux": ({"TERM": "tmux-256color", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("name", TERMINALS)
def test_a_terminal_is_known_by_its_environment(name):
    environment, expected = TERMINALS[name]
    assert protocol(environment) == expected


def test_kitty_gets_a_picture_in_pieces_that_make_up_the_whole():
    content = bytes(range(256)) * 40
    shown = picture(content, "kitty")
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", shown)
    assert [options.rpartition("m=")[2] for options, _ in pieces] == ["1"] * (len(pieces) - 1) + [
        "0"
    ]
    assert pieces[0][0].startswith("a=T,f=100,")
    assert max(len(data) for _, data in pieces) <= 4096
    assert standard_b64decode("".join(data for _, data in pieces)) == content


def test_iterm2_gets_a_picture_as_a_whole():
    match = re.fullmatch(
        r"\x1b\]1337;File=inline=1;size=3;height=\d+:(.*)\x07\n", picture(b"png", "iterm2")
    )
    assert standard_b64decode(match[1]) == b"png"


def test_show_sends_the_pictures_to_a_terminal_that_can(library, monkeypatch):
    monkeypatch.setattr(looking, "_on_a_terminal", lambda: True)
    output = run(
        "show", library / "flower-shop", env={"TERM_PROGRAM": "WezTerm", "TERM": "x", "TMUX": None}
    ).stdout
    (data,) = re.findall(r"\x1b\]1337;File=[^:]*:([^\x07]*)\x07", output)
    with Image.open(BytesIO(standard_b64decode(data))) as shown:
        assert shown.size == (512, 512)


# --- diff -----------------------------------------------------------------------------------------


def test_diff_of_what_is_the_same_says_nothing(library):
    assert run("diff", library / "flower-shop", library / "more" / "second").output == ""
    assert run("diff", library, library).output == ""


def test_diff_says_which_job_changed_and_how(library):
    shutil.copy(library / "flower-shop.json", "old.json")
    edit(
        library / "flower-shop.json",
        lambda jobs, _: jobs[0]["request"]["parameters"].update(seed=8),
    )
    assert run("diff", "old.json", library / "flower-shop.json", code=1).stdout == (
        "cassettes/flower-shop.json: changed job 一间有着精致窗户的花店，漂亮的木质门，摆放着花朵 "
        "(wan2.2-t2i-flash)\n"
        "    request.parameters.seed: 7 -> 8\n"
    )


def test_diff_as_json_has_what_differs(library):
    other = library / "more" / "second.json"
    edit(other, lambda jobs, _: jobs.pop(0))
    found = json.loads(run("diff", library / "flower-shop.json", other, "--json", code=1).stdout)
    ((entry,),) = found.values()
    assert (entry["what"], entry["kind"]) == ("removed", "job")


def test_diff_of_folders_goes_by_names(library):
    shutil.copytree(library, "old")
    (library / "more" / "second.json").unlink()
    text = run("diff", "old", library, code=1).stdout
    assert [line.split(" ")[:3] for line in text.splitlines()] == [
        ["more/second.json:", "removed", "job"],
        ["more/second.json:", "removed", "create"],
    ]


def test_diff_takes_what_git_hands_over_for_a_file_that_is_new(library):
    text = run("diff", os.devnull, library / "flower-shop.json", code=1).stdout
    assert "added job" in text


@pytest.fixture
def repository(library):
    """A git repository in which a cassette was changed after its commit."""
    commands = "init -q|add .|-c user.name=x -c user.email=x@example.com commit -qm x"
    for command in commands.split("|"):
        subprocess.run(["git", *command.split()], check=True)
    edit(
        library / "flower-shop.json",
        lambda jobs, _: jobs[0]["request"]["parameters"].update(seed=8),
    )
    return library


def git(*arguments):
    program = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{program}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(
        ["git", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


def test_git_diff_can_show_what_show_says(repository):
    Path(".gitattributes").write_text("cassettes/**/*.json diff=wanx\n")
    text = git("-c", "diff.wanx.textconv=wanx-sim cassette show --text", "diff")
    changed = [line for line in text.splitlines() if re.match(r"[+-][^+-]", line)]
    assert [" ".join(line.split()) for line in changed] == [
        "- parameters.seed 7",
        "+ parameters.seed 8",
    ]


def test_git_difftool_can_ask_diff(repository):
    text = git("difftool", "--no-prompt", "--extcmd", "wanx-sim cassette diff", "HEAD")
    assert "changed job" in text
    assert "request.parameters.seed: 7 -> 8" in text


# --- verify, prune, scrub -------------------------------------------------------------------------


def test_verify_of_what_is_good_is_one_line(library):
    assert run("verify", library).output == "2 cassettes: all good\n"


def test_verify_ends_in_1_for_errors_alone(library):
    edit(library / "flower-shop.json", lambda jobs, _: jobs[0].update(complete=False))
    result = run("verify", library, "--max-age", 1)
    assert result.stdout.splitlines()[-1] == "2 cassettes: 0 errors, 5 warnings"
    edit(library / "flower-shop.json", lambda _, document: document.update(note=KEY))
    result = run("verify", library, code=1)
    assert KEY not in result.output
    assert result.stdout.splitlines()[-1] == "2 cassettes: 1 error, 2 warnings"


def test_verify_as_json_has_each_finding_with_its_field(library):
    edit(
        library / "flower-shop.json",
        lambda jobs, _: jobs[0]["states"][0]["body"]["output"].update(queue=3),
    )
    (finding,) = json.loads(run("verify", library, "--json", code=1).stdout)["findings"]
    assert finding == {
        "cassette": "cassettes/flower-shop.json",
        "level": "error",
        "kind": "drift",
        "says": "states.0.body.output.queue: recorded an integer, the simulator answers nothing",
        "job": TASK_ID,
        "field": "states.0.body.output.queue",
        "recorded": "an integer",
        "simulator": "nothing",
    }
    assert json.loads(run("verify", library, "--no-drift", "--json").stdout)["findings"] == []


def test_verify_tells_of_pictures_that_nothing_names(library):
    (library / "images" / f"{'0' * 64}.png").write_bytes(b"x")
    result = run("verify", library)
    assert "info: no cassette of its folder needs it" in result.stdout


def test_prune_says_what_it_would_free_and_then_frees_it(library):
    edit(library / "flower-shop.json", lambda jobs, _: jobs[0].update(complete=False))
    size = next((library / "images").iterdir()).stat().st_size
    said = run("prune", library, "--incomplete", "--dry-run").stdout
    assert said.splitlines()[-1] == (
        f"would free {size / 1000:.0f} kB in 1 file; 1 job, ¥0.14 to record again"
    )
    assert len(list((library / "images").iterdir())) == 1
    done = run("prune", library, "--incomplete", "--json").stdout
    assert json.loads(done)["bytes"] == size
    assert list((library / "images").iterdir()) == []
    assert run("prune", library, "--incomplete").stdout == "freed 0 B in 0 files\n"


def test_scrub_says_how_many_and_where_and_check_changes_nothing(library):
    path = library / "recording.har"
    path.write_text(f'{{"a":\n"{KEY}",\n"b": "{KEY} {KEY}"}}')
    before = path.read_bytes()
    said = run("scrub", path, "--check", code=1).stdout
    assert said == "cassettes/recording.har: 3 × key (line 2, 3)\n"
    assert path.read_bytes() == before
    run("scrub", path, "-o", "clean.har")
    assert json.loads(Path("clean.har").read_bytes()) == {"a": "REDACTED", "b": "REDACTED REDACTED"}
    assert path.read_bytes() == before
    run("scrub", path)
    assert run("scrub", library, "--check").stdout == (
        "cassettes/flower-shop.json: clean\n"
        "cassettes/more/second.json: clean\n"
        "cassettes/recording.har: clean\n"
    )


def test_scrub_writes_one_file_elsewhere_only(library):
    result = CliRunner().invoke(cli, ["cassette", "scrub", str(library), "-o", "x"])
    assert result.exit_code == 2
    assert "-o takes one file" in result.output


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "gbk"])
@pytest.mark.parametrize("command", ["ls", "show", "verify", "scrub"])
def test_a_pipe_of_any_encoding_takes_what_is_printed(library, command, encoding):
    program = Path(sys.executable).with_name("wanx-sim")
    done = subprocess.run(
        [program, "cassette", command, library / "flower-shop.json"],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    if command in ("ls", "show"):
        assert ("花店" if encoding != "ascii" else "\\u82b1\\u5e97") in text


def test_a_pipe_that_is_closed_early_is_no_trouble(library):
    program = Path(sys.executable).with_name("wanx-sim")
    done = subprocess.run(
        ["bash", "-c", f"'{program}' cassette show cassettes/flower-shop.json | head -n 1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.startswith("recorded with")


def test_control_characters_are_spelt_out():
    assert printable("花\x1b[0m\n\t\x9b\u202e店\ud800") == "花\\x1b[0m\\n\\t\\x9b\\u202e店\\ud800"
