"""The bug, brought back: "retry everything" orders, and pays, twice."""

import postcard
import pytest
import test_postcard
from urllib3.util import Retry


@pytest.fixture(autouse=True)
def naive(monkeypatch):
    def retries():
        return Retry(
            total=6,
            backoff_factor=1,
            status_forcelist=postcard.TRANSIENT,
            allowed_methods=None,  # any method, POST included
        )

    monkeypatch.setattr(postcard, "retries", retries)


def test_on_a_good_day_nothing_shows(path, wanx_sim):
    test_postcard.test_a_postcard_is_saved(path, wanx_sim)


@pytest.mark.parametrize("trouble", ["lost-response", "gateway-timeout"])
def test_the_suite_sees_that_an_order_is_sent_again(trouble, path, wanx_sim):
    with pytest.raises(AssertionError):
        test_postcard.test_an_order_whose_answer_was_lost_is_not_sent_again(trouble, path, wanx_sim)
    assert wanx_sim.ledger.images == 2
