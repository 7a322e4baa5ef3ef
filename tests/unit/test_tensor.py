"""Tensors of every datatype, there and back, in JSON and in bytes; and everything that is no tensor."""

import base64
import math
import struct
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from maas.errors import InvalidTensor
from maas.protocol import tensor

PLACE = "/inputs/0/data"
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)
bounded = settings(max_examples=25, derandomize=True, deadline=None)


def arrays(datatype: str) -> st.SearchStrategy[NDArray[Any]]:
    """Any array of the datatype, without NaN and infinity, which JSON cannot say."""
    if datatype == "BOOL":
        return hnp.arrays(bool, SHAPES)
    if datatype == "BYTES":
        return hnp.arrays(object, SHAPES, elements=st.text(max_size=8))
    dtype = np.dtype(tensor.NUMERIC_DTYPES[datatype])
    finite = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    return hnp.arrays(dtype, SHAPES, elements=finite)


@pytest.mark.parametrize("datatype", tensor.DATATYPES)
@bounded
@given(data=st.data())
def test_json_round_trip(datatype: str, data: st.DataObject) -> None:
    """An array written as JSON, flat or nested, reads back the same."""
    array = data.draw(arrays(datatype))
    for form in (tensor.to_json(array), array.tolist()):
        back = tensor.from_json(orjson.loads(orjson.dumps(form)), datatype, array.shape, PLACE)
        np.testing.assert_array_equal(back, array)
        assert back.dtype == array.dtype


@pytest.mark.parametrize("datatype", tensor.DATATYPES)
@bounded
@given(data=st.data())
def test_binary_round_trip(datatype: str, data: st.DataObject) -> None:
    """An array written as bytes reads back the same, whatever is cut off its end is noticed."""
    array = data.draw(arrays(datatype))
    raw = tensor.to_binary(array, datatype)
    back = tensor.from_binary(memoryview(raw), datatype, array.shape, PLACE)
    np.testing.assert_array_equal(back, array)
    cut = data.draw(st.integers(0, len(raw) - 1))
    for damaged in (raw[:cut], raw + b"\0"):
        with pytest.raises(InvalidTensor):
            tensor.from_binary(memoryview(damaged), datatype, array.shape, PLACE)


def test_binary_is_little_endian_with_lengths() -> None:
    """The byte layout is the protocol's, also for arrays in the other byte order."""
    assert tensor.to_binary(np.array([1], ">i4"), "INT32") == b"\x01\0\0\0"
    assert tensor.to_binary(np.array(["é", ""], object), "BYTES") == b"\x02\0\0\0\xc3\xa9\0\0\0\0"
    assert tensor.to_binary(np.array([True, False]), "BOOL") == b"\x01\0"


@pytest.mark.parametrize(
    ("data", "datatype", "shape", "place"),
    [
        (None, "FP32", (1,), PLACE),
        (1.0, "FP32", (1,), PLACE),
        ({"0": 1.0}, "FP32", (1,), PLACE),
        ([], "FP32", (1,), PLACE),
        ([1.0], "FP32", (2,), PLACE),
        ([1.0, 2.0, 3.0], "FP32", (2,), PLACE),
        ([[1.0], [2.0, 3.0]], "FP32", (2, 2), PLACE),
        ([[1.0, 2.0], 3.0], "FP32", (2, 2), PLACE),
        ([1.0, [2.0, 3.0]], "FP32", (2,), f"{PLACE}/1"),
        ([[[1.0]], [[2.0]]], "FP32", (2, 1), f"{PLACE}/0"),
        ([["a"], "bc"], "BYTES", (2, 1), PLACE),
        (["1.5"], "FP64", (1,), f"{PLACE}/0"),
        ([1.0, True], "FP64", (2,), f"{PLACE}/1"),
        ([None], "FP64", (1,), f"{PLACE}/0"),
        ([1.0], "INT32", (1,), f"{PLACE}/0"),
        ([0, True], "INT32", (2,), f"{PLACE}/1"),
        ([0, 128], "INT8", (2,), f"{PLACE}/1"),
        ([-129], "INT8", (1,), f"{PLACE}/0"),
        ([-1], "UINT64", (1,), f"{PLACE}/0"),
        ([2**63], "INT64", (1,), f"{PLACE}/0"),
        ([1.8446744073709552e19], "UINT64", (1,), f"{PLACE}/0"),
        ([1], "BOOL", (1,), f"{PLACE}/0"),
        (["true"], "BOOL", (1,), f"{PLACE}/0"),
        ([1], "BYTES", (1,), f"{PLACE}/0"),
        ([None], "BYTES", (1,), f"{PLACE}/0"),
    ],
)
def test_json_that_does_not_fit_is_refused(
    data: Any, datatype: str, shape: tuple[int, ...], place: str
) -> None:
    """Wrong count, wrong nesting, wrong type or out of range: never a silent conversion."""
    with pytest.raises(InvalidTensor) as raised:
        tensor.from_json(data, datatype, shape, PLACE)
    assert raised.value.errors[0].pointer == place


