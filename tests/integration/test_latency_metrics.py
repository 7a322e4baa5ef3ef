"""What a request takes is timed by what it was for: `Latency`, which alarms watch, is of predictions."""

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.integration.conftest import Serving
from tests.lambda_events import Context
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import json_inputs

V1, V2 = f"/v1/models/{NAME}", f"/v2/models/{NAME}"
ROWS = b64encode("\n".join(map(json.dumps, INSTANCES)).encode()).decode()


def timed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The metrics of latency in the line of the only request."""
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [one for one in found if one.get("message") == "request"]
    assert line["Requests"] == 1
    return [name for name in line if name.endswith("Latency")]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (("POST", f"{V1}:predict", {"instances": INSTANCES}), "Latency"),
        (("POST", f"{V2}/infer", {"inputs": json_inputs()}), "Latency"),
        (("POST", f"{V1}:predict", {"instances": []}), "Latency"),
        (("POST", f"{V1}:explain", {"instances": INSTANCES}), "ExplainLatency"),
        (("POST", f"{V1}:explain", {"instances": []}), "ExplainLatency"),
        (
            ("POST", f"{V2}/infer", {"inputs": json_inputs(), "parameters": {"explain": True}}),
            "ExplainLatency",
        ),
        (("GET", V1, None), "OtherLatency"),
        (("GET", f"{V2}/ready", None), "OtherLatency"),
    ],
)
def test_routes_are_timed_apart(
    tiny: Serving, capsys: pytest.CaptureFixture[str], request_: tuple[str, str, Any], expected: str
) -> None:
    """An explanation takes a hundred times as long as a prediction, and a card next to nothing."""
    capsys.readouterr()
    tiny.call(*request_)
    assert timed(capsys) == [expected]


def test_alarms_have_what_they_count_with(tiny: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    """A metric that is written only when something is wrong would be missing in the sum of an alarm."""
    capsys.readouterr()
    tiny.call("POST", f"{V1}:predict", {"instances": INSTANCES})
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["Failed"], line["KeptLastGood"]) == (0, 0)
    named = [one["Name"] for group in line["_aws"]["CloudWatchMetrics"] for one in group["Metrics"]]
    assert named.count("KeptLastGood") == 1


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"instances": INSTANCES}, "Latency"),
        ({"block": {"format": "jsonl", "data": ROWS}}, "BlockLatency"),
        ({"block": 1}, "BlockLatency"),
    ],
)
def test_direct_calls_are_timed_apart(
    tiny: Serving, capsys: pytest.CaptureFixture[str], event: Any, expected: str
) -> None:
    """Thousands of rows of a file are no slow prediction."""
    if isinstance(event.get("block"), dict):
        event = {"block": {**event["block"], "version": tiny.digest}}
    capsys.readouterr()
    tiny.call.handler(event, Context())
    assert timed(capsys) == [expected]
