"""The detector: how far out of the ordinary a reading is, quiet while a disturbance lasts.

Unsupervised: the only thing learnt is the threshold, from how often the training readings exceed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from functions.public_safety.handler import FEATURES
from maas.contract import Columns, Matrix
from models.table import Table

MARGIN = 1.3
"""A deviation counts only if it exceeds the recent ones by this factor."""
ALARM_RATE = 0.002
"""Share of ordinary readings that may be called extraordinary: one in five hundred."""
_OPSETS = {"": 18}


@dataclass(frozen=True)
class Detector:
    """Deviations of one or several kinds; the largest counts.

    Attributes:
        name: For people.
        kinds: Features among "change" and "level".
        margin: See `MARGIN`; 0 reports every reading of a disturbance.
    """

    name: str
    kinds: tuple[str, ...]
    margin: float = MARGIN

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The settings."""
        return {"kinds": list(self.kinds), "margin": self.margin, "alarm_rate": ALARM_RATE}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedDetector":
        """Learn the threshold; labels are not looked at."""
        del table, seed
        deviation = deviations(matrix, self.kinds, self.margin)
        threshold = max(float(np.quantile(deviation, 1.0 - ALARM_RATE)), 1.0)
        return FittedDetector(self.kinds, self.margin, threshold)


@dataclass(frozen=True)
class FittedDetector:
    """A detector with its threshold, in standard deviations."""

    kinds: tuple[str, ...]
    margin: float
    threshold: float

    @property
    def found(self) -> Mapping[str, JsonValue]:
        """What was learnt."""
        return {"threshold": round(self.threshold, 3)}

    def predict(self, matrix: Matrix) -> Columns:
        """`score` and `expected`, shape (n,)."""
        deviation = deviations(matrix, self.kinds, self.margin)
        return {
            "score": deviation / (deviation + self.threshold),
            "expected": matrix[:, FEATURES.index("expected")].astype(np.float64),
        }

    def to_onnx(self) -> bytes:
        """The same as a graph."""
        from onnx import TensorProto, checker, helper, numpy_helper

        constants = {
            "margin": np.array(self.margin, np.float32),
            "threshold": np.array(self.threshold, np.float32),
            "zero": np.array(0.0, np.float32),
            **{f"at_{name}": np.array([FEATURES.index(name)]) for name in FEATURES},
        }
        nodes = []
        for kind in self.kinds:
            nodes += [
                helper.make_node("Gather", ["features", f"at_{kind}"], [kind], axis=1),
                helper.make_node("Gather", ["features", f"at_recent_{kind}"], [f"recent_{kind}"], axis=1),
                helper.make_node("Mul", [f"recent_{kind}", "margin"], [f"bar_{kind}"]),
                helper.make_node("Greater", [kind, f"bar_{kind}"], [f"new_{kind}"]),
                helper.make_node("Where", [f"new_{kind}", kind, "zero"], [f"kept_{kind}"]),
            ]
        nodes += [
            helper.make_node("Max", [f"kept_{kind}" for kind in self.kinds], ["deviation"]),
            helper.make_node("Add", ["deviation", "threshold"], ["whole"]),
            helper.make_node("Div", ["deviation", "whole"], ["score"]),
            helper.make_node("Gather", ["features", "at_expected"], ["expected"], axis=1),
        ]
        graph = helper.make_graph(
            nodes,
            "detector",
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, len(FEATURES)])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1])
                for name in ("score", "expected")
            ],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()],
            ir_version=9,
        )
        checker.check_model(model)
        return bytes(model.SerializeToString())


def deviations(matrix: Matrix, kinds: tuple[str, ...], margin: float) -> NDArray[np.float64]:
    """The largest deviation that is no part of a recent one, in standard deviations, shape (n,)."""
    largest = np.zeros(len(matrix), np.float32)
    for kind in kinds:
        value, recent = matrix[:, FEATURES.index(kind)], matrix[:, FEATURES.index(f"recent_{kind}")]
        kept = np.where(value > recent * np.float32(margin), value, np.float32(0.0))
        largest = np.maximum(largest, kept)
    return largest.astype(np.float64)
