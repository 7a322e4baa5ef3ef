"""What answering costs: sums over one table of prices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.tune import recommend
from maas.prices import API_REQUEST, HOURS_PER_MONTH, Cost, always_on, compute_price

costs = st.builds(
    Cost,
    milliseconds=st.floats(0, 900_000),
    memory=st.integers(128, 10_240),
    architecture=st.sampled_from(["x86_64", "arm64"]),
)


def test_a_gigabyte_for_a_second_is_the_list_price() -> None:
    """A thousand calls of a second at 1024 MB are a thousand gigabyte-seconds and as many requests."""
    cost = Cost(milliseconds=1000, memory=1024)
    assert cost.compute == pytest.approx(1000 * 0.0000166667 + 0.0002)
    assert cost.per_thousand == pytest.approx(cost.compute + 1000 * API_REQUEST)


@given(costs)
def test_break_even_is_where_both_cost_the_same(cost: Cost) -> None:
    """At the break-even number of calls a month costs what the server costs."""
    if cost.break_even > 0:
        assert cost.month(cost.break_even) == pytest.approx(always_on(), rel=1e-6)
    else:
        assert cost.standing >= always_on()


def test_arm_is_cheaper_and_memory_is_not_free() -> None:
    """The same duration costs a fifth less on arm64, and twice as much with twice the memory."""
    assert compute_price(50, 1024, "arm64") == pytest.approx(0.8 * compute_price(50, 1024), rel=1e-3)
    assert compute_price(50, 2048) == 2 * compute_price(50, 1024)


def test_an_idle_month_costs_the_snapshot_only() -> None:
    """Nobody calls: what is left is the cached snapshot, in proportion to its memory."""
    assert Cost(5, 1024).month(0) == pytest.approx(0.0000015046 * 3600 * HOURS_PER_MONTH)


def test_recommendation_is_the_fastest_of_the_affordable() -> None:
    """A size that is faster for nearly the same money wins; one that doubles the price does not."""
    slow, fast, dear = Cost(100, 512), Cost(50, 1040), Cost(40, 3008)
    assert recommend([slow, fast, dear]) == fast
    assert recommend([slow, dear]) == slow


@given(st.lists(costs, min_size=1, max_size=6))
def test_recommendation_costs_at_most_a_tenth_more_than_the_cheapest(found: list[Cost]) -> None:
    """Whatever was measured, the advice is one of the sizes and near the cheapest."""
    best = recommend(found)
    assert best in found
    assert best.compute <= 1.1 * min(cost.compute for cost in found) + 1e-12
