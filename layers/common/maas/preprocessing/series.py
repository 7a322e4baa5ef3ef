"""The shape that cleaning and windows work on: one series (n,) or several side by side (n, s), float64."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maas.errors import DataError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Times = NDArray[np.datetime64]

_MAX_DIMENSIONS = 2


def as_series(values: ArrayLike) -> Floats:
    """Return `values` as float64 of shape (n,) or (n, s), missing values as NaN; refuse anything else."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise DataError(f"a series must be numeric, not {array.dtype}")
    if not 1 <= array.ndim <= _MAX_DIMENSIONS:
        raise DataError(f"a series must have shape (n,) or (n, s), not {array.shape}")
    return array.astype(np.float64, copy=False)


def check_length(times: Times, values: Floats) -> None:
    """Refuse times that do not belong to the rows of `values` one to one."""
    if times.shape != values.shape[:1]:
        raise DataError(f"times of shape {times.shape} do not fit values of shape {values.shape}")


def check_positive(name: str, value: int) -> None:
    """Refuse a count below one."""
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")
