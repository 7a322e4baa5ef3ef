"""Keys to sign with in tests: made and used by another library than the one that verifies."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from maas.signature import PublicKey


class LocalKey:
    """A private key in this process, in KMS's place."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self.private = ec.generate_private_key(curve or ec.SECP256R1())
        self.messages: list[bytes] = []

    @property
    def key_id(self) -> str:
        return "local-key"

    @property
    def spki(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> str:
        return (
            self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        )

    @property
    def private_pem(self) -> bytes:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public_key(self) -> PublicKey:
        return PublicKey(self.spki)

    def sign(self, message: bytes) -> bytes:
        self.messages.append(message)
        return self.private.sign(message, ec.ECDSA(hashes.SHA256()))
