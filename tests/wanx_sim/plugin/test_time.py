"""`wanx_virtual_time`: what users may rely on, as sentences and tests of theirs."""

from __future__ import annotations

import pytest

# Each spec: what it shows, how many tests must pass, and the tests.
SPECS: dict[str, tuple[int, str]] = {
    "what an application sleeps moves the clock of its simulator": (
        3,
        """
        import asyncio, time
        from time import sleep
        import anyio

        def paint(pause):  # an application with an interval of its own
            task_id = created()
            while poll(task_id)["task_status"] != "SUCCEEDED":
                pause(10)

        @pytest.mark.wanx(timing="seconds:30,60")
        def test_sync(wanx_sim, wanx_virtual_time):
            before, real = wanx_sim.clock.now(), time.time()
            paint(sleep)
            assert wanx_sim.clock.now() == pytest.approx(before + 90)
            assert wanx_virtual_time.slept == 90
            assert time.time() - real < 60
            wanx_sim.assert_polls_at_most(10)

        @pytest.mark.anyio
        @pytest.mark.wanx(timing="seconds:30,60")
        async def test_async(wanx_sim, wanx_virtual_time):
            task_id = created()
            with pytest.raises(TimeoutError), anyio.fail_after(60):
                while poll(task_id)["task_status"] != "SUCCEEDED":
                    await anyio.sleep(10)
            assert wanx_virtual_time.slept == 60
        """,
    ),
    "afterwards an application sleeps for real": (
        2,
        """
        import time
        originals = {"sleep": time.sleep}  # what a module names would be replaced

        def test_one(wanx_virtual_time):
            assert time.sleep is not originals["sleep"]

        def test_two():
            assert time.sleep is originals["sleep"]
        """,
    ),
}


@pytest.fixture(scope="module")
def results(run_specs):
    return run_specs("time", {sentence: tests for sentence, (_, tests) in SPECS.items()})


@pytest.mark.parametrize("sentence", SPECS)
def test_users_may_rely_on_it_that(results, sentence):
    passed, _ = SPECS[sentence]
    assert [f"{name}: {wrong}" for name, wrong in results[sentence] if wrong] == []
    assert len(results[sentence]) == passed
