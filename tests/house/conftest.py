from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


class Built(NamedTuple):
    wheel: Path
    sdist: Path


@contextmanager
def _once(folder: Path) -> Iterator[bool]:
    """Whether this process is the first, of all that run these tests, to come here."""
    done = folder / "done"
    with FileLock(folder.with_suffix(".lock")):
        folder.mkdir(exist_ok=True)
        yield not done.exists()
        done.touch()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that the workers of one run have in common."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session")
def built(shared: Path) -> Built:
    """The distribution, as `make build` makes it: the wheel from the sdist."""
    folder = shared / "dist"
    with _once(folder) as first:
        if first:
            command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
            _run([*command, str(ROOT)])
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel, sdist)


class Environment:
    """An environment of its own, with the wheel, what its metadata requires, and nothing else.

    The wheel is installed by pip. What it requires is linked from the environment of these tests,
    so that this takes a second and no network.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"

    def make(self, wheel: Path, requirements: list[str]) -> None:
        _run([sys.executable, "-m", "venv", "--without-pip", str(self.folder)])
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python")]
        _run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)])
        (site,) = self.folder.glob("lib/python*/site-packages")
        self.lay(requirements, site)

    def lay(self, requirements: list[str], folder: Path) -> Path:
        """Link what these requirements lead to into a folder, for `sys.path`."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in closure(requirements):
            distribution = metadata.distribution(name)
            tops = {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}
            for top in tops - {"__pycache__"}:
                link = folder / top
                if not link.exists():
                    link.symlink_to(Path(str(distribution.locate_file(top))))
        return folder

    def run(self, *command: str, path: Path | None = None, cwd: Path | None = None) -> str:
        """The output of a command of this environment; fails if the command does."""
        environment = {"PATH": str(self.bin), "PYTHONUTF8": "1", "HOME": str(self.folder)}
        if path:
            environment["PYTHONPATH"] = str(path)
        program, *arguments = command
        return _run([str(self.bin / program), *arguments], env=environment, cwd=cwd or self.folder)


@pytest.fixture(scope="session")
def environment(built: Built, required: Callable[..., list[str]], shared: Path) -> Environment:
    environment = Environment(shared / "environment")
    with _once(environment.folder) as first:
        if first:
            environment.make(built.wheel, required())
    return environment


@pytest.fixture(scope="session")
def required(built: Built) -> Callable[..., list[str]]:
    """What the wheel requires, with one of its extras or none."""
    (found,) = metadata.distributions(name="wanx-kit", path=[str(built.wheel)])

    def required(extra: str = "") -> list[str]:
        return [text for text in found.requires or () if _applies(text, extra)]

    return required


def closure(requirements: list[str]) -> set[str]:
    """The names of all distributions that requirements lead to."""
    names: set[str] = set()
    todo = list(requirements)
    while todo:
        name = Requirement(todo.pop()).name
        if name not in names:
            names.add(name)
            todo += [r for r in metadata.distribution(name).requires or () if _applies(r)]
    return names


def _applies(text: str, extra: str = "") -> bool:
    marker = Requirement(text).marker
    return marker is None or marker.evaluate({"extra": extra})


def _run(command: list[str], *, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
