"""Keras Sequential networks as ONNX graphs, written layer by layer.

The weights are read as NumPy arrays, so it works the same on every Keras backend. Only layers whose ONNX form
is exact are known; the training job compares both on real rows in any case.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.errors import ConfigurationError
from models.export import INPUT

_OPSET, _IR_VERSION = 18, 10
_IMAGE_AXES = 4
_ACTIVATIONS = {
    "linear": "",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "softplus": "Softplus",
    "tanh": "Tanh",
}
_ONLY_IN_TRAINING = {"Dropout", "GaussianNoise", "InputLayer", "SpatialDropout2D"}


def sequential_to_onnx(
    network: Any,
    output: str,
    *,
    mean: NDArray[np.float32] | None = None,
    scale: NDArray[np.float32] | None = None,
) -> bytes:
    """Write a built `keras.Sequential` as an ONNX file.

    The graph's input is `features` (n, k), its only output is named `output`. A network that takes images
    (height, width, channels) gets them as rows of pixels in that order.

    Args:
        network: Layers from Conv2D, MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D, Flatten, Dense,
            BatchNormalization, Activation, ReLU, Softmax, Dropout (left out).
        output: Name of the output.
        mean: Subtracted from the features first, shape (k,).
        scale: Divides the features then, shape (k,).

    Raises:
        ConfigurationError: A layer or activation is not among those.
    """
    from onnx import checker, helper

    graph = _Graph()
    shape = tuple(int(size) for size in network.input_shape[1:])
    value = INPUT
    if mean is not None and scale is not None:
        value = graph.add("Sub", value, graph.constant(mean))
        value = graph.add("Div", value, graph.constant(scale))
    if len(shape) > 1:
        value = graph.add("Reshape", value, graph.constant(np.array([-1, *shape], np.int64)))
        value = graph.add("Transpose", value, perm=[0, 3, 1, 2])
    for layer in network.layers:
        value = _written(graph, layer, value)
    graph.nodes[-1].output[:] = [output]
    width = int(np.prod(shape))
    size = int(network.output_shape[-1])
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "sequential",
            [helper.make_tensor_value_info(INPUT, 1, [None, width])],
            [helper.make_tensor_value_info(output, 1, [None, size])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    checker.check_model(model)
    return bytes(model.SerializeToString())


class _Graph:
    """Nodes and constants, with a fresh name for each value."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name


def _written(graph: _Graph, layer: Any, value: str) -> str:
    # A layer of ours that only computes its gradient in another way is its parent in the graph.
    kinds = [kind.__name__ for kind in type(layer).__mro__]
    if kinds[0] in _ONLY_IN_TRAINING:
        return value
    kind = next((kind for kind in kinds if kind in _WRITERS), None)
    if kind is None:
        raise ConfigurationError(
            f"a layer of type {kinds[0]} has no ONNX form here; known: {sorted(_WRITERS)}"
        )
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise ConfigurationError(f"{layer.name}: channels come last in the networks written here")
    return _WRITERS[kind](graph, layer, value)


def _weights(layer: Any) -> list[NDArray[np.float32]]:
    # Keras's own get_weights asks NumPy for a copy in a way that warns.
    return [np.asarray(variable.value) for variable in layer.weights]


def _activated(graph: _Graph, function: Any, value: str) -> str:
    name = function if isinstance(function, str) else function.__name__
    if name not in _ACTIVATIONS:
        raise ConfigurationError(f"activation {name!r} has no ONNX form here; known: {sorted(_ACTIVATIONS)}")
    operator = _ACTIVATIONS[name]
    if not operator:
        return value
    return graph.add(operator, value, **({"axis": -1} if operator == "Softmax" else {}))


def _convolution(graph: _Graph, layer: Any, value: str) -> str:
    kernel, *bias = _weights(layer)
    value = graph.add(
        "Conv",
        value,
        graph.constant(kernel.transpose(3, 2, 0, 1)),
        *(graph.constant(array) for array in bias),
        strides=layer.strides,
        dilations=layer.dilation_rate,
        group=layer.groups,
        auto_pad=_padding(layer),
    )
    return _activated(graph, layer.activation, value)


def _pooling(operator: str) -> Callable[[_Graph, Any, str], str]:
    def write(graph: _Graph, layer: Any, value: str) -> str:
        return graph.add(
            operator, value, kernel_shape=layer.pool_size, strides=layer.strides, auto_pad=_padding(layer)
        )

    return write


def _global_average(graph: _Graph, layer: Any, value: str) -> str:
    value = graph.add("GlobalAveragePool", value)
    return value if layer.keepdims else graph.add("Flatten", value)


def _flatten(graph: _Graph, layer: Any, value: str) -> str:
    if len(layer.input.shape) == _IMAGE_AXES:
        # Keras counts pixels first and channels last, ONNX the other way round.
        value = graph.add("Transpose", value, perm=[0, 2, 3, 1])
    return graph.add("Flatten", value)


def _dense(graph: _Graph, layer: Any, value: str) -> str:
    if len(layer.input.shape) == _IMAGE_AXES:
        raise ConfigurationError(f"{layer.name}: a dense layer needs Flatten before it")
    kernel, *bias = _weights(layer)
    value = graph.add("Gemm", value, graph.constant(kernel), *(graph.constant(array) for array in bias))
    return _activated(graph, layer.activation, value)


def _normalisation(graph: _Graph, layer: Any, value: str) -> str:
    arrays = _weights(layer)
    mean, variance = arrays[-2:]
    gamma = arrays[0] if layer.scale else np.ones_like(mean)
    beta = arrays[-3] if layer.center else np.zeros_like(mean)
    names = (graph.constant(array) for array in (gamma, beta, mean, variance))
    # The runtime merges it into a convolution before it when it opens the model.
    return graph.add("BatchNormalization", value, *names, epsilon=layer.epsilon)


def _padding(layer: Any) -> str:
    return {"valid": "VALID", "same": "SAME_UPPER"}[layer.padding]


_WRITERS: Mapping[str, Callable[[_Graph, Any, str], str]] = {
    "Activation": lambda graph, layer, value: _activated(graph, layer.activation, value),
    "AveragePooling2D": _pooling("AveragePool"),
    "BatchNormalization": _normalisation,
    "Conv2D": _convolution,
    "Dense": _dense,
    "Flatten": _flatten,
    "GlobalAveragePooling2D": _global_average,
    "MaxPooling2D": _pooling("MaxPool"),
    "ReLU": lambda graph, _, value: _activated(graph, "relu", value),
    "Softmax": lambda graph, _, value: _activated(graph, "softmax", value),
}
