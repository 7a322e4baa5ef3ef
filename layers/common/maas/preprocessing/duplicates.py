"""Duplicate rows: keep one row per key, or reduce the rows of a key to one value."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maas.errors import DataError
from maas.preprocessing.series import Floats, as_series

Rows = NDArray[np.intp]
Key = NDArray[Any]


def deduplicate(*keys: Key, keep: Literal["first", "last"] = "first") -> Rows:
    """Row numbers of the first or last row of each key, in their original order.

    Args:
        keys: One or more columns of shape (n,) that make up the key together; NaN equals NaN.
        keep: Which of the rows with equal keys stays.

    Raises:
        DataError: The columns differ in length, or hold values without an order (None).

    >>> deduplicate(np.array([3, 1, 3, 2]), keep="last")
    array([1, 2, 3])
    """
    groups = _groups(keys)
    # np.unique reports first occurrences; the last one is the first when read backwards.
    if keep == "last":
        return np.sort(len(groups) - 1 - np.unique(groups[::-1], return_index=True)[1])
    return np.sort(np.unique(groups, return_index=True)[1])


def aggregate(
    values: ArrayLike, *keys: Key, by: Literal["mean", "max", "min"] = "mean"
) -> tuple[Rows, Floats]:
    """Reduce the rows of each key to one.

    NaN is left out of the reduction; a key with nothing else stays NaN.

    Args:
        values: Shape (n,) or (n, s).
        keys: One or more columns of shape (n,) that make up the key together.
        by: How the rows of a key become one.

    Returns:
        The first row number of each key in original order, shape (g,), and the reduced values of the same
        keys, shape (g,) or (g, s).

    >>> rows, means = aggregate([1.0, 5.0, 3.0], np.array(["b", "a", "b"]))
    >>> print(rows, means)
    [0 1] [2. 5.]
    """
    values = as_series(values)
    groups = _groups(keys)
    if len(groups) != len(values):
        raise DataError(f"keys of {len(groups)} rows do not fit values of {len(values)} rows")
    if not groups.size:
        return np.empty(0, np.intp), values.copy()
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    ordered = values[order]
    if by == "mean":
        present = ~np.isnan(ordered)
        totals = np.add.reduceat(np.where(present, ordered, 0.0), starts)
        counts = np.add.reduceat(present, starts, dtype=np.float64)
        reduced = np.divide(totals, counts, out=np.full_like(totals, np.nan), where=counts > 0)
    else:
        # fmax and fmin pass over NaN.
        reduced = (np.fmax if by == "max" else np.fmin).reduceat(ordered, starts)
    firsts = order[starts]
    original = np.argsort(firsts)
    return firsts[original], reduced[original]


def _groups(keys: tuple[Key, ...]) -> Rows:
    if not keys:
        raise ValueError("at least one key is needed")
    columns = [np.asarray(key) for key in keys]
    if any(column.ndim != 1 or column.shape != columns[0].shape for column in columns):
        raise DataError(f"keys must be columns of one length, not {[column.shape for column in columns]}")
    groups = np.zeros(len(columns[0]), np.intp)
    for column in columns:
        try:
            distinct, codes = np.unique(column, return_inverse=True)
        except TypeError as error:
            raise DataError("keys must have an order: replace missing values first") from error
        # Numbered anew after each column, so that the product of their sizes cannot overflow.
        groups = np.unique(groups * len(distinct) + codes, return_inverse=True)[1]
    return groups
