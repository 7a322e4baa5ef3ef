"""How far a distribution has moved from the one a model was trained on.

A manifest keeps a baseline as `quantile_edges` and `bin_fractions` of the training data; the monitor bins
what it sees with the same edges and compares fractions by `population_stability_index`.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from maas.metrics import validation
from maas.metrics.validation import Floats

# Below this the series for small arguments converges at once, above it the other one does.
_SERIES_SWITCH = 1.0
_SERIES_TERMS = 10


def quantile_edges(values: ArrayLike, *, bins: int = 10) -> Floats:
    """Inner edges of bins that hold about equally many of `values`.

    Only inner edges, because the outermost bins are open: whatever is seen later falls into some bin, and
    every edge is a finite number that JSON can hold. Edges are observed values; tied ones merge, so data
    with few distinct values get fewer bins. Where the least value is itself an edge (a constant, or many
    zeros), one more edge below it sets apart what is lower than anything seen.

    Args:
        values: Numbers in any order, shape (n,). Drop missing values first and watch their share by itself.
        bins: How many bins at most, not counting that additional one.

    Returns:
        Strictly rising edges, float64, shape (m,) with 1 <= m <= bins.

    Raises:
        ValueError: Nothing given, values not finite, or fewer than two bins.

    Example:
        >>> quantile_edges(range(1, 101), bins=4).tolist()
        [25.0, 50.0, 75.0]
    """
    array = validation.numbers(values, "values")
    if bins < 2:  # noqa: PLR2004  one bin tells nothing
        raise ValueError(f"bins must be at least 2, got {bins}")
    ranked = np.sort(array)
    # The inverted distribution function, i.e. observed values: a tie lies on one side of an edge as a whole.
    # In whole numbers, since i / bins * n rounds to the wrong rank at times.
    edges = np.unique(ranked[-(-np.arange(1, bins) * len(ranked) // bins) - 1])
    if edges[0] == ranked[0] and ranked[0] > np.finfo(np.float64).min:
        edges = np.concatenate([[np.nextafter(ranked[0], -math.inf)], edges])
    return edges


def bin_fractions(values: ArrayLike, edges: ArrayLike) -> Floats:
    """Fraction of `values` in each of the bins (-inf, e1], (e1, e2], ..., (em, inf).

    Args:
        values: Numbers in any order, shape (n,).
        edges: Strictly rising inner edges, shape (m,), from `quantile_edges` or a manifest.

    Returns:
        Shape (m + 1,), float64, summing to one.

    Raises:
        ValueError: Nothing given, values or edges not finite, or edges not strictly rising.

    Example:
        >>> bin_fractions([0.0, 1.0, 1.5, 9.0], edges=[1.0, 2.0]).tolist()
        [0.5, 0.25, 0.25]
    """
    array = validation.numbers(values, "values")
    cuts = validation.numbers(edges, "edges")
    if (np.diff(cuts) <= 0).any():
        raise ValueError("edges must rise strictly")
    counts = np.bincount(np.searchsorted(cuts, array, side="left"), minlength=len(cuts) + 1)
    return counts / len(array)


def population_stability_index(expected: ArrayLike, actual: ArrayLike, *, floor: float = 1e-4) -> float:
    """Population stability index of two binned distributions; it is symmetric in them.

    The sum of (a - e) ln(a / e) over the bins: 0 where they agree. By custom, below 0.1 is stable and above
    0.25 has moved. It is the divergence of Jeffreys (1946), in nats, but for the floor.

    Args:
        expected: Fractions of the baseline, or counts, shape (k,); each side is first scaled to sum to one.
        actual: Fractions now, or counts, shape (k,), of the same bins.
        floor: Least fraction a bin is taken to hold; an empty bin would make the sum infinite.

    Raises:
        ValueError: Lengths differ, nothing given, values negative, not finite or all zero, or `floor` not
            between 0 and 1.

    Example:
        >>> round(population_stability_index([0.5, 0.5], [0.75, 0.25]), 4)
        0.2747
    """
    fractions = [_fractions(expected, "expected"), _fractions(actual, "actual")]
    validation.same_length("expected", fractions[0], "actual", fractions[1])
    if not 0 < floor < 1:
        raise ValueError(f"floor must lie between 0 and 1, got {floor}")
    before, now = (np.maximum(side, floor) for side in fractions)
    return float(np.sum((now - before) * np.log(now / before)))


class KolmogorovSmirnov(NamedTuple):
    """Greatest distance between two empirical distribution functions, and its p-value."""

    statistic: float
    p_value: float


def kolmogorov_smirnov(first: ArrayLike, second: ArrayLike) -> KolmogorovSmirnov:
    """Two-sided two-sample Kolmogorov-Smirnov test of equal distributions.

    The p-value is Kolmogorov's limit at sqrt(n m / (n + m)) times the statistic. For samples of some tens
    and more it lies close to the exact one and seldom below it; ties make it larger than need be. Samples
    as large as a monitor sees make any difference significant: judge the statistic, and use the p-value to
    excuse small samples.

    Args:
        first: Numbers in any order, shape (n,).
        second: Numbers in any order, shape (m,).

    Raises:
        ValueError: Nothing given, or values not finite.

    Source:
        N. Smirnov, "Table for estimating the goodness of fit of empirical distributions", Annals of
        Mathematical Statistics 19(2), 1948, pages 279-281.

    Example:
        >>> kolmogorov_smirnov([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0]).statistic
        0.5
    """
    left = np.sort(validation.numbers(first, "first"))
    right = np.sort(validation.numbers(second, "second"))
    points = np.concatenate([left, right])
    n, m = len(left), len(right)
    # Whole numbers, so that equal distribution functions differ by exactly nothing.
    gaps = m * np.searchsorted(left, points, side="right") - n * np.searchsorted(right, points, side="right")
    statistic = int(np.abs(gaps).max()) / (n * m)
    return KolmogorovSmirnov(statistic, _kolmogorov_survival(math.sqrt(n * m / (n + m)) * statistic))


def binned_kolmogorov_smirnov(expected: ArrayLike, counts: ArrayLike) -> KolmogorovSmirnov:
    """Kolmogorov-Smirnov test of binned values against known fractions of the same bins.

    The distance is taken at the bins' edges, so it is at most that of the values themselves, and the p-value
    is on the safe side.

    Args:
        expected: Fractions of the bins, in their order, shape (k,); they are first scaled to sum to one.
        counts: Values seen in each bin, shape (k,).

    Raises:
        ValueError: Lengths differ, nothing given, values negative, not finite or all zero.

    Example:
        >>> binned_kolmogorov_smirnov([0.5, 0.5], [30, 10]).statistic
        0.25
    """
    before, now = _fractions(expected, "expected"), _fractions(counts, "counts")
    validation.same_length("expected", before, "counts", now)
    statistic = float(np.abs(np.cumsum(now - before)).max())
    rows = float(np.sum(validation.numbers(counts, "counts")))
    return KolmogorovSmirnov(statistic, _kolmogorov_survival(math.sqrt(rows) * statistic))


def _kolmogorov_survival(x: float) -> float:
    """P(K > x) of the Kolmogorov distribution, from whichever of its two series converges fast."""
    if x <= 0:
        return 1.0
    k = np.arange(1, _SERIES_TERMS + 1)
    if x < _SERIES_SWITCH:
        exponents = -((2 * k - 1) ** 2) * (math.pi / x) ** 2 / 8
        return 1 - math.sqrt(2 * math.pi) / x * float(np.sum(np.exp(exponents)))
    return 2 * float(np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * x) ** 2)))


def _fractions(values: ArrayLike, name: str) -> Floats:
    array = validation.numbers(values, name)
    if (array < 0).any():
        raise ValueError(f"{name} has negative values")
    if not array.any():
        raise ValueError(f"{name} is zero everywhere")
    return array / array.sum()
