"""The machine that the figures were taken on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = (
    "wanx-kit", "httpx", "respx", "uvicorn", "uvloop", "httptools", "msgspec", "starlette",
    "diskcache", "redis", "pillow", "pytest", "pytest-xdist",
)  # fmt: skip
_PROGRAMS = {
    "wrk": ("wrk", "-v"),
    "redis-server": ("redis-server", "--version"),
    "node": ("node", "--version"),
    "java": ("java", "-version"),
}
_BUSY = 0.25
"""The load a core from which figures are not to be trusted: something else is running."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What it is, what is installed, and how busy it was."""

    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    python: str
    commit: str
    load: float
    versions: Mapping[str, str]
    peers: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"busy": self.busy}

    @property
    def busy(self) -> bool:
        """Whether something else was running when the measuring began."""
        return self.load > _BUSY * self.cores

    def lines(self) -> list[str]:
        """For a person."""
        lines = [
            f"{self.cpu}, {self.cores} cores, {self.memory_bytes / 2**30:.0f} GB, {self.kernel}",
            f"{self.python}; wanx-kit at {self.commit}; load average {self.load:.2f}",
            _listed(self.versions),
            f"peers: {_listed(self.peers) or 'none'}",
        ]
        if self.busy:
            lines.append(
                f"WARNING: the machine was busy (load average {self.load:.2f} on {self.cores} "
                "cores): take the figures again when it is quiet"
            )
        return lines


def describe(peers: Mapping[str, str], load: float) -> Machine:
    """The machine, now; ``load`` is its load average from before the measuring."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        commit=_commit(),
        load=load,
        versions=_packages() | _programs(),
        peers=peers,
    )


def load_average() -> float:
    """How many processes wanted to run in the last minute."""
    return os.getloadavg()[0]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parent,
    )  # fmt: skip
    return done.stdout.strip() or "no commit"


def _packages() -> dict[str, str]:
    installed = {found.name.lower(): found.version for found in metadata.distributions()}
    return {name: installed[name] for name in _PACKAGES if name in installed}


def _programs() -> dict[str, str]:
    return {name: _version(command) for name, command in _PROGRAMS.items() if shutil.which(name)}


def _version(command: tuple[str, ...]) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    words = (done.stdout or done.stderr).split()
    numbers = [word.strip('",').removeprefix("v=") for word in words if any(map(str.isdigit, word))]
    return numbers[0] if numbers else "?"


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
