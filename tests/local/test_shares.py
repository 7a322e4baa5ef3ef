"""A canary on the deployed stack, over HTTP: who gets which version."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest
import urllib3

from functions.lane_flow.handler import handler
from maas.manifest import Manifest
from maas.registry import Registry
from maas.store import ObjectStore
from maas.traffic import draws
from tests.fuzz.target import target_of
from tests.trained_models import trained

if TYPE_CHECKING:
    from conftest import LocalStack

MODEL = "lane_flow"
WHO = {"actor": "test", "reason": "shares"}
BODY = json.dumps({"instances": [target_of(handler).record]}).encode()
TRUSTED_SECONDS = 1.5  # a function on a laptop reads the pointer every second
IDS = [f"caller-{number}" for number in range(16)]


class Released(NamedTuple):
    """The registry, the stable version and another one that answers the same."""

    registry: Registry
    stable: str
    other: str


@pytest.fixture(scope="module")
def released(stack: "LocalStack") -> Iterator[Released]:
    """Two versions of the model, one of them in production."""
    model = trained(MODEL)
    registry = Registry(ObjectStore(stack.models_bucket, cast("Any", stack.client("s3"))))
    stable = registry.promote(MODEL, model.publish(registry), **WHO).version
    # Not model_copy, which would copy the digest too.
    fields = model.manifest.model_dump() | {"summary": "The same, for a share of the callers."}
    twin = Manifest(**fields)
    yield Released(registry, stable, registry.publish(twin, model.artifact, model.blobs))
    registry.withdraw(MODEL, **WHO)


def answered_by(stack: "LocalStack", request_id: str) -> str:
    """The version that answers a caller."""
    headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
    url = f"{stack.api_url}/v1/models/{MODEL}:predict"
    answer = urllib3.request("POST", url, body=BODY, headers=headers, timeout=60)
    assert answer.status == 200, answer.data
    assert answer.headers["X-Request-Id"] == request_id
    return answer.headers["X-Model-Version"]


def test_each_caller_keeps_a_version(stack: "LocalStack", released: Released) -> None:
    """The share is the one that the id decides, in whichever process a request ends; then everybody moves."""
    registry, stable, other = released
    canary = registry.canary(MODEL, other, 40, **WHO).canary
    time.sleep(TRUSTED_SECONDS)
    assert canary is not None
    expected = [other if draws(MODEL, canary, name) else stable for name in IDS]
    assert set(expected) == {stable, other}
    for _ in range(2):
        assert [answered_by(stack, name) for name in IDS] == expected
    registry.withdraw(MODEL, **WHO)
    time.sleep(TRUSTED_SECONDS)
    assert {answered_by(stack, name) for name in IDS} == {stable}
