"""Signatures: what verifies is exactly what was signed, by exactly the keys that are pinned."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maas.errors import ConfigurationError, SignatureInvalid
from maas.signature import PinnedKeys, PublicKey, Signature, canonical_signature, public_keys
from tests.manifests import manifest_of
from tests.signing_keys import LocalKey

KEY, OTHER = LocalKey(), LocalKey()
MANIFEST = manifest_of(b"model")
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def signature(key: LocalKey = KEY, **changes: Any) -> Signature:
    fields: dict[str, Any] = {
        "model": MANIFEST.model,
        "manifest": MANIFEST.digest,
        "key_id": key.key_id,
        "fingerprint": key.public_key.fingerprint,
        "signed": "2026-03-01T12:00:00Z",
        "signer": "ci",
    }
    unsigned = Signature(**(fields | changes))
    made = canonical_signature(key.sign(unsigned.message()))
    return unsigned.model_copy(update={"signature": base64.b64encode(made).decode()})


SIGNED = signature()
DER = base64.b64decode(SIGNED.signature)


def test_signature_verifies_with_the_key_that_made_it_and_no_other() -> None:
    """The other library's signature is accepted, for this version, while its key is pinned."""
    found = Signature.from_json(SIGNED.to_json())
    PinnedKeys((KEY.public_key,)).check(found, MANIFEST)
    PinnedKeys((OTHER.public_key, KEY.public_key)).check(found, MANIFEST)
    with pytest.raises(SignatureInvalid, match="not pinned"):
        PinnedKeys((OTHER.public_key,)).check(found, MANIFEST)


@pytest.mark.parametrize(
    "foreign",
    [manifest_of(b"model", model="parking"), manifest_of(b"another"), manifest_of(b"model", minute=1)],
    ids=["model", "artifact", "time"],
)
def test_signature_of_another_version_is_foreign(foreign: Any) -> None:
    """A signature moved to another model or manifest is refused, and so is one rewritten to fit there."""
    pinned = PinnedKeys((KEY.public_key,))
    with pytest.raises(SignatureInvalid, match="made for traffic_flow"):
        pinned.check(SIGNED, foreign)
    moved = SIGNED.model_copy(update={"model": foreign.model, "manifest": foreign.digest})
    with pytest.raises(SignatureInvalid, match="has not made it"):
        pinned.check(moved, foreign)


@pytest.mark.parametrize(
    "change",
    [
        {"signer": "somebody else"},
        {"signed": "2026-03-01T12:00:01Z"},
        {"key_id": "another-key"},
        {"fingerprint": OTHER.public_key.fingerprint},
    ],
    ids=lambda change: next(iter(change)),
)
def test_nothing_in_the_document_can_be_edited(change: dict[str, str]) -> None:
    """Who, when and with which key is part of what is signed."""
    edited = Signature(**(SIGNED.model_dump() | change))
    with pytest.raises(SignatureInvalid):
        PinnedKeys((KEY.public_key, OTHER.public_key)).check(edited, MANIFEST)


def test_a_key_cannot_pass_for_another_one() -> None:
    """A signature by a foreign key that claims the pinned key's fingerprint is refused."""
    claimed = signature(OTHER, fingerprint=KEY.public_key.fingerprint)
    with pytest.raises(SignatureInvalid, match="has not made it"):
        PinnedKeys((KEY.public_key,)).check(claimed, MANIFEST)


def _lower_s(key: LocalKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(message))
    return encode_dss_signature(r, min(s, ORDER - s))


def _der(*parts: bytes) -> bytes:
    body = b"".join(parts)
    return b"\x30" + bytes([len(body)]) + body


