"""What a module of rows is handed: what to measure, how thoroughly, and with what."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .figures import Measure, Sample, Series, interleaved
from .peers import Peers
from .processes import ROOT
from .rows import Row


class CommandError(Exception):
    """A command failed."""


Tell = Callable[[str], None]


@dataclass(kw_only=True)
class Bench:
    """One run.

    Attributes:
        wanted: names of the rows to measure.
        folder: for whatever has to be written; it goes when the run ends.
        peers: what is installed of them.
        quick: whether a few rounds and small numbers will do.
        limit: rounds at most, if the user said so.
        tell: says what is being done.
        curves: costs against stored tasks, for the plot: store, operation, points.
    """

    wanted: Collection[str]
    folder: Path
    peers: Peers
    quick: bool = False
    limit: int | None = None
    tell: Tell = field(default=lambda _: None)
    curves: dict[str, dict[str, list[tuple[int, float]]]] = field(default_factory=dict)

    def wants(self, *rows: Row) -> bool:
        """Whether any of these rows is wanted."""
        return any(row.name in self.wanted for row in rows)

    def number(self, full: int, quick: int) -> int:
        """How many of something: so many, or in a quick run so few."""
        return quick if self.quick else full

    def compare(
        self, what: str, contenders: Mapping[str, Measure], rounds: int, *, warm: bool = True
    ) -> dict[str, Series]:
        """Measure contenders in interleaved rounds, and say so."""
        rounds = min(self.number(rounds, 1), self.limit or rounds)
        self.tell(f"{what}: {', '.join(contenders)}; {rounds} rounds")
        return interleaved(contenders, rounds, warm=warm and not self.quick)


def command(
    arguments: Sequence[str], *, folder: Path = ROOT, environment: Mapping[str, str] | None = None
) -> Sample:
    """What a command takes, from its start to its end, in time and in CPU time.

    Raises:
        CommandError: if it fails, with what it printed.
    """
    before, started = _children(), time.perf_counter()
    done: subprocess.CompletedProcess[Any] = subprocess.run(
        arguments,
        cwd=folder,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    sample = Sample(time.perf_counter() - started, _children() - before)
    if done.returncode:
        raise CommandError(f"{arguments} failed:\n{done.stdout.decode(errors='replace')}")
    return sample


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wanx_sim(*arguments: str) -> list[str]:
    """The command ``wanx-sim``, of the environment that this runs in."""
    return [str(Path(sys.executable).with_name("wanx-sim")), *arguments]
