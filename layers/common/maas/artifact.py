"""Artifacts: immutable bytes, named by their SHA-256 digest, so that a name can never mean two things."""

import hashlib

from pydantic import BaseModel, ConfigDict, Field

from maas.errors import BrokenArtifact, Conflict, DigestMismatch, KeyMissing
from maas.store import ObjectStore

DIGEST_PATTERN = r"^[0-9a-f]{64}$"


def digest_of(data: bytes) -> str:
    """The SHA-256 digest of `data`, 64 lowercase hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


class Blob(BaseModel):
    """What identifies some bytes: SHA-256 digest, size in bytes, and what they are (RFC 6838 media type)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str = Field(pattern=DIGEST_PATTERN)
    size: int = Field(ge=0)
    media_type: str = Field(min_length=1)

    @classmethod
    def of(cls, data: bytes, media_type: str) -> "Blob":
        """Describe `data`."""
        return cls(digest=digest_of(data), size=len(data), media_type=media_type)

    @property
    def key(self) -> str:
        """The key in the registry's bucket."""
        return f"blobs/sha256/{self.digest}"

    def verify(self, data: bytes) -> bytes:
        """Return `data` if they are the bytes described here.

        Raises:
            DigestMismatch: size or digest differ.
        """
        if len(data) != self.size:
            raise DigestMismatch(f"{self.key} has {len(data)} bytes, its manifest says {self.size}")
        self.confirm(digest_of(data))
        return data

    def confirm(self, digest: str) -> None:
        """Return where `digest` is that of the bytes described here.

        Raises:
            DigestMismatch: It is another one.
        """
        if digest != self.digest:
            raise DigestMismatch(f"{self.key} has digest {digest}: it is not what its name says")

    @property
    def missing(self) -> BrokenArtifact:
        """What to raise where there is no such object."""
        return BrokenArtifact(f"{self.key} is missing: publish the version again")


class BlobStore:
    """Blobs in a bucket, under `blobs/sha256/<digest>`; written once, never changed."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, data: bytes, media_type: str) -> Blob:
        """Store `data`, or find them stored already.

        Raises:
            DigestMismatch: other bytes are stored under this digest; remove that object, then repeat.
        """
        blob = Blob.of(data, media_type)
        try:
            self._store.keep(blob.key, data, content_type=media_type)
        except Conflict as error:
            raise DigestMismatch(
                f"{blob.key} holds other bytes than its name says: remove it, then publish again"
            ) from error
        return blob

    def get(self, blob: Blob) -> bytes:
        """Read the bytes that `blob` describes.

        Raises:
            BrokenArtifact: the object is missing.
            DigestMismatch: the object is damaged.
        """
        try:
            return blob.verify(self._store.read(blob.key).body)
        except KeyMissing as error:
            raise blob.missing from error

    def check(self, blob: Blob) -> None:
        """Read what `blob` describes, however large, and keep nothing of it; errors as in `get`."""
        try:
            blob.confirm(self._store.digest(blob.key))
        except KeyMissing as error:
            raise blob.missing from error
