"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import os
import re
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from wanx_client import __version__

# httpx requires anyio, and whoever is asked which event loop is running must be the one it asks.
WITH_HTTPX = {"anyio"}

ROOT = Path(__file__).parents[2]
FOLDERS = ("wanx_client", "wanx_sim", "tests", "scripts", "benchmarks", "fixtures", ".ci")
TEXTS = {".py", ".toml", ".md", ".json", ".yaml", ".yml", ".html", ".css", ".js", ".txt", ""}

# What is made here and git ignores.
MADE = {"__pycache__", ".peers", "results"}

# Each pattern is spelt so that it does not match itself.
MACHINE_PATH = re.compile(r"""(?<![\w.:/*])/(?:home|root|Users|work|opt)/[\w.-]+""")
NOTE = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b")


@cache
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def files():
    """The text files of the project, with their text."""
    paths = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        for place, folders, names in os.walk(ROOT / folder):
            folders[:] = set(folders) - MADE
            paths += [Path(place) / name for name in names]
    for path in paths:
        if path.suffix in TEXTS and path.name != ".git":
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8", errors="replace")


def findings(pattern):
    return [
        f"{path}:{number}: {line.strip()}"
        for path, text in files()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_somebody_s_machine():
    assert findings(MACHINE_PATH) == []


def test_no_file_keeps_a_note_to_its_writer():
    assert findings(NOTE) == []


def test_the_changelog_s_newest_entry_is_the_package_s_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d[^\]]*)\]", changelog, re.MULTILINE)
    assert newest
    assert newest[1] == __version__


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_the_ci_script_is_executable():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def targets():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_every_make_target_that_is_spoken_of_exists():
    spoken = {
        name
        for path, text in files()
        if path.suffix == ".md"
        for name in re.findall(r"(?:`|^\s*\$? ?)make ([a-z]+)", text, re.MULTILINE)
    }
    assert {"demo", "test", "help"} <= targets()
    assert spoken - targets() == set()


def test_every_target_is_phony_and_has_its_line_in_the_help():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)", makefile, re.MULTILINE)
    assert set(phony.split()) == targets()
    assert set(re.findall(r"^([a-z]+):.*## \w", makefile, re.MULTILINE)) == targets()


def test_every_extra_that_is_spoken_of_exists():
    spoken = {
        extra.strip()
        for _, text in files()
        for extras in re.findall(r"(?:'\.|wanx-kit)\[([a-z0-9, ]+)\]", text)
        for extra in extras.split(",")
    }
    assert "sim" in spoken
    assert spoken - set(project()["project"]["optional-dependencies"]) == set()


def test_every_dependency_group_that_is_spoken_of_exists():
    groups = project()["dependency-groups"]
    spoken = {name for _, text in files() for name in re.findall(r"--group ([a-z]+)", text)}
    included = {
        entry["include-group"]
        for group in groups.values()
        for entry in group
        if isinstance(entry, dict)
    }
    assert "test" in spoken
    assert (spoken | included) - set(groups) == set()


def imported(package):
    """The packages that a package of ours imports, at any place, other than itself."""
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {package}


def declared(*extras):
    metadata_ = project()["project"]
    texts = list(metadata_["dependencies"])
    for extra in extras:
        texts += metadata_["optional-dependencies"][extra]
    return {Requirement(text).name for text in texts} - {"wanx-kit"}


def module_names(distributions):
    homes = metadata.packages_distributions()
    return {module for module, names in homes.items() if distributions & {n.lower() for n in names}}


def test_the_client_imports_what_it_declares_and_nothing_of_the_simulator():
    assert imported("wanx_client") - module_names(declared()) - WITH_HTTPX == set()


def test_the_simulator_imports_what_it_declares():
    # pytest is there when the plugin is loaded, and wanx_client is in the same wheel.
    there = module_names(declared("sim", "redis", "httpx2", "tls", "interop")) | {
        "pytest",
        "wanx_client",
    }
    there.add("trio")  # an application's own, if it has it
    assert imported("wanx_sim") - there - WITH_HTTPX == set()
