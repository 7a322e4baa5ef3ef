"""The tiny model as a Lambda function with an S3 of its own: what the real runtime runs in a test."""

import os

from moto import mock_aws

from maas.registry import Registry
from maas.s3_client import s3_client
from maas.store import ObjectStore
from tests import tiny_model
from tests.conftest import MODELS_BUCKET
from tests.shelves import publish

# As in Lambda, one handler is the function; those that publishing makes below register nothing.
handler = tiny_model.endpoint()
os.environ["MAAS_AFTERWARDS"] = "off"

# Nothing of it leaves this process, and it ends with it.
mock_aws().start()
_client = s3_client()
_client.create_bucket(Bucket=MODELS_BUCKET)
_registry = Registry(ObjectStore(MODELS_BUCKET, _client))
publish(_registry)
_registry.shadow(tiny_model.NAME, publish(_registry, 2, promote=False), actor="tests", reason="")
