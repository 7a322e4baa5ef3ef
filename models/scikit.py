"""Candidates made of scikit-learn regressors: one estimator, or the mean of several."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import JsonValue

from maas.contract import Columns, Matrix
from models.export import average, converted, exponential, rescaled
from models.table import Table


@dataclass(frozen=True)
class Regressor:
    """One scikit-learn regressor or pipeline for one number.

    Attributes:
        name: For people.
        output: The prediction's field.
        make: Makes the unfitted estimator from a seed.
        settings: What the manifest says about it.
        rows: Rows to fit on at most, drawn at random; for methods whose cost grows with their square.
        log_link: Whether the estimator computes the logarithm inside (Poisson or gamma loss).
        change_from: The feature, by its place, that the estimator's target is the change from.
        unit: What the estimator's target is divided by; networks learn best from numbers near 1.
    """

    name: str
    output: str
    make: Callable[[int], Any]
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    rows: int | None = None
    log_link: bool = False
    change_from: int | None = None
    unit: float = 1.0

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The settings, and the row limit where there is one."""
        return dict(self.settings) if self.rows is None else {**self.settings, "rows": self.rows}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedRegressor":
        """Fit on all rows, or on a random part."""
        from threadpoolctl import threadpool_limits

        target = table.target
        if self.rows is not None and len(matrix) > self.rows:
            chosen = np.sort(np.random.default_rng(seed).choice(len(matrix), self.rows, replace=False))
            matrix, target = matrix[chosen], target[chosen]
        # One thread: sums in another order change the last digits, and busy machines make spinning
        # threads crawl.
        if self.change_from is not None:
            target = target - matrix[:, self.change_from]
        with threadpool_limits(1):
            estimator = self.make(seed).fit(matrix, target / self.unit)
        return FittedRegressor(estimator, self.output, self.log_link, self.change_from, self.unit)


@dataclass(frozen=True)
class FittedRegressor:
    """A fitted estimator."""

    estimator: Any
    output: str
    log_link: bool
    change_from: int | None = None
    unit: float = 1.0

    def predict(self, matrix: Matrix) -> Columns:
        """The one output, shape (n,)."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            answers = np.asarray(self.estimator.predict(matrix), np.float64).reshape(-1) * self.unit
        return {self.output: answers if self.change_from is None else answers + matrix[:, self.change_from]}

    def to_proto(self) -> Any:
        """The ONNX ModelProto."""
        model = converted(self.estimator, self.estimator.n_features_in_, [self.output])
        if self.log_link:
            model = exponential(model)
        return rescaled(model, self.unit, self.change_from)

    def to_onnx(self) -> bytes:
        """The ONNX file."""
        return bytes(self.to_proto().SerializeToString())


@dataclass(frozen=True)
class Blend:
    """The mean of several regressors: methods that err in different ways err less together."""

    name: str
    parts: Sequence[Regressor]

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The parts' settings by name."""
        return {part.name: dict(part.hyperparameters) for part in self.parts}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedBlend":
        """Fit every part."""
        return FittedBlend([part.fit(matrix, table, seed=seed) for part in self.parts])


@dataclass(frozen=True)
class FittedBlend:
    """Fitted parts."""

    parts: Sequence[FittedRegressor]

    def predict(self, matrix: Matrix) -> Columns:
        """The mean of the parts' outputs."""
        output = self.parts[0].output
        return {output: np.mean([part.predict(matrix)[output] for part in self.parts], axis=0)}

    def to_proto(self) -> Any:
        """The parts' graphs and their mean."""
        return average([part.to_proto() for part in self.parts])

    def to_onnx(self) -> bytes:
        """The ONNX file."""
        return bytes(self.to_proto().SerializeToString())
