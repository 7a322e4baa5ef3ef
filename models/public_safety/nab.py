"""The score of the Numenta Anomaly Benchmark, standard profile.

A detection inside a labelled window earns more the earlier it comes; one outside costs a little, less just
behind a window; a window without a detection costs as much as a perfect detection earns. One threshold serves
all series, and the sum is scaled so that silence scores 0 and perfection 100.
Source: A. Lavin, S. Ahmad, "Evaluating real-time anomaly detection algorithms", ICMLA 2015.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABELS = np.dtype([("series", "U80"), ("position", "i8"), ("length", "i8"), ("window", "i8")])
"""One reading's label: its series, its place in it, the series' length, the window it lies in (-1: none)."""

FALSE_ALARM = 0.11
_PROBATION, _LONGEST_PROBATION = 0.15, 750
_LATEST = 3.0  # window lengths behind a window: from here on a false alarm costs all of it
_THRESHOLDS = 4000


def scaled_sigmoid(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Worth of a detection by its place relative to a window's end: near 1 at -1, 0 at 0, -1 from 3 on."""
    inside = 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, _LATEST))) - 1.0
    return np.where(position > _LATEST, -1.0, inside)


_EARLIEST = float(scaled_sigmoid(np.array(-1.0)))


class _Series:
    """One series: what a detection at each reading is worth."""

    def __init__(self, labels: NDArray[Any], scores: NDArray[np.float64]) -> None:
        order = np.argsort(labels["position"])
        labels, self.scores = labels[order], scores[order]
        length = int(labels["length"][0])
        counted = labels["position"] >= min(int(_PROBATION * length), _LONGEST_PROBATION)
        self.windows: list[NDArray[np.intp]] = []
        self.gains: list[NDArray[np.float64]] = []
        cost = np.full(len(labels), -1.0)
        place = np.arange(len(labels))
        for window in np.unique(labels["window"][labels["window"] >= 0]):
            inside = np.flatnonzero(labels["window"] == window)
            last, width = inside[-1], len(inside)
            self.windows.append(inside[counted[inside]])
            ahead = (last - self.windows[-1] + 1) / width
            self.gains.append(scaled_sigmoid(-ahead) / _EARLIEST)
            behind = place > last
            cost[behind] = scaled_sigmoid((place[behind] - last) / max(width - 1, 1))
        self.outside = np.flatnonzero((labels["window"] < 0) & counted)
        self.costs = FALSE_ALARM * cost[self.outside]

    def earned(self, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        """The series' unscaled score at each threshold."""
        order = np.argsort(-self.scores[self.outside], kind="stable")
        alarms = np.searchsorted(-self.scores[self.outside][order], -thresholds, side="right")
        total = np.concatenate([[0.0], np.cumsum(self.costs[order])])[alarms]
        for inside, gains in zip(self.windows, self.gains, strict=True):
            # The first reading that reaches the threshold counts; none costs one whole window.
            highest = np.maximum.accumulate(self.scores[inside])
            total = total + np.append(gains, -1.0)[np.searchsorted(highest, thresholds, side="left")]
        return total

    def found(self, threshold: float) -> int:
        """Windows with a detection."""
        return sum(bool((self.scores[inside] >= threshold).any()) for inside in self.windows)

    def alarms(self, threshold: float) -> int:
        """Detections outside all windows."""
        return int((self.scores[self.outside] >= threshold).sum())


def _split(labels: NDArray[Any], scores: NDArray[np.float64]) -> Iterator[_Series]:
    for name in np.unique(labels["series"]):
        rows = labels["series"] == name
        yield _Series(labels[rows], scores[rows])


def nab_score(labels: NDArray[Any], scores: NDArray[np.float64]) -> float:
    """The normalised score, at the threshold that is best for all series together.

    Args:
        labels: Shape (n,), dtype `LABELS`; rows in any order.
        scores: Shape (n,), greater for what is further out of the ordinary.

    Returns:
        0 for a detector that says nothing, 100 for a perfect one; NaN without any window.
    """
    series = list(_split(labels, scores))
    windows = sum(len(one.windows) for one in series)
    if windows == 0:
        return float("nan")
    thresholds = np.unique(scores)
    if len(thresholds) > _THRESHOLDS:
        # The best threshold lies among the few greatest scores: those all, of the rest a sample.
        most = thresholds[-_THRESHOLDS // 2 :]
        thresholds = np.concatenate([thresholds[:: len(thresholds) * 2 // _THRESHOLDS], most])
    thresholds = np.append(np.unique(thresholds), np.inf)
    earned = np.sum([one.earned(thresholds) for one in series], axis=0)
    return float(100.0 * (earned.max() + windows) / (2 * windows))


def alarm_figures(labels: NDArray[Any], scores: NDArray[np.float64], threshold: float) -> dict[str, float]:
    """Share of windows found, share of detections inside windows, false alarms per thousand readings."""
    series = list(_split(labels, scores))
    windows = sum(len(one.windows) for one in series)
    found = sum(one.found(threshold) for one in series)
    false = sum(one.alarms(threshold) for one in series)
    readings = sum(len(one.outside) for one in series)
    return {
        "recall": found / max(windows, 1),
        "precision": found / max(found + false, 1),
        "false_alarms_per_1000": 1000.0 * false / max(readings, 1),
    }
