"""Record the cassette in fixtures/cassettes, from the simulator: the same files each time."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from wanx_client import InvalidRequestError, WanxClient
from wanx_sim import ManualClock, Recorder, Simulator

FOLDER = Path(__file__).parents[1] / "fixtures" / "cassettes"
PROMPT = "一间有着精致窗户的花店，漂亮的木质门，摆放着花朵"


def main() -> None:
    """A job of one small picture, and a create that is refused for its size."""
    shutil.rmtree(FOLDER / "images", ignore_errors=True)
    (FOLDER / "flower-shop.json").unlink(missing_ok=True)
    clock = ManualClock(datetime(2025, 10, 28, 4, 0, tzinfo=UTC))
    simulator = Simulator(clock=clock, timing="seconds:4,20", seed=7)
    recorder = Recorder(simulator, FOLDER / "flower-shop", clock=clock, budget=1.0)
    recorder.cassette.host = "simulator"  # where others name the service's host
    order = {"model": "wan2.2-t2i-flash", "n": 1, "seed": 7}
    with WanxClient("sk-simulated", transport=recorder.transport(), sleep=clock.sleep) as client:
        client.generate(PROMPT, size="512*512", poll_interval=2, **order)
        try:
            client.submit(PROMPT, size="10*10", **order)
        except InvalidRequestError as refusal:
            print(f"refused, as it should be: {refusal.message}")
    recorder.close()


if __name__ == "__main__":
    main()
