"""Plots of a probability against what happened: the ROC curve and the reliability diagram."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classification import reliability

_MODEL, _CHANCE = "#0a6ebd", "#999999"
_POINTS = 200


def roc(axes: Any, truth: NDArray[Any], probability: NDArray[Any]) -> None:
    """Share of the ones found against share of the zeros flagged, over all thresholds."""
    order = np.argsort(-probability, kind="stable")
    ones = np.cumsum(truth[order])
    # Rows of one probability are flagged together.
    ends = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, _POINTS).astype(np.intp))]
    found = ones[ends] / max(ones[-1], 1)
    flagged = (ends + 1 - ones[ends]) / max(len(truth) - ones[-1], 1)
    axes.plot([0, *flagged], [0, *found], color=_MODEL)
    axes.plot([0, 1], [0, 1], color=_CHANCE, linewidth=0.7)
    axes.set_xlabel("share of the negative flagged")
    axes.set_ylabel("share of the positive found")


def reliability_diagram(axes: Any, truth: NDArray[Any], probability: NDArray[Any]) -> None:
    """Frequency against predicted probability, in tenths of the rows."""
    mean, frequency, _ = reliability(truth, probability)
    axes.plot([0, 1], [0, 1], color=_CHANCE, linewidth=0.7)
    axes.plot(mean, frequency, marker="o", color=_MODEL)
    axes.set_xlabel("predicted probability, mean of a tenth of the rows")
    axes.set_ylabel("frequency")
