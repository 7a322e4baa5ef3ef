"""Signing with KMS and verifying with pinned keys: nothing unsigned is used, nothing unsigned is released."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from mypy_boto3_s3.client import S3Client

from maas.errors import (
    ConfigurationError,
    RegistryUnavailable,
    SignatureInvalid,
    SignatureMissing,
)
from maas.manifest import Manifest
from maas.registry import Registry
from maas.signature import PinnedKeys, PublicKey, read_signature, signature_key
from maas.signer import KmsKey, Signer, kms_client
from maas.store import ObjectStore
from tests.faults import (
    BUCKET,
    Crash,
    Fault,
    FaultInjector,
    impatient,
    moto_bucket,
    new_client,
    objects,
    restore,
    scripted,
)
from tests.manifests import manifest_of
from tests.signing_keys import LocalKey

MODEL = "traffic_flow"
A, B = manifest_of(b"a"), manifest_of(b"b", minute=1)
ENOUGH = 30


@pytest.fixture
def client() -> Iterator[S3Client]:
    with moto_bucket() as client, impatient():
        yield client


@pytest.fixture
def store(client: S3Client) -> ObjectStore:
    return ObjectStore(BUCKET, client)


def kms_key(**kind: Any) -> str:
    """A new key in moto's KMS; its ARN."""
    kms = boto3.client("kms", region_name="us-east-1")
    options = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"} | kind
    return str(kms.create_key(**options)["KeyMetadata"]["Arn"])


def signing(key: LocalKey | KmsKey, **options: Any) -> Signer:
    return Signer(key, name="ci", **options)


def publish(store: ObjectStore, *manifests: Manifest) -> None:
    for manifest in manifests or (A,):
        Registry(store).publish(manifest, b"b" if manifest is B else b"a")


def promote(registry: Registry, manifest: Manifest) -> None:
    registry.promote(MODEL, manifest.digest, actor="ci", reason="a test")


def trusting(store: ObjectStore, *keys: LocalKey | KmsKey) -> Registry:
    """A registry as a function has it: nothing unverified leaves it."""
    return Registry(store, verifier=PinnedKeys(tuple(key.public_key for key in keys)))


def test_kms_signs_what_is_promoted_and_functions_verify_it(store: ObjectStore) -> None:
    """From a key in KMS to a function that knows its public half only: signed once, by name, verified."""
    arn = kms_key()
    key = KmsKey(arn, lambda: kms_client(region_name="us-east-1"))
    publish(store)
    with pytest.raises(SignatureMissing, match="not signed"):
        trusting(store, key).manifest(MODEL, A.digest)
    promote(Registry(store, signer=signing(key)), A)
    assert trusting(store, key).manifest(MODEL, A.version) == A
    found = read_signature(store, A)
    assert (found.signer, found.algorithm) == ("ci", "ECDSA_SHA_256")
    assert arn.endswith(found.key_id)  # moto gives the id where KMS gives the ARN
    # The same again with nothing of ours between the stored document and KMS itself.
    answer = boto3.client("kms", region_name="us-east-1").verify(
        KeyId=arn,
        Message=found.message(),
        MessageType="RAW",
        Signature=base64.b64decode(found.signature),
        SigningAlgorithm="ECDSA_SHA_256",
    )
    assert answer["SignatureValid"]


@pytest.mark.parametrize("move", ["promote", "canary", "shadow"])
def test_every_release_is_signed_before_the_pointer_moves(store: ObjectStore, move: str) -> None:
    """Whichever request the process dies at: what the pointer names is signed, for each kind of move."""
    key = LocalKey()
    publish(store, A, B)
    promote(Registry(store, signer=signing(key)), A)
    prepared = objects()
    moves = {
        "promote": lambda registry: promote(registry, B),
        "canary": lambda registry: registry.canary(MODEL, B.digest, 10, actor="ci", reason=""),
        "shadow": lambda registry: registry.shadow(MODEL, B.digest, actor="ci", reason=""),
    }
    released = set()
    for number in range(1, ENOUGH):
        restore(prepared)
        injector = FaultInjector(dying := new_client(), scripted({number: Fault.CRASH_AFTER}))
        registry = Registry(ObjectStore(BUCKET, dying), signer=signing(key))
        try:
            moves[move](registry)
        except Crash:
            pass
        else:
            break
        pointer = trusting(store, key).production(MODEL)
        assert pointer is not None
        for digest in (pointer.stable, *pointer.trials):
            trusting(store, key).manifest(MODEL, digest)
        released.add(B.digest in {pointer.stable, *pointer.trials})
    assert number == len(injector.log) + 1
    assert released == {False, True}


