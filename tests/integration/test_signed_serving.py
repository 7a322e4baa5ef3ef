"""A function with a pinned key serves what that key signed and nothing else, whatever the bucket says."""

import boto3
import pytest

from maas.errors import ConfigurationError
from maas.registry import Registry
from maas.signature import PublicKey, read_signature, signature_key
from maas.signer import Signer
from maas.store import ObjectStore
from tests import tiny_model
from tests.conftest import MODELS_BUCKET
from tests.lambda_events import Answer, Caller
from tests.shelves import publish
from tests.signing_keys import LocalKey
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import PREDICT


@pytest.fixture
def key(models_bucket: str, monkeypatch: pytest.MonkeyPatch) -> LocalKey:
    """A key that the functions of this test trust."""
    assert models_bucket
    key = LocalKey()
    monkeypatch.setenv("MAAS_SIGNING_PUBLIC_KEY", key.pem)
    return key


def registry(key: LocalKey | None) -> Registry:
    """A promoter's registry; without a key it signs nothing."""
    return Registry(ObjectStore(MODELS_BUCKET, boto3.client("s3")), signer=key and Signer(key, name="tests"))


def ask(call: Caller, path: str = PREDICT) -> Answer:
    return call("POST", path, {"instances": INSTANCES})


def test_a_signed_version_is_served_and_an_unsigned_successor_is_not(key: LocalKey) -> None:
    """The last version that was released properly goes on answering; signing the new one takes it up."""
    good = publish(registry(key))
    call = Caller(tiny_model.endpoint())
    assert ask(call).headers["X-Model-Version"] == good
    unsigned = publish(registry(None), 2)
    for answer in (ask(call), ask(Caller(call.handler))):
        assert (answer.status, answer.headers["X-Model-Version"]) == (200, good)
    registry(key).promote(NAME, good, actor="tests", reason="back to what is signed")
    registry(key).promote(NAME, unsigned, actor="tests", reason="now with a signature")
    assert ask(Caller(tiny_model.endpoint())).headers["X-Model-Version"] == unsigned


@pytest.mark.parametrize("damage", ["missing", "foreign", "wrong key", "truncated"])
def test_without_a_good_signature_nothing_is_served(key: LocalKey, damage: str) -> None:
    """A fresh function refuses, in production and by name; callers learn the kind of fault and no more."""
    signed = publish(registry(key))
    version = publish(registry({"missing": None, "wrong key": LocalKey()}.get(damage, key)), 2)
    store = registry(None).store
    digests = {name: registry(None).manifest(NAME, name).digest for name in (signed, version)}
    place = signature_key(NAME, digests[version])
    if damage == "foreign":
        store.put(place, store.read(signature_key(NAME, digests[signed])).body)
    if damage == "truncated":
        store.put(place, store.read(place).body[:-20])
    call = Caller(tiny_model.endpoint())
    code = "signature-missing" if damage == "missing" else "signature-invalid"
    for answer in (ask(call), ask(call, PREDICT.replace(":predict", f"/versions/{version}:predict"))):
        assert answer.status == 500
        assert answer.json["type"].endswith(code)
        assert "key" not in answer.json["detail"]
    assert ask(call, PREDICT.replace(":predict", f"/versions/{signed}:predict")).status == 200


def test_without_a_pinned_key_no_signature_is_asked_for(
    key: LocalKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop, or a stack before its second deployment: versions serve unsigned."""
    assert key
    monkeypatch.setenv("MAAS_SIGNING_PUBLIC_KEY", "")
    version = publish(registry(None))
    assert ask(Caller(tiny_model.endpoint())).headers["X-Model-Version"] == version


def test_a_function_that_releases_signs_with_the_stack_s_key(
    models_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MAAS_SIGNING_KEY names a key in KMS; what such a function promotes is accepted by all others."""
    assert models_bucket
    kms = boto3.client("kms")
    made = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    der = kms.get_public_key(KeyId=made)["PublicKey"]
    monkeypatch.setenv("MAAS_SIGNING_PUBLIC_KEY", PublicKey(der).base64)
    monkeypatch.setenv("MAAS_SIGNING_KEY", made)
    version = publish(tiny_model.endpoint().make_registry())
    monkeypatch.delenv("MAAS_SIGNING_KEY")
    assert ask(Caller(tiny_model.endpoint())).headers["X-Model-Version"] == version
    assert (
        read_signature(registry(None).store, registry(None).manifest(NAME, version)).signer
        == f"function {NAME}"
    )


def test_a_mistyped_key_serves_nothing(key: LocalKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that is no key is a fault of the configuration, never a reason to trust everything."""
    publish(registry(key))
    monkeypatch.setenv("MAAS_SIGNING_PUBLIC_KEY", key.pem.replace("A", "B", 1))
    with pytest.raises(ConfigurationError):
        tiny_model.endpoint().make_registry()
    assert ask(Caller(tiny_model.endpoint())).status == 500
