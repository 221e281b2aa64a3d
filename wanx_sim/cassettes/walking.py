"""Which cassettes a command is about: files as they are named, and all that lie in folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import CassetteError
from .cassette import Cassette

IMAGES = "images"


def cassettes(paths: Iterable[str | Path]) -> list[Path]:
    """The files of cassettes, each once.

    Of a folder it is every JSON file in it and in the folders below, each of which is a library of
    its own; folders whose names begin with a dot are left out, and so are those of pictures.

    Raises:
        CassetteError: for a path that is not there.
    """
    return list(dict.fromkeys(path for named in paths for path in _meant(Path(named))))


def folders(paths: Iterable[str | Path]) -> list[Path]:
    """The libraries that the paths name, or lie in, each once."""
    found: dict[Path, None] = {}
    for named in map(Path, paths):
        path = Cassette(named).path if not named.is_dir() else named
        below = (folder for folder, _ in _walk(path)) if path.is_dir() else [path.parent]
        found |= dict.fromkeys(below)
    return list(found)


def _meant(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        file = Cassette(path).path
        if not os.path.lexists(file):
            raise CassetteError(f"there is neither a cassette nor a folder at {path}")
        yield file
        return
    for folder, names in _walk(path):
        yield from (folder / name for name in names if name.endswith(".json"))


def _walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """A folder and those below it, each with the names of its files, in order.

    Links to other folders are not followed.
    """

    def refuse(error: OSError) -> None:
        raise CassetteError(f"cannot read {error.filename}: {error.strerror}") from error

    for here, below, names in os.walk(folder, onerror=refuse):
        if here.endswith(".json"):
            raise CassetteError(f"{here} is a folder, where a cassette should be")
        below[:] = sorted(name for name in below if name != IMAGES and not name.startswith("."))
        yield Path(here), sorted(name for name in names if not name.startswith("."))
