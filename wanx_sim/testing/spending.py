"""What the processes of a run share: when it began, and where the sum lies that it has spent."""

from __future__ import annotations

import shutil
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from . import options

_INPUT = "wanx_sum"
_BEGAN = "wanx_began"
_SUM = pytest.StashKey[Path]()
_START = pytest.StashKey[float]()


def prepare(config: pytest.Config) -> None:
    """Make a place for the sum, in the process that starts the others."""
    config.stash[_START] = getattr(config, "workerinput", {}).get(_BEGAN) or time.time()
    if options.budget(config) and not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="wanx-budget-"))
        config.stash[_SUM] = folder / "spent"
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def hand_on(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Tell it to a worker of pytest-xdist."""
    workerinput[_BEGAN] = config.stash[_START]
    if _SUM in config.stash:
        workerinput[_INPUT] = str(config.stash[_SUM])


def began(config: pytest.Config) -> float:
    """When the run began, in epoch seconds."""
    return config.stash[_START]


def place(config: pytest.Config) -> Path | None:
    """The file of the sum; None where nothing may be spent."""
    handed: str | None = getattr(config, "workerinput", {}).get(_INPUT)
    return Path(handed) if handed else config.stash.get(_SUM, None)


def spent(config: pytest.Config) -> Decimal:
    """CNY that the run has spent so far, by the catalogue's prices."""
    path = place(config)
    return read(path) if path else Decimal(0)


def read(path: Path) -> Decimal:
    """The sum in a file."""
    return Decimal(path.read_text("ascii")) if path.exists() else Decimal(0)
