"""ONNX graphs: converted, composed, named like the prediction's fields, and checked for parity."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from maas.contract import Matrix
from maas.errors import ParityError
from maas.manifest import Parity
from maas.runtime import Session
from models.candidate import Fitted

INPUT = "features"
MEDIA_TYPE = "application/onnx"
# Old enough for every supported runtime, new enough for all operators in use.
_OPSETS = {"": 18, "ai.onnx.ml": 3}


def converted(estimator: Any, width: int, outputs: Sequence[str]) -> Any:
    """Convert a fitted scikit-learn estimator to an ONNX ModelProto.

    Args:
        estimator: Fitted on a float32 matrix of `width` columns.
        width: Number of features.
        outputs: New names of the graph's outputs; those of a classifier are label and probabilities.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.base import is_classifier

    options = {"zipmap": False} if is_classifier(estimator) else None
    with warnings.catch_warnings():
        # It hands NumPy's own numbers to protobuf, which warns of them: an error where warnings are.
        warnings.simplefilter("ignore")
        model = to_onnx(
            estimator,
            initial_types=[(INPUT, FloatTensorType([None, width]))],
            options=options,
            target_opset=_OPSETS,
        )
    # It keeps them in a set: their order would differ from process to process, and with it the file's digest.
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    for value, name in zip(list(model.graph.output), outputs, strict=True):
        _rename(model, value.name, name)
    return model


def exponential(model: Any) -> Any:
    """Put an exponential behind the graph's only output: the inverse of a logarithmic link.

    skl2onnx leaves it out for boosted trees with Poisson or gamma loss.
    """
    from onnx import helper

    (output,) = model.graph.output
    inner = f"{output.name}_log"
    _rename_made(model, output.name, inner)
    model.graph.node.append(helper.make_node("Exp", [inner], [output.name]))
    return model


def rescaled(model: Any, unit: float, change_from: int | None) -> Any:
    """Multiply the graph's only output, shape (n, 1), by `unit`, and add the feature at `change_from`."""
    from onnx import helper, numpy_helper

    (output,) = model.graph.output
    if unit != 1:
        _rename_made(model, output.name, "in_units")
        model.graph.initializer.append(numpy_helper.from_array(np.array(unit, np.float32), "unit"))
        model.graph.node.append(helper.make_node("Mul", ["in_units", "unit"], [output.name]))
    if change_from is not None:
        _rename_made(model, output.name, "change")
        model.graph.initializer.append(numpy_helper.from_array(np.array([change_from]), "place"))
        model.graph.node.append(
            helper.make_node("Gather", [model.graph.input[0].name, "place"], ["now"], axis=1)
        )
        model.graph.node.append(helper.make_node("Add", ["change", "now"], [output.name]))
    return model


def side_by_side(models: Sequence[Any]) -> Any:
    """One graph with the outputs of several graphs on the same input."""
    from onnx import checker, compose, helper

    outputs = [(index, value) for index, model in enumerate(models) for value in model.graph.output]
    parts = [compose.add_prefix(model, f"s{index}_") for index, model in enumerate(models)]
    for part in parts:
        _rename_input(part, part.graph.input[0].name, INPUT)
    graph = helper.make_graph(
        [
            *(node for part in parts for node in part.graph.node),
            *(helper.make_node("Identity", [f"s{index}_{one.name}"], [one.name]) for index, one in outputs),
        ],
        "side_by_side",
        [parts[0].graph.input[0]],
        [value for _, value in outputs],
        [tensor for part in parts for tensor in part.graph.initializer],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()],
        ir_version=max(part.ir_version for part in parts),
    )
    checker.check_model(model)
    return model


def average(models: Sequence[Any]) -> Any:
    """One graph with the mean of the only outputs, of one shape, of several graphs on the same input."""
    from onnx import checker, compose, helper

    (output,) = models[0].graph.output
    parts = [compose.add_prefix(model, f"m{index}_") for index, model in enumerate(models)]
    for part in parts:
        _rename_input(part, part.graph.input[0].name, INPUT)
    mean = helper.make_node("Mean", [part.graph.output[0].name for part in parts], [output.name])
    graph = helper.make_graph(
        [*(node for part in parts for node in part.graph.node), mean],
        "average",
        [parts[0].graph.input[0]],
        [output],
        [tensor for part in parts for tensor in part.graph.initializer],
    )
    # Newer than what the installed runtime reads is refused by it: keep the parts' own version.
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()],
        ir_version=max(part.ir_version for part in parts),
    )
    checker.check_model(model)
    return model


def parity(fitted: Fitted, artifact: bytes, matrix: Matrix, tolerance: float) -> Parity:
    """Compare the exported model with the fitted one on the same rows.

    Args:
        fitted: The model in its own framework.
        artifact: Its ONNX export.
        matrix: Shape (n, k).
        tolerance: Largest allowed absolute difference of a numeric output; labels must be equal.

    Raises:
        ParityError: Outputs differ in name or shape, or by more than the tolerance.
    """
    ours, theirs = fitted.predict(matrix), Session(artifact).run(matrix)
    if set(ours) != set(theirs):
        raise ParityError(f"the export gives {sorted(theirs)}, the fitted model {sorted(ours)}")
    worst = 0.0
    for name, column in ours.items():
        if np.size(theirs[name]) != np.size(column):
            raise ParityError(f"{name}: the export gives {theirs[name].shape}, expected {np.shape(column)}")
        worst = max(worst, _difference(name, np.asarray(column), theirs[name].reshape(np.shape(column))))
    if not worst <= tolerance:  # NaN is no agreement either
        raise ParityError(
            f"the export differs by up to {worst:.6g} on {len(matrix)} rows; allowed is {tolerance:.6g}"
        )
    return Parity(rows=len(matrix), max_abs_difference=worst, tolerance=tolerance)


def _difference(name: str, ours: Any, theirs: Any) -> float:
    if ours.dtype.kind not in "fiu":
        if not np.array_equal(ours.astype(str), theirs.astype(str)):
            raise ParityError(f"{name}: the export gives other labels")
        return 0.0
    difference = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    return float(difference.max(initial=0.0))


def _rename(model: Any, old: str, new: str) -> None:
    for node in model.graph.node:
        node.output[:] = [new if name == old else name for name in node.output]
        node.input[:] = [new if name == old else name for name in node.input]
    for value in model.graph.output:
        if value.name == old:
            value.name = new


def _rename_made(model: Any, old: str, new: str) -> None:
    """Rename a value where it is made, so that its old name is free for what comes after it."""
    for node in model.graph.node:
        node.output[:] = [new if name == old else name for name in node.output]


def _rename_input(model: Any, old: str, new: str) -> None:
    for node in model.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
    model.graph.input[0].name = new
