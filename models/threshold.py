"""Networks and other classifiers that say yes or no: committees with a threshold found on unseen rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from maas.contract import Columns, Matrix
from maas.errors import DataError
from maas.metrics import f1_score
from models.candidate import Candidate, Fitted, NeedsExtra
from models.classifier import PROBABILITIES
from models.export import average
from models.table import Table

PROBABILITY, THRESHOLD = "probability", "threshold"
_THRESHOLDS = np.arange(0.2, 0.805, 0.01)
_HALF = 0.5
_SMOOTHED = 11  # thresholds: the best one of a noisy curve is found on its moving average


@dataclass(frozen=True)
class Committee:
    """The mean probability of several members, each fitted without one stretch of time.

    The stretch that a member has not seen shows where to draw the line between yes and no: at the threshold
    with the best F1 over all those predictions, drawn half-way back to 0.5, because one member's view of a
    stretch far away is less certain than that of all members of what comes next. Nothing is kept aside for
    it, and members that saw different days err in different ways. Source: A. Krogh and J. Vedelsby, "Neural
    network ensembles, cross validation, and active learning", NIPS 1994.

    Attributes:
        name: For people.
        member: Fits to a target of 0 and 1; its only output is the probability of 1, or those of 0 and 1.
        members: How many, at least 2.
        rows: Rows to fit on at most, drawn at random; neighbouring rows say nearly the same.
    """

    name: str
    member: Candidate
    members: int = 4
    rows: int | None = None

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The member's, and those of the committee."""
        return {**self.member.hyperparameters, "members": self.members, "rows": self.rows}

    def missing(self) -> str | None:
        """What the member lacks."""
        return self.member.missing() if isinstance(self.member, NeedsExtra) else None

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedCommittee":
        """Fit each member to all stretches but one.

        Raises:
            DataError: There are no times, or too few.
        """
        if table.times is None or len(np.unique(table.times)) < self.members:
            raise DataError(f"{table.data.name}: too few times for a committee of {self.members}")
        chosen = np.arange(len(table))
        if self.rows is not None and len(table) > self.rows:
            chosen = np.sort(np.random.default_rng(seed).choice(len(table), self.rows, replace=False))
        # Members need no columns, and copies of them would cost more memory than the matrix.
        stretches = _stretches(table.times[chosen], self.members)
        table = replace(table, columns={}).take(chosen)
        matrix = matrix[chosen]
        unseen = np.empty(len(table))
        fitted: list[Fitted] = []
        for number in range(self.members):
            inside = stretches == number
            member = self.member.fit(matrix[~inside], table.take(np.flatnonzero(~inside)), seed=seed + number)
            unseen[inside] = _probability(member.predict(matrix[inside]))
            fitted.append(member)
        return FittedCommittee(fitted, round((best_threshold(table.target, unseen) + _HALF) / 2, 3))


@dataclass(frozen=True)
class FittedCommittee:
    """Fitted members and the threshold."""

    members: Sequence[Fitted]
    threshold: float

    @property
    def found(self) -> Mapping[str, JsonValue]:
        """The threshold, for the manifest."""
        return {"threshold": self.threshold}

    def predict(self, matrix: Matrix) -> Columns:
        """`probability` and `threshold`, both of shape (n,); the latter is the same in each row."""
        mean = np.mean([_probability(member.predict(matrix)) for member in self.members], axis=0)
        return {PROBABILITY: mean, THRESHOLD: np.full(len(mean), self.threshold)}

    def to_onnx(self) -> bytes:
        """The ONNX file: the members' graphs, their mean, and the threshold for each row."""
        from onnx import checker, helper

        model = average([_probability_graph(member) for member in self.members])
        value = helper.make_tensor("found", 1, [1], [self.threshold])
        model.graph.node.extend(
            [
                helper.make_node("Shape", [PROBABILITY], ["rows"]),
                helper.make_node("ConstantOfShape", ["rows"], [THRESHOLD], value=value),
            ]
        )
        model.graph.output.append(helper.make_tensor_value_info(THRESHOLD, 1, [None, 1]))
        checker.check_model(model)
        return bytes(model.SerializeToString())


def best_threshold(truth: NDArray[np.int64], probability: NDArray[np.float64]) -> float:
    """The threshold from 0.2 to 0.8 with the best F1, as a moving average over neighbouring thresholds.

    >>> best_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.6, 0.9]))
    0.45
    """
    scores = np.array([f1_score(truth, (probability >= one).astype(np.int64)) for one in _THRESHOLDS])
    padded = np.pad(scores, _SMOOTHED // 2, mode="edge")
    smooth = np.convolve(padded, np.full(_SMOOTHED, 1 / _SMOOTHED), mode="valid")
    # Rounded, so that equals stay equal; in the middle of them there is the most room on both sides.
    best = np.flatnonzero(smooth.round(9) == smooth.max().round(9))
    return round(float(_THRESHOLDS[best[len(best) // 2]]), 2)


def _stretches(times: NDArray[np.datetime64], count: int) -> NDArray[np.intp]:
    """The number of the stretch of time that each row is in."""
    distinct = np.unique(times)
    return np.searchsorted(distinct, times) * count // len(distinct)


def _probability(outputs: Columns) -> NDArray[np.float64]:
    (values,) = outputs.values()
    return (values[:, 1] if values.ndim == 2 else values).astype(np.float64)  # noqa: PLR2004 - a matrix


def _probability_graph(member: Fitted) -> Any:
    """A member's graph with the one output `probability`, shape (n, 1)."""
    from onnx import helper, load_model_from_string, numpy_helper

    model = load_model_from_string(member.to_onnx())
    (output,) = model.graph.output
    if output.name == PROBABILITIES:
        model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "of_one"))
        model.graph.node.append(helper.make_node("Gather", [PROBABILITIES, "of_one"], [PROBABILITY], axis=1))
        output.CopyFrom(helper.make_tensor_value_info(PROBABILITY, 1, [None, 1]))
    return model
