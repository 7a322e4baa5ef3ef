"""What `sam build` makes runs in containers under `sam local`, called the way clients call it."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput  # type: ignore[import-untyped]

from cli.emulator import ROOT
from maas.manifest import Manifest
from maas.protocol.request import Request
from tests.docker.linear_model import INSTANCES, predictions
from tests.docker.sam_local import SamLocal

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("published")]

EVENTS = ROOT / "functions" / "traffic_flow" / "events"
PREDICT = "/v1/models/traffic_flow:predict"
REQUEST_SECONDS = 120.0  # the first one waits for the image and a cold start


@pytest.fixture(scope="module")
def api(sam: SamLocal) -> Iterator[str]:
    """The address of the API under `sam local start-api`."""
    with sam.api() as address:
        yield address


def test_direct_invocation_predicts(sam: SamLocal, published: Manifest, tmp_path: Path) -> None:
    """`sam local invoke` with instances alone answers with the published model's predictions."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"instances": INSTANCES}))
    answer = sam.invoke("TrafficFlowFunction", event)
    assert answer["model_version"] == published.version
    assert answer["predictions"] == predictions(INSTANCES)


@pytest.mark.parametrize("name", ["predict", "predict_base64"])
def test_example_event_predicts(sam: SamLocal, name: str) -> None:
    """The example events of good requests get a proxy response with the published model's predictions."""
    event = EVENTS / f"{name}.json"
    request = Request.from_event(json.loads(event.read_text()))
    answer = sam.invoke("TrafficFlowFunction", event)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["predictions"] == predictions(json.loads(request.body())["instances"])


def test_example_event_of_a_bad_request_is_a_problem(sam: SamLocal) -> None:
    """The example event of a bad request gets a problem, not a function error."""
    answer = sam.invoke("TrafficFlowFunction", EVENTS / "predict_invalid.json")
    assert answer["statusCode"] == 422
    assert json.loads(answer["body"])["errors"]


def test_v1_over_http(api: str) -> None:
    """`sam local start-api` answers KServe V1."""
    status, media_type, document = _post(api, PREDICT, json.dumps({"instances": INSTANCES}))
    assert (status, media_type) == (200, "application/json")
    assert document["predictions"] == predictions(INSTANCES)


def test_v2_binary_over_http(api: str, published: Manifest) -> None:
    """An Open Inference Protocol client, binary both ways, gets through `sam local start-api`."""
    inputs = [_tensor(name, [instance[name] for instance in INSTANCES]) for name in INSTANCES[0]]
    with InferenceServerClient(
        api, connection_timeout=REQUEST_SECONDS, network_timeout=REQUEST_SECONDS
    ) as client:
        # Without Accept, which API Gateway does not ask for, `sam local` leaves the answer as base64 text.
        result = client.infer("traffic_flow", inputs, headers={"Accept": "application/octet-stream"})
    assert result.get_response()["model_version"] == published.version
    volumes = result.as_numpy("vehicles_per_hour")
    assert volumes is not None
    assert volumes.ravel().tolist() == [row["vehicles_per_hour"] for row in predictions(INSTANCES)]


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), (json.dumps({"instances": [{"timestamp": "2018-10-02T08:00:00", "rain": -1}]}), 422)],
    ids=["not JSON", "negative rain"],
)
def test_bad_body_is_a_problem(api: str, body: str, status: int) -> None:
    """What is wrong with a body comes back as an RFC 9457 problem."""
    answered, media_type, document = _post(api, PREDICT, body)
    assert (answered, media_type) == (status, "application/problem+json")
    assert document["status"] == status


def _tensor(name: str, values: list[Any]) -> InferInput:
    """One field of the record as a binary tensor."""
    text = isinstance(values[0], str)
    tensor = InferInput(name, [len(values)], "BYTES" if text else "FP64")
    tensor.set_data_from_numpy(np.array(values, dtype=object if text else np.float64))
    return tensor


def _post(api: str, path: str, body: str) -> tuple[int, str | None, Any]:
    """Send JSON and return status, media type and the parsed answer."""
    connection = http.client.HTTPConnection(api, timeout=REQUEST_SECONDS)
    with contextlib.closing(connection):
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.headers.get("Content-Type"), json.loads(response.read())
