"""Each project in `tests/examples/`, run as its owner would run it, against the built wheel.

What it needs stands in its own pyproject.toml. Its tests run in random order, each twice, with every
warning an error, and may leave nothing behind.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from filelock import FileLock
from packaging.requirements import Requirement

EXAMPLES = Path(__file__).parents[1] / "examples"
PROJECTS = sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml"))
RUNNERS = ("pytest-randomly", "pytest-xdist")
# A second process costs two seconds a project, so only these show that two do not meet: one with
# the simulator in process, one with it on a socket.
IN_TWO_PROCESSES = {"agent_tool", "requests_script"}


def declared(name: str) -> list[str]:
    project = tomllib.loads((EXAMPLES / name / "pyproject.toml").read_text("utf-8"))
    return project["project"]["dependencies"] + project["dependency-groups"]["test"]


@pytest.fixture(scope="session")
def packages(environment, required, shared):
    """What the examples declare, laid into a folder: of wanx-kit itself only what it requires."""
    wanted = {text for name in PROJECTS for text in declared(name)}
    others = [text for text in wanted if Requirement(text).name != "wanx-kit"]
    folder = shared / "examples"
    with FileLock(folder.with_suffix(".lock")):
        environment.lay([*others, *required("sim"), *RUNNERS], folder)
        shutil.copy(Path(__file__).with_name("downstream.py"), folder)
    return folder


@pytest.mark.parametrize("name", PROJECTS)
def test_an_example_passes_as_a_project_of_its_own(name, environment, packages, tmp_path):
    project = tmp_path / name
    shutil.copytree(EXAMPLES / name, project, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    before = files(project)
    command = ["python", "-W", "error", "-m", "pytest", "-p", "downstream"]
    if name in IN_TWO_PROCESSES:
        command += ["-n", "2"]

    output = environment.run(*command, path=packages, cwd=project)

    assert re.search(r"^=+ \d+ passed in ", output, re.MULTILINE), output
    assert "randomly-" in output
    assert files(project) == before


def files(project: Path) -> set[Path]:
    hidden = {"__pycache__", ".pytest_cache"}
    return {path for path in project.rglob("*") if not hidden & set(path.parts)}


def test_there_are_seven_examples():
    assert len(PROJECTS) == 7
