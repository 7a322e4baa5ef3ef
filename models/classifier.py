"""Candidates that give class probabilities: one scikit-learn classifier, or the mean of several.

Their only output is `probabilities`, shape (n, k), one column per class in the order of `classes`; an
endpoint's `respond` makes the prediction's fields of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from maas.contract import Columns, Matrix
from maas.errors import DataError
from models.export import average, converted
from models.table import Table

PROBABILITIES = "probabilities"


class FittedProbabilities(Protocol):
    """A fitted model of class probabilities, which others can build on."""

    def predict(self, matrix: Matrix) -> Columns:
        """`probabilities`, shape (n, k)."""
        ...

    def to_proto(self) -> Any:
        """The ONNX ModelProto with the one output `probabilities`."""
        ...

    def to_onnx(self) -> bytes:
        """The ONNX file."""
        ...


class ProbabilityCandidate(Protocol):
    """A method, not yet fitted, that gives class probabilities."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """What the manifest says about its settings."""
        ...

    @property
    def classes(self) -> Sequence[Any]:
        """The classes in the order of the columns."""
        ...

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> FittedProbabilities:
        """Fit to the table's target, whose values are among the classes."""
        ...


@dataclass(frozen=True)
class Classifier:
    """One scikit-learn classifier or pipeline with `predict_proba`.

    Attributes:
        name: For people.
        classes: The classes, as in the table's target, in the order of the output's columns; one that the
            rows to fit on lack gets the probability 0.
        make: Makes the unfitted estimator from a seed.
        settings: What the manifest says about it.
        rows: Rows to fit on at most, drawn at random; for methods whose cost grows with their square.
    """

    name: str
    classes: Sequence[Any]
    make: Callable[[int], Any]
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    rows: int | None = None

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The settings, and the row limit where there is one."""
        return dict(self.settings) if self.rows is None else {**self.settings, "rows": self.rows}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedClassifier":
        """Fit on all rows, or on a random part.

        Raises:
            DataError: The target has a value that is no class, or fewer than two classes.
        """
        from threadpoolctl import threadpool_limits

        target = class_positions(table, self.classes)
        if self.rows is not None and len(matrix) > self.rows:
            chosen = np.sort(np.random.default_rng(seed).choice(len(matrix), self.rows, replace=False))
            matrix, target = matrix[chosen], target[chosen]
        if len(np.unique(target)) < 2:  # noqa: PLR2004 - nothing to tell apart
            raise DataError(f"{table.data.name}: all {len(target)} rows to fit on are of one class")
        # One thread: sums in another order change the last digits, and busy machines make spinning
        # threads crawl.
        with threadpool_limits(1):
            estimator = self.make(seed).fit(matrix, target)
        return FittedClassifier(estimator, len(self.classes))


@dataclass(frozen=True)
class FittedClassifier:
    """A classifier fitted to the classes' positions."""

    estimator: Any
    k: int

    def predict(self, matrix: Matrix) -> Columns:
        """`probabilities`, shape (n, k)."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            known = np.asarray(self.estimator.predict_proba(matrix), np.float64)
        probabilities = np.zeros((len(known), self.k))
        probabilities[:, self.estimator.classes_] = known
        return {PROBABILITIES: probabilities}

    def to_proto(self) -> Any:
        """The ONNX ModelProto."""
        from onnx import helper, numpy_helper

        model = converted(self.estimator, self.estimator.n_features_in_, ["label", PROBABILITIES])
        del model.graph.output[0]  # positions of classes say nothing that the probabilities do not
        known = list(self.estimator.classes_)
        if known != list(range(self.k)):
            spread = np.zeros((len(known), self.k), np.float32)
            spread[range(len(known)), known] = 1
            model.graph.initializer.append(numpy_helper.from_array(spread, "spread"))
            for node in model.graph.node:
                node.output[:] = ["known" if name == PROBABILITIES else name for name in node.output]
                # A network's label is made from its probabilities.
                node.input[:] = ["known" if name == PROBABILITIES else name for name in node.input]
            model.graph.node.append(helper.make_node("MatMul", ["known", "spread"], [PROBABILITIES]))
        model.graph.output[0].CopyFrom(helper.make_tensor_value_info(PROBABILITIES, 1, [None, self.k]))
        return model

    def to_onnx(self) -> bytes:
        """The ONNX file."""
        return bytes(self.to_proto().SerializeToString())


@dataclass(frozen=True)
class ClassifierBlend:
    """The mean probabilities of several classifiers of the same classes."""

    name: str
    parts: Sequence[ProbabilityCandidate]

    @property
    def classes(self) -> Sequence[Any]:
        """The parts' classes."""
        return self.parts[0].classes

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The parts' settings by name."""
        return {part.name: dict(part.hyperparameters) for part in self.parts}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedClassifierBlend":
        """Fit every part."""
        return FittedClassifierBlend([part.fit(matrix, table, seed=seed) for part in self.parts])


@dataclass(frozen=True)
class FittedClassifierBlend:
    """Fitted parts."""

    parts: Sequence[FittedProbabilities]

    def predict(self, matrix: Matrix) -> Columns:
        """The mean of the parts' probabilities."""
        return {PROBABILITIES: np.mean([part.predict(matrix)[PROBABILITIES] for part in self.parts], axis=0)}

    def to_proto(self) -> Any:
        """The parts' graphs and their mean."""
        return average([part.to_proto() for part in self.parts])

    def to_onnx(self) -> bytes:
        """The ONNX file."""
        return bytes(self.to_proto().SerializeToString())


def class_positions(table: Table, classes: Sequence[Any]) -> NDArray[np.intp]:
    """The target as positions in `classes`, shape (n,).

    Raises:
        DataError: The target has a value that is not among them.
    """
    position = {one: index for index, one in enumerate(classes)}
    try:
        return np.array([position[value] for value in table.target.tolist()], np.intp)
    except KeyError as error:
        raise DataError(f"{table.data.name}: {error.args[0]!r} is none of the classes {classes}") from None
