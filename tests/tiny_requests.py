"""Requests to the tiny model in every form, and what it answers."""

import json
import struct
from typing import Any

import numpy as np

from tests.tiny_model import INSTANCES, NAME

PREDICT, INFER = f"/v1/models/{NAME}:predict", f"/v2/models/{NAME}/infer"
FIELDS: dict[str, tuple[str, list[int]]] = {
    "timestamp": ("BYTES", []),
    "temperature": ("FP64", []),
    "lanes": ("INT64", []),
    "speeds": ("FP64", [2]),
    "weather": ("BYTES", []),
    "rain": ("FP64", []),
    "open": ("BOOL", []),
}
FULL: list[dict[str, Any]] = [
    {"weather": "Clear", "rain": None, "open": True, **instance} for instance in INSTANCES
]
# features @ (1, 2, ... 8): hour, temperature, rain, wet, lanes, open, two speeds
_SPEEDS = 7 * 61 + 8 * 58.5
EXPECTED = [
    8 + 2 * 11.5 + 5 * 3 + 6 + _SPEEDS,
    8 - 2 * 3 + 3 * 2.5 + 4 + 5 * 3 + 6 + _SPEEDS,
    8 + 2 * 11.5 + 5 + _SPEEDS,
]


def json_inputs(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """INSTANCES as tensors in JSON, with changes by tensor name."""
    return [
        {
            "name": name,
            "datatype": datatype,
            "shape": [3, *shape],
            "data": [record[name] for record in FULL],
            **changes.get(name, {}),
        }
        for name, (datatype, shape) in FIELDS.items()
    ]


def binary_body(**envelope: Any) -> tuple[bytes, dict[str, str]]:
    """INSTANCES as a body with binary tensors, and the headers a client sends with it."""
    inputs, buffers = [], []
    for name, (datatype, shape) in FIELDS.items():
        values = [record[name] for record in FULL]
        if datatype == "BYTES":
            texts = [text.encode() for text in values]
            buffer = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            buffer = np.array(values, dtype={"FP64": "<f8", "INT64": "<i8", "BOOL": "?"}[datatype]).tobytes()
        parameters = {"binary_data_size": len(buffer)}
        inputs.append({"name": name, "datatype": datatype, "shape": [3, *shape], "parameters": parameters})
        buffers.append(buffer)
    header = json.dumps({"inputs": inputs, **envelope}).encode()
    return header + b"".join(buffers), {"Inference-Header-Content-Length": str(len(header))}
