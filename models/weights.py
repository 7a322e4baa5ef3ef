"""Large graphs taken apart: the graph, and its numbers in a file beside it."""

from typing import Any

from maas.weights import FILE

# From here on a graph is opened from a mapped file; below, bytes in one piece are simpler and as quick.
LARGE = 128 * 1024 * 1024
_SMALL_TENSOR = 1024  # bytes; shapes and constants stay in the graph
_ALIGNMENT = 4096  # a page: what is mapped begins on one


def apart(model: Any) -> tuple[bytes, bytes]:
    """Graph and weights of an ONNX ModelProto whose numbers are in its initializers.

    Args:
        model: Is changed: its large initializers refer to the file `weights` afterwards.

    Returns:
        The graph's bytes, and the file's.
    """
    from onnx import TensorProto, numpy_helper

    weights = bytearray()
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.STRING:
            continue
        raw = tensor.raw_data or numpy_helper.to_array(tensor).tobytes()
        if len(raw) < _SMALL_TENSOR:
            continue
        weights.extend(bytes(-len(weights) % _ALIGNMENT))
        place = {"location": FILE, "offset": str(len(weights)), "length": str(len(raw))}
        weights.extend(raw)
        kept = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        kept.data_location = TensorProto.EXTERNAL
        for key, value in place.items():
            kept.external_data.add(key=key, value=value)
        tensor.CopyFrom(kept)
    return model.SerializeToString(), bytes(weights)


def parted(artifact: bytes) -> tuple[bytes, bytes]:
    """The artifact as it is published: graph and weights where it is large; else whole, and nothing."""
    if len(artifact) < LARGE:
        return artifact, b""
    import onnx

    return apart(onnx.load_model_from_string(artifact))
