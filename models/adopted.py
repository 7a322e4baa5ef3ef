"""A candidate that is a finished ONNX file: nothing is fitted, the file is checked and served as it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from maas.artifact import digest_of
from maas.contract import Columns, Contract, Matrix
from maas.manifest import DataSource
from maas.metrics import accuracy_score
from maas.runtime import Session
from models.evaluation import answers
from models.table import Table


@dataclass(frozen=True)
class Adopted:
    """An ONNX file made elsewhere.

    Attributes:
        path: The file.
        name: For people.
    """

    path: Path
    name: str = "adopted"

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The file and its digest: how it was made is not known here."""
        return {"file": self.path.name, "sha256": digest_of(self.path.read_bytes())}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "AdoptedFile":
        """The file; rows and seed change nothing."""
        del matrix, table, seed
        return AdoptedFile(self.path.read_bytes())


@dataclass(frozen=True)
class AdoptedFile:
    """The bytes of an ONNX file, as a fitted model."""

    artifact: bytes

    def predict(self, matrix: Matrix) -> Columns:
        """The graph's outputs."""
        return Session(self.artifact).run(matrix)

    def to_onnx(self) -> bytes:
        """The file, byte for byte."""
        return self.artifact


def self_labelled(
    contract: Contract[Any, Any], path: Path, output: str, *, seed: int, rows: int = 500
) -> Table:
    """Standard normal records labelled by the model itself: they show that it runs, nothing else.

    Args:
        contract: The endpoint's; its fields are numbers or lists of numbers.
        path: The ONNX file.
        output: The prediction's field that is taken as the truth.
        seed: Of the records.
        rows: How many.
    """
    generator = np.random.default_rng(seed)
    columns = {name: generator.normal(size=(rows, *field.shape)) for name, field in contract.fields.items()}
    artifact = path.read_bytes()
    target = answers(contract, Session(artifact), columns)[output]
    data = DataSource(
        name=f"random inputs labelled by the model itself, seed {seed}",
        source=f"simulated: answers of {path.name}",
        digest=digest_of(digest_of(artifact).encode() + repr(seed).encode()),
        rows=rows,
        simulated=True,
    )
    return Table(columns=columns, target=target, data=data)


def agreement(output: str) -> Callable[[NDArray[Any], Columns], dict[str, float]]:
    """Metrics of any output: `error`, the share of other labels, or the mean distance of numbers."""

    def metrics(truth: NDArray[Any], predicted: Columns) -> dict[str, float]:
        given = predicted[output]
        if truth.dtype.kind == "f":
            return {"error": float(np.abs(given - truth).mean())}
        return {"error": 1 - accuracy_score(truth.astype(str), given.astype(str))}

    return metrics
