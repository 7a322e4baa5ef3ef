"""Regular grids in time: where a series has gaps, and the series with every step present."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from maas.errors import DataError
from maas.preprocessing.series import Floats, Integers, Mask, Times, as_series, check_length

_MAX_ROWS = 50_000_000


class Gaps(NamedTuple):
    """Missing stretches of a series: the first missing time and the number of missing steps, shape (g,)."""

    starts: Times
    steps: Integers


class Grid(NamedTuple):
    """A series on every step: times (m,), values (m,) or (m, s), and which rows were not there (m,)."""

    times: Times
    values: Floats
    missing: Mask


def gaps(times: Times, step: np.timedelta64) -> Gaps:
    """Find the gaps in strictly increasing times that lie `step` apart.

    Raises:
        DataError: The times do not increase, or are not whole steps apart.

    >>> found = gaps(np.array(["2018-01-01T00", "2018-01-01T03"], "datetime64[s]"), np.timedelta64(1, "h"))
    >>> print(found.starts, found.steps)
    ['2018-01-01T01:00:00'] [2]
    """
    times = _checked(times, step)
    distances = _whole_steps(np.diff(times), step)
    if (distances < 1).any():
        raise DataError(f"times do not increase after row {int(np.argmax(distances < 1))}")
    wide = distances > 1
    return Gaps(times[:-1][wide] + step, distances[wide] - 1)


def regular_grid(
    times: Times,
    values: ArrayLike,
    step: np.timedelta64,
    *,
    start: np.datetime64 | None = None,
    end: np.datetime64 | None = None,
) -> Grid:
    """Place a series on every step from `start` to `end`, NaN where it has no row.

    Args:
        times: Shape (n,), in any order, each at most once.
        values: Shape (n,) or (n, s).
        step: Distance between two rows of the grid.
        start: First time of the grid; the earliest of `times` by default. Earlier rows are left out.
        end: Last time of the grid; the latest of `times` by default. Later rows are left out.

    Raises:
        DataError: A time occurs twice or is not on the grid, or the grid would be absurdly long.

    >>> hours = np.array(["2018-01-01T02", "2018-01-01T00"], "datetime64[s]")
    >>> print(regular_grid(hours, [7.0, 5.0], np.timedelta64(1, "h")).values)
    [ 5. nan  7.]
    """
    times, values = _checked(times, step), as_series(values)
    check_length(times, values)
    if not times.size and (start is None or end is None):
        raise DataError("a grid of no rows needs a start and an end")
    start = times.min() if start is None else start
    end = times.max() if end is None else end
    length = int((end - start) // step) + 1
    if not 1 <= length <= _MAX_ROWS:
        raise DataError(f"the grid would have {length} rows: check start, end and step")
    inside = (times >= start) & (times <= end)
    rows = _whole_steps(times[inside] - start, step)
    missing = np.ones(length, np.bool_)
    missing[rows] = False
    if length - np.count_nonzero(missing) != len(rows):
        raise DataError("a time occurs more than once: remove duplicates first")
    gridded = np.full((length, *values.shape[1:]), np.nan)
    gridded[rows] = values[inside]
    return Grid(start + np.arange(length) * step, gridded, missing)


def _checked(times: Times, step: np.timedelta64) -> Times:
    if np.isnat(step) or step.astype(np.int64) <= 0:
        raise ValueError(f"step must be positive, not {step}")
    times = np.asarray(times)
    if times.dtype.kind != "M" or times.ndim != 1 or np.isnat(times).any():
        raise DataError("times must be datetime64 of shape (n,), none missing")
    return times


def _whole_steps(distances: np.typing.NDArray[np.timedelta64], step: np.timedelta64) -> Integers:
    steps, rest = np.divmod(distances, step)
    if rest.astype(np.bool_).any():
        raise DataError(f"times are not whole steps of {step} apart")
    return steps
