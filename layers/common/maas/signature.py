"""Signatures of manifests: who released a version, checked before anything uses it.

    models/<model>/signatures/<digest>.json

A signature is ECDSA over P-256 with SHA-256 (FIPS 186-5), made by a key that never leaves KMS. It covers the
model's name, the manifest's digest and everything else in its document, so it can neither be moved to another
version nor edited. It is checked against keys pinned at deployment: whoever can write the bucket cannot
change which keys count. Checking needs no network.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from maas.artifact import digest_of
from maas.errors import ConfigurationError, KeyMissing, SignatureInvalid, SignatureMissing
from maas.manifest import (
    VERSION_LENGTH,
    Digest,
    Manifest,
    ModelName,
    UtcDatetime,
    canonical_json,
    model_folder,
)
from maas.store import ObjectStore

# What separates these messages from all others that the key may ever sign.
_DOMAIN = b"maas manifest signature v1\n"
# Of a public key on P-256 as KMS gives it: SubjectPublicKeyInfo in DER (RFC 5480), named curve, uncompressed.
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + b"\x04"
_SPKI_BYTES = 91
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", re.DOTALL)


def signature_key(model: str, digest: str) -> str:
    """The key of the signature of the manifest with this digest."""
    return f"{model_folder(model)}signatures/{digest}.json"


def canonical_signature(der: bytes) -> bytes:
    """The one accepted form of two equivalent signatures: DER, the lower `s`.

    With (r, s) the pair (r, n - s) is valid too. Only one of the two is, so that a signature that verifies is
    byte for byte the one that was made.

    Raises:
        ValueError: not an ECDSA signature in DER.
    """
    from ecdsa import NIST256p
    from ecdsa.der import UnexpectedDER
    from ecdsa.util import sigdecode_der, sigencode_der

    order = NIST256p.order
    try:
        r, s = sigdecode_der(der, order)
    except UnexpectedDER as error:
        raise ValueError("no ECDSA signature in DER") from error
    if not (0 < r < order and 0 < s < order):
        raise ValueError("a number outside the group")
    return bytes(sigencode_der(r, min(s, order - s), order))


def _strict_base64(text: str) -> str:
    if base64.b64encode(base64.b64decode(text, validate=True)).decode() != text:
        raise ValueError("not canonical base64")
    return text


class Signature(BaseModel):
    """The document: what was signed, by which key, when and by whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelName
    manifest: Digest
    algorithm: Literal["ECDSA_SHA_256"] = "ECDSA_SHA_256"
    key_id: str = Field(pattern=r"^[\x21-\x7e]{1,256}$")
    fingerprint: Digest
    signed: UtcDatetime
    signer: str = Field(min_length=1, max_length=200)
    signature: Annotated[str, AfterValidator(_strict_base64)] = Field(default="", max_length=200)

    def message(self) -> bytes:
        """The bytes that are signed: all of the document but the signature; under KMS's 4096 bytes."""
        return _DOMAIN + canonical_json(self.model_dump(mode="json", exclude={"signature"}))

    def to_json(self) -> bytes:
        """The canonical JSON that is stored."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse a stored signature.

        Raises:
            SignatureInvalid: not a signature document, or not exactly as it was written.
        """
        try:
            found = cls.model_validate_json(data)
            if found.to_json() == data:
                return found
        except ValueError as error:  # pydantic's, and text that is no Unicode
            raise SignatureInvalid("it is no signature document") from error
        raise SignatureInvalid("it is not as it was written")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key on P-256: `der` is its SubjectPublicKeyInfo, 91 bytes."""

    der: bytes

    def __post_init__(self) -> None:
        if len(self.der) != _SPKI_BYTES or not self.der.startswith(_SPKI):
            raise ConfigurationError("Not a public key on P-256: `maas signing-key` prints the one to pin")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER, 64 hexadecimal digits."""
        return digest_of(self.der)

    @property
    def base64(self) -> str:
        """The DER in base64: a PEM without its frame, as the stack's parameter takes it."""
        return base64.b64encode(self.der).decode()

    @property
    def pem(self) -> str:
        """The same with its frame (RFC 7468)."""
        lines = [self.base64[start : start + 64] for start in range(0, len(self.base64), 64)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature`, canonical DER, is this key's for `message`; about 5 ms."""
        # Pure Python, imported where it is needed. Its known weakness, timing, concerns signing only.
        from ecdsa import BadSignatureError, NIST256p, VerifyingKey
        from ecdsa.errors import MalformedPointError
        from ecdsa.util import sigdecode_der

        try:
            if canonical_signature(signature) != signature:
                return False
            key = VerifyingKey.from_string(self.der[len(_SPKI) :], NIST256p)
            return bool(key.verify(signature, message, hashfunc=hashlib.sha256, sigdecode=sigdecode_der))
        except MalformedPointError as error:
            raise ConfigurationError(f"The public key {self.fingerprint[:12]} is not on its curve") from error
        except (BadSignatureError, ValueError):
            return False


def public_keys(text: str) -> tuple[PublicKey, ...]:
    """Public keys from text: PEM blocks, or base64 of their DER with commas or white space between them.

    Raises:
        ConfigurationError: something in the text is no public key on P-256.
    """
    blocks = ["".join(block.split()) for block in _PEM.findall(text)]
    names = [*blocks, *re.split(r"[,\s]+", _PEM.sub(" ", text).strip(", \n\t"))]
    try:
        return tuple(PublicKey(base64.b64decode(name, validate=True)) for name in names if name)
    except binascii.Error as error:
        raise ConfigurationError("A pinned public key is neither PEM nor base64") from error


class PinnedKeys:
    """Verifies versions by their stored signatures and the public keys that count.

    Several keys count while one follows another.
    """

    def __init__(self, keys: tuple[PublicKey, ...]) -> None:
        self._keys = {key.fingerprint: key for key in keys}

    @classmethod
    def of(cls, text: str) -> Self | None:
        """The keys in a setting; None where it is empty: then versions need no signature."""
        return cls(public_keys(text)) if text.strip() else None

    def __contains__(self, key: PublicKey) -> bool:
        return key.fingerprint in self._keys

    def verify(self, store: ObjectStore, manifest: Manifest) -> None:
        """Return where a pinned key has signed this version.

        Raises:
            SignatureMissing: nobody has signed it.
            SignatureInvalid: the signature is another key's or another version's, or was changed.
        """
        try:
            self.check(read_signature(store, manifest), manifest)
        except SignatureInvalid as error:
            name = f"{manifest.model} {manifest.version}"
            raise SignatureInvalid(
                f"{name} has no valid signature, {error.detail}: promote it again"
            ) from error

    def check(self, signature: Signature, manifest: Manifest) -> None:
        """Like `verify`, with the signature at hand; the detail is the reason alone."""
        if (signature.model, signature.manifest) != (manifest.model, manifest.digest):
            raise SignatureInvalid(f"it was made for {signature.model} {signature.manifest[:VERSION_LENGTH]}")
        key = self._keys.get(signature.fingerprint)
        if key is None:
            raise SignatureInvalid(f"it is of the key {signature.fingerprint[:12]}, which is not pinned")
        if not key.verifies(base64.b64decode(signature.signature), signature.message()):
            raise SignatureInvalid(f"the key {signature.fingerprint[:12]} has not made it")


def read_signature(store: ObjectStore, manifest: Manifest) -> Signature:
    """The stored signature of a version, not verified.

    Raises:
        SignatureMissing: there is none.
        SignatureInvalid: what is there is no signature document.
    """
    try:
        found = store.read(signature_key(manifest.model, manifest.digest))
    except KeyMissing as error:
        raise SignatureMissing(
            f"{manifest.model} {manifest.version} is not signed: promote it with the signing key"
        ) from error
    return Signature.from_json(found.body)
