"""Missing values: filled by a constant, a median, the past, the neighbours or the season.

Every fill returns `Cleaned`: new values and the mask of what was filled. A constant, medians and a profile
are learnt in training and used in serving; the fills along time are for stored series.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from maas.errors import DataError
from maas.preprocessing.calendar import hour, weekday
from maas.preprocessing.cleaning import Cleaned
from maas.preprocessing.series import Floats, Integers, Mask, Times, as_series, check_length, check_positive


def medians(values: ArrayLike) -> Floats:
    """Median of each series without its missing values, shape () or (s,).

    Raises:
        DataError: A series has no value at all.
    """
    values = as_series(values)
    if np.isnan(values).all(axis=0).any():
        raise DataError("a series without any value has no median")
    return np.asarray(np.nanmedian(values, axis=0), np.float64)


def fill_constant(values: ArrayLike, constant: ArrayLike) -> Cleaned:
    """Fill with a constant, a scalar or one per series.

    >>> print(fill_constant([1.0, np.nan], 0.0).values)
    [1. 0.]
    """
    values = as_series(values)
    return _filled(values, np.broadcast_to(np.asarray(constant, np.float64), values.shape))


def fill_median(values: ArrayLike) -> Cleaned:
    """Fill each series with its own median; to fill with the training data's, see `medians`."""
    return fill_constant(values, medians(values))


def fill_forward(values: ArrayLike, *, limit: int | None = None) -> Cleaned:
    """Repeat the last value before, for at most `limit` rows.

    >>> print(fill_forward([1.0, np.nan, np.nan, 4.0], limit=1).values)
    [ 1.  1. nan  4.]
    """
    values, limit = as_series(values), _limit(limit, values)
    before, rows = _rows_before(values), _rows(values)
    reachable = (before >= 0) & (rows - before <= limit)
    candidates = np.take_along_axis(values, np.maximum(before, 0), axis=0)
    return _filled(values, np.where(reachable, candidates, np.nan))


def fill_linear(values: ArrayLike, *, limit: int | None = None) -> Cleaned:
    """Draw a straight line across each gap of at most `limit` rows; longer gaps and the ends stay.

    >>> print(fill_linear([1.0, np.nan, 3.0, np.nan, np.nan, 6.0], limit=1).values)
    [ 1.  2.  3. nan nan  6.]
    """
    values, limit = as_series(values), _limit(limit, values)
    before, rows = _rows_before(values), _rows(values)
    after = len(values) - 1 - _rows_before(values[::-1])[::-1]
    reachable = (before >= 0) & (after < len(values)) & (after - before - 1 <= limit)
    left = np.take_along_axis(values, np.maximum(before, 0), axis=0)
    right = np.take_along_axis(values, np.minimum(after, len(values) - 1), axis=0)
    share = (rows - before) / np.maximum(after - before, 1)
    # Weights instead of left + share * (right - left): the difference of two large values may overflow.
    return _filled(values, np.where(reachable, (1 - share) * left + share * right, np.nan))


@dataclass(frozen=True, eq=False)
class SeasonalProfile:
    """The mean of each hour of the week: shape (7, 24) or (7, 24, s), Monday first."""

    means: Floats

    @classmethod
    def fit(cls, times: Times, values: ArrayLike) -> Self:
        """Learn the means from times (n,) and values (n,) or (n, s).

        An hour of the week that never occurs takes the mean of that hour on all days, or else of all values.

        Raises:
            DataError: A series has no value at all.

        >>> monday = np.array(["2018-10-01T08", "2018-10-08T08", "2018-10-15T08"], "datetime64[s]")
        >>> print(SeasonalProfile.fit(monday, [100.0, 200.0, np.nan]).fill(monday, [7.0, 8.0, np.nan]).values)
        [  7.   8. 150.]
        """
        values = as_series(values)
        check_length(times, values)
        present = ~np.isnan(values)
        if not present.any(axis=0).all():
            raise DataError("a series without any value has no seasonal profile")
        totals = np.zeros((7, 24, *values.shape[1:]))
        counts = np.zeros_like(totals)
        cells = (weekday(times), hour(times))
        np.add.at(totals, cells, np.where(present, values, 0.0))
        np.add.at(counts, cells, present)
        means = _ratio(totals.sum((0, 1)), counts.sum((0, 1)), np.zeros(values.shape[1:]))
        means = _ratio(totals.sum(0), counts.sum(0), means)
        return cls(_ratio(totals, counts, means))

    def at(self, times: Times) -> Floats:
        """The profile's value at each time, shape (n,) or (n, s)."""
        return self.means[weekday(times), hour(times)]

    def fill(self, times: Times, values: ArrayLike) -> Cleaned:
        """Fill with the profile's value at the same hour of the week."""
        values = as_series(values)
        check_length(times, values)
        if values.shape[1:] != self.means.shape[2:]:
            raise DataError(f"the profile of shape {self.means.shape} does not fit values {values.shape}")
        return _filled(values, self.at(times))


def _filled(values: Floats, candidates: Floats) -> Cleaned:
    changed: Mask = np.isnan(values) & ~np.isnan(candidates)
    return Cleaned(np.where(changed, candidates, values), changed)


def _limit(limit: int | None, values: Floats) -> int:
    if limit is None:
        return len(values)
    check_positive("limit", limit)
    return limit


def _rows(values: Floats) -> Integers:
    rows = np.arange(len(values)).reshape(-1, *(1,) * (values.ndim - 1))
    return np.broadcast_to(rows, values.shape)


def _rows_before(values: Floats) -> Integers:
    """The last row with a value at or before each row, -1 where there is none."""
    return np.maximum.accumulate(np.where(np.isnan(values), -1, _rows(values)), axis=0)


def _ratio(totals: Floats, counts: Floats, otherwise: Floats) -> Floats:
    return np.where(counts > 0, totals / np.maximum(counts, 1), otherwise)
