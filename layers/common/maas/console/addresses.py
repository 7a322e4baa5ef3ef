"""Presigned addresses of the data bucket: who holds one may do just what it says, for an hour."""

from functools import cached_property
from urllib.parse import urlsplit

from maas.batch.files import Files
from maas.batch.names import INBOX

# Long enough for a large file on a slow line, short enough that a leaked address is soon worthless.
_SECONDS = 3600


class Addresses:
    """Where a browser sends and fetches the objects of one bucket."""

    def __init__(self, files: Files) -> None:
        self._files = files

    @cached_property
    def origin(self) -> str:
        """Scheme and host that all of them have.

        Read off one of them: how S3's hosts are called differs between regions, partitions and emulators.
        """
        parts = urlsplit(self.to_send(f"{INBOX}any/console/any"))  # signed, but handed to nobody
        return f"{parts.scheme}://{parts.netloc}"

    def to_send(self, key: str) -> str:
        """Where an object is to be PUT."""
        return self._signed("put_object", key)

    def to_fetch(self, *keys: tuple[str, str]) -> dict[str, str]:
        """Addresses of those objects that are there: name by name, from pairs of name and key."""
        return {
            name: self._signed("get_object", key) for name, key in keys if self._files.head(key) is not None
        }

    def _signed(self, operation: str, key: str) -> str:
        address: str = self._files.client.generate_presigned_url(
            operation, Params={"Bucket": self._files.bucket, "Key": key}, ExpiresIn=_SECONDS
        )
        return address
