"""Faulty measurements: implausible values, spikes and stuck sensors become NaN.

Every function returns new arrays and the mask of what it changed; nothing is changed in place.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from maas.preprocessing.series import Floats, Mask, as_series, check_positive
from maas.preprocessing.windows import sliding_windows

# Turns the median absolute deviation of normally distributed values into their standard deviation.
_NORMAL_CONSISTENCY = 1.4826022185056018


class Cleaned(NamedTuple):
    """Cleaned values, and where they differ from what was given; both of the shape given."""

    values: Floats
    changed: Mask


def mask_implausible(values: ArrayLike, low: ArrayLike, high: ArrayLike) -> Cleaned:
    """Replace values outside [low, high] by NaN; the bounds are scalars or one per series.

    >>> print(mask_implausible([288.1, 0.0], 200, 330).values)
    [288.1   nan]
    """
    values = as_series(values)
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    if not (low <= high).all():
        raise ValueError(f"low must not exceed high: {low}, {high}")
    return _masked(values, (values < low) | (values > high))


def mask_spikes(
    values: ArrayLike, *, half_width: int, threshold: float = 3.0, smallest_deviation: float = 0.0
) -> Cleaned:
    """Replace spikes by NaN: values far from the median of their neighbourhood (Hampel filter).

    The neighbourhood reaches to both sides, so this is for stored series, not for features.

    Args:
        values: Shape (n,) or (n, s), on a regular grid.
        half_width: Rows on either side that count as neighbours, besides the value itself.
        threshold: How many robust standard deviations (1.4826 times the median absolute deviation) a value
            may lie from the median.
        smallest_deviation: Differences up to this are never spikes, however steady the neighbours are.

    >>> print(mask_spikes([1.0, 1.1, 90.0, 1.0, 1.2], half_width=2).values)
    [1.  1.1 nan 1.  1.2]
    """
    check_positive("half_width", half_width)
    values = as_series(values)
    edge = np.full((half_width, *values.shape[1:]), np.nan)
    padded = np.concatenate([edge, values, edge])
    present = ~np.isnan(values)
    neighbours = np.moveaxis(sliding_windows(padded, 2 * half_width + 1), 1, -1)[present]
    medians = _medians(neighbours)
    deviations = _NORMAL_CONSISTENCY * _medians(np.abs(neighbours - medians[:, None]))
    spikes = np.zeros(values.shape, np.bool_)
    allowed = np.maximum(threshold * deviations, smallest_deviation)
    spikes[present] = np.abs(values[present] - medians) > allowed
    return _masked(values, spikes)


def mask_stuck(values: ArrayLike, *, run: int, steady: Sequence[float] = ()) -> Cleaned:
    """Replace runs of at least `run` equal values by NaN: a sensor that reports its last value on.

    Args:
        values: Shape (n,) or (n, s), on a regular grid; a missing value ends a run.
        run: Shortest run, in rows, that counts as stuck; at least 2.
        steady: Values that may last, such as 0 for rainfall.

    >>> print(mask_stuck([0, 0, 0, 4, 4, 4, 5], run=3, steady=[0]).values)
    [ 0.  0.  0. nan nan nan  5.]
    """
    if run < 2:  # noqa: PLR2004 - a single value is no run
        raise ValueError(f"run must be at least 2, not {run}")
    values = as_series(values)
    begins = np.ones(values.shape, np.bool_)
    begins[1:] = values[1:] != values[:-1]
    # Series after series in one line: each begins a run of its own, so numbers count through.
    numbers = np.cumsum(begins.T.ravel()) - 1
    lengths = np.bincount(numbers)[numbers].reshape(values.T.shape).T
    return _masked(values, (lengths >= run) & ~np.isnan(values) & ~np.isin(values, steady))


def _masked(values: Floats, mask: Mask) -> Cleaned:
    return Cleaned(np.where(mask, np.nan, values), mask)


def _medians(windows: Floats) -> Floats:
    # np.nanmedian goes through masked arrays and is several times slower; sorting moves NaN to the end.
    ordered = np.sort(windows, axis=1)
    counts = np.count_nonzero(~np.isnan(ordered), axis=1)[:, None]
    lower = np.take_along_axis(ordered, (counts - 1) // 2, axis=1)
    upper = np.take_along_axis(ordered, counts // 2, axis=1)
    middles: Floats = ((lower + upper) / 2)[:, 0]
    return middles
