"""Plots for models that tell what a picture shows: confusion, examples, and the worst mistakes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.metrics import confusion_matrix
from models.evaluation import Evaluation

type Plot = Callable[[Any, Evaluation], None]

_COLUMNS, _ROWS = 12, 2
_NAMED = 12  # classes whose names fit beside a matrix


def of_classes(output: str, names: Sequence[str], side: int) -> Mapping[str, Plot]:
    """Plots by name for classes 0, 1, ... and square pictures in the field `pixels`.

    Args:
        output: The prediction's field with the class; `probability` is that of its class.
        names: Of the classes, in their order.
        side: Of a picture, in pixels.
    """

    def confusion(figure: Any, evaluation: Evaluation) -> None:
        figure.set_size_inches(7, 6)
        axes = figure.subplots()
        counts = confusion_matrix(
            evaluation.table.target, evaluation.predicted[output], labels=range(len(names))
        )
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        # A root, because what matters are the few beside the diagonal.
        axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
        if len(names) <= _NAMED:
            for row, column in np.argwhere(counts):
                colour = "white" if row == column else "#222222"
                axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour)
            axes.set_xticks(range(len(names)), names)
            axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("predicted")
        axes.set_ylabel("actual")

    def examples(figure: Any, evaluation: Evaluation) -> None:
        right = np.flatnonzero(evaluation.table.target == evaluation.predicted[output])
        pictures(figure, evaluation, right[:: max(1, len(right) // (_COLUMNS * _ROWS))])

    def worst(figure: Any, evaluation: Evaluation) -> None:
        wrong = np.flatnonzero(evaluation.table.target != evaluation.predicted[output])
        surest = np.argsort(-evaluation.predicted["probability"][wrong], kind="stable")
        pictures(figure, evaluation, wrong[surest])

    def pictures(figure: Any, evaluation: Evaluation, rows: NDArray[np.intp]) -> None:
        figure.set_size_inches(7, 2)
        truth, predicted = evaluation.table.target, evaluation.predicted[output]
        pixels = evaluation.table.columns["pixels"]
        places = figure.subplots(_ROWS, _COLUMNS).flat
        for axes in figure.axes:
            axes.set_axis_off()
        for axes, row in zip(places, rows.tolist(), strict=False):
            axes.imshow(pixels[row].reshape(side, side), cmap="gray", vmin=0)
            same = truth[row] == predicted[row]
            axes.set_title(f"{truth[row]}" if same else f"{truth[row]}, not {predicted[row]}", fontsize=6)

    return {
        "confusion": confusion,
        "some_recognised": examples,
        "surest_mistakes_with_actual_and_predicted_class": worst,
    }
