"""Weights of ONNX graphs stored in fewer bits; computing stays in float32."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

type Stored = tuple[list[Any], list[Any]]  # initialisers, and the nodes that make the weight of them

_LARGE = 256  # elements; what is smaller gains nothing
_HALF_MAX = float(np.finfo(np.float16).max)
_STEPS = 127


def half_weights(model: Any) -> Any | None:
    """Store large float32 weights as float16, cast back when the model is loaded.

    Returns:
        A new ModelProto, or None where there are no such weights.
    """
    return _stored(model, _as_half)


def byte_weights(model: Any) -> Any | None:
    """Store the large weights of Conv, Gemm and MatMul as int8 with one scale per output channel.

    Symmetric: each channel's greatest weight becomes 127 or -127. Source: H. Wu and others, "Integer
    quantization for deep learning inference", 2020, section 3.

    Returns:
        A new ModelProto, or None where there are no such weights.
    """
    axes = _channel_axes(model)

    def as_bytes(name: str, weight: NDArray[np.float32]) -> Stored | None:
        axis = axes.get(name)
        return None if axis is None else _as_bytes(name, weight, axis)

    return _stored(model, as_bytes)


def _stored(model: Any, store: Callable[[str, NDArray[np.float32]], Stored | None]) -> Any | None:
    import onnx
    from onnx import TensorProto, numpy_helper

    smaller = onnx.load_from_string(model.SerializeToString())
    tensors, nodes, changed = [], [], False
    for tensor in smaller.graph.initializer:
        large = tensor.data_type == TensorProto.FLOAT and int(np.prod(tensor.dims)) >= _LARGE
        parts = store(tensor.name, numpy_helper.to_array(tensor)) if large else None
        changed |= parts is not None
        tensors += [tensor] if parts is None else parts[0]
        nodes += [] if parts is None else parts[1]
    if not changed:
        return None
    kept = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in tensors]
    nodes += [onnx.NodeProto.FromString(node.SerializeToString()) for node in smaller.graph.node]
    del smaller.graph.initializer[:], smaller.graph.node[:]
    smaller.graph.initializer.extend(kept)
    smaller.graph.node.extend(nodes)
    return smaller


def _as_half(name: str, weight: NDArray[np.float32]) -> Stored | None:
    from onnx import TensorProto, helper, numpy_helper

    if np.abs(weight).max() > _HALF_MAX:
        return None
    tensor = numpy_helper.from_array(weight.astype(np.float16), f"{name}_half")
    return [tensor], [helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT)]


def _as_bytes(name: str, weight: NDArray[np.float32], axis: int) -> Stored:
    from onnx import TensorProto, helper, numpy_helper

    others = tuple(other for other in range(weight.ndim) if other != axis)
    greatest = np.abs(weight).max(axis=others, keepdims=True)
    scale = np.where(greatest > 0, greatest / _STEPS, 1).astype(np.float32)
    codes = np.clip(np.rint(weight / scale), -_STEPS, _STEPS).astype(np.int8)
    tensors = [
        numpy_helper.from_array(codes, f"{name}_codes"),
        numpy_helper.from_array(scale, f"{name}_scale"),
    ]
    # DequantizeLinear says the same, but ONNX Runtime computes it anew in every call (a row then takes five
    # times as long in a dense network); these two it folds into one weight when the model is loaded.
    whole = f"{name}_whole"
    return tensors, [
        helper.make_node("Cast", [tensors[0].name], [whole], to=TensorProto.FLOAT),
        helper.make_node("Mul", [whole, tensors[1].name], [name]),
    ]


def _channel_axes(model: Any) -> dict[str, int | None]:
    """The axis of the output channels of every weight of Conv, Gemm and MatMul; None where uses differ."""
    from onnx import helper

    ranks = {tensor.name: len(tensor.dims) for tensor in model.graph.initializer}
    found: dict[str, int | None] = {}
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            rank = ranks.get(name)
            if rank is None:
                continue
            axis: int | None = None
            if place == 1 and node.op_type == "Conv":
                axis = 0
            elif place == 1 and node.op_type == "MatMul" and rank > 1:
                axis = rank - 1
            elif place == 1 and node.op_type == "Gemm":
                read = {one.name: helper.get_attribute_value(one) for one in node.attribute}
                axis = 0 if read.get("transB") else 1
            found[name] = axis if found.get(name, axis) == axis else None
    return found
