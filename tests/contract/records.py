"""Records made from a contract alone: examples, bounds, anything permitted, and anything at all."""

import json
import math
import struct
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, get_args, get_origin

import annotated_types as at
import numpy as np
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from maas.contract import Contract
from maas.errors import InvalidRecord
from maas.field import Field
from maas.protocol import tensor

_MANY = 64  # elements; more are not drawn one by one

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        [1e308, -1e308, 2**63, -(2**63), 10**400, "NaN", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59"]
    )
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def example(contract: Contract[Any, Any]) -> dict[str, Any]:
    """A valid record: each field's first example, or its default."""
    return {name: examples_of(field)[0] for name, field in contract.fields.items()}


def examples_of(field: Field) -> list[Any]:
    """A field's examples, and its default at the end."""
    found = list(field.info.examples or [])
    if not field.required:
        found.append(field.info.get_default(call_default_factory=True))
    assert found, f"{field.name} has neither examples nor a default"
    return found


def limits_of(field: Field) -> list[Any]:
    """The limits of one element."""
    limits: list[Any] = []
    for limit in getattr(field.element, "__metadata__", ()):
        parts = limit.metadata if isinstance(limit, FieldInfo) else [limit]
        limits += [
            each for part in parts for each in (part if isinstance(part, at.GroupedMetadata) else [part])
        ]
    return limits


def bounds(field: Field) -> Iterator[tuple[float, float]]:
    """Each declared bound as the last number permitted and the next one, which is not."""
    for limit in limits_of(field):
        match limit:
            case at.Ge(value):
                yield value, _next(field, value, -1)
            case at.Le(value):
                yield value, _next(field, value, 1)
            case at.Gt(value):
                yield _next(field, value, 1), value
            case at.Lt(value):
                yield _next(field, value, -1), value


def filled(field: Field, value: Any) -> Any:
    """One record's value in which every element is `value`."""
    for size in reversed(field.shape):
        value = [value] * size
    return value


def choices(field: Field) -> tuple[str, ...]:
    """The texts a field is limited to, if it is."""
    for part in (field.element, *get_args(field.element)):
        for inner in (part, *get_args(part)):
            if get_origin(inner) is Literal:
                return get_args(inner)
    return ()


def permitted(field: Field) -> st.SearchStrategy[Any]:
    """Any value that the field's declaration permits."""
    ends = [inside for inside, _ in bounds(field)]
    low, high = min(ends, default=-1e6), max(ends, default=1e6)
    element: st.SearchStrategy[Any]
    match field.kind:
        case "float":
            element = st.floats(low, high) | st.sampled_from([low, high])
        case "int":
            element = st.integers(int(low), int(high))
        case "bool":
            element = st.booleans()
        case "time":
            element = st.datetimes(min_value=datetime(1, 1, 1)).map(datetime.isoformat)  # noqa: DTZ001 -- local
        case "text":
            element = st.sampled_from(choices(field) or tuple(e for e in examples_of(field) if e is not None))
    if math.prod(field.shape) > _MANY and field.kind == "float" and not field.holes and field.least is None:
        vector = st.integers(0, 2**32 - 1).map(lambda seed: _drawn(seed, field.shape, low, high))
        vector |= st.sampled_from([filled(field, low), filled(field, high)])
        return st.none() | vector if field.optional else vector
    if field.holes or (field.optional and not field.shape):
        element = st.none() | element
    for size in reversed(field.shape):
        least = size if field.least is None else field.least
        element = st.lists(element, min_size=least, max_size=size)
    return st.none() | element if field.optional else element


def records(contract: Contract[Any, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any record that the contract permits, in each field and as a whole."""
    fields = {name: permitted(field) for name, field in contract.fields.items()}
    return st.fixed_dictionaries(fields).filter(lambda record: accepted(contract, record))


def accepted(contract: Contract[Any, Any], record: dict[str, Any]) -> bool:
    """Whether `features()` takes a record whose every field is permitted: some fields exclude each other."""
    try:
        contract.matrix(contract.parse([record]))
    except InvalidRecord:
        return False
    return True


def _drawn(seed: int, shape: tuple[int, ...], low: float, high: float) -> Any:
    """Numbers of a seed: element by element, hypothesis draws at most some hundred."""
    return np.random.default_rng(seed).uniform(low, high, shape).tolist()


def in_full(value: Any, shape: tuple[int, ...]) -> Any:
    """A value as a row of a tensor: lists that are missing or short are filled up with null."""
    if not shape:
        return value
    rows = [*(value or []), *[None] * (shape[0] - len(value or []))]
    return [in_full(row, shape[1:]) for row in rows]


def as_tensors(contract: Contract[Any, Any], instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records as V2 inputs in JSON; a text that no record gives is left out."""
    return [
        {
            "name": field.name,
            "datatype": field.datatype,
            "shape": [len(instances), *field.shape],
            "data": [in_full(instance[field.name], field.shape) for instance in instances],
        }
        for field in contract.fields.values()
        if field.kind != "text" or any(instance[field.name] is not None for instance in instances)
    ]


def as_binary(inputs: list[dict[str, Any]]) -> tuple[bytes, Mapping[str, str]]:
    """V2 inputs with their data as bytes, and the header that goes with them."""
    buffers: list[bytes] = []
    entries = []
    for entry in inputs:
        if entry["datatype"] == "BYTES":
            texts = [text.encode() for text in np.array(entry["data"], dtype=object).reshape(-1)]
            buffers.append(b"".join(struct.pack("<I", len(text)) + text for text in texts))
        else:
            dtype = "?" if entry["datatype"] == "BOOL" else tensor.NUMERIC_DTYPES[entry["datatype"]]
            buffers.append(np.array(entry["data"], dtype=dtype).tobytes())
        parameters = {"binary_data_size": len(buffers[-1])}
        entries.append(
            {name: entry[name] for name in ("name", "datatype", "shape")} | {"parameters": parameters}
        )
    header = json.dumps({"inputs": entries, "parameters": {"binary_data_output": True}}).encode()
    return header + b"".join(buffers), {"Inference-Header-Content-Length": str(len(header))}


def _next(field: Field, value: float, direction: int) -> float:
    if field.kind == "int":
        return value + direction
    return float(np.nextafter(value, direction * np.inf))
