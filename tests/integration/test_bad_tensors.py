"""Tensors that contradict themselves, the model or their bytes: each is a 400 that names the place."""

import json
from typing import Any

import pytest

from tests.integration.conftest import Serving
from tests.tiny_requests import INFER, binary_body, json_inputs

JSON = {"Content-Type": "application/json"}
V2_INPUTS: list[tuple[dict[str, dict[str, Any]], str]] = [
    ({"lanes": {"name": "tracks"}}, "/inputs/2/name"),
    ({"lanes": {"name": None}}, "/inputs/2/name"),
    ({"lanes": {"name": "temperature"}}, "/inputs/2/name: temperature is given twice"),
    ({"lanes": {"colour": 1}}, "/inputs/2/colour"),
    ({"lanes": {"datatype": "FP64"}}, "/inputs/2/datatype"),
    ({"lanes": {"datatype": "UINT64"}}, "/inputs/2/datatype"),
    ({"lanes": {"datatype": "INT"}}, "/inputs/2/datatype"),
    ({"lanes": {"datatype": ["INT64"]}}, "/inputs/2/datatype"),
    ({"open": {"datatype": "INT8", "data": [1, 1, 1]}}, "/inputs/6/datatype"),
    ({"timestamp": {"datatype": "INT64", "data": [1, 2, 3]}}, "/inputs/0/datatype"),
    ({"lanes": {"shape": None}}, "/inputs/2/shape"),
    ({"lanes": {"shape": [-1]}}, "/inputs/2/shape/0"),
    ({"lanes": {"shape": [3.0]}}, "/inputs/2/shape/0"),
    ({"lanes": {"shape": [True]}}, "/inputs/2/shape/0"),
    ({"lanes": {"shape": [4]}}, "/inputs/2/data"),
    ({"lanes": {"shape": [3, 2]}}, "/inputs/2/shape"),
    ({"lanes": {"shape": [1, 3]}}, "/inputs/2/shape"),
    ({"speeds": {"shape": [3]}}, "/inputs/3/shape"),
    ({"speeds": {"shape": [2, 3]}}, "/inputs/3/shape"),
    ({"speeds": {"shape": [2**31 - 1, 2**31 - 1]}}, "/inputs/3/shape"),
    ({"lanes": {"shape": [2], "data": [1, 2]}}, "/inputs/2/shape/0"),
    ({"lanes": {"data": None}}, "/inputs/2/data"),
    ({"lanes": {"data": [1, 2]}}, "/inputs/2/data"),
    ({"lanes": {"data": [1, 2, 13]}}, "/inputs/2/data/2"),
    ({"lanes": {"data": [1, 2, "3"]}}, "/inputs/2/data/2"),
    ({"lanes": {"data": [1, 2, 3.0]}}, "/inputs/2/data/2"),
    ({"lanes": {"data": [1, 2, True]}}, "/inputs/2/data/2"),
    ({"lanes": {"data": [1, 2, None]}}, "/inputs/2/data/2"),
    ({"lanes": {"data": [1, 2, 2**63]}}, "/inputs/2/data/2"),
    ({"lanes": {"data": [[1, 2], [3]]}}, "/inputs/2/data"),
    ({"lanes": {"parameters": []}}, "/inputs/2/parameters"),
    ({"lanes": {"parameters": {"a/b": None}}}, "/inputs/2/parameters/a~1b"),
    ({"lanes": {"parameters": {"binary_data_size": 24}}}, "/inputs/2"),
    ({"lanes": {"parameters": {"binary_data_size": 0}}}, "/inputs/2/data"),
    ({"lanes": {"parameters": {"binary_data_size": -1}}}, "/inputs/2/parameters/binary_data_size"),
    ({"lanes": {"parameters": {"binary_data_size": True}}}, "/inputs/2/parameters/binary_data_size"),
    ({"temperature": {"datatype": "FP32", "data": [0, 1, 1e39]}}, "/inputs/1/data/2"),
    ({"temperature": {"datatype": "FP16", "data": [0, 1, 70000]}}, "/inputs/1/data/2"),
    ({"temperature": {"data": [0, 1, None]}}, "/inputs/1/data/2"),
    ({"rain": {"data": [0, None, 501]}}, "/inputs/5/data/2"),
    ({"weather": {"data": ["Clear", "Rain", "Fog"]}}, "/inputs/4/data/2"),
    ({"weather": {"data": ["Clear", "Rain", None]}}, "/inputs/4/data/2"),
    ({"weather": {"parameters": {"content_type": "base64"}}}, "/inputs/4/data/0"),
    ({"timestamp": {"data": ["2026-03-01T08:00:00Z"] * 3}}, "/inputs/0/data/0"),
]


