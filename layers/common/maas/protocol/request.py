"""One HTTP request as a model sees it, whatever the gateway wrapped it in."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from maas.errors import MalformedBody, PayloadTooLarge, UnsupportedMediaType

MAX_BODY_BYTES = 10 * 1024 * 1024  # decompressed; API Gateway itself lets no more than this through
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


@dataclass(frozen=True, slots=True)
class Request:
    """Method, decoded path, headers by lower-case name, and the body's bytes as they were sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw_body: bytes

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read an API Gateway REST proxy event.

        Raises:
            MalformedBody: The body is not what `isBase64Encoded` says, or no Unicode text.
        """
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        return cls(event["httpMethod"], event["path"], headers, _body(event))

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case; empty if the caller names none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def body(self) -> bytes:
        """The body, decompressed.

        Raises:
            UnsupportedMediaType: The content encoding is not one we read.
            MalformedBody: The compressed stream is damaged.
            PayloadTooLarge: It grows beyond `MAX_BODY_BYTES`.
        """
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding == "identity":
            return self.raw_body
        if encoding not in _WINDOW_BITS:
            raise UnsupportedMediaType(
                f"Content-Encoding {encoding[:40]!r} is not supported: use gzip or none."
            )
        return _inflate(self.raw_body, _WINDOW_BITS[encoding])


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            return base64.b64decode(text, validate=True)
        return bytes(text, "utf-8")
    except (TypeError, ValueError):
        raise MalformedBody("The body could not be decoded.") from None


def _inflate(data: bytes, window_bits: int) -> bytes:
    # max_length keeps a small bomb from growing: nothing beyond the cap is ever decompressed.
    stream = zlib.decompressobj(window_bits)
    try:
        body = stream.decompress(data, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise MalformedBody("The compressed body is damaged.") from None
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"The body decompresses to more than {MAX_BODY_BYTES} bytes.")
    if not stream.eof or stream.unused_data:
        raise MalformedBody("The compressed body is cut short or has trailing bytes.")
    return body
