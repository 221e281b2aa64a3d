"""Two bugs, brought back: every result is taken for a picture, and a row is noted when it is done."""

import batch
import pytest
import test_batch


class TrustingBatch(batch.Batch):
    """Takes the url of every entry of the results."""

    def save(self, name, results):
        return super().save(name, [{"url": result["url"]} for result in results])


class ForgetfulBatch(batch.Batch):
    """Notes a row when its pictures are saved, so a crash forgets what was ordered."""

    def ordered(self, _name, prompt):
        return self.order(prompt)


@pytest.fixture
def naive(monkeypatch):
    """Has the script use a naive batch."""
    return lambda kind: monkeypatch.setattr(batch, "Batch", kind)


@pytest.mark.parametrize("kind", [TrustingBatch, ForgetfulBatch])
def test_on_a_good_day_nothing_shows(kind, naive, menu, run, folder, wanx_sim):
    naive(kind)
    test_batch.test_every_row_gets_its_two_pictures(menu, run, folder, wanx_sim)


def test_the_suite_sees_that_one_failed_picture_stops_the_batch(naive, menu, run, folder):
    naive(TrustingBatch)
    with pytest.raises(KeyError, match="url"):
        test_batch.test_a_picture_that_failed_does_not_stop_the_batch(menu, run, folder)


def test_the_suite_sees_that_a_crash_buys_a_second_time(naive, menu, run, folder, wanx_sim):
    naive(ForgetfulBatch)
    with pytest.raises(AssertionError):
        test_batch.test_a_run_after_a_crash_orders_nothing_again(
            "cut-download", menu, run, folder, wanx_sim
        )
    assert len(wanx_sim.requests.creates) == 3
