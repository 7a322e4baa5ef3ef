"""The signing key in KMS: what it must be, and what happens when KMS refuses or does not answer."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from maas.errors import ConfigurationError, MaasError, SigningUnavailable
from maas.registry import Registry
from maas.signer import KmsKey, Signer, kms_client
from maas.store import ObjectStore
from tests.faults import BUCKET, impatient, moto_bucket
from tests.manifests import manifest_of
from tests.signing_keys import LocalKey

MODEL = "traffic_flow"


@pytest.fixture(autouse=True)
def store() -> Iterator[ObjectStore]:
    with moto_bucket() as client, impatient():
        yield ObjectStore(BUCKET, client)


@pytest.mark.parametrize(
    "kind",
    [
        {"KeySpec": "ECC_NIST_P384"},
        {"KeySpec": "RSA_2048"},
        {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
    ],
    ids=str,
)
def test_a_key_of_another_kind_is_refused(kind: Any) -> None:
    """Only P-256 keys that sign; the error names the key."""
    made = boto3.client("kms", region_name="us-east-1").create_key(**({"KeyUsage": "SIGN_VERIFY"} | kind))
    arn = made["KeyMetadata"]["Arn"]
    with pytest.raises(ConfigurationError, match=arn):
        _ = KmsKey(arn, lambda: kms_client(region_name="us-east-1")).public_key


class _Kms:
    """A KMS that has a key and answers `sign` as told."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self._key = LocalKey()

    def get_public_key(self, **_: Any) -> dict[str, Any]:
        return {
            "KeyId": "arn",
            "KeyUsage": "SIGN_VERIFY",
            "SigningAlgorithms": ["ECDSA_SHA_256"],
            "PublicKey": self._key.spki,
        }

    def sign(self, **_: Any) -> Any:
        raise self._error


def _client_error(status: int, code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Sign")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_client_error(400, "AccessDeniedException"), ConfigurationError),
        (_client_error(400, "NotFoundException"), ConfigurationError),
        (_client_error(400, "DisabledException"), ConfigurationError),
        (_client_error(500, "KMSInternalException"), SigningUnavailable),
        (_client_error(503, "DependencyTimeoutException"), SigningUnavailable),
        (_client_error(400, "ThrottlingException"), SigningUnavailable),
        (EndpointConnectionError(endpoint_url="https://kms"), SigningUnavailable),
    ],
    ids=str,
)
def test_when_kms_refuses_or_is_silent_nothing_moves(
    store: ObjectStore, error: Exception, kind: type[MaasError]
) -> None:
    """A refusal is a matter of configuration, silence one of time; the detail names action and key."""
    kms: Any = _Kms(error)
    key = KmsKey("alias/signing", lambda: kms)
    registry = Registry(store, signer=Signer(key, name="ci"))
    version = registry.publish(manifest_of(b"a"), b"a")
    with pytest.raises(kind, match="kms:Sign on alias/signing"):
        registry.promote(MODEL, version, actor="ci", reason="a test")
    assert registry.production(MODEL) is None
    assert not list(store.list(f"models/{MODEL}/signatures/"))


def test_a_message_too_long_for_kms_is_refused_here() -> None:
    """KMS takes 4096 bytes; nothing is cut."""
    kms: Any = _Kms(AssertionError("not to be asked"))
    with pytest.raises(ConfigurationError, match="4096"):
        KmsKey("alias/signing", lambda: kms).sign(b"x" * 4097)
