"""The quick way through large bodies reads what the strict way reads, and nothing that it refuses."""

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.subjects import network
from maas.contract import Columns, Contract
from maas.errors import MaasError
from maas.protocol import numbers
from maas.protocol.v1 import V1
from models.catalogue import discover
from tests.contract.records import ANYTHING, example, records

CONTRACTS = {name: recipe.endpoint.contract for name, recipe in discover().items()}
LISTS = {name: contract for name, contract in CONTRACTS.items() if numbers.pays(contract.fields)}
ROW = [0.5] * 100


def quickly(contract: Contract[Any, Any], body: bytes) -> Columns | None:
    return numbers.records(body, contract.fields, contract.max_rows)


def strictly(contract: Contract[Any, Any], body: bytes) -> Columns | None:
    """As `V1` reads a small body."""
    try:
        return V1(contract)._parse(body)
    except MaasError:
        return None


def assert_same(quick: Columns, strict: Columns | None) -> None:
    assert strict is not None
    assert list(quick) == list(strict)
    for name, column in quick.items():
        assert column.dtype == strict[name].dtype, name
        assert column.shape == strict[name].shape, name
        missing = column.dtype.kind == "f"
        assert np.array_equal(column, strict[name], equal_nan=missing), name


@pytest.fixture(autouse=True)
def small_bodies_are_read_strictly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their size: this is what the quick way is compared with."""
    monkeypatch.setattr("maas.protocol.v1.LARGE", 1 << 40)


@pytest.mark.parametrize("name", sorted(CONTRACTS))
@settings(max_examples=15)
@given(data=st.data())
def test_quick_is_strict(name: str, data: st.DataObject) -> None:
    """Records that are permitted, and the same with anything at all in one place."""
    contract = CONTRACTS[name]
    instances = data.draw(st.lists(records(contract), min_size=1, max_size=3))
    body = json.dumps({"instances": instances}).encode()
    if (quick := quickly(contract, body)) is not None:
        assert_same(quick, strictly(contract, body))
    instance = data.draw(st.sampled_from(instances))
    instance[data.draw(st.sampled_from([*contract.fields, "more"]))] = data.draw(ANYTHING)
    body = json.dumps({"instances": instances}).encode()
    if (quick := quickly(contract, body)) is not None:
        assert_same(quick, strictly(contract, body))


@pytest.mark.parametrize("name", sorted(LISTS))
def test_examples_take_the_quick_way(name: str) -> None:
    """Else it would be quick for nobody. What is not given takes its default, a gap another way."""
    contract = LISTS[name]
    record = {key: value for key, value in example(contract).items() if value is not None}
    needed = {key: value for key, value in record.items() if contract.fields[key].required}
    for one in filter(None, (record, needed)):
        body = json.dumps({"instances": [one] * 3}).replace("null", "1").encode()
        assert_same(quickly(contract, body) or {}, strictly(contract, body))


def body_of(text: str) -> bytes:
    """`ROW` and `REST` stand for a hundred numbers, and for all but the first two."""
    row = json.dumps(ROW)
    return text.replace("ROW", row).replace("REST", row[1:-1].removeprefix("0.5, 0.5, ")).encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "[]",
        "{}",
        '{"instances": []}',
        '{"instances": 5}',
        '{"instances": [5]}',
        '{"instances": {"inputs": ROW}}',
        '{"instances": [{"inputs": null}]}',
        '{"instances": [{"inputs": [0.5]}]}',
        '{"instances": [{"inputs": [REST]}]}',
        '{"instances": [{"inputs": [0.5, 0.5, 0.5, REST]}]}',
        '{"instances": [{"inputs": [0.5, true, REST]}]}',
        '{"instances": [{"inputs": [0.5, null, REST]}]}',
        '{"instances": [{"inputs": [0.5, "0.5", REST]}]}',
        '{"instances": [{"inputs": [0.5, 1e400, REST]}]}',
        '{"instances": [{"inputs": [0.5, NaN, REST]}]}',
        '{"instances": [{"inputs": [0.5, 1001, REST]}]}',
        '{"instances": [{"inputs": [0.5, 18446744073709551616, REST]}]}',
        '{"instances": [{"inputs": [0.5, [0.5], REST]}]}',
        '{"instances": [{"inputs": [[0.5, 0.5], [], REST]}]}',
        '{"instances": [{"inputs": [ROW]}]}',
        '{"instances": [{"inputs": ROW, "inputs": [5]}]}',
        '{"instances": [{"inputs": ROW, "more": 5}]}',
        '{"instances": [{"inputs": ROW}, {}]}',
        '{"instances": [{"inputs": ROW}], "more": 5}',
        '{"instances": [{"inputs": ROW}], "instances": []}',
        '\ufeff{"instances": [{"inputs": ROW}]}',
        '{"instances": [{"inputs": ROW}]} more',
    ],
)
def test_what_is_not_plain_is_left_to_the_strict_way(text: str) -> None:
    """Which refuses it all."""
    contract = network().contract
    body = body_of(text)
    assert quickly(contract, body) is None
    assert strictly(contract, body) is None


def test_numbers_are_read_as_always() -> None:
    """Whole numbers, zeros with a sign, the smallest and the longest: what comes of them is the same."""
    contract = network().contract
    for number in (
        "7",
        "-0",
        "-0.0",
        "1e-400",
        "5e-324",
        "0.1234567890123456789",
        "1E2",
        "9007199254740993e-13",
    ):
        body = body_of(f'{{"instances": [{{"inputs": [0.5, {number}, REST]}}]}}')
        quick = quickly(contract, body)
        assert quick is not None
        assert_same(quick, strictly(contract, body))


def test_large_bodies_take_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of more than 32 KB, and without a pydantic model."""
    subject = network()
    body = json.dumps({"instances": subject.instances(100)}).encode()
    monkeypatch.setattr("maas.protocol.v1.LARGE", numbers.LARGE)
    assert len(body) > numbers.LARGE
    dialect = V1(subject.contract)
    assert dialect._parse(body)["inputs"].shape == (100, 100)
    assert "_envelope" not in vars(dialect)


