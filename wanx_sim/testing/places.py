"""Where the cassettes of tests lie: a folder a test module, a file a test.

``cassettes/<module>/<test>.json`` beside the test file; the pictures in ``images`` beside it.
"""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

import pytest

from . import options

NAME = "wanx_cassette"
"""The fixture, and its marker."""

_LONGEST = 120
_UNSAFE = re.compile(r"[^\w.\[\]-]+")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
"""How pytest writes the Chinese of a parameter."""
# Which names Windows keeps for itself is no matter here: each name begins with "test" or a class's.


def uses(item: pytest.Item) -> bool:
    """Whether a test says, by an argument or by the marker, that it uses a cassette."""
    return NAME in getattr(item, "fixturenames", ()) or item.get_closest_marker(NAME) is not None


def use(item: pytest.Item) -> None:
    """Let the marker be enough: a test that has it uses the fixture."""
    if not isinstance(item, pytest.Function) or NAME in item.fixturenames:
        return
    if item.get_closest_marker(NAME):
        # A list of its own: that of pytest is shared by all parameters of a function.
        names = list(item.fixturenames)
        names.insert(_first_of_the_test(item, names), NAME)
        item.fixturenames = names


def _first_of_the_test(item: pytest.Function, names: list[str]) -> int:
    """Where the fixtures of the test's own scope begin, behind those of a wider one."""
    known = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 - there is no other way to ask
    own = (
        at for at, name in enumerate(names) if name in known and known[name][-1].scope == "function"
    )
    return next(own, len(names))


def library(config: pytest.Config, directory: Path) -> Path:
    """The folder of the cassettes of the test modules in a directory."""
    folder = options.cassette_dir(config)
    if folder is None:
        return directory / "cassettes"
    root = config.rootpath
    return folder / (directory.relative_to(root) if directory.is_relative_to(root) else "")


def any_library(session: pytest.Session) -> bool:
    """Whether any of the tests that a process collected could have a cassette."""
    directories = {item.path.parent for item in getattr(session, "items", ())}
    return any(library(session.config, directory).is_dir() for directory in directories)


def folder_of(config: pytest.Config, module: Path) -> Path:
    """The folder of the cassettes of one test module."""
    return library(config, module.parent) / module.stem


def path_of(item: pytest.Item) -> Path:
    """The file of a test's cassette: as the nearest marker names it, else the test's own."""
    named = (marker.args[0] for marker in item.iter_markers(NAME) if marker.args)
    name = str(next(named, None) or own_name(item))
    path = folder_of(item.config, item.path) / f"{name.removesuffix('.json')}.json"
    return Path(os.path.normpath(path))


def own_name(item: pytest.Item) -> str:
    """The name of a test as a file name, such as ``TestShop.test_a_poster[square]``.

    What no file system minds stays as it is. Where something had to be changed, or shortened, a
    digest of the whole name keeps two tests from sharing a file.
    """
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    name = ".".join([*classes, item.name])
    readable = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)
    safe = _UNSAFE.sub("-", readable)[:_LONGEST]
    return safe if safe == name else f"{safe}-{sha256(name.encode()).hexdigest()[:8]}"


def shown(path: str | Path, directory: Path) -> str:
    """A path from a directory, where it lies below it."""
    path = Path(path)
    return (path.relative_to(directory) if path.is_relative_to(directory) else path).as_posix()
