"""Candidates: detectors made of several scores, weighed by how well they tell attacks never seen before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from functions.security_event.handler import CONNECTION_FEATURES, FEATURES
from maas.contract import Columns, Matrix
from maas.errors import DataError
from models.classifier import PROBABILITIES
from models.export import INPUT
from models.security_event.attack import NORMAL, family_of
from models.security_event.known_attacks import FittedKnownAttacks, KnownAttacks
from models.security_event.normal_traffic import SCORE, FittedNormalTraffic, Floats, NormalTraffic
from models.security_event.unseen import UnseenAttacks
from models.table import Table

PROBABILITY, SHARES = "probability", "families"
_PULL = 1e-3  # towards no weight: scores that say the same share it


@dataclass(frozen=True)
class Detector:
    """A classifier of known attacks, perhaps with others and a density of normal traffic beside it.

    The probability is a logistic function of the parts' scores. Its weights are learnt from rows of attacks
    that the parts had not seen, in inner folds; there normal and attack weigh the same, and among attacks
    each name by the root of its rows. So 0.5 is the threshold that is best against new attacks.

    Where attacks have no names of their own nothing can be said about new ones: rows weigh the same, and
    the classifiers learn no altered traffic.

    Attributes:
        name: For people.
        known: Classifiers; the first also tells the family.
        normal: The density, if any.
        settings: What the manifest says about it.
        n_folds: Inner folds.
        rows: Rows of one name at most in the inner folds: there rare attacks matter, and time.
    """

    name: str
    known: Sequence[KnownAttacks]
    normal: NormalTraffic | None = None
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    n_folds: int = 3
    rows: int = 5000

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The settings."""
        return {**self.settings, "inner_folds": self.n_folds}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedDetector":
        """Learn the weights from inner folds, then fit the parts to all rows.

        Raises:
            DataError: There are no attacks, or nothing but attacks.
        """
        attack = table.target != NORMAL
        if attack.all() or not attack.any():
            raise DataError(f"{table.data.name}: all {len(table)} rows to fit on are of one class")
        columns, given = _columns_of(table)
        selected = np.ascontiguousarray(matrix[:, columns])
        families = family_of(table.target)
        named = len(np.unique(table.target.astype(str))) > 2  # noqa: PLR2004 - normal and one name
        scores, rows = [], []
        some = _at_most(self.rows, table.target, np.random.default_rng(seed))
        for fold in UnseenAttacks(n_folds=self.n_folds, seed=seed).folds(table.take(some)):
            learnt, judged = some[fold.train], some[fold.test]
            parts = self._parts(selected[learnt], families[learnt], seed, alter=named)
            scores.append(np.column_stack([part.score(selected[judged]) for part in parts]))
            rows.append(judged)
        names = table.target[np.concatenate(rows)]
        importance = _importance(names) if named else np.full(len(names), 1 / len(names))
        weights = _weighed(np.concatenate(scores), names != NORMAL, importance)
        return FittedDetector(self._parts(selected, families, seed, alter=named), weights, columns, given)

    def _parts(
        self, matrix: Matrix, families: NDArray[Any], seed: int, *, alter: bool
    ) -> list[FittedKnownAttacks | FittedNormalTraffic]:
        parts: list[FittedKnownAttacks | FittedNormalTraffic] = [
            known.fit(matrix, families, seed=seed, alter=alter) for known in self.known
        ]
        if self.normal is not None:
            parts.append(self.normal.fit(matrix, families != NORMAL, seed=seed))
        return parts


