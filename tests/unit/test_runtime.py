"""ONNX sessions over tiny graphs: what runs, and what is no model."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from maas.errors import BrokenArtifact
from maas.runtime import Session
from tests import tiny_model


def graph_of(
    inputs: dict[str, tuple[int, list[int | None]]], outputs: list[str], operator: str = "Identity"
) -> bytes:
    """A graph whose outputs are each `operator` of its first input."""
    first = next(iter(inputs))
    made = helper.make_graph(
        [helper.make_node(operator, [first], [output]) for output in outputs],
        "graph",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(output, inputs[first][0], inputs[first][1]) for output in outputs],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


MATRIX = (TensorProto.FLOAT, [None, 2])


def test_linear_model_computes() -> None:
    """A session multiplies as the graph says, and knows its width and outputs."""
    session = Session(tiny_model.graph([1.0, 10.0], width=2))
    assert (session.width, session.outputs) == (2, ("volume",))
    assert session.run(np.array([[1, 2], [3, 4]], "f4"))["volume"].tolist() == [[21.0], [43.0]]


def test_every_output_comes_by_name() -> None:
    """A model with several outputs gives each under its own name."""
    session = Session(graph_of({"features": MATRIX}, ["low", "high"]))
    outputs = session.run(np.array([[1, 2]], "f4"))
    assert {name: value.tolist() for name, value in outputs.items()} == {"low": [[1, 2]], "high": [[1, 2]]}


@pytest.mark.parametrize("rows", [0, 1, 2048, 2049, 5000])
def test_any_number_of_rows_comes_back_in_order(rows: int) -> None:
    """Many rows are computed in parts, which nobody sees."""
    matrix = np.arange(rows * 2, dtype="f4").reshape(rows, 2)
    outputs = Session(graph_of({"features": MATRIX}, ["low", "high"])).run(matrix)
    np.testing.assert_array_equal(outputs["high"], matrix)


def test_width_may_be_open() -> None:
    """A graph that takes any number of columns says nothing about its width."""
    assert Session(graph_of({"features": (TensorProto.FLOAT, [None, None])}, ["out"])).width is None


@pytest.mark.parametrize("model", [b"", b"no model", tiny_model.graph()[:100], b"\x80\x04]."])
def test_bytes_that_are_no_model_are_refused(model: bytes) -> None:
    """Damaged or foreign bytes are a broken artifact, never a crash of the runtime."""
    with pytest.raises(BrokenArtifact, match="cannot open"):
        Session(model)


@pytest.mark.parametrize(
    "inputs",
    [
        {"features": (TensorProto.DOUBLE, [None, 2])},
        {"features": (TensorProto.FLOAT, [None])},
        {"features": (TensorProto.FLOAT, [None, 2, 2])},
        {"features": MATRIX, "more": MATRIX},
    ],
)
def test_other_inputs_than_one_matrix_are_refused(inputs: dict[str, tuple[int, list[int | None]]]) -> None:
    """The function feeds one float32 matrix; a model that wants something else cannot be served."""
    with pytest.raises(BrokenArtifact, match="one float32 matrix"):
        Session(graph_of(inputs, ["out"]))


def test_unknown_operator_is_refused() -> None:
    """A graph for another runtime is noticed when it is opened, not when it is asked."""
    with pytest.raises(BrokenArtifact):
        Session(graph_of({"features": MATRIX}, ["out"], operator="Telepathy"))


def test_weights_outside_the_file_are_not_read() -> None:
    """Weights may not come from a file beside the model: the digest would not cover them."""
    model = onnx.load_model_from_string(tiny_model.graph([1.0, 10.0], width=2))
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/hostname")
    with pytest.raises(BrokenArtifact):
        Session(model.SerializeToString())
