"""V2 tensors with something wrong about them, in JSON and as bytes."""

import struct
from random import Random
from typing import Any

import numpy as np

from maas.protocol.tensor import DATATYPES, NUMERIC_DTYPES
from tests.fuzz.values import NAMES, any_value, encoded

_SHAPES: list[Any] = [
    [],
    [0],
    [-1],
    [1],
    [2],
    [1, 1],
    [1, 2],
    [2, 1],
    [1, 1, 1],
    [1] * 9,
    [2**31],
    [2**63],
    [1.0],
    ["1"],
    [True],
    [None],
    [[1]],
    None,
    1,
    "1",
    {},
    [2**31 - 1, 2**31 - 1],
    [65536, 65536],
    [1, 0],
    [0, 1],
]
_SIZES = [0, 1, 7, 8, 2**31, 2**63, -1, 1.5, True, "8", None]


def bad(random: Random, document: dict[str, Any]) -> dict[str, Any]:
    """A request in which one or two tensors are odd."""
    for _ in range(random.choice([1, 1, 2])):
        if document["inputs"]:
            entry = random.choice(document["inputs"])
            match random.randrange(9):
                case 0:
                    document["inputs"].append(dict(entry))
                case 1:
                    document["inputs"].remove(entry)
                case _:
                    _spoil(random, entry, document["inputs"][0]["name"])
    return document


def _spoil(random: Random, entry: dict[str, Any], other: str) -> None:
    """Change one property of a tensor."""
    data = entry.get("data")
    match random.randrange(7):
        case 0:
            entry["shape"] = random.choice(_SHAPES)
        case 1:
            entry["datatype"] = random.choice([*DATATYPES, *NAMES, any_value(random)])
        case 2:
            entry["name"] = random.choice([*NAMES, any_value(random), other])
        case 3 if isinstance(data, list) and data:
            data[random.randrange(len(data))] = any_value(random)
        case 4 if isinstance(data, list):
            entry["data"] = random.choice([data * 2, data[:-1], [data], []])
        case 5:
            entry["parameters"] = random.choice(
                [
                    any_value(random),
                    {"binary_data_size": random.choice(_SIZES)},
                    {"content_type": random.choice(["base64", "np", "pd", "str", any_value(random)])},
                    {random.choice(NAMES): any_value(random)},
                ]
            )
        case _:
            entry["data"] = any_value(random)


def binary(random: Random, document: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The request with its tensors as bytes, and its headers; three in four with something wrong."""
    entries, buffers = [], []
    for entry in document["inputs"]:
        buffer = _bytes_of(entry)
        if random.random() < 0.1:
            buffer = random.choice(
                [b"", buffer[:-1], buffer + b"\0", random.randbytes(len(buffer)), b"\xff" * len(buffer)]
            )
        size = len(buffer) if random.random() < 0.95 else random.choice(_SIZES)
        kept = {name: entry[name] for name in ("name", "datatype", "shape")}
        if random.random() < 0.05:
            kept["datatype"] = random.choice(DATATYPES)
        if random.random() < 0.05:
            kept["shape"] = random.choice(_SHAPES)
        entries.append({**kept, "parameters": {"binary_data_size": size}})
        buffers.append(buffer)
    header = encoded({"inputs": entries, "parameters": {"binary_data_output": random.random() < 0.5}})
    length = len(header)
    if random.random() < 0.1:
        length = random.choice([0, length - 1, length + 1, length * 2, 10**12])
    body = header + b"".join(buffers)
    if random.random() < 0.1:
        body = body[: random.randrange(len(body))]
    return body, {"Inference-Header-Content-Length": str(length), "Content-Type": "application/octet-stream"}


def _bytes_of(entry: dict[str, Any]) -> bytes:
    elements = _flat(entry["data"])
    if entry["datatype"] == "BYTES":
        texts = [str(element).encode() for element in elements]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    dtype = "?" if entry["datatype"] == "BOOL" else NUMERIC_DTYPES[entry["datatype"]]
    numbers = [np.nan if element is None else element for element in elements]
    return np.array(numbers, dtype=dtype).tobytes()


def _flat(data: Any) -> list[Any]:
    if isinstance(data, list):
        return [element for part in data for element in _flat(part)]
    return [data]