def _integer(value: int, padding: bytes = b"") -> bytes:
    body = padding + value.to_bytes(value.bit_length() // 8 + 1)
    return b"\x02" + bytes([len(body)]) + body


MESSAGE = b"a message"
R, S = decode_dss_signature(_lower_s(KEY, MESSAGE))
MALLEATED = {
    "the higher s": encode_dss_signature(R, ORDER - S),
    "padded r": _der(_integer(R, b"\x00"), _integer(S)),
    "bytes after the end": encode_dss_signature(R, S) + b"\x00",
    "bytes inside after s": _der(_integer(R), _integer(S), b"\x00"),
    "long form of the length": b"\x30\x81" + encode_dss_signature(R, S)[1:],
    "indefinite length": b"\x30\x80" + encode_dss_signature(R, S)[2:] + b"\x00\x00",
    "r and s swapped": encode_dss_signature(S, R),
    "r plus the order": encode_dss_signature(R + ORDER, S),
    "s plus the order": encode_dss_signature(R, S + ORDER),
    "negative r": _der(b"\x02\x01\xff", _integer(S)),
    "zero": encode_dss_signature(0, 0),
    "zero s": encode_dss_signature(R, 0),
    "the order as s": encode_dss_signature(R, ORDER),
    "raw r and s": R.to_bytes(32) + S.to_bytes(32),
    "no sequence": _integer(R) + _integer(S),
    "empty": b"",
}


@pytest.mark.parametrize("name", MALLEATED)
def test_only_one_encoding_of_a_signature_verifies(name: str) -> None:
    """Strict DER, the lower s, numbers within the group: all else is refused, also where the maths agrees."""
    assert KEY.public_key.verifies(encode_dss_signature(R, S), MESSAGE)
    assert not KEY.public_key.verifies(MALLEATED[name], MESSAGE)


@settings(max_examples=25, deadline=None)
@given(place=st.integers(0, 8 * len(DER) - 1), length=st.integers(0, len(DER) - 1))
@example(place=0, length=0)
def test_a_flipped_bit_or_a_lost_end_breaks_the_signature(place: int, length: int) -> None:
    """No bit of a signature is free, and no beginning of one is enough."""
    flipped = bytearray(DER)
    flipped[place // 8] ^= 1 << place % 8
    for damaged in (bytes(flipped), DER[:length]):
        assert not KEY.public_key.verifies(damaged, SIGNED.message())


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(SIGNED.to_json()) - 1), byte=st.integers(0, 255))
def test_an_edited_document_is_refused(place: int, byte: int) -> None:
    """Whatever byte of the stored document changes, either it is no document or it does not verify."""
    data = bytearray(SIGNED.to_json())
    if data[place] == byte:
        return
    data[place] = byte
    with pytest.raises(SignatureInvalid):
        PinnedKeys((KEY.public_key,)).check(Signature.from_json(bytes(data)), MANIFEST)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        SIGNED.to_json()[:-1],
        SIGNED.to_json() + b"\n",
        json.dumps(json.loads(SIGNED.to_json())).encode(),
        json.dumps(
            json.loads(SIGNED.to_json()) | {"more": 1}, sort_keys=True, separators=(",", ":")
        ).encode(),
        SIGNED.to_json().replace(b"ECDSA_SHA_256", b"ECDSA_SHA_384"),
        SIGNED.to_json().replace(SIGNED.signature.encode(), SIGNED.signature.encode() + b"="),
    ],
)
def test_what_is_no_signature_document_is_refused(data: bytes) -> None:
    """Torn, reformatted, extended, another algorithm, sloppy base64: none of it is parsed leniently."""
    with pytest.raises(SignatureInvalid):
        Signature.from_json(data)


def test_the_message_is_bound_to_its_purpose_and_fits_kms() -> None:
    """It begins with its purpose, names model and digest, and never exceeds 4096 bytes."""
    message = SIGNED.message()
    assert message.startswith(b"maas manifest signature v1\n")
    assert MANIFEST.digest.encode() in message
    assert b'"traffic_flow"' in message
    longest = signature(model="m" * 63, key_id='"' * 256, signer="\x00" * 200)
    assert len(longest.message()) <= 4096
    assert KEY.public_key.verifies(base64.b64decode(longest.signature), longest.message())


def test_pinned_keys_are_read_from_pem_and_base64() -> None:
    """One key or several, as PEM or as base64, on one line or many; an empty setting pins nothing."""
    both = (KEY.public_key, OTHER.public_key)
    assert public_keys(KEY.pem) == (KEY.public_key,)
    assert public_keys(KEY.pem + OTHER.pem) == both
    assert public_keys(f"{KEY.public_key.base64},{OTHER.public_key.base64}") == both
    assert public_keys(f" {KEY.public_key.base64}\n{OTHER.public_key.base64} ") == both
    assert public_keys(KEY.pem + OTHER.public_key.base64) == both
    assert PinnedKeys.of("") is PinnedKeys.of(" \n") is None


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
UNUSABLE = {
    "another curve": LocalKey(ec.SECP384R1()).spki,
    "a curve as long": LocalKey(ec.SECP256K1()).spki,
    "RSA": RSA.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "a compressed point": KEY.private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
    "bytes after the end": KEY.spki + b"\x00",
    "truncated": KEY.spki[:-1],
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_keys_of_another_kind_cannot_be_pinned(name: str) -> None:
    """Only P-256, named and uncompressed, and nothing around it."""
    with pytest.raises(ConfigurationError, match="P-256"):
        public_keys(base64.b64encode(UNUSABLE[name]).decode())


def test_a_pinned_key_must_be_on_its_curve() -> None:
    """A point beside the curve is a mistake in the configuration, not a bad signature."""
    beside = PublicKey(KEY.spki[:-1] + bytes([KEY.spki[-1] ^ 1]))
    with pytest.raises(ConfigurationError, match="not on its curve"):
        beside.verifies(DER, SIGNED.message())


@pytest.mark.parametrize("text", ["maybe", "-----BEGIN PUBLIC KEY-----", "MFkw,MFkw", "!"])
def test_text_that_is_no_key_is_refused(text: str) -> None:
    """A typing mistake must not leave the functions without a key to ask for."""
    with pytest.raises(ConfigurationError):
        PinnedKeys.of(text)
