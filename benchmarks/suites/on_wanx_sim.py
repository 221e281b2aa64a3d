"""Generation tests, each with a simulator of its own: two polls PENDING, two RUNNING, the end."""

from __future__ import annotations

import os

import pytest

from benchmarks.programs.wire import prompt
from benchmarks.suites.application import picture
from wanx_sim import Simulator


@pytest.mark.wanx(timing="polls:2,2")
@pytest.mark.parametrize("number", range(int(os.environ["BENCH_TESTS"])))
def test_a_picture_is_bought_once(wanx_sim: Simulator, number: int) -> None:
    assert picture(prompt(number)).startswith(b"\x89PNG")
    assert len(wanx_sim.requests.queries) == 5
    assert wanx_sim.ledger.images == 1
