"""ONNX graphs read as sums: of weighted features, of trees, or of both, behind a link.

Followed are the operators that skl2onnx, skl2onnx's neighbours here and models/forest.py write for linear
models, forests and boosted trees, their means and rescalings. Where a graph does anything else, nothing is
said about it; what is said is checked against the graph's own answers by whoever uses it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.explain.forest import Forest
from maas.explain.form import Form, Link
from models import tree_boxes
from models.tree_boxes import Boxes

type Values = NDArray[np.float64]

_MATRIX = 2
_BINARY = 2


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a value in the graph: `link(features @ weights + constant + trees)`."""

    weights: Values
    constant: float = 0.0
    trees: tuple[Boxes, ...] = ()
    link: Link = "identity"

    def scaled(self, factor: float) -> "Column":
        """Times a number."""
        trees = tuple(replace(one, values=one.values * factor) for one in self.trees)
        return Column(self.weights * factor, self.constant * factor, trees)

    def form(self) -> Form:
        """As it is stored."""
        forest = None if not self.trees else Forest(*tree_boxes.joined(self.trees))
        return Form(self.weights, self.constant, forest, self.link)


class _Unknown(Exception):
    """The graph does something that is not followed."""


def additive(graph: bytes) -> dict[str, list[Column]]:
    """The outputs of an ONNX file that are sums, by name, each as its columns."""
    import onnx

    model = onnx.load_from_string(graph)
    walk = _Walk(model)
    for node in model.graph.node:
        walk.visit(node)
    return {
        output.name: walk.known[output.name] for output in model.graph.output if output.name in walk.known
    }