REQUEST = {
    "id": "7",
    "parameters": {"binary_data_output": True},
    "inputs": [
        {"name": "a", "shape": [2, 2], "datatype": "FP32", "data": [0.5, 1, -2, 1e300]},
        {"name": "b", "shape": [2], "datatype": "BYTES", "data": ["x", "y"]},
    ],
    "outputs": [{"name": "c"}],
}


def test_tensors_are_read_with_everything_beside_them() -> None:
    """Only the data of fractional tensors are arrays; all else is as any parser has it."""
    read = numbers.tensors(json.dumps(REQUEST).encode())
    assert read is not None
    data = read["inputs"][0]["data"]
    assert isinstance(data, np.ndarray)
    read["inputs"][0]["data"] = data.tolist()
    assert read == orjson.loads(json.dumps(REQUEST))


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "{}",
        '{"inputs": 5}',
        '{"inputs": [5]}',
        '{"inputs": [{"datatype": "FP32", "shape": [1], "data": 5}]}',
        '{"inputs": [{"datatype": "FP32", "shape": [1], "data": [null]}]}',
        '{"inputs": [{"datatype": "FP32", "shape": [1], "data": [true]}]}',
        '{"inputs": [{"datatype": "FP32", "shape": [1], "data": ["1"]}]}',
        '{"inputs": [{"datatype": "FP32", "shape": [2, 1], "data": [[1], [2]]}]}',
        '{"inputs": [{"datatype": "FP32", "shape": [2, 1], "data": [[1, 2], []]}]}',
        '{"inputs": [{"datatype": "FP32", "shape": [1], "data": [1], "data": [2]}]}',
        '{"inputs": [{"datatype": "FP32", "shape": [1], "data": [1]}], "inputs": []}',
        '{"inputs": [{"datatype": "FP32", "shape": [1], "data": [1]}], "id": 1, "id": 2}',
    ],
)
def test_tensors_that_are_not_plain_are_left_alone(text: str) -> None:
    """The usual parser reads them, and says what is wrong with them."""
    assert numbers.tensors(text.encode()) is None
