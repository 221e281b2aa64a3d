"""What one Redis carries: its memory a task, and its processor time a create and a poll.

Needs redis-server and wanx-kit[redis]. The figures are Redis's own (INFO), so they do not depend on
how fast the simulators in front of it are:

    python docs/many-machines/measure.py --tasks 20000
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import redis
from show import simulators

from wanx_sim.sharing.boards import board_of
from wanx_sim.sharing.simulator import SharedSimulator
from wanx_sim.stores import open_store
from wanx_sim.wire import Request

HEADERS = {
    "authorization": "Bearer sk-a",
    "content-type": "application/json",
    "x-dashscope-async": "enable",
}
CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
PROMPT = "一间有着精致窗户的花店，漂亮的木质门，摆放着花朵"


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=20_000)
    count = parser.parse_args().tasks
    with simulators() as running:
        url = running.redis()
        raw = redis.Redis(unix_socket_path=url.removeprefix("unix://"))
        store = open_store(url)
        simulator = SharedSimulator(board_of(store), store=store, timing="seconds:1,2")

        def ask(method: str, path: str, body: bytes = b"") -> dict:
            request = Request(method=method, path=path, headers=HEADERS, body=body)
            return json.loads(simulator.handle(request).body)["output"]

        def create(number: int) -> str:
            body = {"model": "wan2.2-t2i-flash", "input": {"prompt": f"{PROMPT}{number}"}}
            return ask("POST", CREATE, json.dumps(body).encode())["task_id"]

        def measured(what: str, act: Callable[[int], object]) -> list:
            cpu, start = _cpu(raw), time.perf_counter()
            made = [act(number) for number in range(count)]
            spent, lasted = _cpu(raw) - cpu, time.perf_counter() - start
            print(
                f"{what}: {spent / count * 1e6:.0f} µs of Redis's processor each, so "
                f"{count / spent:,.0f} a second keep it busy; this one process did "
                f"{count / lasted:,.0f} a second"
            )
            return made

        for number in range(11_000):  # the journal is full from here on
            ask("GET", f"/api/v1/tasks/none-{number}")
        before = raw.info("memory")["used_memory"]
        ids = measured("create", create)
        grown = raw.info("memory")["used_memory"] - before
        print(f"memory: {grown / count:.0f} bytes a task")
        simulator.clock.advance(minutes=1)
        measured("poll", lambda number: ask("GET", f"/api/v1/tasks/{ids[number]}"))
        ask_list = "/api/v1/tasks?page_size=10"
        simulator.handle(Request(method="GET", path=ask_list, headers=HEADERS))
        grown = raw.info("memory")["used_memory"] - before
        print(f"memory when all have ended: {grown / count:.0f} bytes a task")
        raw.close()
        simulator.close()


def _cpu(raw: redis.Redis) -> float:
    """Seconds of processor time that Redis has used."""
    found = raw.info("cpu")
    return found["used_cpu_user"] + found["used_cpu_sys"]


if __name__ == "__main__":
    main()
