"""A version of the traffic model that needs no training: a linear graph over the function's own contract."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from functions.traffic_flow.handler import handler
from maas.contract import rows
from maas.manifest import Golden, Manifest, TensorSpec
from maas.runtime import Session
from tests.manifests import manifest_of

INSTANCES = [
    {"timestamp": "2018-10-02T08:00:00", "temperature": 14.5, "snow": 0.0, "weather": "Clouds"},
    {"timestamp": "2018-12-25T17:00:00", "temperature": -6.5, "snow": 1.5, "weather": "Snow"},
]
TOLERANCE = 0.1


def linear_version() -> tuple[Manifest, bytes]:
    """Manifest and artifact; the golden samples are the model's own answers to `INSTANCES`."""
    contract = handler.contract
    artifact = _graph(len(contract.feature_names))
    manifest = manifest_of(
        artifact,
        model=handler.name,
        feature_names=contract.feature_names,
        inputs=[TensorSpec(name=t.name, datatype=t.datatype, shape=t.shape) for t in contract.inputs()],
        outputs=[TensorSpec(name=t.name, datatype=t.datatype, shape=t.shape) for t in contract.outputs()],
        golden=Golden(instances=INSTANCES, predictions=predictions(INSTANCES), tolerance=TOLERANCE),
    )
    return manifest, artifact


def predictions(instances: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the version answers, computed in this process."""
    contract = handler.contract
    session = Session(_graph(len(contract.feature_names)))
    return rows(contract.respond(session.run(contract.matrix(contract.parse(instances)))))


def _graph(width: int) -> bytes:
    """`vehicles_per_hour = features @ (100, 101, ...)` as ONNX bytes."""
    weights = np.arange(100, 100 + width, dtype=np.float32).reshape(width, 1)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["features", "weights"], ["vehicles_per_hour"])],
        "linear",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("vehicles_per_hour", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
