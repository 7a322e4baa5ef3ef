"""What each group of features adds to one row's probability, computed inside the ONNX graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from maas.contract import Columns, Matrix
from models.classifier import PROBABILITIES, FittedProbabilities, ProbabilityCandidate
from models.export import INPUT
from models.table import Table

CONTRIBUTIONS = "contributions"


@dataclass(frozen=True)
class Occluded:
    """A classifier that also tells, by group, by how much the probability falls where the group is typical.

    A second output, `contributions` of shape (n, number of groups): the probability of `positive` minus
    the same with the group's features replaced by their medians over the rows fitted on. Source: M. Robnik-
    Šikonja and I. Kononenko, "Explaining classifications for individual instances", IEEE TKDE 20, 2008.

    Attributes:
        candidate: The classifier.
        groups: Column numbers by group, in the order of the output.
        positive: The class's column in the probabilities.
    """

    candidate: ProbabilityCandidate
    groups: Mapping[str, Sequence[int]]
    positive: int = 1

    @property
    def name(self) -> str:
        """The classifier's."""
        return self.candidate.name

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The classifier's."""
        return self.candidate.hyperparameters

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedOccluded":
        """Fit the classifier, and learn what is typical."""
        typical = np.median(matrix, axis=0).astype(np.float32)
        keep = np.ones((len(self.groups), matrix.shape[1]), np.float32)
        for group, columns in enumerate(self.groups.values()):
            keep[group, list(columns)] = 0
        # A group that is the same in every row has nothing to add, and costs no computation.
        varying = [
            group
            for group, columns in enumerate(self.groups.values())
            if np.ptp(matrix[:, list(columns)], axis=0).any()
        ]
        inner = self.candidate.fit(matrix, table, seed=seed)
        return FittedOccluded(inner, keep, typical, np.array(varying, np.intp), self.positive)


@dataclass(frozen=True, eq=False)
class FittedOccluded:
    """A fitted classifier with what it takes to occlude.

    Attributes:
        inner: The classifier.
        keep: Shape (groups, features): 0 where a group's features are, 1 elsewhere.
        typical: Shape (features,).
        varying: The groups computed; the others add nothing.
        positive: The class's column.
    """

    inner: FittedProbabilities
    keep: NDArray[np.float32]
    typical: NDArray[np.float32]
    varying: NDArray[np.intp]
    positive: int

    def predict(self, matrix: Matrix) -> Columns:
        """`probabilities`, shape (n, k), and `contributions`, shape (n, groups)."""
        probabilities = self.inner.predict(matrix)[PROBABILITIES]
        contributions = np.zeros((len(matrix), len(self.keep)))
        for group in self.varying:
            occluded = np.where(self.keep[group] > 0, matrix, self.typical).astype(np.float32)
            without = self.inner.predict(occluded)[PROBABILITIES]
            contributions[:, group] = (probabilities - without)[:, self.positive]
        return {PROBABILITIES: probabilities, CONTRIBUTIONS: contributions}

    def to_proto(self) -> Any:
        """Rows and their occluded copies go through the classifier's graph in one batch."""
        from onnx import TensorProto, checker, compose, helper, numpy_helper

        part = compose.add_prefix(self.inner.to_proto(), "inner_")
        (probabilities,) = part.graph.output
        k = probabilities.type.tensor_type.shape.dim[1].dim_value
        width, copies = self.keep.shape[1], 1 + len(self.varying)
        keep = np.vstack([np.ones((1, width), np.float32), self.keep[self.varying]])
        spread = np.zeros((copies - 1, len(self.keep)), np.float32)
        spread[np.arange(copies - 1), self.varying] = 1
        constants = {
            "keep": keep,
            "fill": (1 - keep) * self.typical,
            "second": np.array([1], np.int64),
            "flat": np.array([-1, width], np.int64),
            "folded": np.array([-1, copies, k], np.int64),
            "original": np.array(0, np.int64),
            "occluded": np.arange(1, copies),
            "positive": np.array(self.positive, np.int64),
            "spread": spread,
        }
        nodes = [
            helper.make_node("Unsqueeze", [INPUT, "second"], ["rows"]),
            helper.make_node("Mul", ["rows", "keep"], ["kept"]),
            helper.make_node("Add", ["kept", "fill"], ["filled"]),
            helper.make_node("Reshape", ["filled", "flat"], [part.graph.input[0].name]),
            *part.graph.node,
            helper.make_node("Reshape", [probabilities.name, "folded"], ["copies"]),
            helper.make_node("Gather", ["copies", "original"], [PROBABILITIES], axis=1),
            helper.make_node("Gather", ["copies", "positive"], ["of_positive"], axis=2),
            helper.make_node("Gather", ["of_positive", "occluded"], ["without"], axis=1),
            helper.make_node("Gather", [PROBABILITIES, "positive"], ["whole"], axis=1),
            helper.make_node("Unsqueeze", ["whole", "second"], ["whole_column"]),
            helper.make_node("Sub", ["whole_column", "without"], ["differences"]),
            helper.make_node("MatMul", ["differences", "spread"], [CONTRIBUTIONS]),
        ]
        graph = helper.make_graph(
            nodes,
            "occlusion",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, width])],
            [
                helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, [None, k]),
                helper.make_tensor_value_info(CONTRIBUTIONS, TensorProto.FLOAT, [None, len(self.keep)]),
            ],
            [
                *part.graph.initializer,
                *(numpy_helper.from_array(value, name) for name, value in constants.items()),
            ],
        )
        model = helper.make_model(graph, opset_imports=part.opset_import, ir_version=part.ir_version)
        checker.check_model(model)
        return model

    def plain(self) -> bytes:
        """An ONNX file of the probabilities alone, which costs a fraction of the copies."""
        return self.inner.to_onnx()

    def to_onnx(self) -> bytes:
        """The ONNX file."""
        return bytes(self.to_proto().SerializeToString())
