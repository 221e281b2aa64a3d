"""The peers: installed into a folder of their own, which git ignores."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path

_LISTS = Path(__file__).parents[1] / "peers"
_REQUIREMENTS = _LISTS / "requirements.txt"
_PACKAGES = _LISTS / "package.json"


class Absent(Exception):  # noqa: N818 - it is no error: the row is left out, with this word
    """Something that a row needs is not here."""


class Peers:
    """What is installed of the peers.

    Args:
        folder: where they are, or will be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._venv = folder / "venv"
        self.imports = cache(self._imports)

    @property
    def python(self) -> Path:
        """The interpreter that the Python peers are installed for."""
        return self._venv / ("Scripts" if sys.platform == "win32" else "bin") / "python"

    def _imports(self, module: str) -> bool:
        """Whether a Python peer can be imported."""
        if not self.python.exists():
            return False
        command = [str(self.python), "-c", f"import {module}"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def needed(self, module: str) -> Path:
        """The interpreter that has a Python peer.

        Raises:
            Absent: if it is not installed.
        """
        if not self.imports(module):
            raise Absent(f"{module} is not installed")
        return self.python

    def node(self, package: str, file: str) -> Path:
        """A file of an npm package.

        Raises:
            Absent: if it is not installed, or Node is not.
        """
        program("node")
        found = sorted((self.folder / "node_modules" / package).glob(file))
        if not found:
            raise Absent(f"{package} is not installed")
        return found[0]

    def versions(self) -> dict[str, str]:
        """What is installed of that which the lists name."""
        found: dict[str, str] = {}
        if self.python.exists():
            listed = _run([str(self.python), "-m", "pip", "list", "--format=json"]) or "[]"
            installed = {one["name"].lower(): one["version"] for one in json.loads(listed)}
            names = [line.partition("[")[0].partition("=")[0] for line in _listed(_REQUIREMENTS)]
            found |= {name: installed[name] for name in names if name in installed}
        for name in json.loads(_PACKAGES.read_text(encoding="utf-8"))["dependencies"]:
            package = self.folder / "node_modules" / name / "package.json"
            if package.exists():
                found[name] = json.loads(package.read_text(encoding="utf-8"))["version"]
        return found

    def install(self, told: Callable[[str], None]) -> None:
        """Install what the lists name and is not there yet; what cannot be had is said."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, steps, lists in (
            ("Python", self._python_steps, _REQUIREMENTS),
            ("npm", self._npm_steps, _PACKAGES),
        ):
            stamp = self.folder / f".{name}"
            wanted = sha256(lists.read_bytes()).hexdigest()
            if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
                continue
            told(f"installing the {name} peers into {self.folder}, once; a minute or so")
            if all(_run(step, cwd=self.folder) is not None for step in steps()):
                stamp.write_text(wanted, encoding="utf-8")
            else:
                told(f"the {name} peers could not be installed: their rows are left out")

    def _python_steps(self) -> list[list[str]]:
        pip = [str(self.python), "-m", "pip", "-qq", "--disable-pip-version-check", "install"]
        return [
            [sys.executable, "-m", "venv", str(self._venv)],
            [*pip, "--requirement", str(_REQUIREMENTS)],
        ]

    def _npm_steps(self) -> list[list[str]]:
        shutil.copy(_PACKAGES, self.folder)
        return [["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]]


def program(name: str) -> str:
    """A program of this machine.

    Raises:
        Absent: if there is none of that name.
    """
    found = shutil.which(name)
    if found is None:
        raise Absent(f"no {name} here")
    return found


def _listed(requirements: Path) -> list[str]:
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()]


def _run(command: list[str], cwd: Path | None = None) -> str | None:
    """What a command printed; None if it failed, or is not here."""
    try:
        done = subprocess.run(
            command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    if done.returncode:
        sys.stderr.write(done.stderr)
        return None
    return done.stdout