@dataclass(frozen=True, eq=False)
class FittedDetector:
    """Fitted parts.

    Attributes:
        parts: The first is a classifier.
        weights: Of each part's score, and a constant at the end.
        columns: The features it reads.
        given: The number of `values` it needs, or None where it reads connections.
    """

    parts: Sequence[FittedKnownAttacks | FittedNormalTraffic]
    weights: Floats
    columns: slice
    given: int | None

    def predict(self, matrix: Matrix) -> Columns:
        """`probability`, shape (n,), and `families`, shape (n, 5), those of attacks."""
        selected = np.ascontiguousarray(matrix[:, self.columns])
        scores = np.column_stack([part.score(selected) for part in self.parts])
        probability = 1 / (1 + np.exp(-(scores @ self.weights[:-1] + self.weights[-1])))
        if self.given is not None:
            probability[matrix[:, CONNECTION_FEATURES] != self.given] = np.nan
        return {PROBABILITY: probability, SHARES: self._classifier.probabilities(selected)[:, 1:]}

    @property
    def _classifier(self) -> FittedKnownAttacks:
        first = self.parts[0]
        assert isinstance(first, FittedKnownAttacks)  # noqa: S101 - by construction
        return first

    def to_onnx(self) -> bytes:
        """The ONNX file: the parts' graphs, their weights, and the choice of columns before them."""
        from onnx import checker, compose, helper, numpy_helper

        tensors = {
            "begin": np.array([self.columns.start]),
            "end": np.array([self.columns.stop]),
            "across": np.array([1]),
            "weights": self.weights[:-1, None].astype(np.float32),
            "constant": self.weights[-1:].astype(np.float32),
            "flat": np.array([-1]),
            "attacks_begin": np.array([1]),
            "attacks_end": np.array([len(FEATURES)]),
        }
        nodes = [helper.make_node("Slice", [INPUT, "begin", "end", "across"], ["selected"])]
        initializers = []
        opsets = {"": 18}
        for place, part in enumerate(self.parts):
            model = compose.add_prefix(part.to_proto(), f"part{place}_")
            inner = model.graph.input[0].name
            for node in model.graph.node:
                node.input[:] = ["selected" if name == inner else name for name in node.input]
            nodes += model.graph.node
            initializers += model.graph.initializer
            opsets |= {one.domain: one.version for one in model.opset_import}
        scores = [f"part{place}_{SCORE}" for place in range(len(self.parts))]
        shares = f"part0_{PROBABILITIES}"
        nodes += [
            helper.make_node("Concat", scores, ["scores"], axis=1),
            helper.make_node("MatMul", ["scores", "weights"], ["weighed"]),
            helper.make_node("Add", ["weighed", "constant"], ["log_odds"]),
            helper.make_node("Sigmoid", ["log_odds"], ["column"]),
            helper.make_node("Reshape", ["column", "flat"], [PROBABILITY if self.given is None else "found"]),
            helper.make_node("Slice", [shares, "attacks_begin", "attacks_end", "across"], [SHARES]),
        ]
        if self.given is not None:
            tensors |= {
                "place": np.array(CONNECTION_FEATURES),
                "expected": np.array(self.given, np.float32),
                "nothing": np.array(np.nan, np.float32),
            }
            nodes += [
                helper.make_node("Gather", [INPUT, "place"], ["given"], axis=1),
                helper.make_node("Equal", ["given", "expected"], ["fits"]),
                helper.make_node("Where", ["fits", "found", "nothing"], [PROBABILITY]),
            ]
        initializers += [numpy_helper.from_array(value, name) for name, value in tensors.items()]
        graph = helper.make_graph(
            nodes,
            "detector",
            [helper.make_tensor_value_info(INPUT, 1, [None, len(FEATURES)])],
            [
                helper.make_tensor_value_info(PROBABILITY, 1, [None]),
                helper.make_tensor_value_info(SHARES, 1, [None, None]),
            ],
            initializers,
        )
        imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
        model = helper.make_model(graph, opset_imports=imports, ir_version=8)
        checker.check_model(model)
        return bytes(model.SerializeToString())


def _columns_of(table: Table) -> tuple[slice, int | None]:
    """The features that a table fills: those of connections, or as many values as its rows have."""
    given = int((~np.isnan(table.columns["values"])).sum(axis=1).max(initial=0))
    if given == 0:
        return slice(0, CONNECTION_FEATURES), None
    return slice(CONNECTION_FEATURES + 1, CONNECTION_FEATURES + 1 + given), given


def _at_most(rows: int, names: NDArray[Any], generator: np.random.Generator) -> NDArray[np.intp]:
    """Row numbers in order, of each name `rows` at most, drawn at random."""
    shuffled = generator.permutation(len(names))
    kept = [shuffled[names[shuffled] == name][:rows] for name in np.unique(names.astype(str))]
    return np.sort(np.concatenate(kept))


def _importance(names: NDArray[Any]) -> Floats:
    """Normal rows together weigh as much as attacks together; there each name has the root of its rows."""
    distinct, places, counts = np.unique(names.astype(str), return_inverse=True, return_counts=True)
    normal = distinct == NORMAL
    share: Floats = np.where(normal, 1 / counts, counts**-0.5 / np.sqrt(counts[~normal]).sum())
    return share[places]


def _weighed(scores: Floats, attack: NDArray[np.bool_], importance: Floats) -> Floats:
    """Weights of the scores, none below 0, and a constant: the least logistic loss, rows by importance."""
    from scipy.optimize import minimize

    sign = np.where(attack, 1.0, -1.0)
    design = np.column_stack([scores, np.ones(len(scores))])

    def loss(weights: Floats) -> tuple[float, Floats]:
        margins = sign * (design @ weights)
        pulled = np.append(weights[:-1], 0)
        value = importance @ np.logaddexp(0, -margins) + _PULL * pulled @ pulled
        slope = -importance * sign / (1 + np.exp(np.clip(margins, -500, 500)))
        return float(value), design.T @ slope + 2 * _PULL * pulled

    start = np.append(np.full(scores.shape[1], 0.3), 0.0)
    limits = [(0.0, None)] * scores.shape[1] + [(None, None)]
    found: Floats = minimize(loss, start, jac=True, bounds=limits, method="L-BFGS-B").x
    return found
