"""What is served in every comparison: a random forest with 8 inputs and a network with 100, fitted here.

The same fitted model goes to everybody: as a pickle to servers with scikit-learn, as ONNX to ours.
"""

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.artifact import Blob
from maas.contract import rows
from maas.manifest import Baseline, DataSource, Golden, Manifest, Parity, TensorSpec
from maas.runtime import Session
from models.export import MEDIA_TYPE, converted
from models.forest import pack

_FIT_ROWS = 4000
_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Subject:
    """One fitted model.

    Attributes:
        name: Of the model and of its function in bench/functions.
        fitted: The scikit-learn estimator.
        onnx: Its export.
        rows: Inputs to ask for, shape (1000, width), float32.
    """

    name: str
    fitted: Any
    onnx: bytes
    rows: NDArray[np.float32]

    def pickled(self, folder: Path) -> Path:
        """Write the estimator as servers with scikit-learn read it."""
        import joblib

        folder.mkdir(parents=True, exist_ok=True)
        joblib.dump(self.fitted, folder / "model.joblib")
        return folder / "model.joblib"

    @property
    def contract(self) -> Any:
        """The contract of the model's function."""
        return import_module(f"bench.functions.{self.name}.handler").handler.contract

    def instances(self, count: int) -> list[dict[str, Any]]:
        """The first `count` rows as records, again from the start where there are not so many."""
        values = np.resize(self.rows, (count, self.rows.shape[1])).astype(float)
        if len(self.contract.fields) == 1:
            [name] = self.contract.fields
            return [{name: row} for row in values.tolist()]
        return [dict(zip(self.contract.fields, row, strict=True)) for row in values.tolist()]

    def manifest(self) -> Manifest:
        """A version of the model, ready to publish."""
        contract, session = self.contract, Session(self.onnx)
        instances = self.instances(3)
        answers = contract.respond(session.run(contract.matrix(contract.parse(instances))))
        specs = {
            side: [
                TensorSpec.model_validate({"name": n, "datatype": d, "shape": tuple(s)})
                for n, d, s in tensors
            ]
            for side, tensors in (("inputs", contract.inputs()), ("outputs", contract.outputs()))
        }
        return Manifest(
            model=self.name,
            created=datetime.now(UTC),
            artifact=Blob.of(self.onnx, MEDIA_TYPE),
            feature_names=contract.feature_names,
            inputs=tuple(specs["inputs"]),
            outputs=tuple(specs["outputs"]),
            metrics={"score": 1.0},
            baseline=Baseline(name="none", metrics={}),
            distributions={},
            golden=Golden(instances=tuple(instances), predictions=tuple(rows(answers)), tolerance=1e-3),
            data=DataSource(name="made up", source="bench", digest="0" * 64, rows=_FIT_ROWS, simulated=True),
            candidates=(),
            parity=Parity(rows=0, max_abs_difference=0, tolerance=0),
            code_revision="bench",
            libraries={},
            hyperparameters={},
            training_seconds=0,
            summary="A model to be measured.",
        )


@cache
def forest() -> Subject:
    """A random forest of 100 trees on 8 numbers."""
    from sklearn.datasets import make_regression
    from sklearn.ensemble import RandomForestRegressor

    inputs, target = make_regression(_FIT_ROWS + _ROWS, 8, noise=5.0, random_state=0)
    inputs = inputs.astype(np.float32)
    fitted = RandomForestRegressor(100, min_samples_leaf=5, random_state=0).fit(
        inputs[:_FIT_ROWS], target[:_FIT_ROWS]
    )
    # As every training here writes it.
    onnx = pack(converted(fitted, 8, ["value"])).SerializeToString()
    return Subject("forest", fitted, onnx, inputs[_FIT_ROWS:])


@cache
def network() -> Subject:
    """A network with layers of 100 and 100 on 100 numbers."""
    from sklearn.datasets import make_regression
    from sklearn.neural_network import MLPRegressor

    inputs, target = make_regression(_FIT_ROWS + _ROWS, 100, noise=5.0, random_state=0)
    inputs, target = inputs.astype(np.float32), target / np.abs(target).max()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how good it is does not matter here
        fitted = MLPRegressor(hidden_layer_sizes=(100, 100), max_iter=20, random_state=0).fit(
            inputs[:_FIT_ROWS], target[:_FIT_ROWS]
        )
    onnx = converted(fitted, 100, ["value"]).SerializeToString()
    return Subject("network", fitted, onnx, inputs[_FIT_ROWS:])
