"""A cassette behind a socket, and the official SDK, unchanged: blocking and on asyncio."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

OLD = Path(sys.prefix) / "sdk-1.24.6"
TESTS = """
    import asyncio, gc
    import requests
    from dashscope import ImageSynthesis
    from dashscope.aigc.image_synthesis import AioImageSynthesis
    from dashscope.version import __version__

    pytestmark = pytest.mark.usefixtures("wanx_cassette", "wanx_server", "wanx_virtual_time")
    MODEL = "wan2.5-t2i-preview"

    def test_blocking():
        answer = ImageSynthesis.call(model=MODEL, prompt="一间花店", n=1, size="768*768")
        assert answer.output.task_status == "SUCCEEDED"
        assert requests.get(answer.output.results[0].url).content.startswith(b"\\x89PNG")

    def test_on_asyncio_while_others_wait_for_the_socket():
        async def main():
            prompts = (f"花店{n}" for n in range(3))
            calls = (AioImageSynthesis.call(MODEL, p, n=1, size="768*768") for p in prompts)
            return await asyncio.gather(*calls)

        for answer in asyncio.run(main()):
            assert answer.output["task_status"] == "SUCCEEDED"
        gc.collect()  # the SDK leaves its session open

    def test_which_sdk_it_was():
        assert __version__ == os.environ["EXPECTED_SDK"]
"""


@pytest.mark.sdk
def test_what_one_sdk_recorded_another_replays(project, live):
    if not OLD.is_dir():
        pytest.skip("left out: the SDK's version 1.24.6 is not laid; `make test` lays it")
    project.write(TESTS)
    environment = {"HOME": str(project.folder), "EXPECTED_SDK": "2.0.2"} | live.environment
    recording = project.run("--wanx-record=once", "--wanx-budget=0.80", **environment)
    assert "3 passed" in recording.ending, recording.output
    assert live.sim.ledger.cost == 0.80
    replaying = project.run(
        "--wanx-strict", "--wanx-block-network",
        HOME=str(project.folder), EXPECTED_SDK="1.24.6", PYTHONPATH=str(OLD),
    )  # fmt: skip
    assert "3 passed" in replaying.ending, replaying.output
    assert "wanx: 4 replayed · 0 simulated · 0 live · ¥0.80 saved" in replaying.summary
