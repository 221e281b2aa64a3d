"""Files that other tools wrote, or an enemy: read as a whole, within a limit."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import msgspec

from ...errors import CassetteError
from .. import files

LARGEST = 256 * 2**20
"""Bytes of a file that are read, and of what its bodies are when unpacked."""

_MEGABYTE = 2**20


def content(path: Path) -> bytes:
    """The bytes of a file; raises `CassetteError` for one that is too large, or is none."""
    try:
        found = path.stat()
    except OSError as error:
        raise CassetteError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise CassetteError(f"cannot read {path}: it is no file")
    if found.st_size > LARGEST:
        raise CassetteError(
            f"{path} has {found.st_size // _MEGABYTE} MB, and at most {LARGEST // _MEGABYTE} MB "
            "are read: split it, or save it without what is not of this API"
        )
    return files.read(path).removeprefix(b"\xef\xbb\xbf")


def json(content: bytes, name: object) -> Any:
    """What a JSON document holds; raises `CassetteError`."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CassetteError(f"{name} is no JSON that can be read: {error}") from error
