"""Files that are never half written, and never written by two at once."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from ..errors import CassetteError

TEMPORARY = ".wanx-"
"""How the names of files begin that are being written; a killed process leaves them behind."""


LARGEST = 64 * 2**20
"""Bytes of a file that are read; a cassette of a thousand jobs has three million, a picture as
many."""


def read(path: Path, most: int = LARGEST) -> bytes:
    """The bytes of a regular file; raises `CassetteError`."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise CassetteError(f"cannot read {path}: it is a folder")
        if not stat.S_ISREG(found.st_mode):  # a pipe would never end, nor would /dev/zero
            raise CassetteError(f"cannot read {path}: it is no regular file")
        if found.st_size > most:
            raise CassetteError(
                f"cannot read {path}: it has {found.st_size} bytes, and at most {most} are read"
            )
        return path.read_bytes()
    except OSError as error:
        raise CassetteError(f"cannot read {path}: {error.strerror}") from error


def write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, or leave it as it was; raises `CassetteError`."""
    # Not by tempfile: its files are for their owner alone, and a cassette is for the whole team.
    temporary = path.with_name(f"{TEMPORARY}{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # what it holds was paid for: a power cut must not empty it
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise CassetteError(f"cannot write {path}: {error.strerror}") from error


def stays_within(path: Path, folder: Path) -> None:
    """Refuse a path that leads out of a folder by a symbolic link; raises `CassetteError`.

    A library comes with a repository, and may be a stranger's.
    """
    real, home = os.path.realpath(path), os.path.realpath(folder)
    if os.path.commonpath([real, home]) != home:
        raise CassetteError(f"{path} is a link that leads out of {folder}, and is not followed")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes and threads from writing a file; raises `CassetteError`."""
    # Locks lie in the temporary folder, so that none is ever committed with a cassette; in one
    # folder a user, since another's cannot be written to.
    user = getattr(os, "getuid", str)()
    folder = Path(tempfile.gettempdir()) / f"wanx-kit-locks-{user}"
    name = sha256(str(path.resolve()).encode()).hexdigest()[:32]
    lock = FileLock(folder / f"{name}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise CassetteError(f"cannot lock {path}: {error}") from error
    try:
        yield
    finally:
        lock.release()
