"""Features from the past of a series: lags, rolling statistics, and windows with a target ahead.

Series have shape (n,) or (n, s), are in order of time on a regular grid, and hold NaN where a value is
missing. A feature of row i uses rows up to and including i, never a later one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from maas.errors import DataError
from maas.preprocessing.series import Floats, Integers, as_series, check_positive


class Supervised(NamedTuple):
    """Windows and what follows them.

    Attributes:
        inputs: Shape (m, width) or (m, width, s), oldest row first.
        targets: Shape (m,) or (m, t).
        ends: Row number of the last row of each window, shape (m,); the target's is `ends + horizon`.
    """

    inputs: Floats
    targets: Floats
    ends: Integers


def lag(values: ArrayLike, steps: int) -> Floats:
    """The value `steps` rows before, NaN for the first rows.

    >>> print(lag([1, 2, 3], 1))
    [nan  1.  2.]
    """
    if steps < 0:
        raise ValueError(f"steps must not be negative, {steps} would look ahead")
    values = as_series(values)
    lagged = np.full(values.shape, np.nan)
    lagged[steps:] = values[: max(len(values) - steps, 0)]
    return lagged


def lag_matrix(values: ArrayLike, steps: Sequence[int]) -> Floats:
    """One column per lag, shape (n, len(steps)); for s series all of them lag by lag, (n, len(steps) * s).

    >>> print(lag_matrix([1, 2, 3], [0, 2]))
    [[ 1. nan]
     [ 2. nan]
     [ 3.  1.]]
    """
    if not steps:
        raise ValueError("at least one lag is needed")
    return np.column_stack([lag(values, step) for step in steps])


def difference(values: ArrayLike, steps: int = 1) -> Floats:
    """Change since the value `steps` rows before, NaN for the first rows.

    >>> print(difference([1, 4, 9]))
    [nan  3.  5.]
    """
    check_positive("steps", steps)
    values = as_series(values)
    changes: Floats = values - lag(values, steps)
    return changes


def sliding_windows(values: ArrayLike, width: int) -> Floats:
    """Every stretch of `width` rows, oldest row first, as a read-only view: nothing is copied.

    Returns:
        Shape (n - width + 1, width) or (n - width + 1, width, s); no windows where n < width.

    >>> print(sliding_windows([1, 2, 3], 2))
    [[1. 2.]
     [2. 3.]]
    """
    check_positive("width", width)
    values = as_series(values)
    if len(values) < width:
        return np.empty((0, width, *values.shape[1:]))
    return np.moveaxis(np.lib.stride_tricks.sliding_window_view(values, width, axis=0), -1, 1)


def rolling_mean(values: ArrayLike, width: int, *, smallest_count: int | None = None) -> Floats:
    """Mean of the last `width` rows, this one included.

    Args:
        values: Shape (n,) or (n, s).
        width: Rows in the window; at the start there are fewer.
        smallest_count: Values that must be present, else NaN; all of `width` by default.

    Returns:
        The shape of `values`.

    >>> print(rolling_mean([1, 2, 6], 2))
    [nan 1.5 4. ]
    """
    values = as_series(values)
    counts = _counts(values, width)
    return np.where(counts >= _smallest(smallest_count, width, 1), _means(values, width, counts), np.nan)


def rolling_std(values: ArrayLike, width: int, *, smallest_count: int | None = None) -> Floats:
    """Sample standard deviation of the last `width` rows, this one included; at least two values.

    >>> print(rolling_std([1, 3, 3], 2))
    [       nan 1.41421356 0.        ]
    """
    values = as_series(values)
    counts = _counts(values, width)
    # Around the window's own mean: running sums of squares lose all digits where the level is high.
    deviations = _trailing(values, width) - _means(values, width, counts)[:, None]
    deviations[np.isnan(deviations)] = 0
    spread = np.sqrt(np.square(deviations).sum(axis=1) / np.maximum(counts - 1, 1))
    return np.where(counts >= _smallest(smallest_count, width, 2), spread, np.nan)


def rolling_min(values: ArrayLike, width: int, *, smallest_count: int | None = None) -> Floats:
    """Smallest of the last `width` rows, this one included; see `rolling_mean`."""
    return _extreme(np.fmin, values, width, smallest_count)


def rolling_max(values: ArrayLike, width: int, *, smallest_count: int | None = None) -> Floats:
    """Largest of the last `width` rows, this one included; see `rolling_mean`."""
    return _extreme(np.fmax, values, width, smallest_count)


def supervised(
    values: ArrayLike, *, width: int, horizon: int = 1, targets: ArrayLike | None = None
) -> Supervised:
    """Windows of `width` rows, each with the target `horizon` rows after its last row.

    Pairs with a missing value in the window or the target are left out, so a gap in the series costs the
    windows that touch it and nothing else.

    Args:
        values: Shape (n,) or (n, s).
        width: Rows in a window.
        horizon: Rows from the window's last to the target, at least 1.
        targets: Shape (n,) or (n, t), row by row beside `values`; the values themselves by default.

    Raises:
        DataError: `targets` has another length than `values`.

    >>> framed = supervised([1, 2, 3, np.nan, 5, 6, 7], width=2)
    >>> print(framed.inputs, framed.targets, framed.ends)
    [[1. 2.]
     [5. 6.]] [3. 7.] [1 5]
    """
    check_positive("horizon", horizon)
    values = as_series(values)
    wanted = values if targets is None else as_series(targets)
    if len(wanted) != len(values):
        raise DataError(f"{len(wanted)} targets do not fit {len(values)} rows")
    inputs = sliding_windows(values[: max(len(values) - horizon, 0)], width)
    ends = np.arange(len(inputs)) + width - 1
    ahead = wanted[ends + horizon]
    complete = ~(_missing_in_rows(inputs) | _missing_in_rows(ahead))
    return Supervised(inputs[complete], ahead[complete], ends[complete])


def _trailing(values: Floats, width: int, before: float = np.nan) -> Floats:
    check_positive("width", width)
    start = np.full((width - 1, *values.shape[1:]), before)
    return sliding_windows(np.concatenate([start, values]), width)


def _counts(values: Floats, width: int) -> Integers:
    return _trailing((~np.isnan(values)).astype(np.float64), width, 0).sum(axis=1).astype(np.int64)


def _means(values: Floats, width: int, counts: Integers) -> Floats:
    totals = _trailing(np.where(np.isnan(values), 0.0, values), width, 0).sum(axis=1)
    means: Floats = totals / np.maximum(counts, 1)
    return means


def _extreme(extreme: np.ufunc, values: ArrayLike, width: int, smallest_count: int | None) -> Floats:
    values = as_series(values)
    enough = _counts(values, width) >= _smallest(smallest_count, width, 1)
    # fmin and fmax pass over NaN.
    return np.where(enough, extreme.reduce(_trailing(values, width), axis=1), np.nan)


def _smallest(count: int | None, width: int, necessary: int) -> int:
    if count is None:
        return max(width, necessary)
    if not 1 <= count <= width:
        raise ValueError(f"smallest_count must be between 1 and {width}, not {count}")
    return max(count, necessary)


def _missing_in_rows(array: Floats) -> np.typing.NDArray[np.bool_]:
    missing: np.typing.NDArray[np.bool_] = np.isnan(array).any(axis=tuple(range(1, array.ndim)))
    return missing
