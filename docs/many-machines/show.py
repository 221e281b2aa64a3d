"""Two simulators behind nginx under load; one is killed half-way. Nothing is lost, nothing doubled.

Needs redis-server and nginx (apt-get install redis-server nginx-light) and wanx-kit[redis].
Everything runs on free ports of this machine, and ends with the script:

    python docs/many-machines/show.py --jobs 400
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock

import httpx

from wanx_client import WanxClient, WanxError

HERE = Path(__file__).parent
TOKEN = "the-same-for-all"
PATIENCE = 30


class Simulators:
    """What runs: a Redis, simulators on it, and nginx in front of them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder

    def redis(self, name: str = "redis") -> str:
        """Start a Redis that keeps nothing; its URL."""
        path = self._folder / f"{name}.sock"
        self._run(
            "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
            "--dir", self._folder, until="eady to accept connections",
        )  # fmt: skip
        return f"unix://{path}"

    def simulator(self, store: str, *options: str) -> tuple[subprocess.Popen[str], int]:
        """Start a simulator on a free port; its process and its port."""
        process, line = self._run(
            sys.executable, "-c", "from wanx_sim.cli import main; main()", "serve",
            "--port", "0", "--store", store, "--admin-token", TOKEN, *options, until="ready at",
        )  # fmt: skip
        return process, int(line.strip().rpartition(":")[2])

    def nginx(self, config: str, ports: list[int]) -> str:
        """Start nginx in front of ports, by a file of this folder; its URL."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports = [free.getsockname()[1], *ports]
        text = (HERE / config).read_text("utf-8")
        for number, port in enumerate(ports):
            text = text.replace(f"127.0.0.1:{8965 + number};", f"127.0.0.1:{port};")
        (self._folder / config).write_text(text, "utf-8")
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if program is None:
            sys.exit("there is no nginx here: apt-get install nginx-light")
        self._run(program, "-e", "nginx.log", "-p", self._folder, "-c", config, "-g", "daemon off;")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", ports[0])) == 0:
                    return f"http://127.0.0.1:{ports[0]}"
            time.sleep(0.02)
        sys.exit("nginx does not listen")

    def _run(self, *command: object, until: str = "") -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
        self._stack.callback(_end, process)
        for line in iter(process.stdout.readline, "") if until else ():
            if until in line:
                return process, line
        if until:
            sys.exit(f"{command[0]} does not start")
        return process, ""


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


@contextmanager
def simulators() -> Iterator[Simulators]:
    """Where they run, until the end of the block."""
    # Not in a folder of a long name: that of a socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="wanx") as folder, ExitStack() as stack:
        yield Simulators(stack, Path(folder))


def ask(url: str, path: str, headers: dict[str, str] | None = None) -> dict:
    """What /_sim/ says."""
    headers = {"X-Wanx-Admin-Token": TOKEN} | (headers or {})
    return httpx.get(url + path, headers=headers, timeout=PATIENCE, trust_env=False).json()


class Load:
    """Jobs from many threads, each prompt once; half-way something happens."""

    def __init__(self, url: str, jobs: int, half_way: Callable[[], object]) -> None:
        self._client = WanxClient("sk-load", base_url=f"{url}/api/v1", timeout=PATIENCE)
        self._jobs, self._half_way, self._lock = jobs, half_way, Lock()
        self.accepted: dict[str, str] = {}
        """The prompts whose create was answered, with the ids of their tasks."""
        self.unsure: list[str] = []
        """The prompts whose create was not answered: the task may exist. Never sent again."""
        self.ended: Counter[str] = Counter()
        """How the tasks ended, as the polls said."""

    def run(self) -> None:
        """Do them all."""
        with self._client, ThreadPoolExecutor(16) as pool:
            list(pool.map(self._job, range(self._jobs)))

    def _job(self, number: int) -> None:
        prompt = f"第{number}间花店"
        try:
            task = self._client.submit(prompt, model="wan2.2-t2i-flash")
        except WanxError:
            self.unsure.append(prompt)
            return
        with self._lock:
            self.accepted[prompt] = task.id
            if len(self.accepted) == self._jobs // 2:
                self._half_way()
        # A poll whose connection breaks is sent again, as every client does.
        done = self._client.wait(task, poll_interval=0.05, timeout=PATIENCE)
        with self._lock:
            self.ended[done.status] += 1


def proved(url: str, load: Load) -> str:
    """What the ledger says of a load; raises AssertionError if something is lost or doubled."""
    tasks = ask(url, "/_sim/tasks")["tasks"]
    prompts = Counter(task["prompt"] for task in tasks)
    ids = {task["prompt"]: task["task_id"] for task in tasks}
    late = [prompt for prompt in load.unsure if prompt in prompts]
    assert not [prompt for prompt, times in prompts.items() if times > 1], "a task was doubled"
    assert ids == load.accepted | {prompt: ids[prompt] for prompt in late}, "a task was lost"
    assert load.ended == {"SUCCEEDED": len(load.accepted)}, f"a job did not end: {load.ended}"
    usage = ask(url, "/_sim/usage")
    assert usage["tasks"] == usage["images"] == len(tasks), f"the bill is another: {usage}"
    return (
        f"{len(load.accepted)} creates were answered and {len(load.unsure)} were not "
        f"({len(late)} of these were accepted); the ledger has {usage['tasks']} tasks and "
        f"{usage['images']} images: none lost, none doubled, every job polled to its end"
    )


def main() -> None:
    """Show it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=400)
    jobs = parser.parse_args().jobs
    with simulators() as running:
        store = running.redis()
        both = [running.simulator(store, "--timing", "seconds:0.2,0.5") for _ in range(2)]
        url = running.nginx("nginx.conf", [port for _, port in both])
        print(f"nginx at {url}, simulators at ports {both[0][1]} and {both[1][1]}")
        load = Load(url, jobs, half_way=lambda: (both[0][0].kill(), print("one is killed")))
        load.run()
        print(proved(url, load))


if __name__ == "__main__":
    main()
