"""A downstream project's suite: 200 generation tests on two cores under pytest-xdist.

Each submits, polls five times and downloads a picture of 1024 x 1024 through the same application
(`suites.application`). On our side every test has a simulator of its own and a prompt of its own,
so 200 pictures are drawn; on the other, the seven requests are answered by respx with canned
bodies, the picture included. What is compared is what a person waits for: the whole command, from
its start to its end. No plugin is loaded but xdist and, in our suite, ours.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..harness.bench import Bench, command
from ..harness.figures import at_most, times_as_much
from ..harness.rows import Result, Row
from ..programs.faces import Caller, links, simulator
from ..programs.wire import prompt

SUITE = Row(
    name="suite-200",
    work="200 generation tests, a simulator each, 2 cores",
    against="200 plain respx tests",
    goal=at_most(2.0),
)
ROWS = (SUITE,)

_SUITES = Path(__file__).parents[1] / "suites"


def measure(bench: Bench) -> Iterator[Result]:
    """Measure the row."""
    folder = bench.folder / "suite"
    folder.mkdir()
    picture, configuration = folder / "picture.png", folder / "pytest.ini"
    picture.write_bytes(asyncio.run(_picture()))
    configuration.write_text("[pytest]\nmarkers = wanx\n", encoding="utf-8")
    environment = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "BENCH_TESTS": str(bench.number(200, 4)),
        "BENCH_PICTURE": str(picture),
    }
    pytest = [sys.executable, "-m", "pytest", "-q", "-c", str(configuration), "-p", "xdist"]
    pytest += ["-n", str(bench.number(2, 1)), "-p", "no:cacheprovider"]
    suites = {
        "wanx_sim": ["-p", "wanx_sim.pytest_plugin", str(_SUITES / "on_wanx_sim.py")],
        "respx": [str(_SUITES / "on_respx.py")],
    }
    runs = {
        who: partial(command, [*pytest, *options], environment=environment)
        for who, options in suites.items()
    }
    found = bench.compare("suite", runs, 5)
    pair = found["wanx_sim"], found["respx"]
    yield SUITE.result(times_as_much(*pair), *pair)


async def _picture() -> bytes:
    """A picture of the kind that the simulator serves, for the canned answers."""
    caller = Caller(simulator())
    answer = await caller.poll(await caller.create(prompt(0)))
    return await caller.picture(*next(links(answer)))
