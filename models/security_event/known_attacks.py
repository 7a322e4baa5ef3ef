"""Classifiers of known attacks, which learn altered traffic as well, to expect more than they saw."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Matrix
from models.classifier import PROBABILITIES, FittedClassifier
from models.security_event.attack import FAMILIES, NORMAL, UNKNOWN
from models.security_event.normal_traffic import SCORE, Floats

_LEAST = 1e-3  # a share of trees is no finer


@dataclass(frozen=True)
class KnownAttacks:
    """A scikit-learn classifier of the families.

    Attributes:
        make: Makes the unfitted estimator from a seed and the number of rows.
        altered: Rows of altered normal traffic to learn as attacks of an unknown family, as a share of the
            normal ones. Each has some of its features (5 to 50 %) from another normal row: every number in
            it is ordinary, not so their combination. Source of the idea: T. Hastie, R. Tibshirani,
            J. Friedman, "The elements of statistical learning", 2nd edition, section 14.2.4.
    """

    make: Callable[[int, int], Any]
    altered: float = 1.0

    def fit(
        self, matrix: Matrix, families: NDArray[Any], *, seed: int, alter: bool = True
    ) -> "FittedKnownAttacks":
        """Fit to the rows of the matrix, shape (n, k), and their families, shape (n,).

        Without `alter` there are no altered rows: nothing is expected but what was seen.
        """
        from threadpoolctl import threadpool_limits

        normal = matrix[families == NORMAL]
        count = round(len(normal) * self.altered) if alter else 0
        strange = _altered(normal, count, np.random.default_rng(seed))
        position = {family: place for place, family in enumerate(FAMILIES)}
        target = [position[family] for family in families.tolist()] + [position[UNKNOWN]] * len(strange)
        with threadpool_limits(1):
            estimator = self.make(seed, len(target))
            estimator.fit(np.concatenate([matrix, strange]), np.array(target))
        return FittedKnownAttacks(FittedClassifier(estimator, len(FAMILIES)))


@dataclass(frozen=True)
class FittedKnownAttacks:
    """A fitted classifier."""

    classifier: FittedClassifier

    def probabilities(self, matrix: Matrix) -> Floats:
        """Of each family in the order of FAMILIES, shape (n, 6)."""
        found: Floats = self.classifier.predict(matrix)[PROBABILITIES]
        return found

    def score(self, matrix: Matrix) -> Floats:
        """The log-odds of an attack, shape (n,)."""
        normal = np.clip(self.probabilities(matrix)[:, 0], _LEAST, 1 - _LEAST)
        odds: Floats = np.log(1 - normal) - np.log(normal)
        return odds

    def to_proto(self) -> Any:
        """A graph from the matrix to `probabilities`, shape (n, 6), and `score`, shape (n, 1)."""
        from onnx import helper, numpy_helper

        model = self.classifier.to_proto()
        constants = {"least": _LEAST, "most": 1 - _LEAST, "one": 1.0}
        for name, value in constants.items():
            model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
        model.graph.initializer.append(numpy_helper.from_array(np.array([0]), "first"))
        model.graph.node.extend(
            [
                helper.make_node("Gather", [PROBABILITIES, "first"], ["normal"], axis=1),
                helper.make_node("Clip", ["normal", "least", "most"], ["clipped"]),
                helper.make_node("Sub", ["one", "clipped"], ["attack"]),
                helper.make_node("Log", ["attack"], ["log_attack"]),
                helper.make_node("Log", ["clipped"], ["log_normal"]),
                helper.make_node("Sub", ["log_attack", "log_normal"], [SCORE]),
            ]
        )
        model.graph.output.append(helper.make_tensor_value_info(SCORE, 1, [None, 1]))
        return model


def _altered(normal: Matrix, count: int, generator: np.random.Generator) -> Matrix:
    rows = normal[generator.integers(0, len(normal), count)]
    others = normal[generator.integers(0, len(normal), count)]
    taken = generator.random(rows.shape) < generator.uniform(0.05, 0.5, (count, 1))
    return np.where(taken, others, rows)
