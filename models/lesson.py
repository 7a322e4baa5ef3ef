"""What a network learns from: rows with targets and weights, cut off from those that are only watched."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maas.contract import Matrix
from models.gradient import Floats, Loss
from models.table import Table


class Lesson(NamedTuple):
    """N rows, their targets and weights, and the moments to standardise features by, where that is wanted."""

    rows: Matrix
    target: NDArray[Any]
    weights: Floats
    mean: Floats | None = None
    scale: Floats | None = None


def watched(
    table: Table, share: float, generator: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row numbers to learn from and to watch: the latest where there are times, else whole groups."""
    everything = np.arange(len(table))
    if share <= 0:
        return everything, everything[:0]
    if table.times is not None:
        chosen = table.times >= np.quantile(table.times.astype(np.int64), 1 - share).astype("datetime64[s]")
    else:
        groups = everything if table.groups is None else np.unique(table.groups, return_inverse=True)[1]
        dealt = generator.permutation(int(groups.max()) + 1)
        chosen = np.isin(groups, dealt[: max(1, round(len(dealt) * share))])
    return everything[~chosen], everything[chosen]


def moments(matrix: Matrix) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column."""
    mean = matrix.mean(axis=0, dtype=np.float64)
    deviation = matrix.std(axis=0, dtype=np.float64)
    # A feature that never changes says nothing: it stays 0 instead of dividing by 0.
    return mean.astype(np.float32), np.where(deviation > 0, deviation, 1).astype(np.float32)


def balanced(target: NDArray[Any]) -> Floats:
    """Weights of rows by their class, a number from 0, so that rare ones weigh as much; the mean is 1."""
    codes = target.astype(np.intp)
    counts = np.bincount(codes)
    weights: Floats = (len(codes) / ((counts > 0).sum() * counts[codes])).astype(np.float32)
    return weights


def mean_loss(kind: Loss, target: NDArray[Any], values: Floats) -> float:
    """The loss of a network's answers, shape (n, outputs)."""
    tiny = 1e-7
    match kind:
        case "mean_squared_error":
            return float(np.mean((values[:, 0] - target) ** 2))
        case "binary_crossentropy":
            likelihood = np.where(target > 0, values[:, 0], 1 - values[:, 0])
        case "sparse_categorical_crossentropy":
            likelihood = values[np.arange(len(values)), target]
    return float(-np.log(np.clip(likelihood, tiny, 1)).mean())