class _Walk:
    """Values of the graph that are known so far."""

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self.constants: dict[str, NDArray[Any]] = {
            one.name: numpy_helper.to_array(one) for one in model.graph.initializer
        }
        (source,) = model.graph.input
        self._width = int(source.type.tensor_type.shape.dim[1].dim_value)
        eye = np.eye(self._width)
        self.known: dict[str, list[Column]] = {source.name: [Column(row) for row in eye]}

    def visit(self, node: Any) -> None:
        """Follow one node, if it can be followed."""
        from onnx import helper

        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        with suppress(_Unknown, KeyError):
            self.known[node.output[-1]] = self._made(node, attributes)

    def _made(self, node: Any, attributes: Mapping[str, Any]) -> list[Column]:
        names, operator = list(node.input), str(node.op_type)
        match operator:
            case "Identity" | "Cast" | "Reshape" | "Flatten" | "Normalizer":
                found = self.known[names[0]]
            case "Sigmoid" | "Exp":
                link: Link = "logit" if operator == "Sigmoid" else "log"
                found = [_linked(one, link) for one in self.known[names[0]]]
            case "Concat" | "Sum" | "Mean":
                found = self._together(operator, names)
            case "Gather" | "Slice":
                found = self._selected(names, attributes)
            case "Add" | "Sub" | "Mul" | "Div":
                found = self._arithmetic(operator, *names)
            case "MatMul" | "Gemm" | "Scaler" | "LinearRegressor" | "LinearClassifier":
                found = self._linear(operator, names, attributes)
            case "TreeEnsemble" | "TreeEnsembleRegressor" | "TreeEnsembleClassifier":
                found = self._trees(operator, names[0], attributes)
            case _:
                raise _Unknown
        return found

    def _together(self, operator: str, names: Sequence[str]) -> list[Column]:
        parts = [self.known[name] for name in names]
        if operator == "Concat":
            return [one for part in parts for one in part]
        divisor = len(parts) if operator == "Mean" else 1
        return [_total(columns).scaled(1 / divisor) for columns in zip(*parts, strict=True)]

    def _selected(self, names: Sequence[str], attributes: Mapping[str, Any]) -> list[Column]:
        columns = self.known[names[0]]
        if attributes.get("axis", 1 if len(names) > _MATRIX else 0) != 1:
            raise _Unknown
        numbers = [np.atleast_1d(self.constants[name]).tolist() for name in names[1:]]
        if len(names) == _MATRIX:
            return [columns[place] for place in numbers[0]]
        begin, end, *rest = numbers
        if len(begin) != 1 or (rest and rest[0] != [1]) or (len(rest) > 1 and rest[1] != [1]):
            raise _Unknown
        return columns[begin[0] : end[0]]

    def _arithmetic(self, operator: str, one: str, other: str) -> list[Column]:
        if one in self.known and other in self.known:
            if operator not in {"Add", "Sub"}:
                raise _Unknown
            sign = 1 if operator == "Add" else -1
            pairs = zip(self.known[one], self.known[other], strict=True)
            return [_total([a, _plain(b).scaled(sign)]) for a, b in pairs]
        swapped = one not in self.known
        columns = self.known[other if swapped else one]
        constant = np.asarray(self.constants[one if swapped else other], np.float64).reshape(-1)
        numbers = np.broadcast_to(constant, len(columns)).tolist()
        if operator == "Sub" and swapped and columns[0].link == "logit" and set(numbers) == {1.0}:
            # One minus a probability: the log-odds turned round.
            return [_linked(replace(c, link="identity").scaled(-1), "logit") for c in columns]
        made = []
        for column, number in zip(map(_plain, columns), numbers, strict=True):
            match operator, swapped:
                case ("Add", _):
                    made.append(replace(column, constant=column.constant + number))
                case ("Sub", False):
                    made.append(replace(column, constant=column.constant - number))
                case ("Sub", True):
                    turned = column.scaled(-1)
                    made.append(replace(turned, constant=turned.constant + number))
                case ("Mul", _):
                    made.append(column.scaled(number))
                case ("Div", False):
                    made.append(column.scaled(1 / number))
                case _:
                    raise _Unknown
        return made

    def _linear(self, operator: str, names: Sequence[str], attributes: Mapping[str, Any]) -> list[Column]:
        columns = [_plain(one) for one in self.known[names[0]]]
        if operator == "Scaler":
            offset, scale = (
                np.broadcast_to(np.asarray(attributes[key], np.float64), len(columns))
                for key in ("offset", "scale")
            )
            return [
                replace(one, constant=one.constant - shift).scaled(factor)
                for one, shift, factor in zip(columns, offset.tolist(), scale.tolist(), strict=True)
            ]
        if operator in {"MatMul", "Gemm"}:
            matrix = np.asarray(self.constants[names[1]], np.float64)
            if attributes.get("transA") or matrix.ndim != _MATRIX:
                raise _Unknown
            matrix = (matrix.T if attributes.get("transB") else matrix) * attributes.get("alpha", 1.0)
            shift = np.zeros(matrix.shape[1])
            if len(names) > _MATRIX:
                shift = shift + np.asarray(self.constants[names[2]]).reshape(-1) * attributes.get("beta", 1.0)
            return _mixed(columns, matrix, shift)
        coefficients = np.asarray(attributes["coefficients"], np.float64).reshape(-1, len(columns))
        intercepts = np.asarray(attributes.get("intercepts", np.zeros(len(coefficients))), np.float64)
        scores = _mixed(columns, coefficients.T, intercepts)
        if operator == "LinearRegressor":
            return _transformed(scores, attributes.get("post_transform", b"NONE"))
        labels = attributes.get("classlabels_ints") or attributes.get("classlabels_strings")
        if len(labels or ()) != len(scores):
            raise _Unknown
        return _transformed(scores, attributes.get("post_transform", b"NONE"))

    def _trees(self, operator: str, name: str, attributes: Mapping[str, Any]) -> list[Column]:
        places = []
        for one in self.known[name]:
            (used,) = np.nonzero(one.weights)
            if (
                len(used) != 1
                or one.weights[used[0]] != 1
                or one.constant
                or one.trees
                or one.link != "identity"
            ):
                raise _Unknown  # trees of something else than the features
            places.append(int(used[0]))
        found = tree_boxes.read(operator, attributes, places)
        if found is None:
            raise _Unknown
        nothing = np.zeros(self._width)
        sums = [
            Column(nothing, base, (boxes,) if len(boxes.values) else ())
            for boxes, base in zip(found.columns, found.bases, strict=True)
        ]
        if not found.both_of_one:
            return _transformed(sums, found.transform)
        # Two classes, the second one's sum alone.
        (yes,) = sums
        if found.transform == b"LOGISTIC":
            return [_linked(yes.scaled(-1), "logit"), _linked(yes, "logit")]
        if found.transform != b"NONE":
            raise _Unknown
        no = yes.scaled(-1)
        return [replace(no, constant=no.constant + 1), yes]


def _transformed(columns: list[Column], transform: bytes) -> list[Column]:
    match transform:
        case b"NONE":
            return columns
        case b"LOGISTIC":
            return [_linked(one, "logit") for one in columns]
        case b"SOFTMAX" if len(columns) == _BINARY:
            no, yes = columns
            odds = _total([yes, no.scaled(-1)])
            return [_linked(odds.scaled(-1), "logit"), _linked(odds, "logit")]
    raise _Unknown


def _mixed(columns: Sequence[Column], matrix: Values, shift: Values) -> list[Column]:
    """The columns times a matrix of shape (columns, k), plus k numbers."""
    weights = matrix.T @ np.stack([one.weights for one in columns])
    constants = matrix.T @ np.array([one.constant for one in columns]) + shift
    grown = [(row, one) for row, one in zip(matrix, columns, strict=True) if one.trees]
    return [
        Column(
            weights[place],
            float(constants[place]),
            tuple(boxes for row, one in grown for boxes in one.scaled(float(row[place])).trees),
        )
        for place in range(matrix.shape[1])
    ]


def _total(columns: Sequence[Column]) -> Column:
    plain = [_plain(one) for one in columns]
    return Column(
        np.sum([one.weights for one in plain], axis=0),
        sum(one.constant for one in plain),
        tuple(boxes for one in plain for boxes in one.trees),
    )


def _plain(column: Column) -> Column:
    if column.link != "identity":
        raise _Unknown
    return column


def _linked(column: Column, link: Link) -> Column:
    return replace(_plain(column), link=link)
