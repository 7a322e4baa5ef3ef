"""Which number of an answer is explained."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from maas.contract import Columns, Contract
from maas.errors import FieldError, InvalidRequest
from maas.explain.game import Values

_ELEMENT = re.compile(r"(\w+)\[(\d{1,6})\]")
_CLOSE = 1e-6
_MATRIX = 2


@dataclass(frozen=True)
class Target:
    """A number of the prediction.

    Attributes:
        field: The prediction's field, as `name` or, of a list, `name[3]`; or an output of the graph.
        output: The graph's output that holds one column per class, where the field is the largest of them.
        column: The class explained: for other records another one may be the largest.
    """

    field: str
    output: str | None = None
    column: int | None = None

    @property
    def name(self) -> str:
        """The number's name: the field, with its class behind it."""
        return self.field if self.column is None else f"{self.field}[{self.column}]"

    def values(self, contract: Contract[Any, Any], outputs: Columns) -> Values:
        """The number for n rows of the graph's outputs, not rounded, shape (n,)."""
        if self.output is not None:
            return np.asarray(outputs[self.output][:, self.column], np.float64)
        return numbers(contract, outputs)[self.field]


def numbers(contract: Contract[Any, Any], outputs: Columns) -> dict[str, Values]:
    """Every number of the predictions, not rounded, each of shape (n,); elements of lists by `name[i]`."""
    found: dict[str, Values] = {}
    answers = contract.unrounded(outputs)
    for name, field in contract.answers.items():
        column = answers[name]
        if field.kind not in {"float", "int", "bool"}:
            continue
        values = np.asarray(column, np.float64).reshape(len(column), -1)
        if not field.shape:
            found[name] = values[:, 0]
        else:
            found |= {f"{name}[{place}]": values[:, place] for place in range(values.shape[1])}
    return found


def choose(
    contract: Contract[Any, Any], outputs: Columns, *, field: str | None = None, column: int | None = None
) -> Target:
    """The number to explain.

    Without `field` it is the prediction's first fraction. A field that is the largest of several classes'
    numbers is explained as the class that is largest for the record, or as the class `column`: what else
    would change is which class is meant.

    Args:
        contract: The model's.
        outputs: The graph's, for the record in the first row and for others.
        field: A field of the prediction, as `name` or `name[i]`.
        column: A class.

    Raises:
        InvalidRequest: There is no such number or class.
    """
    known = numbers(contract, outputs)
    if field is None:
        fractions = [name for name in known if contract.answers[_bare(name)].kind == "float"]
        ordered = sorted(fractions or known, key=lambda name: "[" in name)
        if not ordered:
            return _without_numbers(outputs, column)
        field = ordered[0]
    if field not in known:
        raise _refused("target", f"no such number; this model's are {', '.join(known)}"[:500])
    for name, output in outputs.items():
        if _is_table(output) and np.allclose(output.max(axis=1), known[field], rtol=0, atol=_CLOSE):
            return Target(field, name, _class(output, column))
    if column is not None:
        raise _refused("class", f"{field} is not the largest of several classes")
    return Target(field)


def _without_numbers(outputs: Columns, column: int | None) -> Target:
    """A prediction of labels only: the number behind the likeliest one."""
    for name, output in outputs.items():
        if _is_table(output):
            return Target(name, name, _class(output, column))
    raise _refused("target", "this model answers with no number that could be explained")


def _class(output: Values, column: int | None) -> int:
    if column is None:
        return int(output[0].argmax())
    if not 0 <= column < output.shape[1]:
        raise _refused("class", f"the classes are 0 to {output.shape[1] - 1}")
    return column


def _is_table(output: Values) -> bool:
    return output.ndim == _MATRIX and output.shape[1] > 1 and output.dtype.kind == "f"


def _bare(name: str) -> str:
    found = _ELEMENT.fullmatch(name)
    return found[1] if found else name


def _refused(parameter: str, detail: str) -> InvalidRequest:
    place = f"/parameters/{parameter}"
    return InvalidRequest(f"{place}: {detail}.", errors=[FieldError(place, detail)])
