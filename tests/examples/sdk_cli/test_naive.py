"""The bug, brought back: n is left out, and the service's own default is 4."""

import posters
import pytest
import test_posters
from dashscope import ImageSynthesis


@pytest.fixture(autouse=True)
def naive(monkeypatch):
    def order(prompt, count, size):
        return ImageSynthesis.call(model=posters.MODEL, prompt=prompt, size=size)

    monkeypatch.setattr(posters, "order", order)


def test_the_suite_sees_four_times_the_price(run, wanx_sim):
    with pytest.raises(AssertionError):
        test_posters.test_whoever_asks_for_one_picture_pays_for_one(run, wanx_sim)
    assert wanx_sim.ledger.cost == 0.80
