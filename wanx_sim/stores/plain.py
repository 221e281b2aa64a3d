"""diskcache without pickle: bytes in files and a database, and nothing that could run as code.

A value or a key that is marked as pickled is refused, whatever a file says (CVE-2025-69872).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import MODE_PICKLE

from ..errors import StoreError

# Pictures are rendered again, so nothing need wait for the disk (synchronous=0). The oldest stored
# go first: with least-recently-used each reading writes, and takes 106 µs instead of 43. What is
# larger than 32 kB (1280*1280 is 35 kB, 1024*1024 29 kB) lies in a file of its own, as diskcache
# has it; all in the database, or none, was no faster.
_SETTINGS = {
    "eviction_policy": "least-recently-stored",
    "sqlite_synchronous": 0,
}


def open_pictures(folder: Path, limit: int) -> diskcache.Cache:
    """The pictures in a folder, up to so many bytes."""
    return diskcache.Cache(str(folder), disk=PlainDisk, size_limit=limit, **_SETTINGS)


class PlainDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache is untyped
    """A diskcache `Disk` that neither writes nor reads pickle."""

    def put(self, key: Any) -> Any:
        if not isinstance(key, str):
            raise TypeError(f"a store's keys are strings, not {type(key).__name__}")
        return super().put(key)

    def get(self, key: Any, raw: Any) -> Any:
        if not raw:
            raise StoreError(_pickled(self._directory))
        return super().get(key, raw)

    def store(self, value: Any, read: Any, key: Any = diskcache.UNKNOWN) -> Any:
        if not isinstance(value, bytes):
            raise TypeError(f"a store's values are bytes, not {type(value).__name__}")
        return super().store(value, read, key)

    def fetch(self, mode: Any, filename: Any, value: Any, read: Any) -> Any:
        if mode == MODE_PICKLE:
            raise StoreError(_pickled(self._directory))
        return super().fetch(mode, filename, value, read)


def _pickled(folder: str) -> str:
    return (
        f"the store in {folder} holds a pickled value, which wanx-sim never writes and never "
        "loads: delete the folder, or choose another with --store disk:PATH"
    )