def test_null_stands_for_what_is_optional() -> None:
    """In an optional field null is NaN or no text; an integer or a boolean is never null."""
    numbers = tensor.from_json([1, None], "FP32", (2,), PLACE, nullable=True)
    np.testing.assert_array_equal(numbers, np.array([1, np.nan], "f4"))
    assert tensor.from_json([None, "a"], "BYTES", (2,), PLACE, nullable=True).tolist() == [None, "a"]
    for datatype in ("INT32", "UINT8", "BOOL"):
        with pytest.raises(InvalidTensor):
            tensor.from_json([None], datatype, (1,), PLACE, nullable=True)


@pytest.mark.parametrize(("datatype", "number"), [("FP16", 70_000), ("FP32", 1e39), ("FP32", -(2**200))])
def test_number_beyond_the_datatype_becomes_infinite(datatype: str, number: float) -> None:
    """The contract refuses infinity by place; here nothing warns and nothing wraps around."""
    assert math.isinf(tensor.from_json([number], datatype, (1,), PLACE)[0])


@pytest.mark.parametrize(
    "shape",
    [None, [], 3, "3", {}, [1.0], [True], [-1], [None], ["1"], [2**31], [10**30], [1] * 9, [[1]]],
    ids=repr,
)
def test_shape_is_a_short_list_of_counts(shape: Any) -> None:
    """Anything but a few non-negative integers is refused before it is multiplied."""
    with pytest.raises(InvalidTensor):
        tensor.read_shape(shape, "/inputs/0/shape")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x01",
        struct.pack("<I", 5) + b"abc",
        struct.pack("<I", 2**32 - 1),
        struct.pack("<I", 1) + b"\xff",
        struct.pack("<I", 3) + "\ud800".encode("utf-8", "surrogatepass"),
        b"",
        (struct.pack("<I", 1) + b"a") * 2,
    ],
)
def test_damaged_texts_are_refused(raw: bytes) -> None:
    """A length cut short, an element cut short, bytes that are no UTF-8, too few and too many elements."""
    with pytest.raises(InvalidTensor):
        tensor.from_binary(memoryview(raw), "BYTES", (1,), PLACE)


def test_boolean_byte_is_zero_or_one() -> None:
    """Another byte is no truth value."""
    with pytest.raises(InvalidTensor, match="0 or 1"):
        tensor.from_binary(memoryview(b"\x02"), "BOOL", (1,), PLACE)


def test_base64_texts() -> None:
    """BYTES may come as base64 of UTF-8, as one text or a list of them."""
    encoded = base64.b64encode("雪".encode()).decode()
    assert tensor.from_base64(encoded, PLACE) == ["雪"]
    assert tensor.from_base64([encoded, ""], PLACE) == ["雪", ""]
    for wrong in (["a"], [None], [["YQ=="]], None, [1], ["/w=="], ["YQ==\n"], ["雪"]):
        with pytest.raises(InvalidTensor) as raised:
            tensor.from_base64(wrong, PLACE)
        assert raised.value.errors[0].pointer == f"{PLACE}/0"
