"""The arithmetic of the benchmarks: rounds, medians, ratios, goals."""

from __future__ import annotations

from itertools import count
from statistics import median

import pytest
from hypothesis import given, strategies as st

from benchmarks.harness.figures import (
    Sample,
    Series,
    alone,
    at_least,
    at_most,
    excess,
    interleaved,
    times_as_fast,
    times_as_much,
)

COSTS = st.floats(1e-6, 1e3)


def series(*values, cpu=None):
    return Series("who", tuple(Sample(value, cpu) for value in values))


def test_contenders_are_measured_in_turn_in_an_order_that_is_turned_about():
    order = []

    def measure(who):
        return lambda: order.append(who) or Sample(1.0)

    interleaved({who: measure(who) for who in "abc"}, 3, warm=False)
    assert "".join(order) == "abc" + "cba" + "abc"


def test_a_round_to_warm_up_does_not_count():
    numbers = count(1)
    (found,) = interleaved({"a": lambda: Sample(next(numbers))}, 3).values()
    assert [sample.value for sample in found.samples] == [2, 3, 4]


def test_each_contender_keeps_its_own_rounds():
    found = interleaved({"a": lambda: Sample(1.0), "b": lambda: Sample(2.0)}, 5)
    assert {who: one.who for who, one in found.items()} == {"a": "a", "b": "b"}
    assert (found["a"].value, found["b"].value) == (1.0, 2.0)


def test_a_series_shows_the_median_which_one_slow_round_does_not_move():
    assert series(1, 2, 3).value == 2
    assert series(1, 2, 300).value == 2
    assert series(1, 3).value == 2


def test_twice_the_cost_is_twice_as_much_and_half_as_fast():
    dear, cheap = series(4.0, 4.0), series(2.0, 2.0)
    assert times_as_much(dear, cheap).value == 2
    assert times_as_fast(dear, cheap).value == 0.5
    assert excess(dear, cheap).value == 2
    assert excess(cheap, dear).value == -2


def test_each_round_is_compared_with_the_same_round_of_the_other():
    """A machine that slows down half-way slows both: the ratio stays."""
    ours, theirs = series(1, 1, 10, 10, 10), series(2, 2, 20, 20, 20)
    figure = times_as_fast(ours, theirs)
    assert (figure.low, figure.value, figure.high) == (2, 2, 2)


def test_series_of_unequal_length_are_not_compared():
    with pytest.raises(ValueError, match="zip"):
        times_as_much(series(1, 2, 3), series(1, 2))


def test_the_quartiles_leave_out_the_outliers():
    figure = alone(series(1, 2, 3, 4, 100))
    assert (figure.low, figure.value, figure.high) == (2, 3, 4)


def test_the_cpu_figure_is_compared_likewise():
    assert times_as_much(series(9, cpu=3.0), series(9, cpu=2.0)).cpu == 1.5


@pytest.mark.parametrize("cpus", [(None, 1.0), (1.0, None), (None, None)])
def test_there_is_no_cpu_figure_where_one_side_does_not_know_it(cpus):
    ours, theirs = (series(1.0, cpu=cpu) for cpu in cpus)
    assert times_as_much(ours, theirs).cpu is None


@given(st.lists(st.tuples(COSTS, COSTS), min_size=1, max_size=30))
def test_a_figure_is_the_median_of_the_rounds_and_lies_between_its_quartiles(rounds):
    ours, theirs = (series(*values) for values in zip(*rounds, strict=True))
    figure = times_as_much(ours, theirs)
    assert figure.value == median(mine / other for mine, other in rounds)
    assert figure.low <= figure.value <= figure.high


@given(COSTS, COSTS)
def test_as_fast_and_as_much_are_each_other_s_inverse(mine, other):
    fast = times_as_fast(series(mine), series(other)).value
    much = times_as_much(series(mine), series(other)).value
    assert fast * much == pytest.approx(1)


@pytest.mark.parametrize(
    ("goal", "figure", "met"),
    [
        (at_least(0.75), 0.76, True),
        (at_least(0.75), 0.75, True),
        (at_least(0.75), 0.74, False),
        (at_most(1.25), 1.24, True),
        (at_most(1.25), 1.25, True),
        (at_most(1.25), 1.26, False),
        (at_most(15), -3.0, True),
    ],
)
def test_a_goal_is_met_on_its_own_side(goal, figure, met):
    assert goal.met(figure) is met
