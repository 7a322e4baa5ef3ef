"""What every suite shares: an AWS that lives in this process, and a registry in it."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from maas.registry import Registry
from maas.store import ObjectStore

MODELS_BUCKET = "models-for-tests"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Moto in place of AWS, with credentials that open nothing."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def models_bucket(aws: None, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: ARG001 -- it starts moto
    """An empty bucket, named in the environment as the template names it."""
    boto3.client("s3").create_bucket(Bucket=MODELS_BUCKET)
    monkeypatch.setenv("MAAS_MODELS_BUCKET", MODELS_BUCKET)
    monkeypatch.setenv("MAAS_REFRESH_SECONDS", "0")
    monkeypatch.delenv("MAAS_STACK", raising=False)
    return MODELS_BUCKET


@pytest.fixture
def registry(models_bucket: str) -> Registry:
    """A registry in the empty bucket."""
    return Registry(ObjectStore(models_bucket, boto3.client("s3")))
