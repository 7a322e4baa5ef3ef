"""Figures for predicted classes where there are more than two."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from maas.contract import Columns
from maas.metrics import accuracy_score, f1_score, recall_score


def class_metrics(output: str) -> Callable[[NDArray[Any], Columns], dict[str, float]]:
    """Metrics of one output that is a class: accuracy; recall and F1, each class counting alike."""

    def metrics(truth: NDArray[Any], predicted: Columns) -> dict[str, float]:
        answers = predicted[output]
        return {
            "accuracy": accuracy_score(truth, answers),
            "macro_recall": recall_score(truth, answers, average="macro"),
            "macro_f1": f1_score(truth, answers, average="macro"),
        }

    return metrics
