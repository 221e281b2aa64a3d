"""The ledger: what accepted tasks would have cost."""

from __future__ import annotations

import pytest

from wanx_sim import Simulator


@pytest.mark.proves("billing.good-images")
@pytest.mark.parametrize(
    ("model", "n", "cost"),
    [
        ("wan2.5-t2i-preview", 1, 0.20),
        ("wan2.5-t2i-preview", 4, 0.80),
        ("wan2.2-t2i-flash", 3, 0.42),
        ("wan2.2-t2i-plus", 2, 0.40),
        ("wanx2.1-t2i-turbo", 1, 0.14),
        ("wanx2.1-t2i-plus", 1, 0.20),
        ("wanx2.0-t2i-turbo", 4, 0.16),
    ],
)
def test_a_task_costs_its_models_price_for_each_picture(api, sim, model, n, cost):
    api.submit(model=model, n=n)
    assert (sim.ledger.images, sim.ledger.cost) == (n, cost)


def test_prices_are_the_regions(connect, clock):
    sim = Simulator(clock=clock)
    connect(sim, "https://dashscope-intl.aliyuncs.com").submit(n=2)
    assert sim.ledger.cost == 0.440354


def test_costs_add_up_as_decimals_do(api, sim):
    for _ in range(3):
        api.submit(model="wan2.2-t2i-flash", n=1)
    assert sim.ledger.cost == 0.42


def test_a_task_is_on_the_bill_as_soon_as_it_is_accepted(api, sim):
    api.submit(n=1)
    assert sim.ledger.images == 1


@pytest.mark.parametrize("asked", [{"n": 9}, {"model": "wan9"}, {"prompt": "[[moderation]]"}])
def test_a_refused_create_costs_nothing(api, sim, asked):
    api.create(**asked)
    assert (sim.ledger.tasks, sim.ledger.images, sim.ledger.cost) == (0, 0, 0)


def test_a_task_that_fails_costs_nothing(api, sim):
    task_id = api.submit(n=4)
    sim.fail(task_id)
    assert (sim.ledger.tasks, sim.ledger.images, sim.ledger.cost) == (1, 0, 0)


def test_a_task_that_is_cancelled_costs_nothing(api, sim):
    api.cancel(api.submit(n=4))
    assert (sim.ledger.tasks, sim.ledger.images, sim.ledger.cost) == (1, 0, 0)


def test_a_task_that_was_forgotten_was_paid_for(api, sim, clock):
    api.submit(n=1)
    clock.advance(days=2)
    assert sim.ledger.cost == 0.20


def test_polls_and_downloads_cost_nothing(api, sim):
    links = api.links(n=1, size="768*768")
    before = sim.ledger.cost
    api.get(links[0])
    assert sim.ledger.cost == before


def test_a_ledger_shows_its_sum(api, sim):
    api.submit(n=2)
    assert repr(sim.ledger) == "<Ledger 2 images in 1 task, ¥0.40>"