@pytest.mark.parametrize(("changes", "place"), V2_INPUTS)
def test_v2_input(tiny: Serving, changes: dict[str, dict[str, Any]], place: str) -> None:
    """Each fault of a tensor is a 400 whose sentence begins with the place."""
    answer = tiny.call("POST", INFER, {"inputs": json_inputs(**changes)})
    assert answer.status == 400
    assert answer.json["error"].startswith(f"{place}:" if ":" not in place else place)


@pytest.mark.parametrize(
    ("document", "status", "word"),
    [
        ([], 400, "object"),
        ({}, 400, "/inputs"),
        ({"inputs": []}, 400, "/inputs"),
        ({"inputs": {}}, 400, "/inputs"),
        ({"inputs": [None]}, 400, "/inputs/0"),
        ({"inputs": json_inputs()[1:]}, 400, "missing: timestamp"),
        ({"inputs": json_inputs(), "colour": 1}, 400, "/colour"),
        ({"inputs": json_inputs(), "id": 7}, 400, "/id"),
        ({"inputs": json_inputs(), "parameters": 7}, 400, "/parameters"),
        ({"inputs": json_inputs(), "outputs": 7}, 400, "/outputs"),
        ({"inputs": json_inputs(), "outputs": [None]}, 400, "/outputs/0"),
        ({"inputs": json_inputs(), "outputs": [{"name": "speed"}]}, 400, "/outputs/0/name"),
        ({"inputs": json_inputs(), "outputs": [{"name": "volume"}] * 2}, 400, "/outputs/1/name"),
        (
            {"inputs": json_inputs(), "outputs": [{"name": "volume", "parameters": {"classification": 3}}]},
            400,
            "/outputs/0",
        ),
        (
            {"inputs": [{**entry, "shape": [0, *entry["shape"][1:]], "data": []} for entry in json_inputs()]},
            400,
            "/shape/0",
        ),
        ({"inputs": json_inputs(timestamp={"shape": [10_001]})}, 413, "10000"),
    ],
)
def test_v2_envelope(tiny: Serving, document: Any, status: int, word: str) -> None:
    """What is wrong around the tensors is told as plainly."""
    answer = tiny.call("POST", INFER, json.dumps(document), JSON)
    assert answer.status == status
    assert word in answer.json["error"]


@pytest.mark.parametrize(
    ("length", "cut", "more"),
    [
        *[(length, 0, b"") for length in ("0", "-1", "1e3", "٣", "", "9" * 40, "5")],
        *[(None, 1, b""), (None, 0, b"\0"), (None, 60, b"")],
    ],
)
def test_v2_binary_that_does_not_add_up(tiny: Serving, length: str | None, cut: int, more: bytes) -> None:
    """A wrong header length, missing bytes and bytes of nobody are a 400."""
    body, headers = binary_body()
    if length is not None:
        headers["Inference-Header-Content-Length"] = length
    assert tiny.call("POST", INFER, body[: len(body) - cut] + more, headers).status == 400


def test_v2_body_called_binary_without_its_header(tiny: Serving) -> None:
    """JSON that is called binary is read as JSON, as one client sends it; bytes are refused."""
    octets = {"Content-Type": "application/octet-stream"}
    body, _ = binary_body()
    assert tiny.call("POST", INFER, body, octets).status == 400
    answer = tiny.call("POST", INFER, b"{}", octets)
    assert (answer.status, answer.json["error"].startswith("/inputs")) == (400, True)
