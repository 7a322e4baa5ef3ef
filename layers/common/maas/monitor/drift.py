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


_RELATIVE, _OF_RANGE = 1e-6, 1e-12  # what another machine's arithmetic may add to a value


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
        edges: Of the bins, as `settled` makes them.
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
        least, most = float(low[:, s].min()), float(high[:, s].max())
        places = windows * bins + bins_of(values, edges, least, most)
        shares = np.bincount(places, minlength=count * bins).reshape(count, bins) / rows[:, None]
        found.psi[:, s] = stability(fractions, shares, rows)
        found.ks[:, s] = np.abs(np.cumsum(shares - fractions, axis=1)).max(axis=1)
        beyond = (values < (low - slack)[windows, s]) | (values > (high + slack)[windows, s])
        found.outside[:, s] = np.bincount(windows, weights=beyond, minlength=count) / rows
        found.repeated[:, s] = repeated(values, windows, count) / rows
    return found


def bins_of(values: Floats, edges: Floats, low: float, high: float) -> NDArray[np.intp]:
    """The bin of each value of a signal that ranges from `low` to `high`.

    A value that is on an edge on one machine may be just above it on another: it counts as on it.
    """
    return np.searchsorted(edges + _blur(edges, low, high), values, side="left")


def _blur(edges: Floats, low: float, high: float) -> Floats:
    return np.asarray(_RELATIVE * np.abs(edges) + _OF_RANGE * max(high - low, 1.0))


def settled(values: Floats, edges: Floats) -> tuple[Floats, Floats]:
    """Edges that are farther apart than arithmetic may be off, and the values' fractions between them."""
    low, high = float(values.min()), float(values.max())
    kept = np.append(np.diff(edges) > 2 * _blur(edges[1:], low, high), True)
    counts = np.bincount(bins_of(values, edges[kept], low, high), minlength=int(kept.sum()) + 1)
    return edges[kept], counts / len(values)


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
    """How often the most frequent value, as a float32, occurs in each window, shape (k,)."""
    _, codes = np.unique(values.astype(np.float32), return_inverse=True)
    kinds = int(codes.max()) + 1
    places, times = np.unique(windows * kinds + codes, return_counts=True)
    most = np.zeros(count, np.intp)
    np.maximum.at(most, places // kinds, times)
    return most
