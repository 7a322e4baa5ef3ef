"""Signing manifests with a key in KMS: what a promoter may do and a trainer may not."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol

from maas.errors import ConfigurationError, SignatureInvalid, SignatureMissing, SigningUnavailable
from maas.manifest import Manifest
from maas.signature import (
    PinnedKeys,
    PublicKey,
    Signature,
    canonical_signature,
    read_signature,
    signature_key,
)
from maas.store import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_kms.client import KMSClient

_ALGORITHM: Literal["ECDSA_SHA_256"] = "ECDSA_SHA_256"
_LONGEST_MESSAGE = 4096  # bytes, of a RAW message; DIGEST would leave the hashing to us
_SERVER_ERROR = 500
_LATER = frozenset(
    {"DependencyTimeoutException", "KMSInternalException", "KeyUnavailableException", "Throttling"}
)


class SigningKey(Protocol):
    """A private key on P-256, wherever it is kept."""

    @property
    def key_id(self) -> str:
        """What identifies it to its keeper; at most 256 printable characters of ASCII."""

    @property
    def public_key(self) -> PublicKey:
        """Its public half."""

    def sign(self, message: bytes) -> bytes:
        """ECDSA with SHA-256 of `message`, in DER."""


def kms_client(*, region_name: str | None = None) -> "KMSClient":
    """Make a KMS client; without arguments botocore's own rules hold.

    Raises:
        ConfigurationError: the environment describes no usable client.
    """
    from boto3.session import Session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
    try:
        return Session().client("kms", region_name=region_name, config=config)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"No KMS client can be made: {error}") from error


class KmsKey:
    """A key in KMS (ECC_NIST_P256, SIGN_VERIFY).

    Args:
        name: Its ARN, id or alias.
        client: Makes the client at first use.
    """

    def __init__(self, name: str, client: "Callable[[], KMSClient]" = kms_client) -> None:
        self._name = name
        self._make = client

    @property
    def key_id(self) -> str:
        """The key's ARN, also where it was named by an alias."""
        return self._found[0]

    @property
    def public_key(self) -> PublicKey:
        """As KMS gives it.

        Raises:
            ConfigurationError: no such key, no permission, or a key of another kind.
            SigningUnavailable: KMS does not answer.
        """
        return self._found[1]

    def sign(self, message: bytes) -> bytes:
        """ECDSA with SHA-256 of `message` (to 4096 bytes), in DER; errors as `public_key`."""
        if len(message) > _LONGEST_MESSAGE:
            raise ConfigurationError(f"KMS signs messages of {_LONGEST_MESSAGE} bytes, not {len(message)}")
        return self._ask(
            "kms:Sign",
            lambda kms: kms.sign(
                KeyId=self._name, Message=message, MessageType="RAW", SigningAlgorithm=_ALGORITHM
            )["Signature"],
        )

    @cached_property
    def _client(self) -> "KMSClient":
        return self._make()

    @cached_property
    def _found(self) -> tuple[str, PublicKey]:
        found = self._ask("kms:GetPublicKey", lambda kms: kms.get_public_key(KeyId=self._name))
        if found["KeyUsage"] != "SIGN_VERIFY" or _ALGORITHM not in found.get("SigningAlgorithms", []):
            raise ConfigurationError(f"The key {self._name} does not sign with {_ALGORITHM}")
        return found["KeyId"], PublicKey(found["PublicKey"])

    def _ask[T](self, action: str, call: "Callable[[KMSClient], T]") -> T:
        from botocore.exceptions import BotoCoreError, ClientError

        place = f"{action} on {self._name}"
        try:
            return call(self._client)
        except ClientError as error:
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            code = error.response.get("Error", {}).get("Code", "")
            if status >= _SERVER_ERROR or code.removesuffix("Exception") in _LATER or code in _LATER:
                raise SigningUnavailable(f"KMS does not answer ({place}: {code}): try again") from error
            raise ConfigurationError(f"{place} was refused: {code}") from error
        except BotoCoreError as error:
            raise SigningUnavailable(f"KMS does not answer ({place}: {type(error).__name__})") from error


def _now() -> datetime:
    return datetime.now(UTC)


class Signer:
    """Signs versions for release.

    Args:
        key: What signs.
        name: Who signs, for people; at most 200 characters.
        pinned: What the functions trust, where that is known: a key they would refuse signs nothing.
        clock: The time of a signature.
    """

    def __init__(
        self,
        key: SigningKey,
        *,
        name: str,
        pinned: PinnedKeys | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._key = key
        self._name = name.encode(errors="replace").decode()[:200] or "unknown"
        self._pinned = pinned
        self._clock = clock

    def sign(self, store: ObjectStore, manifest: Manifest) -> None:
        """Store a signature of `manifest`, unless this key's is there already.

        Another key's, or one that is damaged, is replaced: so a key that follows another takes over.

        Raises:
            ConfigurationError: the key cannot be used, or the functions do not trust it.
            SigningUnavailable: KMS does not answer.
            SignatureInvalid: what KMS gave is no signature of what it was sent.
        """
        public = self._key.public_key
        if self._pinned is not None and public not in self._pinned:
            raise ConfigurationError(
                f"The functions do not trust the key {public.fingerprint[:12]}: deploy with it as "
                "SigningPublicKey (`maas signing-key` prints it), or sign with the key they trust"
            )
        ours = PinnedKeys((public,))
        try:
            ours.check(read_signature(store, manifest), manifest)
        except (SignatureMissing, SignatureInvalid):
            pass
        else:
            return
        unsigned = Signature(
            model=manifest.model,
            manifest=manifest.digest,
            key_id=self._key.key_id,
            fingerprint=public.fingerprint,
            signed=self._clock(),
            signer=self._name,
        )
        try:
            made = canonical_signature(self._key.sign(unsigned.message()))
        except ValueError as error:
            raise SignatureInvalid(f"{unsigned.key_id} gave no ECDSA signature") from error
        signature = unsigned.model_copy(update={"signature": base64.b64encode(made).decode()})
        # A bit that flipped on the way is to be noticed here, not by every function later.
        ours.check(signature, manifest)
        store.put(
            signature_key(manifest.model, manifest.digest),
            signature.to_json(),
            content_type="application/json",
        )
