"""The ONNX graph of a table of weights: look up, sum by family, scale, squash."""

import numpy as np
from numpy.typing import NDArray

from functions.sentiment.handler import FEATURES
from models.export import INPUT

_OPSETS = {"": 18, "ai.onnx.ml": 3}
_IR_VERSION = 9  # what runtimes of the opsets' time read


def embedding_bag(
    keys: NDArray[np.int64], weights: NDArray[np.float32], bias: NDArray[np.float32], *, first_fine: int
) -> bytes:
    """A graph of how probable praise is, and what each n-gram adds to its log-odds.

    Its outputs are `probability`, `language` and `log_odds`, n numbers each, and `contributions`, shape (n,
    number of slots).

    Args:
        keys: Buckets with a weight, ascending and distinct; shape (k,).
        weights: Shape (k,).
        bias: Log-odds without any n-gram, by language.
        first_fine: The first bucket of the fine family.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    constants: dict[str, NDArray[np.generic]] = {
        "start": np.array([1], np.int64),
        "stop": np.array([len(FEATURES)], np.int64),
        "axis": np.array([1], np.int64),
        "column": np.array(0, np.int64),
        "below_fine": np.array(first_fine - 1, np.float32),
        "empty": np.array(0, np.float32),
        "one": np.array(1, np.float32),
        "bias": bias,
    }
    node = helper.make_node
    nodes = [
        node("Gather", [INPUT, "column"], ["language"], axis=1),
        node("Cast", ["language"], ["number"], to=TensorProto.INT64),
        node("Gather", ["bias", "number"], ["offset"]),
        node("Slice", [INPUT, "start", "stop", "axis"], ["slots"]),
        node("Cast", ["slots"], ["ids"], to=TensorProto.INT64),
        # A hash table; ONNX wants at least one key, and no bucket is 0.
        node(
            "LabelEncoder",
            ["ids"],
            ["weights"],
            domain="ai.onnx.ml",
            keys_int64s=[0, *keys.tolist()],
            values_floats=[0.0, *weights.tolist()],
            default_float=0.0,
        ),
        node("Greater", ["slots", "below_fine"], ["is_fine"]),
        node("Cast", ["is_fine"], ["fine"], to=TensorProto.FLOAT),
        node("Greater", ["slots", "empty"], ["is_used"]),
        node("Cast", ["is_used"], ["used"], to=TensorProto.FLOAT),
        node("Sub", ["used", "fine"], ["main"]),
    ]
    for family in ("main", "fine"):
        nodes += [
            node("Mul", ["weights", family], [f"{family}_weights"]),
            node("ReduceSum", [f"{family}_weights", "axis"], [f"{family}_sum"], keepdims=0),
            node("ReduceSum", [family, "axis"], [f"{family}_count"], keepdims=0),
            node("Max", [f"{family}_count", "one"], [f"{family}_number"]),
            node("Sqrt", [f"{family}_number"], [f"{family}_length"]),
            node("Div", [f"{family}_sum", f"{family}_length"], [f"{family}_score"]),
            node("Unsqueeze", [f"{family}_length", "axis"], [f"{family}_lengths"]),
            node("Div", [f"{family}_weights", f"{family}_lengths"], [f"{family}_shares"]),
        ]
    nodes += [
        node("Sum", ["main_score", "fine_score", "offset"], ["log_odds"]),
        node("Sigmoid", ["log_odds"], ["probability"]),
        node("Add", ["main_shares", "fine_shares"], ["contributions"]),
    ]
    graph = helper.make_graph(
        nodes,
        "sentiment",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, len(FEATURES)])],
        [
            *(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [None])
                for name in ("probability", "language", "log_odds")
            ),
            helper.make_tensor_value_info("contributions", TensorProto.FLOAT, [None, len(FEATURES) - 1]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    checker.check_model(model)
    return bytes(model.SerializeToString())
