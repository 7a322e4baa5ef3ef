"""RoundDigits: fewer digits in every dialect, and versions are still checked with all of theirs."""

import base64
import json

import numpy as np
import pytest

from maas.registry import Registry
from tests import tiny_model
from tests.lambda_events import Caller, Context
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import EXPECTED, INFER, PREDICT, binary_body, json_inputs

ROUNDED = [950.0, 930.0, 930.0]


@pytest.fixture
def call(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """The tiny model, told to answer with two digits."""
    monkeypatch.setenv("MAAS_ROUND_DIGITS", "2")
    registry.promote(NAME, registry.publish(*tiny_model.version()), actor="tests", reason="first")
    return Caller(tiny_model.endpoint())


def test_every_dialect_is_rounded(call: Caller, registry: Registry) -> None:
    """Records, tensors, bytes, direct calls and rows of files answer alike; golden samples did not mind."""
    assert [round(value / 10) * 10.0 for value in EXPECTED] == ROUNDED
    people = call("POST", PREDICT, {"instances": INSTANCES})
    assert [row["volume"] for row in people.json["predictions"]] == ROUNDED
    programs = call("POST", INFER, {"inputs": json_inputs()})
    assert programs.json["outputs"][0]["data"] == ROUNDED
    body, headers = binary_body(parameters={"binary_data_output": True})
    answer = call("POST", INFER, body, headers)
    length = int(answer.headers["Inference-Header-Content-Length"])
    assert np.frombuffer(answer.body[length:], "<f8").tolist() == ROUNDED
    direct = call.handler({"instances": INSTANCES}, Context())
    assert [row["volume"] for row in direct["predictions"]] == ROUNDED
    pointer = registry.production(NAME)
    assert pointer is not None
    lines = "".join(json.dumps(instance) + "\n" for instance in INSTANCES)
    block = {"format": "jsonl", "data": base64.b64encode(lines.encode()).decode(), "version": pointer.stable}
    scored = call.handler({"block": block}, Context())
    rows = [json.loads(line) for line in base64.b64decode(scored["data"]).splitlines()]
    assert [row["prediction"]["volume"] if "prediction" in row else row["volume"] for row in rows] == ROUNDED


def test_explanations_are_rounded_too(call: Caller) -> None:
    """Contributions that add up exactly would give away what the answer hides."""
    answer = call("POST", f"/v1/models/{NAME}:explain", {"instances": INSTANCES[:1]})
    assert answer.status == 200, answer.body
    (explanation,) = answer.json["explanations"]
    numbers = [explanation["value"], explanation["base_value"]]
    numbers += [one["contribution"] for one in explanation["attributions"]]
    for number in numbers:
        digits = f"{abs(number):e}".split("e")[0].replace(".", "").rstrip("0")
        assert len(digits) <= 2, number
