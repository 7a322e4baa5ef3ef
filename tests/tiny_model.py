"""A real, tiny model with a field of every kind: a linear graph over a contract of its own."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from pydantic import Field, NaiveDatetime

from maas.artifact import Blob
from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.judgement import BASELINE, GOLDEN, LATENCY, PARITY, PRODUCTION, SIZE, SLOWER, Check, Gate
from maas.manifest import (
    Baseline,
    Candidate,
    DataSource,
    Golden,
    Manifest,
    Parity,
    TensorSpec,
)
from maas.runtime import Session

NAME = "tiny"
FEATURES = ("hour", "temperature", "rain", "wet", "lanes", "open", "speed_0", "speed_1")
MEDIA_TYPE = "application/onnx"

Speed = Annotated[float, Field(ge=0, le=200)]


class Reading(Record):
    """One record with a field of every kind."""

    timestamp: NaiveDatetime
    temperature: float = Field(ge=-60, le=60, json_schema_extra={"unit": "°C"})
    lanes: int = Field(ge=1, le=12)
    speeds: list[Speed] = Field(min_length=2, max_length=2)
    weather: Literal["Clear", "Rain", "雪"] = "Clear"
    rain: float | None = Field(default=None, ge=0, le=500)
    open: bool = True
    note: str = Field(default="", max_length=20)


class Estimate(Prediction):
    """What the tiny model answers."""

    volume: float = Field(json_schema_extra={"decimals": 3})


def features(records: Columns) -> Matrix:
    hours = records["timestamp"].astype("datetime64[h]").astype(np.int64) % 24
    rain = np.nan_to_num(records["rain"], nan=0.0)
    wet = (records["weather"] != "Clear").astype(float)
    return np.column_stack(
        [hours, records["temperature"], rain, wet, records["lanes"], records["open"], records["speeds"]]
    ).astype(np.float32)


def graph(weights: list[float] | None = None, *, width: int = len(FEATURES)) -> bytes:
    """A linear model `volume = features @ weights` as ONNX bytes."""
    column = np.array(weights or [float(i + 1) for i in range(width)], dtype=np.float32).reshape(width, 1)
    nodes = [helper.make_node("MatMul", ["features", "weights"], ["volume"])]
    made = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("volume", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(column, "weights")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def endpoint() -> Endpoint[Reading, Estimate]:
    """A fresh handler, with nothing loaded."""
    return Endpoint(NAME, Reading, Estimate, features, feature_names=FEATURES)


def instance(**changes: Any) -> dict[str, Any]:
    """A valid record, with some fields changed."""
    return {
        "timestamp": "2026-03-01T08:00:00",
        "temperature": 11.5,
        "lanes": 3,
        "speeds": [61.0, 58.5],
        **changes,
    }


INSTANCES = [instance(), instance(weather="雪", temperature=-3, rain=2.5), instance(open=False, lanes=1)]


def golden(artifact: bytes) -> Golden:
    """What the model itself answers for INSTANCES."""
    contract = endpoint().contract
    outputs = contract.respond(Session(artifact).run(contract.matrix(contract.parse(INSTANCES))))
    predictions = tuple({"volume": value} for value in outputs["volume"].tolist())
    return Golden(instances=tuple(INSTANCES), predictions=predictions, tolerance=1e-3)


def decision(stable: str | None = None, /, **changes: Check | None) -> Gate:
    """The gate's decision about a version below, beside the version `stable`, a digest.

    Args:
        stable: What was in production, None: nothing.
        changes: Checks by the name of their constant in `maas.judgement`, in small letters; None: without it.
    """
    beside = {"value": 1.0, "limit": 1.02} if stable else {"note": "nothing is in production"}
    checks: dict[str, Check | None] = {
        "baseline": Check(name=f"rmse{BASELINE}", value=1.0, limit=2.0, passed=True),
        "production": Check.model_validate({"name": f"rmse{PRODUCTION}", "passed": True, **beside}),
        "parity": Check(name=PARITY, value=0.0, limit=1e-3, passed=True),
        "golden": Check(name=GOLDEN, passed=True, note="3 reproduced"),
        "size": Check(name=SIZE, value=0.0003, limit=64.0, passed=True),
        "latency": Check(name=LATENCY, value=0.1, limit=10.0, passed=True),
        "slower": Check(name=SLOWER, value=1.1, limit=3.0, passed=True) if stable else None,
    }
    return Gate.of(tuple(check for check in (checks | changes).values() if check), stable)


def version(weights: list[float] | None = None, **changes: Any) -> tuple[Manifest, bytes]:
    """A complete version: manifest and artifact, its golden samples computed by the model itself."""
    artifact = graph(weights)
    contract = endpoint().contract
    fields: dict[str, Any] = {
        "model": NAME,
        "created": datetime.now(UTC),
        "artifact": Blob.of(artifact, MEDIA_TYPE),
        "feature_names": FEATURES,
        "inputs": [TensorSpec(name=t.name, datatype=t.datatype, shape=t.shape) for t in contract.inputs()],
        "outputs": [TensorSpec(name=t.name, datatype=t.datatype, shape=t.shape) for t in contract.outputs()],
        "metrics": {"rmse": 1.0},
        "baseline": Baseline(name="mean", metrics={"rmse": 2.0}),
        "distributions": {},
        "data": DataSource(name="made up", source="tests", digest="0" * 64, rows=3, simulated=True),
        "candidates": [Candidate(name="linear", score=1.0, spread=0.0, chosen=True)],
        "parity": Parity(rows=3, max_abs_difference=0.0, tolerance=1e-3),
        "code_revision": "unknown",
        "libraries": {},
        "hyperparameters": {},
        "training_seconds": 0.0,
        "summary": "A linear model for tests.",
        **changes,
    }
    if "golden" not in fields:
        fields["golden"] = golden(artifact)
    return Manifest(**fields), artifact
