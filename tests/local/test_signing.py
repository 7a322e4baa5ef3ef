"""On the local stack: its own key signs what is released, and pruning finds its way in its bucket."""

from datetime import timedelta

from maas.artifact import BlobStore
from maas.garbage import Garbage, Survey
from maas.registry import Registry
from maas.signature import PinnedKeys
from maas.signer import KmsKey, Signer
from maas.store import ObjectStore
from tests.local.conftest import LocalStack
from tests.manifests import MEDIA_TYPE, manifest_of

MODEL = "local_signing"


def test_the_stack_s_key_signs_what_is_released(stack: LocalStack) -> None:
    """The key of the template, in the emulator's KMS; checked with its public half alone."""
    key = KmsKey(stack.outputs["SigningKeyArn"], lambda: stack.client("kms"))
    store = ObjectStore(stack.models_bucket, stack.client("s3"))
    manifest = manifest_of(b"a", model=MODEL)
    registry = Registry(store, signer=Signer(key, name="tests"))
    registry.promote(MODEL, registry.publish(manifest, b"a"), actor="tests", reason="")
    pinned = PinnedKeys((key.public_key,))
    assert Registry(store, verifier=pinned).manifest(MODEL, manifest.digest) == manifest


def test_the_stack_s_bucket_is_versioned_as_pruning_asks(stack: LocalStack) -> None:
    """Everything is young there, so nothing goes; its states can be told apart."""
    store = ObjectStore(stack.models_bucket, stack.client("s3"))
    BlobStore(store).put(b"nobody's", MEDIA_TYPE)
    assert Garbage(store, grace=timedelta(days=30)).survey(keep=0) == Survey()
