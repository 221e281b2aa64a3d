"""Files that are never half written, and never written by two at once."""

from __future__ import annotations

import os
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


def read(path: Path) -> bytes:
    """The bytes of a file; raises `CassetteError`."""
    try:
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
