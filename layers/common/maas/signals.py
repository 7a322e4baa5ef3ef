"""What is watched of a model: some numbers per record, the same in training, in captures and in the monitor.

A signal is a feature, or, of too many (pixels, words), the mean, the spread and the means of equal parts of
their row; or a number, a yes or no, or a class of the prediction.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns, Contract, Matrix
from maas.field import Field
from maas.truth import choices

WIDE = 400
"""More features than this are watched in summary."""
PARTS = 16
PREDICTION = "prediction."
_MOST_CLASSES = 50

type Signal = NDArray[np.float64]


class Signals:
    """The signals of one contract."""

    def __init__(self, contract: Contract[Any, Any]) -> None:
        self._contract = contract
        self.wide = len(contract.feature_names) > WIDE

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of those that are made of features."""
        if not self.wide:
            return self._contract.feature_names
        return ("features.mean", "features.spread", *(f"features.part_{part + 1}" for part in range(PARTS)))

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The names of those that are made of predictions."""
        names: list[str] = []
        for field in self._answers:
            names += [f"{PREDICTION}{field.name}={value}" for value in choices(field)] or [
                f"{PREDICTION}{field.name}"
            ]
        return tuple(names)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order of the columns."""
        return self.inputs + self.outputs

    def of(self, matrix: Matrix, answers: Columns) -> Signal:
        """The signals of n records, shape (n, number of signals)."""
        return np.column_stack([self.of_features(matrix), *self._of_answers(answers)])

    def of_features(self, matrix: Matrix) -> Signal:
        """The first columns: those of the features, shape (n, number of inputs)."""
        if not self.wide:
            return matrix.astype(np.float64)
        parts = [part.mean(axis=1) for part in np.array_split(matrix, PARTS, axis=1)]
        return np.column_stack([matrix.mean(axis=1), matrix.std(axis=1), *parts]).astype(np.float64)

    @cached_property
    def _answers(self) -> list[Field]:
        """The prediction's fields that can be watched: one number, or one of few texts."""
        return [
            field
            for field in self._contract.answers.values()
            if not field.shape
            and (field.kind in {"float", "int", "bool"} or 0 < len(choices(field)) <= _MOST_CLASSES)
        ]

    def _of_answers(self, answers: Columns) -> list[Signal]:
        columns: list[Signal] = []
        for field in self._answers:
            answer = answers[field.name]
            if field.kind == "text":
                columns += [(answer == value).astype(np.float64) for value in choices(field)]
            else:
                columns.append(answer.astype(np.float64))
        return columns
