"""`--wanx-budget`: what a run may spend, once for all of its tests and processes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from wanx_sim import BudgetExceededError, Fault
from wanx_sim.cassettes.budget import Purchase
from wanx_sim.testing.budgets import Allowance, RunBudget

TWENTY = """
    @pytest.mark.parametrize("n", range(20))
    def test_it(n, wanx_cassette):
        swallow(f"花店{n}")
"""
PICTURE = Purchase("wan2.2-t2i-flash", 1, Decimal("0.14"))


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "4")], ids=["alone", "xdist"])
def test_a_budget_is_spent_once_however_many_processes_there_are(project, live, workers):
    project.write(TWENTY)
    run = project.run("--wanx-record=once", "--wanx-budget=0.70", *workers, **live.environment)
    assert live.sim.ledger.cost == 0.70
    assert live.sim.ledger.tasks == 5
    assert "wanx: ¥0.70 of the budget of ¥0.70 spent" in run.output
    assert "20 passed, 15 errors" in run.ending


def test_a_worker_that_dies_has_spent_what_it_spent(project, live):
    project.write("""
        import signal

        @pytest.mark.parametrize("n", range(6))
        def test_it(n, wanx_cassette):
            swallow(f"花店{n}")
            if n == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    """)
    run = project.run(
        "--wanx-record=once", "--wanx-budget=0.42", "--wanx-report=report.json",
        "-p", "xdist", "-n", "1", **live.environment,
    )  # fmt: skip
    assert "crashed" in run.output
    assert live.sim.ledger.tasks == 3
    assert project.report()["totals"]["spent"] == 0.42


def test_a_create_that_was_refused_costs_nothing(project, live):
    project.write("""
        def test_it(wanx_cassette):
            with pytest.raises(KeyError):
                order("花店", n=4)
            order("花店", n=4)
    """)
    live.sim.faults.add(Fault(on="create", code="Throttling.RateQuota"))
    run = project.run("--wanx-record=once", "--wanx-budget=0.56", **live.environment)
    assert "1 passed" in run.ending, run.output
    assert live.sim.ledger.cost == 0.56


def test_nothing_of_it_is_left_when_the_run_is_over(project, live, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    project.write("def test_it(wanx_cassette): paint()")
    run = project.run(
        "--wanx-record=once", "--wanx-budget=1", "-p", "xdist", "-n", "1",
        TMPDIR=str(temporary), **live.environment,
    )  # fmt: skip
    assert "1 passed" in run.ending
    assert not list(temporary.glob("wanx-budget-*"))


# --- the budget itself ------------------------------------------------------------------------------


def test_threads_and_objects_share_a_sum(tmp_path):
    path = tmp_path / "spent"

    def buy(_):
        try:
            RunBudget(Decimal("0.70"), path).take(PICTURE)
        except BudgetExceededError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(buy, range(40))) == 5
    assert path.read_text() == "0.70"


def test_what_is_given_back_can_be_spent_by_another(tmp_path):
    path, limit = tmp_path / "spent", Decimal("0.14")
    one, other = (Allowance(RunBudget(limit, path)) for _ in range(2))
    one.take(PICTURE)
    with pytest.raises(BudgetExceededError, match=r"¥0\.14 of the budget of ¥0\.14 are spent"):
        other.take(PICTURE)
    assert (one.spent, other.spent) == (Decimal("0.14"), 0)
    one.give_back(PICTURE)
    other.take(PICTURE)
    assert (one.spent, other.spent) == (0, Decimal("0.14"))


def test_without_a_place_for_the_sum_nothing_is_spent():
    with pytest.raises(BudgetExceededError):
        Allowance(RunBudget(Decimal(0), None)).take(PICTURE)


def test_a_sum_is_exact(tmp_path):
    budget = RunBudget(Decimal(100), tmp_path / "spent")
    for _ in range(30):
        budget.take(Purchase("m", 1, Decimal("0.1")))
    assert json.loads((tmp_path / "spent").read_text()) == 3.0
