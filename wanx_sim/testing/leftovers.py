"""What a run leaves over: cassettes that no test uses, recordings that none asked for, stale ones.

Rules:

1. The folder of a test module is judged when all of its tests were collected and none was
   deselected; else a file in it may belong to a test that nobody saw.
2. A file is unused if no test of the run names it or has opened it. A test that did not pass
   keeps its file, whether it got as far as opening it or not.
3. A recording is unused if all tests that name its file passed, and none of them asked for it.
4. A folder whose test module is gone is judged when its whole directory was collected.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TypedDict

import pytest

from . import places
from .tally import Opened, Tally

_HEAD, _OURS = 64, b'"wanx-cassette"'


class Collected(TypedDict):
    """What one process collected, in values that pytest-xdist can carry."""

    folders: list[str]
    """Those that are judged."""
    claims: dict[str, list[str]]
    """By file: the tests that name it."""
    perhaps: dict[str, str]
    """By file: the test whose own it would be, if that should use one after all."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One interaction of a cassette."""

    path: str
    place: int


@dataclass(slots=True)
class Leftovers:
    """What a run leaves over."""

    files: list[str] = field(default_factory=list)
    unused: list[Recording] = field(default_factory=list)
    stale: list[Recording] = field(default_factory=list)

    @property
    def unused_count(self) -> int:
        """How many files and recordings are unused."""
        return len(self.files) + len(self.unused)


# --- in the process that collects -----------------------------------------------------------------


def collected(session: pytest.Session, partial: set[Path]) -> Collected | None:
    """What this process collected, if there is any folder to judge.

    Args:
        session: with all that is going to run.
        partial: the modules of which something is not.
    """
    items = session.items
    folders = {*_folders(session.config, items, partial), *_orphans(session.config, items, partial)}
    if not folders:
        return None
    found = Collected(folders=[str(folder) for folder in sorted(folders)], claims={}, perhaps={})
    for item in items:
        if places.uses(item):
            found["claims"].setdefault(str(places.path_of(item)), []).append(item.nodeid)
        elif places.folder_of(session.config, item.path) in folders:
            found["perhaps"][str(places.path_of(item))] = item.nodeid
    return found


def _folders(config: pytest.Config, items: list[pytest.Item], partial: set[Path]) -> Iterator[Path]:
    for module in {item.path for item in items} - partial - _named(config):
        folder = places.folder_of(config, module)
        if folder.is_dir():
            yield folder


def _named(config: pytest.Config) -> set[Path]:
    """The modules of which the command line names single tests."""
    return {_argument(config, text) for text in config.args if "::" in text}


def _argument(config: pytest.Config, text: str) -> Path:
    return Path(os.path.normpath(config.invocation_params.dir / text.partition("::")[0]))


def _orphans(config: pytest.Config, items: list[pytest.Item], partial: set[Path]) -> Iterator[Path]:
    if partial:
        return
    whole = [_argument(config, text) for text in config.args]
    patterns = config.getini("python_files")
    for directory in {item.path.parent for item in items}:
        if not any(directory.is_relative_to(each) for each in whole):
            continue
        for folder in _subfolders(places.library(config, directory)):
            module = f"{folder.name}.py"
            named = any(fnmatch(module, each) for each in patterns)
            if named and not (directory / module).exists():
                yield folder


def _subfolders(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []


# --- in the process that has all reports ----------------------------------------------------------


def find(collected: list[Collected], tests: Mapping[str, Tally], passed: set[str]) -> Leftovers:
    """What is left over."""
    folders = sorted({folder for each in collected for folder in each["folders"]})
    claims: dict[str, set[str]] = {}
    for each in collected:
        for path, nodeids in each["claims"].items():
            claims.setdefault(path, set()).update(nodeids)
    recorded = {path for tally in tests.values() for path in tally["recorded"]}
    kept = {*claims, *recorded}
    kept |= {p for each in collected for p, test in each["perhaps"].items() if test not in passed}
    opened = _opened(tests)
    left = Leftovers()
    for folder in folders:
        left.files += [path for path in _cassettes(folder) if path not in {*kept, *opened}]
    for path, users in sorted(opened.items()):
        judged = any(Path(path).is_relative_to(folder) for folder in folders)
        if judged and path not in recorded and {*users, *claims.get(path, ())} <= passed:
            unused = set.intersection(*(set(each["unused"]) for each in users.values()))
            left.unused += [Recording(path, place) for place in sorted(unused)]
        stale = {place for each in users.values() for place in each["stale"]}
        left.stale += [Recording(path, place) for place in sorted(stale)]
    return left


def _opened(tests: Mapping[str, Tally]) -> dict[str, dict[str, Opened]]:
    """By file: the tests that replayed from it, and what each left."""
    found: dict[str, dict[str, Opened]] = {}
    for nodeid, tally in tests.items():
        for opened in tally["opened"]:
            found.setdefault(opened["path"], {})[nodeid] = opened
    return found


def _cassettes(folder: str) -> Iterator[str]:
    """The cassettes in a folder; other people's JSON is left alone."""
    for path in sorted(Path(folder).rglob("*.json")):
        with path.open("rb") as file:
            if _OURS in file.read(_HEAD):
                yield str(path)
