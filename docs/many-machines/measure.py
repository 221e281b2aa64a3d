"""What one Redis carries: its memory a task, and its processor time a create and a poll.

Needs redis-server and wanx-kit[redis]. The figures are Redis's own (INFO), so they do not depend on
how fast the simulators in front of it are:

    python docs/many-machines/measure.py --tasks 20000

With ``--together 32`` so many requests come at once, as they do to a busy server.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

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
TASKS = "/api/v1/tasks"
PROMPT = "一间有着精致窗户的花店，漂亮的木质门，摆放着花朵"


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--together", type=int, default=1)
    options = parser.parse_args()
    count = options.tasks
    with simulators() as running:
        url = running.redis()
        raw = redis.Redis(unix_socket_path=url.removeprefix("unix://"))
        store = open_store(url)
        simulator = SharedSimulator(board_of(store), store=store, timing="seconds:1,2")

        def create(number: int) -> Request:
            body = {"model": "wan2.2-t2i-flash", "input": {"prompt": f"{PROMPT}{number}"}}
            return Request(
                method="POST", path=CREATE, headers=HEADERS, body=json.dumps(body).encode()
            )

        def poll(task_id: str) -> Request:
            return Request(method="GET", path=f"{TASKS}/{task_id}", headers=HEADERS)

        def asked(requests: Sequence[Request]) -> list[str]:
            ids = []
            for start in range(0, len(requests), options.together):
                some = requests[start : start + options.together]
                simulator.expect(some)
                answers = [json.loads(simulator.handle(each).body) for each in some]
                ids += [answer["output"]["task_id"] for answer in answers]
            return ids

        def measured(what: str, requests: Sequence[Request]) -> list[str]:
            cpu, start = _cpu(raw), time.perf_counter()
            made = asked(requests)
            spent, lasted = _cpu(raw) - cpu, time.perf_counter() - start
            print(
                f"{what}: {spent / count * 1e6:.0f} µs of Redis's processor each, so "
                f"{count / spent:,.0f} a second keep it busy; this one process did "
                f"{count / lasted:,.0f} a second"
            )
            return made

        asked([poll(f"none-{number}") for number in range(11_000)])  # the journal is full now
        before = raw.info("memory")["used_memory"]
        ids = measured("create", [create(number) for number in range(count)])
        grown = raw.info("memory")["used_memory"] - before
        print(f"memory: {grown / count:.0f} bytes a task")
        simulator.clock.advance(minutes=1)
        measured("poll", [poll(task_id) for task_id in ids])
        simulator.handle(
            Request(method="GET", path=TASKS, headers=HEADERS)
        )  # which settles them all
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
