"""Training data as bytes: a local path or an `s3://` address, plain or gzip."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

from maas.artifact import digest_of
from maas.errors import DataError, KeyMissing

_GZIP_MAGIC = b"\x1f\x8b"
_MAX_BYTES = 2 << 30


@dataclass(frozen=True)
class Source:
    """One file: where it came from, its bytes (decompressed), and the SHA-256 of the bytes as stored."""

    uri: str
    data: bytes
    digest: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.uri.rstrip("/").rsplit("/", 1)[-1]

    @classmethod
    def of(cls, uri: str, stored: bytes) -> "Source":
        """Describe `stored` bytes, decompressing gzip.

        Raises:
            DataError: Empty, damaged, or more than 2 GiB decompressed.
        """
        data = _gunzip(uri, stored) if stored.startswith(_GZIP_MAGIC) else stored
        if not data.strip():
            raise DataError(f"{uri}: the file is empty")
        return cls(uri, data, digest_of(stored))


def read_source(uri: str) -> Source:
    """Read a path or `s3://bucket/key`; AWS_ENDPOINT_URL is honoured.

    Raises:
        DataError: There is no such file, or it cannot be read.
        RegistryUnavailable: S3 does not answer.
    """
    return Source.of(uri, _read_s3(uri) if uri.startswith("s3://") else _read_path(uri))


def _read_path(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _read_s3(uri: str) -> bytes:
    from maas.store import ObjectStore, s3_client

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise DataError(f"{uri}: an S3 address reads s3://bucket/key")
    try:
        return ObjectStore(bucket, s3_client).read(key).body
    except KeyMissing as error:
        raise DataError(f"{uri}: no such object") from error


def _gunzip(uri: str, stored: bytes) -> bytes:
    import io

    try:
        with gzip.open(io.BytesIO(stored)) as file:
            # One byte more than allowed: a small file can hold a bomb.
            data = file.read(_MAX_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{uri}: the gzip stream is damaged or cut off") from error
    if len(data) > _MAX_BYTES:
        raise DataError(f"{uri}: more than {_MAX_BYTES} bytes when decompressed")
    return data
