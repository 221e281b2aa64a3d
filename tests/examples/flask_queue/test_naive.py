"""The bug, brought back: a worker that takes UNKNOWN for "not yet" polls for ever."""

import pytest
import requests
import test_posters
from posters import Worker, create_app

from wanx_sim import Fault


class NaiveWorker(Worker):
    ended = frozenset({"SUCCEEDED", "FAILED"})


@pytest.fixture
def shop(tmp_path):
    return create_app(str(tmp_path / "posters.sqlite"), NaiveWorker)


def test_while_the_worker_keeps_up_nothing_shows(shop, wanx_sim):
    test_posters.test_a_poster_is_there_once_the_worker_has_worked(shop, wanx_sim)


def test_the_suite_sees_that_a_forgotten_poster_is_polled_for_ever(shop, wanx_sim):
    wanx_sim.faults.add(Fault(on="query", code="InvalidApiKey", nth=30))  # only this stops it
    with pytest.raises(requests.HTTPError):
        test_posters.test_a_poster_that_was_forgotten_is_given_up(shop, wanx_sim)
    with pytest.raises(AssertionError):
        wanx_sim.assert_polls_at_most(1)
