"""One tiny model in production, for every test that only asks it questions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.lambda_events import Caller

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.console_site import Site


@dataclass(frozen=True)
class Serving:
    """A handler with a version in production, and how to call it."""

    call: Caller
    version: str
    digest: str


@pytest.fixture(scope="module")
def tiny() -> Iterator[Serving]:
    """The tiny model, published and promoted in a bucket of this module's own."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("MAAS_MODELS_BUCKET", "tiny-models")
        environment.setenv("MAAS_REFRESH_SECONDS", "3600")
        client = boto3.client("s3")
        client.create_bucket(Bucket="tiny-models")
        registry = Registry(ObjectStore("tiny-models", client))
        manifest, artifact = tiny_model.version()
        version = registry.publish(manifest, artifact)
        registry.promote(tiny_model.NAME, version, actor="tests", reason="first")
        yield Serving(Caller(tiny_model.endpoint()), version, manifest.digest)


@pytest.fixture(scope="module")
def site() -> "Iterator[Site]":
    """The console's page, one for all tests of a module."""
    from tests.console_site import console_site

    with console_site() as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A browser, one for all tests of a module."""
    from tests.browser import chromium

    with chromium() as started:
        yield started
