"""The page on CI: its YAML is what the two systems expect, its commands are ones that exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("ci.md", "ci.zh-CN.md")
COMMANDS = {"wanx-sim", "wanx"}
LIVE = "https://dashscope.aliyuncs.com"


def text(page):
    return (DOCS / page).read_text("utf-8")


def blocks(page=PAGES[0]):
    return re.findall(r"```yaml\n(.*?)```", text(page), re.DOTALL)


DOCUMENTS = [yaml.safe_load(block) for block in blocks()]
# YAML 1.1, which this parser speaks, takes the key `on` for a truth.
GITHUB = [document for document in DOCUMENTS if True in document]
GITLAB = [document for document in DOCUMENTS if True not in document]


def jobs():
    return [job for document in GITHUB for job in document["jobs"].values()] + [
        job for document in GITLAB for job in document.values()
    ]


def scripts():
    """What each job has a shell do, line by line."""
    found = []
    for job in jobs():
        found += [step["run"] for step in job.get("steps", ()) if "run" in step]
        found += job.get("script", ())
        found += [line for service in job.get("services", ()) for line in service["command"]]
    return found


def commands():
    """The calls of our own commands, as lists of arguments."""
    pieces = [piece for script in scripts() for piece in re.split(r"\n|&&|(?<= )&$", script)]
    calls = [shlex.split(piece.strip().removesuffix("&")) for piece in pieces]
    return [call for call in calls if call and call[0] in COMMANDS]


def test_each_system_has_each_of_the_three_jobs():
    assert (len(GITHUB), len(GITLAB)) == (3, 3)


@pytest.mark.parametrize("workflow", GITHUB, ids=lambda workflow: workflow["name"])
def test_a_github_workflow_says_when_where_what_and_with_which_rights(workflow):
    assert set(workflow) == {"name", True, "permissions", "jobs"}
    for job in workflow["jobs"].values():
        assert job["runs-on"] == "ubuntu-latest"
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])


@pytest.mark.parametrize("pipeline", GITLAB, ids=lambda pipeline: next(iter(pipeline)))
def test_a_gitlab_job_says_where_and_what(pipeline):
    for job in pipeline.values():
        assert {"image", "script"} <= set(job)
        assert all(isinstance(line, str) for line in job["script"])


def test_only_the_scheduled_job_has_a_key():
    (github,) = [document for document in GITHUB if "secrets." in str(document)]
    assert set(github[True]) == {"workflow_dispatch", "schedule"}
    (gitlab,) = [job for document in GITLAB for job in document.values() if "rules" in job]
    assert gitlab["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}]
    for job in jobs():
        calls_live = LIVE in str(job)
        assert calls_live == ("--budget 0.20" in str(job))
        assert calls_live == ("environment" in job or "rules" in job)


@pytest.mark.parametrize("script", scripts(), ids=lambda script: script[:30])
def test_a_shell_can_read_each_script(script):
    script = re.sub(r"\$\{\{.*?\}\}", "0", script)
    done = subprocess.run(["bash", "-n", "-c", script], capture_output=True, check=False)
    assert done.stderr == b""
    assert done.returncode == 0


@pytest.mark.parametrize("command", sorted({shlex.join(call) for call in commands()}))
def test_each_command_takes_its_options(command):
    """Asked for its help it does nothing, but it still refuses an option that it does not have."""
    name, *arguments = shlex.split(command)
    program = Path(sys.executable).with_name(name)
    done = subprocess.run([program, *arguments, "--help"], capture_output=True, check=False)
    assert done.stderr.decode() == ""
    assert done.stdout.decode().startswith(f"Usage: {name} ")


def test_each_of_our_commands_on_the_page_was_found():
    on_page = re.findall(
        r"^ *(?:- )?(?:pip .* && )?(wanx(?:-sim)? .*)", text(PAGES[0]), re.MULTILINE
    )
    assert len(commands()) == len(on_page) == 6


def test_a_call_that_is_not_caught_fails_at_once():
    (line,) = {script for script in scripts() if " pytest --" in script}
    asks = f"import httpx, pytest\nwith pytest.raises(httpx.ConnectError): httpx.get('{LIVE}')"
    proxies = dict(item.split("=", 1) for item in shlex.split(line.partition(" pytest ")[0]))
    environment = {"PATH": os.environ["PATH"], **proxies}
    subprocess.run([sys.executable, "-c", asks], env=environment, timeout=30, check=True)


def test_pytest_takes_the_options_that_the_page_gives_it(tmp_path):
    lines = re.findall(r"pytest (--.*)$", text(PAGES[0]), re.MULTILINE)
    assert len(set(lines)) == 2
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    (tmp_path / "test_it.py").write_text("def test_it(): pass")
    for line in set(lines):
        command = [sys.executable, "-m", "pytest", "-p", "wanx", *shlex.split(line)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, check=False)
        assert done.returncode == 0


def test_both_pages_show_the_same_code():
    assert blocks(PAGES[0]) == blocks(PAGES[1])
    bash = [re.findall(r"```bash\n(.*?)```", text(page), re.DOTALL) for page in PAGES]
    assert bash[0] == bash[1]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_the_page_names_is_there(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text(page)):
        assert (DOCS / target).exists(), target
