"""What a recipe may try: anything that fits, predicts named outputs and writes itself as ONNX."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from pydantic import JsonValue

from maas.contract import Columns, Matrix
from models.table import Table


class Fitted(Protocol):
    """A fitted model."""

    def predict(self, matrix: Matrix) -> Columns:
        """Its outputs by name, as the ONNX graph names them, n rows each."""
        ...

    def to_onnx(self) -> bytes:
        """The same model as an ONNX file: one float32 input `features` (n, k) and the same outputs."""
        ...


class Candidate(Protocol):
    """A method with its settings, not yet fitted."""

    @property
    def name(self) -> str:
        """A name for people, unique in the recipe."""
        ...

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """What the manifest says about its settings."""
        ...

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> Fitted:
        """Fit to the table's target; `matrix` holds the features of its rows.

        The same rows and seed give the same model.
        """
        ...


@runtime_checkable
class NeedsExtra(Protocol):
    """A candidate whose framework is not part of every installation."""

    def missing(self) -> str | None:
        """What has to be installed before it can be fitted, in a sentence, or None."""
        ...


@runtime_checkable
class HasFound(Protocol):
    """A fitted model that found some of its settings itself."""

    @property
    def found(self) -> Mapping[str, JsonValue]:
        """Those settings, for the manifest."""
        ...


class Baseline(Protocol):
    """A naive method that a model has to beat; `predict` answers in the prediction's fields."""

    @property
    def name(self) -> str:
        """A name for people."""
        ...

    def predict(self, learnt: Table, asked: Table) -> Columns:
        """Learn from one table, answer for another."""
        ...
