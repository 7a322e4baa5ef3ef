"""The catalogue's function: what there is, whether it is up, and what is unknown about unknown paths."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from functions.catalogue.handler import Catalogue
from maas import __version__
from maas.errors import RegistryUnavailable
from maas.registry import Registry
from tests import tiny_model
from tests.conftest import MODELS_BUCKET
from tests.lambda_events import Caller, Context


@pytest.fixture
def call(registry: Registry) -> Iterator[Caller]:
    """The catalogue over a registry with one model in production and one without."""
    registry.promote("tiny", registry.publish(*tiny_model.version()), actor="tests", reason="first")
    registry.publish(*tiny_model.version(model="younger"))
    return Caller(Catalogue("catalogue"))


class Silent:
    """A registry whose S3 does not answer."""

    def models(self) -> list[str]:
        raise RegistryUnavailable("S3 does not answer")


@pytest.mark.parametrize("path", ["/v1/models", "/v2/models", "/v1/models/"])
def test_models_are_listed(call: Caller, path: str) -> None:
    """Both dialects list the names."""
    assert call("GET", path).json == {"models": ["tiny", "younger"]}


def test_server_metadata(call: Caller) -> None:
    """V2 tells name, version and extensions, the binary one among them."""
    server = call("GET", "/v2").json
    assert (server["name"], server["version"]) == ("maas", __version__)
    assert "binary_tensor_data" in server["extensions"]


def test_health(call: Caller) -> None:
    """Live is live; ready needs the registry, and says 503 without it."""
    assert call("GET", "/v2/health/live").json == {"live": True}
    assert call("GET", "/v2/health/ready").json == {"ready": True}
    call.handler.make_registry = Silent
    vars(call.handler).pop("_registry")
    answer = call("GET", "/v2/health/ready")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Content-Type"] == "application/json"
    assert call("GET", "/v2/health/live").status == 200


def test_repository_index(call: Caller, registry: Registry) -> None:
    """Each model with its state; one damaged pointer does not hide the others."""
    version = registry.versions("tiny")[0].version
    younger = {"name": "younger", "state": "UNAVAILABLE"}
    assert call("POST", "/v2/repository/index").json == [
        {"name": "tiny", "version": version, "state": "READY"},
        younger,
    ]
    boto3.client("s3").put_object(Bucket=MODELS_BUCKET, Key="models/tiny/production.json", Body=b"{}")
    broken, other = call("POST", "/v2/repository/index", {}).json
    assert (broken["name"], broken["state"], bool(broken["reason"])) == ("tiny", "UNAVAILABLE", True)
    assert other == younger


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/v1/models/elsewhere:predict", "model-not-found"),
        ("GET", "/v1/models/elsewhere", "model-not-found"),
        ("GET", "/v1/models/../secrets", "model-not-found"),
        ("GET", "/v1/models/" + "x" * 3000, "model-not-found"),
        ("GET", "/v1/models/tiny/elsewhere", "route-not-found"),
        ("GET", "/favicon.ico", "route-not-found"),
        ("GET", "/" + "x" * 3000, "route-not-found"),
        ("GET", "/v1/models/\ud800", "model-not-found"),
    ],
)
def test_unknown_path(call: Caller, method: str, path: str, code: str) -> None:
    """A caller learns whether it is the model or the path that does not exist."""
    answer = call(method, path)
    assert (answer.status, answer.json["type"]) == (404, f"urn:maas:error:{code}")
    assert len(answer.body) < 1000


def test_unknown_model_in_v2(call: Caller) -> None:
    """V2 says the same in its own form."""
    answer = call("POST", "/v2/models/elsewhere/infer", {})
    assert (answer.status, list(answer.json)) == (404, ["error"])


def test_wrong_method(call: Caller) -> None:
    """A known path with another method is a 405."""
    answer = call("DELETE", "/v1/models")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize("event", [None, [], "x", {}, {"instances": []}, {"httpMethod": "GET"}])
def test_event_that_is_no_request(call: Caller, event: Any) -> None:
    """What is no HTTP request comes back as a problem, not as a stack trace."""
    problem = call.handler(event, Context())
    assert problem["status"] == 400
    json.dumps(problem)
