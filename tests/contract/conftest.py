"""Every model's function, found by itself; each trained on a few rows and served from moto's S3."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from maas.endpoint import Endpoint
from maas.manifest import Manifest
from maas.registry import Registry
from maas.store import ObjectStore
from tests.fuzz.run import SEED
from tests.lambda_events import Caller
from tests.trained_models import endpoints, trained


def pytest_report_header() -> str:
    """What repeats the fuzzer's requests."""
    return f"fuzz: MAAS_FUZZ_SEED={SEED}"


@dataclass(frozen=True)
class ServedModel:
    """A model's handler with a version in production."""

    endpoint: Endpoint[Any, Any]
    call: Caller
    manifest: Manifest


@pytest.fixture(params=endpoints())
def folder(request: pytest.FixtureRequest) -> str:
    """The folder of a model's function."""
    return str(request.param)


@pytest.fixture
def endpoint(folder: str) -> Endpoint[Any, Any]:
    """The handler in that folder."""
    return endpoints()[folder]


@pytest.fixture(scope="module", params=endpoints())
def served(request: pytest.FixtureRequest) -> Iterator[ServedModel]:
    """A model trained, published, promoted and ready to be called."""
    model = trained(request.param)
    endpoint = endpoints()[request.param]
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("MAAS_MODELS_BUCKET", "models-in-contract")
        environment.setenv("MAAS_REFRESH_SECONDS", "3600")
        client = boto3.client("s3")
        client.create_bucket(Bucket="models-in-contract")
        registry = Registry(ObjectStore("models-in-contract", client))
        version = model.publish(registry)
        registry.promote(endpoint.name, version, actor="tests", reason="contract")
        fresh = Endpoint(
            endpoint.name,
            endpoint.contract.record,
            endpoint.contract.prediction,
            endpoint.contract._features,
            feature_names=endpoint.contract.feature_names,
            respond=endpoint.contract._respond,
            raw=endpoint.contract.raw,
            explained=endpoint.explained,
        )
        yield ServedModel(fresh, Caller(fresh), model.manifest)
