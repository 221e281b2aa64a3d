"""How a worker works: it is told a task and a number on stdin, and says on stdout what it took."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path


def offer(**tasks: Callable[[int], object]) -> None:
    """Do tasks, each so many times as is asked, until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks; he closes stdin
    answers, sys.stdout = sys.stdout, sys.stderr  # what a peer prints is no answer
    for line in sys.stdin:
        asked = json.loads(line)
        task, count = tasks[asked["task"]], asked["count"]
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            result = task(count)
        except Exception as error:  # noqa: BLE001 - whoever asked decides what that means
            why, _, _ = f"{type(error).__name__}: {error}".partition("\n")
            said: dict[str, object] = {"error": why}
        else:
            seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
            said = {"seconds": seconds, "cpu_seconds": cpu_seconds, "result": result, **memory()}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def memory() -> dict[str, int]:
    """Bytes of this process: what it holds, and what of that is its own and not a file's."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return {}
    lines = dict(line.split(":", 1) for line in text.splitlines())
    names = {"resident": "VmRSS", "private": "RssAnon"}
    return {name: int(lines[field].split()[0]) * 1024 for name, field in names.items()}


def arguments() -> list[str]:
    """The command's arguments."""
    return sys.argv[1:]


def touched(path: Path) -> Path:
    """A file that no cache knows: its time of change is another one than before."""
    os.utime(path)
    return path
