"""How far windows of data are from a reference: four figures per window and signal, computed at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

RARE = 0.02
"""Bins expected to hold less are pooled: the index is erratic where nearly nothing is expected."""
LEAST_SHARE = 1e-4
MARGIN = 0.15
"""Of the range of training: what lies beyond it by less is not called outside."""


class Figures(NamedTuple):
    """Of k windows and s signals, each of shape (k, s).

    Attributes:
        psi: Population stability index of the binned values.
        ks: Kolmogorov-Smirnov distance at the bins' edges.
        outside: Share of values beyond the range of training by more than `MARGIN` of it.
        repeated: Share of the most frequent value: 1 for a sensor that is stuck.
    """

    psi: Floats
    ks: Floats
    outside: Floats
    repeated: Floats


@dataclass(frozen=True)
class Reference:
    """The training data, per signal.

    Attributes:
        edges: Of the bins, as `maas.metrics.drift` makes them.
        fractions: The bins' shares.
        low: The least values, shape (s,), or (k, s) for one of its own per window.
        high: The greatest.
    """

    edges: Sequence[Floats]
    fractions: Sequence[Floats]
    low: Floats
    high: Floats


def figures(reference: Reference, signals: Floats, windows: NDArray[np.intp], count: int) -> Figures:
    """The figures of every window.

    Args:
        reference: What to compare with.
        signals: Values of shape (n, s), all finite.
        windows: The window of each row, 0 to count - 1, shape (n,); every window has rows.
        count: How many windows.
    """
    rows = np.bincount(windows, minlength=count)
    shape = (count, signals.shape[1])
    found = Figures(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape))
    low, high = (np.broadcast_to(side, shape) for side in (reference.low, reference.high))
    slack = MARGIN * (high - low)
    for s, (edges, fractions) in enumerate(zip(reference.edges, reference.fractions, strict=True)):
        values, bins = signals[:, s], len(edges) + 1
        places = windows * bins + np.searchsorted(edges, values, side="left")
        shares = np.bincount(places, minlength=count * bins).reshape(count, bins) / rows[:, None]
        found.psi[:, s] = stability(fractions, shares, rows)
        found.ks[:, s] = np.abs(np.cumsum(shares - fractions, axis=1)).max(axis=1)
        beyond = (values < (low - slack)[windows, s]) | (values > (high + slack)[windows, s])
        found.outside[:, s] = np.bincount(windows, weights=beyond, minlength=count) / rows
        found.repeated[:, s] = repeated(values, windows, count) / rows
    return found


def stability(expected: Floats, shares: Floats, rows: NDArray[np.intp]) -> Floats:
    """The population stability index of each window, shape (k,).

    Like `maas.metrics.population_stability_index`, but for two things that small windows need: rare bins are
    pooled, and an empty bin counts as half a row.

    Args:
        expected: Shares of training, shape (b,).
        shares: Shares of the windows, shape (k, b).
        rows: Of each window, shape (k,).
    """
    groups = pooled(expected)
    before = np.bincount(groups, weights=expected)
    now = np.zeros((len(shares), len(before)))
    for bin_, group in enumerate(groups):
        now[:, group] += shares[:, bin_]
    least = np.maximum(LEAST_SHARE, 0.5 / rows)[:, None]
    now, floored = np.maximum(now, least), np.maximum(before, least)
    return np.asarray(((now - floored) * np.log(now / floored)).sum(axis=1))


def pooled(expected: Floats) -> NDArray[np.intp]:
    """The group of each bin: all rare ones share one, with the least common of the others if need be."""
    rare = expected < RARE
    groups = np.zeros(len(expected), np.intp)
    if not rare.any() or rare.all():
        return np.arange(len(expected)) if not rare.any() else groups
    groups[~rare] = np.arange(1, 1 + (~rare).sum())
    if expected[rare].sum() < RARE:
        groups[np.flatnonzero(~rare)[np.argmin(expected[~rare])]] = 0
    return np.unique(groups, return_inverse=True)[1]


def repeated(values: Floats, windows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """How often the most frequent value occurs in each window, shape (k,)."""
    _, codes = np.unique(values, return_inverse=True)
    kinds = int(codes.max()) + 1
    places, times = np.unique(windows * kinds + codes, return_counts=True)
    most = np.zeros(count, np.intp)
    np.maximum.at(most, places // kinds, times)
    return most
