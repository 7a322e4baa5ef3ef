"""One model's function from event to answer: both dialects, the direct call, and what belongs to them."""

import base64
import gzip
import json
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from maas.contract import Prediction
from maas.endpoint import Endpoint
from maas.limits import ROWS
from maas.registry import Registry
from tests import tiny_model
from tests.integration.conftest import Serving
from tests.lambda_events import Caller, Context
from tests.tiny_model import INSTANCES, NAME, Reading
from tests.tiny_requests import EXPECTED, FIELDS, FULL, INFER, PREDICT, binary_body, json_inputs


def test_v1(tiny: Serving) -> None:
    """Records in, predictions out, in order, with the version in a header."""
    answer = tiny.call("POST", PREDICT, {"instances": INSTANCES})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Model-Version"] == tiny.version
    assert answer.json == {"predictions": [{"volume": pytest.approx(value)} for value in EXPECTED]}


def test_v2_json(tiny: Serving) -> None:
    """Tensors in, tensors out, with the caller's id."""
    answer = tiny.call("POST", INFER, {"inputs": json_inputs(), "id": "mine"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    output = {"name": "volume", "datatype": "FP64", "shape": [3], "data": pytest.approx(EXPECTED)}
    assert answer.json == {
        "model_name": NAME,
        "model_version": tiny.version,
        "id": "mine",
        "outputs": [output],
    }


@pytest.mark.parametrize(
    "envelope",
    [
        {"parameters": {"binary_data_output": True}},
        {"outputs": [{"name": "volume", "parameters": {"binary_data": True}}]},
    ],
)
def test_v2_binary(tiny: Serving, envelope: dict[str, Any]) -> None:
    """Binary tensors in and out, with no Content-Type, as tritonclient sends them."""
    answer = tiny.call("POST", INFER, *binary_body(**envelope))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    length = int(answer.headers["Inference-Header-Content-Length"])
    (output,) = json.loads(answer.body[:length])["outputs"]
    assert output == {
        "name": "volume",
        "datatype": "FP64",
        "shape": [3],
        "parameters": {"binary_data_size": 24},
    }
    assert np.frombuffer(answer.body[length:], "<f8").tolist() == pytest.approx(EXPECTED)


def test_v2_binary_in_json_out(tiny: Serving) -> None:
    """A client that sends bytes may ask for JSON."""
    answer = tiny.call("POST", INFER, *binary_body(outputs=[{"name": "volume"}]))
    assert answer.json["outputs"][0]["data"] == pytest.approx(EXPECTED)


def test_narrower_datatypes_and_a_column_of_one(tiny: Serving) -> None:
    """FP32 for FP64, INT8 for INT64 and shape (n, 1) for (n) are what data frames give."""
    encoded = [base64.b64encode(record["timestamp"].encode()).decode() for record in FULL]
    inputs = json_inputs(
        timestamp={"parameters": {"content_type": "base64"}, "data": encoded},
        temperature={"datatype": "FP32", "shape": [3, 1], "data": [[r["temperature"]] for r in FULL]},
        lanes={"datatype": "UINT8"},
    )
    answer = tiny.call("POST", INFER, {"inputs": inputs})
    assert answer.json["outputs"][0]["data"] == pytest.approx(EXPECTED, rel=1e-6)


def test_direct_invocation(tiny: Serving) -> None:
    """The event may be the request itself; a fault comes back as a problem, never as an exception."""
    answer = tiny.call.handler({"instances": INSTANCES}, Context())
    assert answer["model_version"] == tiny.version
    assert [prediction["volume"] for prediction in answer["predictions"]] == pytest.approx(EXPECTED)
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    bad = [
        {},
        [],
        "text",
        None,
        {"httpMethod": "GET"},
        {"instances": []},
        {"instances": [{}]},
        {"instances": deep},
    ]
    bad += [
        {"instances": [tiny_model.instance(rain=number)]} for number in (float("nan"), float("inf"), 10**400)
    ]
    bad += [{"instances": [tiny_model.instance(note="\ud800")]}, {"instances": INSTANCES, "more": 1}]
    for event in bad:
        problem = tiny.call.handler(event, Context())
        assert problem["status"] in {400, 422}, problem
        json.dumps(problem)


@pytest.mark.parametrize(("pack", "binary"), [(gzip.compress, True), (bytes, True), (bytes, False)])
def test_wrapping_of_the_body(tiny: Serving, pack: Any, binary: bool) -> None:  # noqa: FBT001
    """Compressed or not, base64 or not: the answer is the same."""
    body = pack(json.dumps({"instances": INSTANCES}).encode())
    headers = {"content-type": "application/json; charset=utf-8"}
    if pack is gzip.compress:
        headers["content-encoding"] = "gzip"
    answer = tiny.call("POST", PREDICT, body, headers, binary=binary)
    assert [prediction["volume"] for prediction in answer.json["predictions"]] == pytest.approx(EXPECTED)


def test_as_many_instances_as_allowed(tiny: Serving) -> None:
    """The limit itself is still served."""
    answer = tiny.call("POST", PREDICT, {"instances": INSTANCES[:1] * ROWS})
    assert len(answer.json["predictions"]) == ROWS


@pytest.mark.parametrize("path", [PREDICT.replace(":", "%3A"), PREDICT + "/"])
def test_path_may_be_quoted(tiny: Serving, path: str) -> None:
    """Clients quote the colon, and some add a slash."""
    assert tiny.call("POST", path, {"instances": INSTANCES}).status == 200


def test_named_version(tiny: Serving) -> None:
    """A version is called by its name, its digest or 8 digits of it, on every route."""
    for name in (tiny.version, tiny.digest, tiny.digest[:8]):
        v1, v2 = f"/v1/models/{NAME}/versions/{name}", f"/v2/models/{NAME}/versions/{name}"
        answer = tiny.call("POST", f"{v1}:predict", {"instances": INSTANCES})
        assert answer.headers["X-Model-Version"] == tiny.version
        assert tiny.call("POST", f"{v2}/infer", {"inputs": json_inputs()}).status == 200
        assert [tiny.call("GET", path).status for path in (v1, v2, f"{v2}/ready")] == [200] * 3


@pytest.mark.parametrize("version", ["0" * 12, "abc", "ABCDEF123456", "..", "%2e%2e", "a" * 64, "x" * 5000])
def test_unknown_version(tiny: Serving, version: str) -> None:
    """No such version is a 404 in the dialect that was used, quoted no longer than needed."""
    v1 = tiny.call("GET", f"/v1/models/{NAME}/versions/{version}")
    v2 = tiny.call("GET", f"/v2/models/{NAME}/versions/{version}/ready")
    assert (v1.status, v1.headers["Content-Type"]) == (404, "application/problem+json")
    assert v1.json["type"] == "urn:maas:error:version-not-found"
    assert (v2.status, list(v2.json)) == (404, ["error"])
    assert len(v1.body) < 500


def test_card(tiny: Serving) -> None:
    """The card says what the version is, takes and gives, without what only serving needs."""
    card = tiny.call("GET", f"/v1/models/{NAME}").json
    assert (card["name"], card["ready"], card["version"], card["digest"]) == (
        NAME,
        True,
        tiny.version,
        tiny.digest,
    )
    assert card["record_schema"]["properties"]["temperature"]["unit"] == "°C"
    assert card["record_schema"]["additionalProperties"] is False
    assert list(card["prediction_schema"]["properties"]) == ["volume"]
    assert not {"golden", "distributions"} & set(card)


def test_metadata(tiny: Serving) -> None:
    """V2's metadata lists the tensors as the contract declares them."""
    metadata = tiny.call("GET", f"/v2/models/{NAME}").json
    assert (metadata["name"], metadata["versions"]) == (NAME, [tiny.version])
    declared = {t["name"]: (t["datatype"], t["shape"]) for t in metadata["inputs"]}
    assert declared == {name: (kind, [-1, *shape]) for name, (kind, shape) in FIELDS.items()} | {
        "note": ("BYTES", [-1])
    }
    assert metadata["outputs"] == [{"name": "volume", "datatype": "FP64", "shape": [-1]}]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", PREDICT, "POST"),
        ("DELETE", INFER, "POST"),
        ("PUT", f"/v1/models/{NAME}", "GET"),
        ("POST", f"/v2/models/{NAME}/ready", "GET"),
        ("OPTIONS", f"/v2/models/{NAME}", "GET"),
        ("GET", f"/v1/models/{NAME}/versions/abc:predict", "POST"),
    ],
)
def test_wrong_method(tiny: Serving, method: str, path: str, allow: str) -> None:
    """A known path with another method is a 405 that names the right one."""
    answer = tiny.call(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)


