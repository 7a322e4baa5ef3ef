"""One S3 bucket as a store of small objects, with the errors of S3 turned into ours.

boto3 is imported only when a client is made: importing this module costs nothing at a cold start.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import file_digest
from threading import Lock
from typing import TYPE_CHECKING

from maas.errors import Conflict, KeyMissing, RegistryUnavailable
from maas.s3_client import s3_client
from maas.s3_errors import Busy, Denied, NotModified, silent, translated

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef, PutObjectRequestTypeDef

    from maas.s3_reader import Reader

# S3 asks the client to repeat a conditional write that met another one in flight (409).
_BUSY_ATTEMPTS = 6
_BUSY_PAUSE_SECONDS = 0.05
# botocore retries a request, but not a body that breaks off while it is read.
_BODY_ATTEMPTS = 3
# What was written or found needed within this time, nobody removes as unused (maas.garbage).
FRESH = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's bytes and its entity tag, which `ObjectStore.put` takes as `if_match`."""

    body: bytes
    etag: str


class ObjectStore:
    """The objects of one bucket.

    Every method raises RegistryUnavailable where S3 does not answer after botocore's retries, and
    ConfigurationError where it refuses (bucket, permission, credentials); the detail says what to do.
    """

    def __init__(
        self,
        bucket: str,
        client: "S3Client | Callable[[], S3Client]" = s3_client,
        *,
        reader: "Reader | None" = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`client` may be a factory, called on first use; `pause` waits between attempts, in seconds.

        Where there is a `reader`, objects are read through it and the client is made only to list or write.
        """
        self.bucket = bucket
        self._reader = reader
        self._make: Callable[[], S3Client] = client if callable(client) else lambda: client
        self._made: S3Client | None = None
        self._making = Lock()
        self._pause = pause

    def renew(self) -> None:
        """Forget the client, whose connections and credentials do not survive a SnapStart restore."""
        with self._making:
            self._made = None
        if self._reader is not None:
            self._reader.close()

    @property
    def client(self) -> "S3Client":
        """The client, made on first use."""
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made

    def get(self, key: str, *, if_none_match: str | None = None) -> StoredObject | None:
        """Read an object; None when its entity tag is still `if_none_match`.

        Raises:
            KeyMissing: no such object.
            DigestMismatch: the bytes that arrived do not fit the checksum S3 sent along.
        """
        try:
            return self._get(key, if_none_match)
        except NotModified:
            return None

    def read(self, key: str) -> StoredObject:
        """Read an object, whatever its entity tag; errors as in `get`."""
        return self._get(key, None)

    def digest(self, key: str) -> str:
        """The SHA-256 digest of an object of any size, read piece by piece; errors as in `get`."""
        return self._by_client(key, None, lambda body: file_digest(body, "sha256").hexdigest())[0]  # type: ignore[arg-type]

    def fill(self, key: str, target: memoryview) -> Iterator[int]:
        """Read an object of len(target) bytes into `target`; yields how many are there, from the start on.

        Raises:
            RegistryUnavailable: the object has another size; otherwise as in `get`.
        """
        if self._reader is not None:
            yield from self._reader.fill(key, target)
            return
        body = self.read(key).body
        if len(body) != len(target):
            raise silent(f"s3:GetObject on s3://{self.bucket}/{key}", f"{len(body)} bytes")
        target[:] = body
        yield len(body)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
        content_type: str = "application/octet-stream",
    ) -> str:
        """Write an object and return its entity tag.

        `if_none_match` writes only where nothing is, `if_match` only over the object with that entity tag.
        When the condition fails and the object there is `body`, byte for byte, the write counts as done:
        an acknowledgement was lost and the retry met the client's own first attempt.

        Raises:
            AlreadyExists: `if_none_match` was given and another object is there.
            Conflict: `if_match` was given and the object is another one, or gone.
        """
        request: PutObjectRequestTypeDef = {
            "Bucket": self.bucket,
            "Key": key,
            "Body": body,
            "ContentType": content_type,
            # Where objects are locked S3 takes none without a checksum, whatever the environment says.
            "ChecksumAlgorithm": "CRC32",
        }
        if if_none_match:
            request["IfNoneMatch"] = "*"
        if if_match is not None:
            request["IfMatch"] = if_match
        try:
            return self._put(request, key)
        except (Conflict, KeyMissing) as error:
            # S3 answers 404 to If-Match where the object is gone.
            try:
                found = self.read(key)
            except KeyMissing:
                found = None
            if found is not None and found.body == body:
                return found.etag
            if if_none_match:
                raise
            raise Conflict(f"s3://{self.bucket}/{key} changed since it was read: read it again") from error

    def keep(self, key: str, body: bytes, *, content_type: str) -> None:
        """Write what never changes under its key, or find it there; what has lain there long is written anew.

        So the caller may rely on it: who removes what nobody uses spares for a day what is young, and then
        sees what the caller made use it.

        Raises:
            AlreadyExists: other bytes are there.
        """
        self.put(key, body, if_none_match=True, content_type=content_type)
        try:
            young = datetime.now(UTC) - self.modified(key) < FRESH
        except KeyMissing:  # removed this moment
            young = False
        if not young:
            self.put(key, body, content_type=content_type)

    def modified(self, key: str) -> datetime:
        """When the object was written last; KeyMissing where there is none."""
        try:
            with translated("s3:GetObject", self.bucket, key):
                return self.client.head_object(Bucket=self.bucket, Key=key)["LastModified"]
        except Denied as error:
            if self._is_missing(key):
                raise KeyMissing(f"s3:GetObject on s3://{self.bucket}/{key}: no such object") from error
            raise

    def list(self, prefix: str) -> Iterator[str]:
        """All keys that begin with `prefix`, in ascending order of their UTF-8 bytes."""
        with translated("s3:ListBucket", self.bucket, prefix):
            for page in self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix
            ):
                yield from (entry["Key"] for entry in page.get("Contents", ()))

    def folders(self, prefix: str) -> Iterator[str]:
        """The names directly under `prefix` (which ends in `/`) that hold keys of their own, ascending."""
        with translated("s3:ListBucket", self.bucket, prefix):
            for page in self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, Delimiter="/"
            ):
                for entry in page.get("CommonPrefixes", ()):
                    yield entry["Prefix"].removeprefix(prefix).removesuffix("/")

    def _get(self, key: str, if_none_match: str | None) -> StoredObject:
        if self._reader is None:
            return StoredObject(*self._by_client(key, if_none_match, lambda body: body.read()))
        try:
            return StoredObject(*self._reader.get(key, if_none_match=if_none_match))
        except Denied as error:
            if self._is_missing(key):
                raise KeyMissing(f"s3:GetObject on s3://{self.bucket}/{key}: no such object") from error
            raise

    def _by_client[T](
        self, key: str, if_none_match: str | None, take: "Callable[[StreamingBody], T]"
    ) -> tuple[T, str]:
        request: GetObjectRequestTypeDef = {"Bucket": self.bucket, "Key": key}
        if if_none_match is not None:
            request["IfNoneMatch"] = if_none_match
        for attempt in range(_BODY_ATTEMPTS):
            try:
                with translated("s3:GetObject", self.bucket, key):
                    answer = self.client.get_object(**request)
            except Denied as error:
                if self._is_missing(key):
                    raise KeyMissing(f"s3:GetObject on s3://{self.bucket}/{key}: no such object") from error
                raise
            try:
                with translated("s3:GetObject", self.bucket, key):
                    return take(answer["Body"]), answer["ETag"]
            except RegistryUnavailable:
                if attempt == _BODY_ATTEMPTS - 1:
                    raise
        raise AssertionError  # pragma: no cover -- the last attempt returns or raises

    def _is_missing(self, key: str) -> bool:
        # Who may list only some prefixes gets a 403 for a missing object too: the listing tells which it is.
        try:
            return key not in self.list(key)
        except Denied:
            return False

    def _put(self, request: "PutObjectRequestTypeDef", key: str) -> str:
        for attempt in range(_BUSY_ATTEMPTS):
            try:
                with translated("s3:PutObject", self.bucket, key):
                    return self.client.put_object(**request)["ETag"]
            except Busy:
                if attempt == _BUSY_ATTEMPTS - 1:
                    raise
                jitter = random.random()  # noqa: S311 -- spreads retries, protects nothing
                self._pause(jitter * _BUSY_PAUSE_SECONDS * 2**attempt)
        raise AssertionError  # pragma: no cover -- the last attempt returns or raises
