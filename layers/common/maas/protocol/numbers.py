"""Large JSON bodies whose numbers become arrays at once, without an object for each: three times as quick.

Only what is plainly right is read here. For anything else the answer is None, and the strict way, which reads
every body, says what is wrong and where. Source of the speed: Langdale and Lemire, Parsing gigabytes of JSON
per second, VLDB Journal 28 (2019).
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns
from maas.errors import InvalidRecord
from maas.field import Field

LARGE = 32 * 1024  # bytes of a body from which it pays
_FRACTIONS = {"FP32", "FP64"}
# What the parser raises, and what comes of reading another document than the one that is hoped for.
_UNREAD = (
    AttributeError,
    IndexError,
    InvalidRecord,
    KeyError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
)


def records(body: bytes, fields: Mapping[str, Field], max_rows: int) -> Columns | None:
    """The columns of `{"instances": [...]}`; None unless all records have the same fields and no fault."""
    if not pays(fields) or (b"null" in body and any(field.holes for field in fields.values())):
        return None
    try:
        document = _parsed(body)
        instances = document["instances"]
        if len(document) != 1 or not 1 <= len(instances) <= max_rows:
            return None
        names = dict.fromkeys(instances[0].keys())
        given = [fields[name] for name in names]
        absent = [field for name, field in fields.items() if name not in names]
        # A list within a list of numbers would be flattened.
        each = sum(math.prod(field.shape[:-1]) + (len(field.shape) > 1) for field in given if field.shape)
        if any(field.required for field in absent) or body.count(b"[") != 1 + each * len(instances):
            return None
        columns = _columns(list(instances), given)
        columns |= {field.name: field.default(len(instances)) for field in absent}
        return {name: columns[name] for name in fields}
    except _UNREAD:
        return None


def pays(fields: Mapping[str, Field]) -> bool:
    """Whether most of a record is numbers in lists; field by field the strict way is as quick."""
    numbers = sum(
        math.prod(field.shape) for field in fields.values() if field.shape and field.kind == "float"
    )
    return numbers > 4 * len(fields)


def tensors(text: bytes) -> dict[str, Any] | None:
    """The JSON of an inference request, the data of fractional tensors as flat arrays; None if nested."""
    try:
        document = _parsed(text)
        inputs = document["inputs"]
        header = {name: _plain(document[name]) for name in document if name != "inputs"}
        header["inputs"] = [
            {
                name: np.frombuffer(entry[name].as_buffer(of_type="d"))
                if name == "data" and entry["datatype"] in _FRACTIONS
                else _plain(entry[name])
                for name in entry
            }
            for entry in inputs
        ]
        # In the JSON: the inputs, for each of them shape and data, and the outputs. More is nested.
        lists = 1 + 2 * len(inputs) + isinstance(header.get("outputs"), list)
        # Else a member was given twice.
        whole = all(len(given) == len(read) for given, read in zip(inputs, header["inputs"], strict=True))
        return header if whole and len(document) == len(header) and text.count(b"[") == lists else None
    except _UNREAD:
        return None


def _parsed(body: bytes) -> Any:
    from simdjson import Parser

    # Its parser passes over a byte order mark, which JSON between systems must not have (RFC 8259, 8.1).
    if body[:1] != b"{":
        raise ValueError
    return Parser().parse(body)


def _columns(instances: list[Any], given: list[Field]) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for record in instances:
        if len(record) != len(given):
            raise KeyError
    for field in given:
        values = [record[field.name] for record in instances]
        columns[field.name] = _numbers(field, values) if field.shape else field.checked(values)
    return columns


def _numbers(field: Field, values: list[Any]) -> NDArray[Any]:
    """Lists of numbers as a validated column of shape (n, *field.shape)."""
    if field.kind != "float":
        raise TypeError
    most, *inner = field.shape
    least = most if field.least is None else field.least
    column = np.full((len(values), math.prod(field.shape)), np.nan)
    for row, value in zip(column, values, strict=True):
        numbers = np.frombuffer(value.as_buffer(of_type="d"))
        plain = len(value) == len(numbers) if not inner else all(len(part) == inner[0] for part in value)
        if not plain or not least <= len(value) <= most:
            raise ValueError
        row[: len(numbers)] = numbers
    return field.from_tensor(column.reshape(-1, *field.shape), "")


def _plain(value: Any) -> Any:
    """What the parser lends, as plain objects."""
    for convert in ("as_dict", "as_list"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    return value
