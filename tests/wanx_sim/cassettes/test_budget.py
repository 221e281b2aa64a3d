"""What recording may cost: nothing is bought beyond it, and no retry can think it was the network."""

from __future__ import annotations

from contextlib import nullcontext
from decimal import Decimal
from threading import Event, Thread

import httpx
import pytest

from wanx_client import AsyncWanxClient, WanxClient
from wanx_sim import (
    BudgetExceededError,
    Fault,
    Recorder,
    Simulator,
    WanxSimError,
)

PRICE = 0.14


def budgeted(sim, library, budget):
    return Recorder(sim, library / "flower-shop", budget=budget)


def test_a_create_beyond_the_budget_is_refused_before_it_is_sent(sim, library, talk):
    client = talk(budgeted(sim, library, 0.42))
    client.submit(n=2)
    with pytest.raises(BudgetExceededError) as caught:
        client.submit(n=2)
    assert str(caught.value) == (
        "this create was not sent: it costs ¥0.28, and ¥0.28 of the budget of ¥0.42 are spent; "
        "raise the budget, or ask for fewer pictures (n)"
    )
    assert len(sim.requests.creates) == 1
    assert sim.ledger.cost == 0.28


def test_a_budget_can_be_spent_to_the_last_fen(sim, library, talk):
    recorder = budgeted(sim, library, 0.42)
    client = talk(recorder)
    for _ in range(3):
        client.submit()
    assert recorder.spent == Decimal("0.42")
    with pytest.raises(BudgetExceededError):
        client.submit()


def test_a_budget_of_nothing_buys_nothing_and_polls_all_the_same(sim, library, talk):
    client = talk(budgeted(sim, library, 0))
    with pytest.raises(BudgetExceededError):
        client.submit()
    assert len(sim.requests) == 0
    assert client.poll("no-such-task")["output"]["task_status"] == "UNKNOWN"


def test_without_a_budget_nothing_is_refused_and_all_is_counted(recorder, talk):
    talk(recorder).submit(n=4)
    assert recorder.spent == Decimal("0.56")


def test_a_create_without_n_costs_the_service_s_own_four(sim, library, talk):
    with pytest.raises(BudgetExceededError, match=r"it costs ¥0\.56,"):
        talk(budgeted(sim, library, 0.55)).create(n=None)


@pytest.mark.parametrize("n", [0, -3])
def test_a_wrong_number_of_pictures_cannot_fill_the_budget_up(sim, library, talk, n):
    sim.validation = "task"  # the service accepts it first, and lets the task fail
    recorder = budgeted(sim, library, PRICE)
    talk(recorder).submit(n=n)
    assert recorder.spent == Decimal("0.14")


def test_a_refused_create_costs_nothing(sim, library, talk):
    recorder = budgeted(sim, library, PRICE)
    client = talk(recorder)
    assert client.create(size="1*1").status_code == 400
    assert recorder.spent == 0
    client.submit()


def test_a_model_without_a_known_price_is_not_bought_on_a_budget(sim, library, talk):
    with pytest.raises(BudgetExceededError, match="no price for its model"):
        talk(budgeted(sim, library, 100)).create(model="wan9-t2i")
    assert len(sim.requests) == 0


def test_a_create_whose_answer_was_lost_counts_as_bought(sim, library, talk):
    sim.faults.add(Fault(on="create", lost_response=True))
    recorder = budgeted(sim, library, PRICE)
    client = talk(recorder)
    with pytest.raises(httpx.RemoteProtocolError):
        client.submit()
    assert recorder.spent == Decimal("0.14")
    with pytest.raises(BudgetExceededError):
        client.submit()
    assert sim.ledger.tasks == 1


def test_two_creates_at_once_cannot_both_fit_into_a_budget_for_one(sim, library, talk):
    on_its_way, may_answer = Event(), Event()

    class Slow(Simulator):
        def handle(self, request):
            on_its_way.set()
            may_answer.wait(10)
            return super().handle(request)

    upstream = Slow()
    client = talk(budgeted(upstream, library, PRICE))
    first = Thread(target=client.submit)
    first.start()
    assert on_its_way.wait(10)
    try:
        with pytest.raises(BudgetExceededError):
            client.submit()
    finally:
        may_answer.set()
        first.join(10)
    assert len(upstream.requests.creates) == 1


def test_prices_are_those_of_the_region_that_is_asked(library, talk):
    upstream = Simulator(region="singapore")
    recorder = Recorder(
        "https://dashscope-intl.aliyuncs.com",
        library / "any",
        budget=0.2,
        transport=upstream.transport(),
    )
    with recorder.serve() as proxy:  # whose own address names no region
        talk(proxy.url).submit(model="wan2.2-t2i-flash")
    recorder.close()
    assert recorder.spent == Decimal("0.183481")


def test_a_budget_error_is_no_error_of_a_network(sim, library):
    assert not issubclass(BudgetExceededError, httpx.HTTPError | OSError | WanxSimError)
    assert issubclass(BudgetExceededError, AssertionError)
    transport = budgeted(sim, library, 0).transport()
    with WanxClient("sk-a", transport=transport) as client, pytest.raises(BudgetExceededError):
        client.submit("花店")


def test_over_a_socket_a_budget_error_is_a_501_that_no_client_retries(sim, library, talk):
    with budgeted(sim, library, 0).serve() as proxy:
        answer = talk(proxy.url).create()
    assert answer.status_code == 501
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["code"] == "WanxSim.BudgetExceededError"
    assert "the budget of ¥0.00 are spent" in answer.json()["message"]
    assert len(sim.requests) == 0


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("face", ["transport", "intercept"])
async def test_to_an_asynchronous_client_it_is_no_error_of_a_network_either(
    sim, library, face, anyio_backend
):
    recorder = budgeted(sim, library, 0)
    transport = recorder.transport() if face == "transport" else None
    block = recorder.intercept() if face == "intercept" else nullcontext()
    with block:
        async with AsyncWanxClient("sk-a", transport=transport) as client:
            with pytest.raises(BudgetExceededError):
                await client.submit("花店")
    assert len(sim.requests) == 0


def test_a_budget_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match=r"a budget is a sum of CNY, .* not nan"):
        Recorder(Simulator(), "any", budget=float("nan"))
