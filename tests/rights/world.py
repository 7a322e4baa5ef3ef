"""A stack in moto for functions to be driven in: buckets, a model in production, the template's names."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.iam import REGION

MODELS, DATA = "models-for-tests", "data-for-tests"
ARNS = {"ModelsBucket": f"arn:aws:s3:::{MODELS}", "DataBucket": f"arn:aws:s3:::{DATA}"}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "MAAS_MODELS_BUCKET": MODELS,
    "MAAS_DATA_BUCKET": DATA,
    "MAAS_FUNCTIONS": "maas-",
    "MAAS_REFRESH_SECONDS": "0",
}


@dataclass
class World:
    """Clients, and the registry with the tiny model in it."""

    s3: Any
    registry: Registry
    environment: pytest.MonkeyPatch


@contextmanager
def world() -> Iterator[World]:
    """A stack with the tiny model in production."""
    with pytest.MonkeyPatch.context() as environment, mock_aws(config={"lambda": {"use_docker": False}}):
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_LAMBDA_RUNTIME_API"):
            environment.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            environment.setenv(name, value)
        s3 = boto3.client("s3")
        for bucket in (MODELS, DATA):
            s3.create_bucket(Bucket=bucket)
        registry = Registry(ObjectStore(MODELS, s3))
        registry.promote(
            tiny_model.NAME, registry.publish(*tiny_model.version()), actor="tests", reason="first"
        )
        yield World(s3, registry, environment)
