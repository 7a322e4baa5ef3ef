"""Drift measures against SciPy's, and the properties that the monitor relies on."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from maas import metrics

# A shared machine may stall any example; speed is not what these tests are about.
unhurried = settings(deadline=None, max_examples=60)

finite = st.floats(allow_nan=False, allow_infinity=False)
samples = st.one_of(
    st.lists(finite, min_size=1, max_size=60),
    st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, 2.5]), min_size=1, max_size=60),
    st.lists(st.integers(-5, 5), min_size=1, max_size=60),
)


@given(values=samples, bins=st.integers(2, 12))
@unhurried
def test_edges_split_values_evenly(values: list[float], bins: int) -> None:
    """Edges rise, are finite, and no bin holds more than its share beyond the tie at its upper edge."""
    edges = metrics.quantile_edges(values, bins=bins)
    assert 1 <= len(edges) <= bins
    assert np.isfinite(edges).all()
    assert (np.diff(edges) > 0).all()
    fractions = metrics.bin_fractions(values, edges)
    tied = [np.mean(np.asarray(values) == edge) for edge in edges]
    assert (fractions[:-1] <= 1 / bins + np.array(tied) + 1e-12).all()
    assert fractions[-1] <= 1 / bins + 1e-12


@given(bins=st.integers(2, 40), each=st.integers(2, 50))
@unhurried
def test_distinct_values_split_exactly(bins: int, each: int) -> None:
    """Bins hold the same number of values where that is possible."""
    values = np.random.default_rng(bins).permutation(bins * each)
    counts = metrics.bin_fractions(values, metrics.quantile_edges(values, bins=bins)) * len(values)
    np.testing.assert_allclose(counts, np.full(bins, each), rtol=1e-12)


@given(values=samples, bins=st.integers(2, 12))
@unhurried
def test_values_below_the_baseline_have_a_bin(values: list[float], bins: int) -> None:
    """Values under the least one seen share their bin with at most that bin's part of the baseline."""
    assume(min(values) > np.finfo(np.float64).min)
    least = np.nextafter(min(values), -math.inf)
    edges = metrics.quantile_edges(values, bins=bins)
    now = metrics.bin_fractions([least], edges)
    baseline = metrics.bin_fractions(values, edges)
    assert now[0] == 1
    assert baseline[0] <= 1 / bins + np.mean(np.asarray(values) == edges[0]) + 1e-12
    assert baseline[0] < 1 or len(set(values)) > 1


@given(values=samples, cuts=st.lists(finite, min_size=1, max_size=8, unique=True))
@unhurried
def test_fractions_equal_mirrored_histogram(values: list[float], cuts: list[float]) -> None:
    """Bins are closed on the right: NumPy's histogram, closed on the left, of everything negated."""
    edges = np.sort(cuts)
    assume((np.diff(edges) > 0).all())  # 0.0 and -0.0 are unique to Hypothesis
    mirrored = np.concatenate([[-math.inf], -edges[::-1], [math.inf]])
    counts, _ = np.histogram(-np.asarray(values, dtype=float), bins=mirrored)
    np.testing.assert_allclose(metrics.bin_fractions(values, edges), counts[::-1] / len(values), rtol=1e-15)


@pytest.mark.parametrize("shift", [-1e-9, 1e-9])
def test_constant_baseline_notices_any_change(shift: float) -> None:
    """A feature that was constant in training drifts whichever way it moves, also through JSON."""
    edges = json.loads(json.dumps(metrics.quantile_edges([3.5] * 40).tolist()))
    baseline = metrics.bin_fractions([3.5] * 40, edges)
    same = metrics.bin_fractions([3.5] * 7, edges)
    moved = metrics.bin_fractions([3.5 + shift] * 7, edges)
    assert metrics.population_stability_index(baseline, same) == 0
    assert metrics.population_stability_index(baseline, moved) > 1


def test_greatest_negative_number_gets_no_infinite_edge() -> None:
    """Nothing lies below the least float64, so no bin is made for it."""
    least = -np.finfo(np.float64).max
    assert metrics.quantile_edges([least, least]).tolist() == [least]