@pytest.mark.parametrize(
    "path", ["/", "/v1", f"/v1/models/{NAME}:explode", f"/v2/models/{NAME}/x", "/v1/\ud800", "//"]
)
def test_unknown_path(tiny: Serving, path: str) -> None:
    """No such path is a 404 in the dialect of the path."""
    answer = tiny.call("POST", path, {})
    assert answer.status == 404
    expected = {"error"} if path.startswith("/v2") else {"type", "title", "status", "detail"}
    assert set(answer.json) == expected


def test_before_and_after_the_first_promotion(registry: Registry) -> None:
    """Without a version in production everything says 503 and when to come back; then it serves."""
    call = Caller(tiny_model.endpoint())
    paths = [("POST", PREDICT, {"instances": INSTANCES}), ("GET", f"/v2/models/{NAME}/ready", None)]
    manifest, artifact = tiny_model.version()
    version = registry.publish(manifest, artifact)
    for method, path, body in paths:
        answer = call(method, path, body)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert call.handler({"instances": INSTANCES}, Context())["status"] == 503
    registry.promote(NAME, version, actor="tests", reason="first")
    assert [call(*request).status for request in paths] == [200, 200]
    assert call("GET", f"/v2/models/{NAME}/ready").json == {"name": NAME, "ready": True}


def test_dates_come_back_as_text(registry: Registry) -> None:
    """A prediction that holds a time is JSON in every dialect, the direct one included."""

    class Arrival(Prediction):
        volume: float
        at: datetime

    handler = Endpoint(
        NAME,
        Reading,
        Arrival,
        tiny_model.features,
        feature_names=tiny_model.FEATURES,
        respond=lambda outputs: {**outputs, "at": outputs["volume"].astype("datetime64[s]")},
    )
    specs = [t._asdict() for t in handler.contract.outputs()]
    golden = tiny_model.version()[0].golden
    manifest, artifact = tiny_model.version(outputs=specs, golden=golden)
    registry.promote(NAME, registry.publish(manifest, artifact), actor="tests", reason="dates")
    direct = json.loads(json.dumps(handler({"instances": INSTANCES[:1]}, Context())))
    assert direct["predictions"][0]["at"] == "1970-01-01T00:15:47"
    answer = Caller(handler)("POST", INFER, {"inputs": json_inputs()})
    assert answer.json["outputs"][1]["data"][0] == "1970-01-01T00:15:47"