def test_foreign_wrong_and_damaged_signatures_are_refused(store: ObjectStore) -> None:
    """Another version's signature, another key's, a torn or edited one: none makes a version usable."""
    key, other = LocalKey(), LocalKey()
    publish(store, A, B)
    promote(Registry(store, signer=signing(key)), A)
    place, whole = signature_key(MODEL, A.digest), store.read(signature_key(MODEL, A.digest)).body
    trusting(store, key, other).manifest(MODEL, A.digest)
    with pytest.raises(SignatureInvalid, match="not pinned"):
        trusting(store, other).manifest(MODEL, A.digest)
    store.put(signature_key(MODEL, B.digest), whole)
    with pytest.raises(SignatureInvalid, match=f"made for {MODEL} {A.version}"):
        trusting(store, key).manifest(MODEL, B.digest)
    for damaged in (whole[:-1], whole[: len(whole) // 2], b"", whole.replace(b'"ci"', b'"me"')):
        store.put(place, damaged)
        with pytest.raises(SignatureInvalid):
            trusting(store, key).manifest(MODEL, A.digest)
    store.put(place, whole)
    trusting(store, key).manifest(MODEL, A.digest)


def test_unsigned_versions_can_be_listed_and_published(store: ObjectStore) -> None:
    """A registry that verifies still shows what is there; using it is what needs the signature."""
    publish(store, A)
    registry = trusting(store, LocalKey())
    registry.publish(B, b"b")
    assert registry.versions(MODEL) == [B, A]
    with pytest.raises(SignatureMissing):
        promote(registry, B)
    assert registry.production(MODEL) is None


def test_signing_again_costs_nothing_and_a_new_key_takes_over(store: ObjectStore) -> None:
    """A valid signature is kept; a damaged one and an old key's are replaced; both keys may be pinned."""
    old, new = LocalKey(), LocalKey()
    publish(store)
    signing(old).sign(store, A)
    signing(old).sign(store, A)
    assert len(old.messages) == 1
    store.put(signature_key(MODEL, A.digest), b"{}")
    signing(old).sign(store, A)
    assert len(old.messages) == 2
    trusting(store, old, new).manifest(MODEL, A.digest)
    signing(new).sign(store, A)
    trusting(store, old, new).manifest(MODEL, A.digest)
    with pytest.raises(SignatureInvalid):
        trusting(store, old).manifest(MODEL, A.digest)


def test_a_key_that_the_functions_do_not_trust_signs_nothing(store: ObjectStore) -> None:
    """The mistake is found by the promoter, not by the functions: no signature, no move."""
    key, other = LocalKey(), LocalKey()
    publish(store)
    registry = Registry(store, signer=signing(key, pinned=PinnedKeys((other.public_key,))))
    with pytest.raises(ConfigurationError, match="do not trust"):
        promote(registry, A)
    assert key.messages == []
    assert registry.production(MODEL) is None


class _Liar(LocalKey):
    """A keeper that gives back something else than a signature of what it was sent."""

    def __init__(self, answer: bytes | None = None) -> None:
        super().__init__()
        self._answer = answer

    def sign(self, message: bytes) -> bytes:
        return super().sign(message + b"!") if self._answer is None else self._answer


@pytest.mark.parametrize("answer", [None, b"", b"no DER", b"\x30\x06\x02\x01\x00\x02\x01\x00"])
def test_a_useless_signature_is_not_stored(store: ObjectStore, answer: bytes | None) -> None:
    """What KMS gives is verified before it is stored: else every function would refuse the version."""
    publish(store)
    with pytest.raises(SignatureInvalid):
        promote(Registry(store, signer=signing(_Liar(answer))), A)
    assert not list(store.list(f"models/{MODEL}/signatures/"))
    assert Registry(store).production(MODEL) is None


def test_a_signature_read_badly_once_is_no_verdict(store: ObjectStore) -> None:
    """Where S3 is silent the version is unavailable, not unsigned."""
    key = LocalKey()
    publish(store)
    signing(key).sign(store, A)
    deaf = new_client()
    FaultInjector(deaf, lambda _: Fault.UNAVAILABLE)
    with pytest.raises(RegistryUnavailable):
        PinnedKeys((key.public_key,)).verify(ObjectStore(BUCKET, deaf, pause=lambda _: None), A)


def test_the_stored_document_says_who_when_and_with_what(store: ObjectStore) -> None:
    """People can read it: JSON with these fields and no others."""
    key = LocalKey()
    publish(store)
    signing(key).sign(store, A)
    document = json.loads(store.read(signature_key(MODEL, A.digest)).body)
    assert document.keys() == {
        "model",
        "manifest",
        "algorithm",
        "key_id",
        "fingerprint",
        "signed",
        "signer",
        "signature",
    }
    assert document["fingerprint"] == PublicKey(key.spki).fingerprint
    assert isinstance(key.private.curve, ec.SECP256R1)
