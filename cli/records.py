"""Records to predict for: read from text, files or fields; as instances or as tensors."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli.failure import CommandError
from maas.errors import FieldError

type Instance = dict[str, Any]

STANDARD_INPUT = Path("-")
_FORMAT = """give one record, a list of records or {"instances": [...]} as JSON."""


def from_json(text: str, origin: str) -> list[Instance]:
    """Records from one JSON document: a record, a list of records, or `{"instances": [...]}`.

    Raises:
        CommandError: The text is something else; `origin` says where it came from.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{origin} is not JSON: {error}.", next_step=_FORMAT) from None
    if isinstance(document, dict):
        document = document["instances"] if set(document) == {"instances"} else [document]
    if not isinstance(document, list) or not document or not all(isinstance(r, dict) for r in document):
        raise CommandError(f"{origin} holds no records.", next_step=_FORMAT)
    return document


def from_file(path: Path) -> list[Instance]:
    """Records from a JSON file, or from standard input where the path is `-`.

    Raises:
        CommandError: The file cannot be read, or holds no records.
    """
    if path == STANDARD_INPUT:
        return from_json(sys.stdin.read(), "standard input")
    try:
        return from_json(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}.", next_step=_FORMAT) from None


def from_fields(assignments: Sequence[str], datatypes: Mapping[str, str]) -> Instance:
    """One record from `name=value` pairs, each value read as its field's datatype asks.

    Args:
        assignments: The pairs; a list is written as JSON.
        datatypes: Open Inference Protocol datatype by field name. Text fields take their value as it is,
            all others as JSON; fields not named here are read as JSON where that is possible.

    Raises:
        CommandError: A pair has no `=`.
    """
    record: Instance = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise CommandError(f"--field {assignment!r} is no name=value.", next_step="--field hour=8")
        record[name] = value
        if datatypes.get(name) != "BYTES" or value.startswith("["):
            with suppress(ValueError):
                record[name] = json.loads(value)
    return record


def piped() -> str:
    """What is piped into the command, or an empty text where standard input is a terminal or nothing."""
    # A process without a usable standard input (a service, a test) has nothing piped into it.
    with suppress(OSError, ValueError, AttributeError):
        if not sys.stdin.isatty():
            return sys.stdin.read().strip()
    return ""


def tensors(instances: Sequence[Instance], inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Records as the body of an Open Inference Protocol request, one tensor per field.

    What some records leave out is null there; the model says where it cannot be.

    Args:
        instances: n records.
        inputs: `name`, `datatype` and `shape` of the model's inputs, as its V2 metadata lists them.

    Raises:
        CommandError: A field is unknown.
    """
    known = {str(tensor["name"]): tensor for tensor in inputs}
    faults = [
        FieldError(f"/instances/{row}/{name}", f"unknown field; the model has {', '.join(known)}")
        for row, instance in enumerate(instances)
        for name in instance
        if name not in known
    ]
    if faults:
        raise CommandError("The records do not fit into tensors.", places=tuple(faults))
    body = []
    for name, tensor in known.items():
        values = [instance.get(name) for instance in instances]
        if any(value is not None for value in values):  # what no record has is left to the model
            data, shape = _flat(_filled(values))
            body.append({"name": name, "datatype": str(tensor["datatype"]), "shape": shape, "data": data})
    return {"inputs": body}


def from_tensors(outputs: Sequence[Mapping[str, Any]]) -> list[Instance]:
    """Predictions, one per record, from the output tensors of an Open Inference Protocol answer.

    Raises:
        CommandError: The tensors are not as the protocol has them.
    """
    try:
        columns = {str(tensor["name"]): _rows(tensor["data"], tensor["shape"]) for tensor in outputs}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    except (ArithmeticError, KeyError, IndexError, TypeError, ValueError):
        raise CommandError("The answer is not an Open Inference Protocol response.") from None


def _filled(values: list[Any]) -> list[Any]:
    """Values of n records, lists that are missing or shorter than the longest filled up with null."""
    lists = [value for value in values if isinstance(value, list)]
    if not lists or any(isinstance(item, list) for value in lists for item in value):
        return values
    longest = max(map(len, lists))
    return [[*(value or []), *[None] * (longest - len(value or []))] for value in values]


def _flat(values: list[Any]) -> tuple[list[Any], list[int]]:
    """Values of n records, flattened in row order, and their shape."""
    shape = [len(values)]
    while values and all(isinstance(value, list) for value in values):
        shape.append(len(values[0]))
        values = [item for value in values for item in value]
    return values, shape


def _rows(data: list[Any], shape: Sequence[int]) -> list[Any]:
    """One entry per record from a tensor's flat data."""
    if len(shape) == 1:
        return data
    width = len(data) // shape[0]
    return [_rows(data[row * width : (row + 1) * width], shape[1:]) for row in range(shape[0])]
