"""A shadow behind real requests: it computes the same rows after the answer, and disturbs nobody."""

import json
import threading
from typing import Any

import pytest

from maas.manifest import Golden
from maas.registry import Registry
from tests import tiny_model
from tests.lambda_events import Caller, Context
from tests.shelves import publish
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import EXPECTED, INFER, PREDICT, json_inputs

WHO = {"actor": "tests", "reason": "trial"}
BODY = {"instances": INSTANCES}
BROKEN = Golden(instances=INSTANCES[:1], predictions=[{"volume": 1.0}], tolerance=0.1)


def lines(capsys: pytest.CaptureFixture[str], message: str = "shadow") -> list[dict[str, Any]]:
    """What was logged under a message."""
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [line for line in logged if line.get("message") == message]


def drained(handler: Any) -> Any:
    handler.afterwards.drain()
    return handler


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_shadow_computes_the_same_rows(
    registry: Registry, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The caller gets stable's answer; the record has figures and ids, and nothing of what was asked."""
    stable, shadow = publish(registry), publish(registry, 3, promote=False)
    registry.shadow(NAME, shadow, **WHO)
    handler = tiny_model.endpoint()
    body = BODY if path == PREDICT else {"inputs": json_inputs()}
    answer = Caller(handler)("POST", path, body, {"X-Request-Id": "me"})
    assert answer.headers["X-Model-Version"] == stable
    drained(handler)
    [line] = lines(capsys)
    assert (line["version"], line["against"], line["track"]) == (shadow, stable, "shadow")
    assert (line["request_id"], line["rows"]) == ("me", 3)
    assert line["agreement"] == 0
    assert line["Disagreement"] == pytest.approx(0.5)  # |3x - x| / (3x + x)
    assert line["largest_difference"] == pytest.approx(2 * max(EXPECTED))
    assert (line["ShadowCompared"], line["ShadowDiffered"], line["ShadowFailed"]) == (1, 1, 0)
    assert line["Latency"] >= 0
    assert set(line) - {"_aws", "level", "message", "timestamp"} == {
        *("environment", "service", "version", "track", "against", "request_id", "rows", "agreement"),
        *("Disagreement", "largest_difference", "Requests", "Failed", "Latency"),
        *("ShadowCompared", "ShadowDiffered", "ShadowFailed"),
    }


def test_same_model_agrees(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """A version that answers alike differs in nothing."""
    publish(registry)
    registry.shadow(NAME, publish(registry, promote=False, summary="the same again"), **WHO)
    handler = tiny_model.endpoint()
    handler(BODY, Context())
    drained(handler)
    [line] = lines(capsys)
    assert (line["agreement"], line["Disagreement"], line["ShadowDiffered"]) == (1, 0, 0)


def test_caller_does_not_wait_for_the_shadow(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is there while the shadow's work has not begun."""
    publish(registry)
    registry.shadow(NAME, publish(registry, 2, promote=False), **WHO)
    handler, go = tiny_model.endpoint(), threading.Event()
    handler.afterwards.do(go.wait)
    assert Caller(handler)("POST", PREDICT, BODY).status == 200
    assert lines(capsys) == []
    go.set()
    drained(handler)
    assert len(lines(capsys)) == 1


def test_broken_shadow_disturbs_nobody(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """It is counted and named for each request, and its bytes are not read for each."""
    stable, shadow = publish(registry), publish(registry, 2, promote=False, golden=BROKEN)
    registry.shadow(NAME, shadow, **WHO)
    handler = tiny_model.endpoint()
    assert {handler(BODY, Context())["model_version"] for _ in range(3)} == {stable}
    drained(handler)
    found = lines(capsys)
    assert [line["code"] for line in found] == ["golden-mismatch"] * 3
    assert [line["ShadowFailed"] for line in found] == [1, 1, 1]
    assert [line["Failed"] for line in found] == [1, 1, 1]
    assert "Disagreement" not in found[0]


def test_shadow_that_crashes_disturbs_nobody(
    registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even what nobody foresaw ends as a line."""
    publish(registry)
    registry.shadow(NAME, publish(registry, 2, promote=False), **WHO)
    handler = tiny_model.endpoint()
    monkeypatch.setattr("maas.shadow.compare", lambda *_: 1 / 0)
    assert handler(BODY, Context())["predictions"]
    drained(handler)
    [line] = lines(capsys)
    assert (line["code"], line["ShadowFailed"]) == ("crashed", 1)


def test_shadow_is_compared_with_whoever_answered(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside a canary the record names the canary where that had the request."""
    stable = publish(registry)
    canary, shadow = (publish(registry, scale, promote=False) for scale in (2, 3))
    registry.canary(NAME, canary, 50, **WHO)
    registry.shadow(NAME, shadow, **WHO)
    handler = tiny_model.endpoint()
    answered = [
        handler(BODY, Context(aws_request_id=f"caller-{number}"))["model_version"] for number in range(20)
    ]
    drained(handler)
    assert set(answered) == {stable, canary}
    assert [line["against"] for line in lines(capsys)] == answered


def test_named_versions_and_refusals_have_no_shadow(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who names a version is no sample of the traffic; who is refused has no answer to compare with."""
    stable = publish(registry)
    registry.shadow(NAME, publish(registry, 2, promote=False), **WHO)
    handler = tiny_model.endpoint()
    call = Caller(handler)
    assert call("POST", f"/v1/models/{NAME}/versions/{stable}:predict", BODY).status == 200
    assert call("POST", PREDICT, {"instances": []}).status >= 400
    assert call("GET", f"/v1/models/{NAME}").status == 200
    drained(handler)
    assert lines(capsys) == []


def test_shadow_follows_the_pointer(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Another shadow takes the first one's place, and with the end of it the version is let go."""
    publish(registry)
    handler = tiny_model.endpoint()
    first, second = (publish(registry, scale, promote=False) for scale in (2, 3))
    for version in (first, second, None):
        registry.shadow(NAME, version, **WHO)
        handler(BODY, Context())
        drained(handler)
    assert [line["version"] for line in lines(capsys)] == [first, second]
    assert handler.predictor._shadow._served is None


def test_snapshot_survives_with_a_shadow(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """After a restore the shadow is loaded through the new connection."""
    publish(registry)
    registry.shadow(NAME, publish(registry, 2, promote=False), **WHO)
    handler = tiny_model.endpoint()
    handler.before_snapshot()
    handler.after_restore()
    handler(BODY, Context())
    drained(handler)
    assert len(lines(capsys)) == 1