@given(
    pair=st.integers(1, 12).flatmap(
        lambda k: st.tuples(*[st.lists(st.integers(1, 1000), min_size=k, max_size=k)] * 2)
    )
)
@unhurried
def test_stability_index_equals_jeffreys_divergence(pair: tuple[list[int], list[int]]) -> None:
    """Without empty bins the index sums both Kullback-Leibler divergences, of counts or fractions."""
    before, now = (np.array(side) / sum(side) for side in pair)
    expected = special.rel_entr(before, now).sum() + special.rel_entr(now, before).sum()
    for arguments in (pair, (before, now), (now, before)):
        actual = metrics.population_stability_index(*arguments, floor=1e-9)
        assert actual == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(
    pair=st.integers(1, 12).flatmap(
        lambda k: st.tuples(*[st.lists(st.integers(0, 3), min_size=k, max_size=k).filter(any)] * 2)
    )
)
@unhurried
def test_stability_index_of_empty_bins_is_finite_and_not_negative(pair: tuple[list[int], list[int]]) -> None:
    """Empty bins count as the floor, so that the index can be stored and compared."""
    index = metrics.population_stability_index(*pair)
    assert 0 <= index < math.inf
    before, now = (np.maximum(np.array(side) / sum(side), 1e-4) for side in pair)
    assert (index == 0) == np.array_equal(before, now)


@given(first=samples, second=samples)
@unhurried
def test_kolmogorov_smirnov_equals_reference(first: list[float], second: list[float]) -> None:
    """Statistic and p-value are SciPy's, for ties, constants and single values too."""
    result = metrics.kolmogorov_smirnov(first, second)
    with np.errstate(divide="ignore"):  # SciPy's own p-value divides by zero where both hold a single value
        expected = stats.ks_2samp(np.array(first, float), np.array(second, float), method="asymp").statistic
    n, m = len(first), len(second)
    assert result.statistic == pytest.approx(expected, rel=1e-12, abs=1e-15)
    limit = special.kolmogorov(math.sqrt(n * m / (n + m)) * result.statistic)
    assert result.p_value == pytest.approx(limit, rel=1e-9, abs=1e-300)


@given(sample=samples, copies=st.integers(1, 3))
@unhurried
def test_equal_distributions_are_not_told_apart(sample: list[float], copies: int) -> None:
    """The same distribution in another sample size has distance exactly 0 and p-value 1."""
    assert metrics.kolmogorov_smirnov(sample, sample * copies) == (0.0, 1.0)


@pytest.mark.parametrize(("n", "m"), [(20, 20), (20, 37), (60, 50), (100, 1000), (300, 500)])
def test_p_value_is_close_to_exact_one_and_seldom_below(n: int, m: int) -> None:
    """The limit serves at the sample sizes of a monitor; its faults are on the side of caution."""
    generator = np.random.default_rng(n * m)
    for shift in np.linspace(0, 1, 20):
        first, second = generator.normal(size=n), generator.normal(loc=shift, size=m)
        exact = stats.ks_2samp(first, second, method="exact").pvalue
        assert -0.02 <= metrics.kolmogorov_smirnov(first, second).p_value - exact <= 0.1


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        (metrics.quantile_edges, {"values": []}, "values is empty"),
        (metrics.quantile_edges, {"values": [1.0, math.nan]}, "values has values that are not finite"),
        (metrics.quantile_edges, {"values": [1.0], "bins": 1}, "bins must be at least 2"),
        (metrics.bin_fractions, {"values": [1.0], "edges": [2.0, 1.0]}, "edges must rise strictly"),
        (metrics.bin_fractions, {"values": [1.0], "edges": [1.0, 1.0]}, "edges must rise strictly"),
        (metrics.bin_fractions, {"values": [1.0], "edges": []}, "edges is empty"),
        (metrics.bin_fractions, {"values": [1.0], "edges": [math.inf]}, "edges has values"),
        (metrics.population_stability_index, {"expected": [1.0], "actual": [0.5, 0.5]}, "actual has 2"),
        (metrics.population_stability_index, {"expected": [0, 0], "actual": [1, 0]}, "zero everywhere"),
        (metrics.population_stability_index, {"expected": [1, 1], "actual": [2, -1]}, "negative"),
        (metrics.population_stability_index, {"expected": [1], "actual": [1], "floor": 0}, "floor must"),
        (metrics.kolmogorov_smirnov, {"first": [], "second": [1.0]}, "first is empty"),
        (metrics.kolmogorov_smirnov, {"first": [1.0], "second": [math.nan]}, "second has values"),
    ],
)
def test_senseless_call_is_refused(call: Any, arguments: dict[str, Any], message: str) -> None:
    """Every function names the argument that is at fault."""
    with pytest.raises(ValueError, match=message):
        call(**arguments)
