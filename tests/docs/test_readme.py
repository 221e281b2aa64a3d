"""Every code block of both READMEs is run, top to bottom, as its reader would.

A block after ``<!-- test -->`` is a test file, one after ``<!-- server -->`` a command that goes on
running. Two things are changed: the ports, so that runs do not meet, and the live service's
address, since none may be called: a simulator stands in for it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from wanx_sim import Simulator

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
_BLOCK = re.compile(r"(?:<!-- (\w+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
_PORT = re.compile(r"--port (\d+)")
_DEFAULT_PORT = "8965"


def blocks(name):
    return _BLOCK.findall((ROOT / name).read_text("utf-8"))


class Reader:
    """Somebody who types in one block after another."""

    def __init__(self, folder, upstream, stack):
        self.folder, self.upstream, self.stack = folder, upstream, stack
        self.ports = {}  # shown: real
        scripts = str(Path(sys.executable).parent)
        self.environment = {
            "PATH": scripts + os.pathsep + os.environ["PATH"],
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONUTF8": "1",
            "PIP_NO_INDEX": "1",  # what `pip install` asks for is here already, or it fails
            "WANX_SIM_SERVE_PORT": "0",
        }

    def read(self, kind, language, code):
        code = code.replace("https://dashscope.aliyuncs.com", self.upstream)
        for shown, real in self.ports.items():
            code = code.replace(shown, real)
        if kind == "server":
            return self.serve(code)
        if kind == "test":
            return self.python(code, "-m", "pytest", "-q", "-p", "no:randomly")
        if language == "python":
            return self.python(code)
        assert language == "bash", f"nobody knows how to run a {language} block"
        return self.bash(code)

    def python(self, code, *arguments):
        path = self.folder / f"test_{len(list(self.folder.iterdir()))}.py"
        path.write_text(code, "utf-8")
        return self.run([sys.executable, *arguments, path.name])

    def bash(self, code):
        for line in code.splitlines():
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                self.environment[name] = value
        # The tests are running already: `make` only says what it would do.
        code = re.sub(r"^make ", f"make -n -C '{ROOT}' ", code, flags=re.MULTILINE)
        return self.run(["bash", "-euo", "pipefail", "-c", code])

    def run(self, command):
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def serve(self, code):
        shown = _PORT.search(code)
        code = _PORT.sub("--port 0", code)
        process = subprocess.Popen(
            ["bash", "-c", f"exec {code}"], cwd=self.folder, env=self.environment,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.stack.callback(process.stdout.close)
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)
        ready = process.stdout.readline()
        assert ready.startswith("wanx-sim ready at http://127.0.0.1:")
        self.ports[shown[1] if shown else _DEFAULT_PORT] = ready.strip().rpartition(":")[2]
        return ready


@pytest.fixture
def reader(tmp_path):
    with ExitStack() as stack:
        live = stack.enter_context(Simulator(timing="instant", seed=3).serve())
        yield Reader(tmp_path, live.url, stack)


@pytest.mark.parametrize("name", READMES)
def test_every_code_block_of_the_readme_runs(name, reader):
    outputs = [reader.read(*block) for block in blocks(name)]
    said = "\n".join(outputs)
    assert "4 passed" in said, "the pytest examples ran"
    assert "SUCCEEDED http://127.0.0.1" in said, "the official SDK got its picture from the server"
    assert '"task_status":"PENDING"' in said, "curl created a task"
    assert list(reader.folder.glob("pictures/*.png")), "the command saved a picture"
    assert list(reader.folder.glob("replayed/*.png")), "the cassette was replayed"


def test_both_readmes_show_the_same_code():
    """Comments and prompts aside, of course: those speak to their reader."""

    def code(name):
        return [
            (kind, language, re.sub(r"\s+# .*", "", text)) for kind, language, text in blocks(name)
        ]

    assert code("README.md") == code("README.zh-CN.md")


@pytest.mark.parametrize("name", READMES)
def test_every_file_that_a_readme_names_is_there(name):
    text = (ROOT / name).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / target).exists(), target
