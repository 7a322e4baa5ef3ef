"""Figures for predicted probabilities and classes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns
from maas.metrics import accuracy_score, f1_score, log_loss, mean_squared_error, roc_auc_score

_HALF = 0.5
_BINS = 10


def probability_metrics(
    output: str, *, threshold: float = _HALF
) -> Callable[[NDArray[Any], Columns], dict[str, float]]:
    """Metrics of one output that is the probability of the target being 1.

    `roc_auc` (where both classes occur), `log_loss`, `brier_score`, `calibration_error`, and with a yes from
    `threshold` on `accuracy` and `f1`.
    """

    def metrics(truth: NDArray[Any], predicted: Columns) -> dict[str, float]:
        probability = predicted[output]
        labels = truth.astype(np.int64)
        answers = (probability >= threshold).astype(np.int64)
        figures = {
            "roc_auc": roc_auc_score(labels, probability),
            "log_loss": log_loss(labels, probability, labels=[0, 1]),
            "brier_score": mean_squared_error(labels, probability),
            "calibration_error": calibration_error(labels, probability),
            "accuracy": accuracy_score(labels, answers),
            "f1": f1_score(labels, answers),
        }
        # A manifest holds finite numbers only; an undefined figure is left out.
        return {name: value for name, value in figures.items() if np.isfinite(value)}

    return metrics


def calibration_error(truth: NDArray[Any], probability: NDArray[Any], *, bins: int = _BINS) -> float:
    """Expected calibration error: the mean distance of frequency and probability, by row.

    Rows are cut into `bins` of equally many by probability. Source: M. Naeini and others, "Obtaining well
    calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    mean, frequency, count = reliability(truth, probability, bins=bins)
    return float(np.sum(count * np.abs(mean - frequency)) / np.sum(count))


def reliability(
    truth: NDArray[Any], probability: NDArray[Any], *, bins: int = _BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Mean probability, frequency of 1 and number of rows in each of `bins` with equally many rows."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return (
        np.array([probability[part].mean() for part in parts]),
        np.array([truth[part].mean() for part in parts]),
        np.array([len(part) for part in parts]),
    )
