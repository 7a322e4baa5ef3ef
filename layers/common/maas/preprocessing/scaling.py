"""Scaling of columns to comparable ranges, learnt once and used alike in training and serving.

Values have shape (n,) or (n, k); NaN is left out of the fit and stays NaN. A constant column is only moved,
never divided by zero.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from maas.errors import DataError
from maas.preprocessing.series import Floats, as_series

# Squares of larger values, and their sums, leave the range of float64.
_LARGEST = 1e150


@dataclass(frozen=True, eq=False)
class _Scaling:
    """Subtract `centre`, divide by `scale`; both of shape () or (k,)."""

    centre: Floats
    scale: Floats

    def transform(self, values: ArrayLike) -> Floats:
        """Scale values of shape (n,) or (n, k), as fitted."""
        scaled: Floats = (self._fitting(values) - self.centre) / self.scale
        return scaled

    def inverse(self, values: ArrayLike) -> Floats:
        """Undo `transform`."""
        restored: Floats = self._fitting(values) * self.scale + self.centre
        return restored

    @classmethod
    def _of(cls, centre: ArrayLike, scale: ArrayLike) -> Self:
        centre, scale = np.asarray(centre, np.float64), np.asarray(scale, np.float64)
        return cls(centre, np.where(scale < np.finfo(np.float64).tiny, 1.0, scale))

    def _fitting(self, values: ArrayLike) -> Floats:
        values = as_series(values)
        if values.shape[1:] != self.centre.shape:
            raise DataError(f"values of shape {values.shape} do not fit a scaling of {self.centre.shape}")
        return values


class Standardiser(_Scaling):
    """To mean 0 and (population) standard deviation 1."""

    @classmethod
    def fit(cls, values: ArrayLike) -> Self:
        """Learn mean and standard deviation of each column.

        >>> print(Standardiser.fit([1.0, 3.0, np.nan]).transform([1.0, 2.0, np.nan]))
        [-1.  0. nan]
        """
        values = _fit_values(values)
        spread = np.nanstd(values, axis=0)
        constant = np.nanmin(values, axis=0) == np.nanmax(values, axis=0)
        return cls._of(np.nanmean(values, axis=0), np.where(constant, 0.0, spread))


class MinMax(_Scaling):
    """To 0 at the smallest and 1 at the largest value of the fit; values beyond go beyond."""

    @classmethod
    def fit(cls, values: ArrayLike) -> Self:
        """Learn the smallest and the largest value of each column.

        >>> print(MinMax.fit([10.0, 30.0]).transform([10.0, 20.0, 40.0]))
        [0.  0.5 1.5]
        """
        values = _fit_values(values)
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        return cls._of(low, high - low)


class Robust(_Scaling):
    """To median 0 and interquartile range 1: outliers hardly move it."""

    @classmethod
    def fit(cls, values: ArrayLike) -> Self:
        """Learn the quartiles of each column.

        >>> print(Robust.fit([1.0, 2.0, 3.0, 4.0, 900.0]).transform([3.0, 5.0]))
        [0. 1.]
        """
        lower, median, upper = np.nanquantile(_fit_values(values), [0.25, 0.5, 0.75], axis=0)
        return cls._of(median, upper - lower)


def _fit_values(values: ArrayLike) -> Floats:
    values = as_series(values)
    if (np.abs(values) > _LARGEST).any():
        raise DataError(f"values to scale must be missing or within {_LARGEST:g} of zero")
    if np.isnan(values).all(axis=0).any():
        raise DataError("a column without any value cannot be scaled")
    return values
