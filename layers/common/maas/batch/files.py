"""The data bucket: ranged reads of one version of an object, and writes that appear whole or not at all."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from maas.errors import AlreadyExists, Conflict, KeyMissing, RegistryUnavailable
from maas.s3_errors import Denied, translated
from maas.store import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_READ_ATTEMPTS = 4


class Replaced(Conflict):
    """The object was replaced or removed while it was read."""


class Head(NamedTuple):
    """What S3 says about an object without its bytes."""

    etag: str
    size: int
    metadata: Mapping[str, str]


class Files(ObjectStore):
    """The objects of the data bucket; raises what ObjectStore raises."""

    def head(self, key: str) -> Head | None:
        """An object's entity tag (without quotes), size in bytes and metadata; None where there is none."""
        try:
            with translated("s3:GetObject", self.bucket, key):
                found = self.client.head_object(Bucket=self.bucket, Key=key)
        except KeyMissing:
            return None
        except Denied:
            if self._is_missing(key):
                return None
            raise
        return Head(found["ETag"].strip('"'), found["ContentLength"], found["Metadata"])

    def read_range(self, key: str, etag: str, start: int, end: int) -> bytes:
        """Bytes start to end (exclusive) of the object that has this entity tag.

        Raises:
            Replaced: The object there is another one, or gone.
        """
        for attempt in range(_READ_ATTEMPTS):
            try:
                with translated("s3:GetObject", self.bucket, key):
                    answer = self.client.get_object(
                        Bucket=self.bucket, Key=key, Range=f"bytes={start}-{end - 1}", IfMatch=f'"{etag}"'
                    )
                    data = answer["Body"].read()
            except (AlreadyExists, KeyMissing, Denied) as error:  # 412; 404, or 403 in place of it
                if isinstance(error, Denied) and not self._is_missing(key):
                    raise
                raise Replaced(f"s3://{self.bucket}/{key} was replaced while it was read") from error
            except RegistryUnavailable:
                if attempt == _READ_ATTEMPTS - 1:
                    raise
                continue
            if len(data) == end - start:
                return data
        raise RegistryUnavailable(f"s3://{self.bucket}/{key}: bytes {start} to {end} do not arrive whole")

    def write(
        self, key: str, body: bytes, *, over: Head | None, metadata: Mapping[str, str], content_type: str
    ) -> None:
        """Write an object over the one that was seen there, or where none was seen.

        Raises:
            Conflict: Something else is there now.
        """
        with translated("s3:PutObject", self.bucket, key):
            self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                Metadata=dict(metadata),
                ContentType=content_type,
                **_condition(over),
            )

    def begin(self, key: str, *, metadata: Mapping[str, str], content_type: str) -> str:
        """Begin a multipart upload, which stays invisible until `complete`; its id."""
        with translated("s3:PutObject", self.bucket, key):
            return self.client.create_multipart_upload(
                Bucket=self.bucket, Key=key, Metadata=dict(metadata), ContentType=content_type
            )["UploadId"]

    def upload_part(self, key: str, upload: str, number: int, body: bytes) -> str:
        """Upload one part, at least 5 MiB unless it is the last; its entity tag."""
        with translated("s3:PutObject", self.bucket, key):
            return self.client.upload_part(
                Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=number, Body=body
            )["ETag"]

    def complete(self, key: str, upload: str, parts: Sequence[tuple[int, str]], *, over: Head | None) -> None:
        """Make the object appear, over the one that was seen there, or where none was seen.

        Raises:
            Conflict: Something else is there now.
            KeyMissing: There is no such upload any more: it may have been completed.
        """
        listed: list[CompletedPartTypeDef] = [{"PartNumber": n, "ETag": etag} for n, etag in sorted(parts)]
        with translated("s3:PutObject", self.bucket, key):
            self.client.complete_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": listed},
                **_condition(over),
            )

    def abort(self, key: str, upload: str) -> None:
        """Forget an upload and its parts."""
        with translated("s3:AbortMultipartUpload", self.bucket, key):
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)

    def remove(self, key: str) -> None:
        """Remove an object, if there is one."""
        with translated("s3:DeleteObject", self.bucket, key):
            self.client.delete_object(Bucket=self.bucket, Key=key)


def _condition(over: Head | None) -> dict[str, Any]:
    return {"IfNoneMatch": "*"} if over is None else {"IfMatch": f'"{over.etag}"'}
