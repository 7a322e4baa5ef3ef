"""Tensors of the Open Inference Protocol: their datatypes, in JSON and as little-endian bytes."""

import base64
import binascii
import math
import struct
from itertools import chain, pairwise
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.errors import FieldError, InvalidTensor

NUMERIC_DTYPES = {
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
}
DATATYPES = (*NUMERIC_DTYPES, "BOOL", "BYTES")
_NEVER_NULL = {name for name in DATATYPES if "INT" in name or name == "BOOL"}
_MAX_RANK = 8
_LENGTH = struct.Struct("<I")


def invalid(place: str, detail: str) -> InvalidTensor:
    """An error that names one place in the request."""
    return InvalidTensor(f"{place}: {detail}", errors=[FieldError(place, detail)])


def read_shape(shape: Any, place: str) -> tuple[int, ...]:
    """A tensor's declared shape, checked.

    Raises:
        InvalidTensor: It is not a list of a few counts.
    """
    if not isinstance(shape, list) or not shape or len(shape) > _MAX_RANK:
        raise invalid(place, f"shape must be a list of 1 to {_MAX_RANK} integers")
    for index, size in enumerate(shape):
        if type(size) is not int or not 0 <= size < 2**31:
            raise invalid(f"{place}/{index}", "a dimension must be a non-negative integer")
    return tuple(shape)


def from_json(
    data: Any, datatype: str, shape: tuple[int, ...], place: str, *, nullable: bool = False
) -> NDArray[Any]:
    """Elements given as a flat or nested JSON list.

    With `nullable`, null may stand for a fraction (it becomes NaN, which JSON cannot say) or for a text.

    Raises:
        InvalidTensor: Their number does not fit the shape, or one of them does not fit the datatype.
    """
    if isinstance(data, np.ndarray):  # by maas.protocol.numbers
        if data.size != math.prod(shape):
            raise invalid(place, f"{data.size} elements do not fit shape {list(shape)}")
        return _fractions(data, datatype).reshape(shape)
    if not isinstance(data, list):
        raise invalid(place, "data must be a list")
    elements = _flatten(data, shape, place)
    if len(elements) != math.prod(shape):
        raise invalid(place, f"{len(elements)} elements do not fit shape {list(shape)}")
    _check_types(elements, datatype, place, nullable=nullable)
    if datatype in {"BOOL", "BYTES"}:
        array = np.empty(len(elements), dtype=object if datatype == "BYTES" else bool)
        array[:] = elements
        return array.reshape(shape)
    dtype = np.dtype(NUMERIC_DTYPES[datatype])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        for index, element in enumerate(elements):
            if not limits.min <= element <= limits.max:
                raise invalid(f"{place}/{index}", f"{element} does not fit {datatype}")
        return np.array(elements, dtype=dtype).reshape(shape)
    return _fractions(np.array(elements, dtype=np.float64), datatype).reshape(shape)


def from_base64(data: Any, place: str) -> list[Any]:
    """BYTES elements sent as base64 text (`parameters.content_type: base64`)."""
    elements = data if isinstance(data, list) else [data]
    texts = []
    for index, element in enumerate(elements):
        try:
            texts.append(base64.b64decode(element, validate=True).decode())
        except (TypeError, ValueError, binascii.Error):
            raise invalid(f"{place}/{index}", "not base64 of UTF-8 text") from None
    return texts


def from_binary(buffer: memoryview, datatype: str, shape: tuple[int, ...], place: str) -> NDArray[Any]:
    """Elements given as bytes, little-endian; BYTES elements carry a 4-byte length.

    Raises:
        InvalidTensor: The bytes do not fit the shape and datatype.
    """
    count = math.prod(shape)
    if datatype == "BYTES":
        return _texts(buffer, count, place).reshape(shape)
    dtype = np.dtype("<u1" if datatype == "BOOL" else NUMERIC_DTYPES[datatype])
    if len(buffer) != count * dtype.itemsize:
        raise invalid(
            place, f"{len(buffer)} bytes do not fit {datatype} of shape {list(shape)} "
            f"({count * dtype.itemsize} bytes)"
        )  # fmt: skip
    array = np.frombuffer(buffer, dtype=dtype).reshape(shape)
    if datatype == "BOOL":
        if (array > 1).any():
            raise invalid(place, "a BOOL is the byte 0 or 1")
        return array.astype(bool)
    return array


def to_json(column: NDArray[Any]) -> list[Any]:
    """A column's elements as one flat list."""
    return list(column.reshape(-1).tolist())


def to_binary(column: NDArray[Any], datatype: str) -> bytes:
    """A column's elements as bytes, little-endian."""
    if datatype == "BYTES":
        encoded = [str(text).encode() for text in column.reshape(-1)]
        return b"".join(part for text in encoded for part in (_LENGTH.pack(len(text)), text))
    return column.astype("<u1" if datatype == "BOOL" else NUMERIC_DTYPES[datatype], copy=False).tobytes()


def _fractions(numbers: NDArray[np.float64], datatype: str) -> NDArray[Any]:
    # Too large a number for float32 becomes infinity here, which the contract then refuses by place.
    with np.errstate(over="ignore"):
        return numbers.astype(NUMERIC_DTYPES[datatype], copy=False)


def _flatten(data: list[Any], shape: tuple[int, ...], place: str) -> list[Any]:
    # Either flat, or nested exactly as the shape says: anything in between is a mistake worth naming.
    if not data or not isinstance(data[0], list):
        return data
    expected = 1
    for size, inner in pairwise(shape):
        expected *= size
        if len(data) != expected or not all(isinstance(row, list) and len(row) == inner for row in data):
            raise invalid(place, f"nested data does not fit shape {list(shape)}")
        data = list(chain.from_iterable(data))
    return data


def _check_types(elements: list[Any], datatype: str, place: str, *, nullable: bool) -> None:
    # One pass at C speed; the slow search for the place happens only when something is wrong.
    if datatype == "BYTES":
        allowed: set[type] = {str}
    elif datatype == "BOOL":
        allowed = {bool}
    else:
        allowed = {int, float} if datatype.startswith("FP") else {int}
    if nullable and datatype not in _NEVER_NULL:
        allowed.add(NoneType)
    if set(map(type, elements)) <= allowed:
        return
    for index, element in enumerate(elements):
        if type(element) not in allowed:
            raise invalid(f"{place}/{index}", f"{_json_type(element)} is no {datatype}")


def _json_type(element: Any) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a fraction", str: "text", list: "a list"}
    return names.get(type(element), "null" if element is None else "an object")


def _texts(buffer: memoryview, count: int, place: str) -> NDArray[Any]:
    texts: list[str] = []
    start = 0
    while start < len(buffer):
        if start + _LENGTH.size > len(buffer):
            raise invalid(place, "the length of a BYTES element is cut short")
        (length,) = _LENGTH.unpack_from(buffer, start)
        start += _LENGTH.size
        if start + length > len(buffer):
            raise invalid(f"{place}/{len(texts)}", "a BYTES element is cut short")
        try:
            texts.append(str(buffer[start : start + length], "utf-8"))
        except UnicodeDecodeError:
            raise invalid(f"{place}/{len(texts)}", "not UTF-8") from None
        start += length
    if len(texts) != count:
        raise invalid(place, f"{len(texts)} elements do not fit the shape ({count} elements)")
    array = np.empty(count, dtype=object)
    array[:] = texts
    return array
