"""Several numbers from the same features: one regressor for each, in one graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import JsonValue

from maas.contract import Columns, Matrix
from models.export import side_by_side
from models.scikit import Blend, FittedBlend, FittedRegressor, Regressor
from models.table import Table


@dataclass(frozen=True)
class MultiOutput:
    """One regressor for each column of the target.

    Attributes:
        name: For people.
        parts: In the order of the target's columns.
    """

    name: str
    parts: Sequence[Regressor | Blend]

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The parts' settings by output."""
        return {_output(part): {part.name: dict(part.hyperparameters)} for part in self.parts}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedMultiOutput":
        """Fit each part to its column of the target, shape (n, number of parts)."""
        return FittedMultiOutput(
            [
                part.fit(matrix, replace(table, target=np.ascontiguousarray(column)), seed=seed)
                for part, column in zip(self.parts, table.target.T, strict=True)
            ]
        )


@dataclass(frozen=True)
class FittedMultiOutput:
    """Fitted parts."""

    parts: Sequence[FittedRegressor | FittedBlend]

    def predict(self, matrix: Matrix) -> Columns:
        """The parts' outputs by name, each of shape (n,)."""
        return {name: answers for part in self.parts for name, answers in part.predict(matrix).items()}

    def to_onnx(self) -> bytes:
        """The ONNX file: the parts' graphs beside each other."""
        return bytes(side_by_side([part.to_proto() for part in self.parts]).SerializeToString())


def _output(part: Regressor | Blend) -> str:
    return part.parts[0].output if isinstance(part, Blend) else part.output
