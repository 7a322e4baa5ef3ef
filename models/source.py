"""Training data as bytes: a file or a folder, on a local path or at an `s3://` address, plain or gzip."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from maas.artifact import digest_of
from maas.errors import DataError, KeyMissing

if TYPE_CHECKING:
    from maas.store import ObjectStore

_GZIP_MAGIC = b"\x1f\x8b"
_MAX_BYTES = 2 << 30


@dataclass(frozen=True)
class Source:
    """One file, or a folder with all files below it.

    Attributes:
        uri: Where it came from.
        data: A file's bytes, decompressed; of a folder nothing.
        digest: The SHA-256 of the bytes as stored; of a folder, that of its files' names and digests.
        files: A folder's files as stored, by path below it, sorted; of a file nothing.
    """

    uri: str
    data: bytes
    digest: str
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The file's or folder's own name."""
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

    @classmethod
    def of_files(cls, uri: str, files: Mapping[str, bytes]) -> "Source":
        """Describe a folder's files, given by path below it.

        Raises:
            DataError: There are none.
        """
        if not files:
            raise DataError(f"{uri}: no files in this folder")
        ordered = dict(sorted(files.items()))
        digests = "".join(f"{digest_of(stored)}  {path}\n" for path, stored in ordered.items())
        return cls(uri, b"", digest_of(digests.encode()), ordered)

    def file(self, path: str) -> "Source":
        """One of the folder's files, decompressed.

        Raises:
            DataError: There is none of this name, or it is damaged.
        """
        if path not in self.files:
            raise DataError(f"{self.uri}: no file {path} in this folder")
        return Source.of(f"{self.uri.rstrip('/')}/{path}", self.files[path])

    def beside(self, name: str) -> "Source":
        """The file of another name in the same folder as this file.

        Raises:
            DataError: There is none, or it cannot be read.
        """
        return read_source(self._folder + name)

    def beside_like(self, pattern: str) -> "Source":
        """The only file in the same folder as this file whose name matches a shell pattern.

        Raises:
            DataError: None does, or several do, or it cannot be read.
        """
        found = sorted(name for name in _names_in(self._folder) if fnmatchcase(name, pattern))
        if len(found) != 1:
            several = f" ({', '.join(found[:3])})" if found else ""
            raise DataError(f"{self.uri}: {len(found)} files like {pattern} beside it{several}, expected one")
        return self.beside(found[0])

    @property
    def _folder(self) -> str:
        return self.uri[: len(self.uri) - len(self.name)]


def read_source(uri: str) -> Source:
    """Read a path or `s3://bucket/key`; AWS_ENDPOINT_URL is honoured.

    A local folder is read with everything below it, and so is what is below an S3 address that ends with "/".

    Raises:
        DataError: There is no such file or folder, or it cannot be read.
        RegistryUnavailable: S3 does not answer.
    """
    if not uri.startswith("s3://"):
        return _read_local(uri)
    from maas.s3_client import s3_client
    from maas.store import ObjectStore

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise DataError(f"{uri}: an S3 address reads s3://bucket/key")
    store = ObjectStore(bucket, s3_client)
    if key.endswith("/"):
        below = (found for found in store.list(key) if not found.endswith("/"))
        parts = ((found.removeprefix(key), partial(_read_s3, store, found)) for found in below)
        return Source.of_files(uri, dict(_within_limit(uri, parts)))
    return Source.of(uri, _read_s3(store, key))


def _names_in(folder: str) -> Iterator[str]:
    """The names of the files directly in a folder, a local path or an S3 address that ends with "/"."""
    if not folder.startswith("s3://"):
        try:
            yield from [file.name for file in Path(folder or ".").iterdir() if file.is_file()]
        except OSError as error:
            raise DataError(f"{folder}: {error.strerror or error}") from error
        return
    from maas.s3_client import s3_client
    from maas.store import ObjectStore

    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    below = (key.removeprefix(prefix) for key in ObjectStore(bucket, s3_client).list(prefix))
    yield from (name for name in below if name and "/" not in name)


def _read_local(uri: str) -> Source:
    path = Path(uri)
    try:
        if not path.is_dir():
            return Source.of(uri, path.read_bytes())
        below = sorted(file for file in path.rglob("*") if file.is_file())
        parts = ((file.relative_to(path).as_posix(), file.read_bytes) for file in below)
        return Source.of_files(uri, dict(_within_limit(uri, parts)))
    except OSError as error:
        raise DataError(f"{uri}: {error.strerror or error}") from error


def _read_s3(store: "ObjectStore", key: str) -> bytes:
    try:
        return store.read(key).body
    except KeyMissing as error:
        raise DataError(f"{key}: no such object in the bucket") from error


def _within_limit(uri: str, parts: Iterator[tuple[str, Callable[[], bytes]]]) -> Iterator[tuple[str, bytes]]:
    total = 0
    for name, read in parts:
        stored = read()
        total += len(stored)
        if total > _MAX_BYTES:
            raise DataError(f"{uri}: more than {_MAX_BYTES} bytes in this folder")
        yield name, stored


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
