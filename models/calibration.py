"""Probabilities that mean what they say: corrected with predictions for rows that were not learnt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from maas.contract import Columns, Matrix
from models.classifier import PROBABILITIES, FittedProbabilities, ProbabilityCandidate, class_positions
from models.table import Table
from models.validation import Stratified

_LEAST = 1e-6  # a probability of 0 has no logarithm
_PULL = 1e-4  # towards no correction: keeps classes that never occur from running away
_UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True)
class Calibrated:
    """A classifier whose log probabilities are scaled and shifted to the least cross-entropy.

    With two classes this is Platt's sigmoid on the log-odds. Sources: J. Platt, "Probabilistic outputs for
    support vector machines", 1999; C. Guo and others, "On calibration of modern neural networks", ICML 2017
    (one scale for all classes, here with one shift per class).

    Attributes:
        candidate: The classifier.
        n_folds: Folds of the inner cross-validation that the correction is learnt from; groups stay whole.
    """

    candidate: ProbabilityCandidate
    n_folds: int = 5

    @property
    def name(self) -> str:
        """The classifier's, calibrated."""
        return f"{self.candidate.name}, calibrated"

    @property
    def classes(self) -> Sequence[Any]:
        """The classifier's."""
        return self.candidate.classes

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The classifier's, and the number of inner folds."""
        return {**self.candidate.hyperparameters, "calibration_folds": self.n_folds}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedCalibration":
        """Learn the correction from inner folds, then fit the classifier to all rows."""
        learnt, judged = [], []
        target = class_positions(table, self.classes)
        for fold in Stratified(self.n_folds, seed=seed).folds(table):
            inner = self.candidate.fit(matrix[fold.train], table.take(fold.train), seed=seed)
            learnt.append(inner.predict(matrix[fold.test])[PROBABILITIES])
            judged.append(target[fold.test])
        scale, shift = _least_cross_entropy(np.concatenate(learnt), np.concatenate(judged))
        return FittedCalibration(self.candidate.fit(matrix, table, seed=seed), scale, shift)


@dataclass(frozen=True, eq=False)
class FittedCalibration:
    """A fitted classifier and its correction: `scale` of the log probabilities, `shift` of shape (k,)."""

    inner: FittedProbabilities
    scale: float
    shift: NDArray[np.float64]

    def predict(self, matrix: Matrix) -> Columns:
        """`probabilities`, shape (n, k)."""
        return {PROBABILITIES: _corrected(self.inner.predict(matrix)[PROBABILITIES], self.scale, self.shift)}

    def to_proto(self) -> Any:
        """The classifier's graph with the correction behind it."""
        from onnx import helper, numpy_helper

        model = self.inner.to_proto()
        for node in model.graph.node:
            node.output[:] = [_UNCALIBRATED if name == PROBABILITIES else name for name in node.output]
            node.input[:] = [_UNCALIBRATED if name == PROBABILITIES else name for name in node.input]
        constants = {
            "least_probability": np.float32(_LEAST),
            "calibration_scale": np.float32(self.scale),
            "calibration_shift": self.shift.astype(np.float32),
        }
        for name, value in constants.items():
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        model.graph.node.extend(
            [
                helper.make_node("Max", [_UNCALIBRATED, "least_probability"], ["clipped"]),
                helper.make_node("Log", ["clipped"], ["log_probabilities"]),
                helper.make_node("Mul", ["log_probabilities", "calibration_scale"], ["scaled"]),
                helper.make_node("Add", ["scaled", "calibration_shift"], ["shifted"]),
                helper.make_node("Softmax", ["shifted"], [PROBABILITIES], axis=1),
            ]
        )
        return model

    def to_onnx(self) -> bytes:
        """The ONNX file."""
        return bytes(self.to_proto().SerializeToString())


def _corrected(
    probabilities: NDArray[np.float64], scale: float, shift: NDArray[np.float64]
) -> NDArray[np.float64]:
    logits = scale * np.log(np.maximum(probabilities, _LEAST)) + shift
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    corrected: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return corrected


def _least_cross_entropy(
    probabilities: NDArray[np.float64], target: NDArray[np.intp]
) -> tuple[float, NDArray[np.float64]]:
    """Scale and shift, the latter with mean 0."""
    from scipy.optimize import minimize

    logs, rows = np.log(np.maximum(probabilities, _LEAST)), np.arange(len(target))

    start = np.concatenate([[1.0], np.zeros(probabilities.shape[1])])

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = _corrected(probabilities, float(parameters[0]), parameters[1:])
        surplus = found.copy()
        surplus[rows, target] -= 1
        gradient = np.concatenate([[(surplus * logs).sum()], surplus.sum(axis=0)]) / len(target)
        cost = -np.log(np.maximum(found[rows, target], _LEAST)).mean()
        away = parameters - start
        return float(cost + _PULL * away @ away), gradient + 2 * _PULL * away

    best = np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B").x)
    return float(best[0]), best[1:] - best[1:].mean()
