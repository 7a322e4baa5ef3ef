"""Content codings (RFC 9110, section 8.4): bodies that come compressed, answers that go compressed."""

import gzip
import zlib

from maas.errors import FieldError, MalformedBody, PayloadTooLarge, UnsupportedMediaType
from maas.limits import BODY_BYTES

WORTH_IT = 4 * 1024  # bytes; what fits a few packets arrives no sooner compressed
_GZIP, _ZLIB = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS
_WINDOW_BITS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
_SIZE_FIELD = 4  # bytes at the end of a gzip stream that tell how long its content is
_BEST_RATIO = 1032  # DEFLATE makes no more bytes of one than this
_READ = 64 * 1024  # compressed bytes taken at once
_STEP = 256 * 1024  # decompressed bytes made at once
_LEVEL = 1  # JSON shrinks to a third or a sixth; level 6 takes up to six times as long for a tenth of that


def decoded(data: bytes, encoding: str) -> bytes:
    """A body without its content coding.

    A bomb costs no more memory than `BODY_BYTES`, and none where it says itself how large it is.

    Raises:
        UnsupportedMediaType: The coding is not one we read.
        MalformedBody: The compressed stream is damaged.
        PayloadTooLarge: It grows beyond `BODY_BYTES`.
    """
    coding = encoding.strip().lower()
    if coding == "identity":
        return data
    if coding not in _WINDOW_BITS:
        raise UnsupportedMediaType(
            f"Content-Encoding {encoding[:40]!r} is not supported: use gzip or none.",
            errors=[FieldError("", "use gzip, deflate or none", "Content-Encoding")],
        )
    window_bits = _WINDOW_BITS[coding]
    if window_bits == _GZIP and BODY_BYTES < _announced(data) <= len(data) * _BEST_RATIO:
        raise _too_large()
    return _inflated(data, window_bits)


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header asks for gzip (RFC 9110, section 12.5.3)."""
    weights: dict[str, str] = {}
    for entry in accepted.lower().split(","):
        coding, _, parameters = entry.partition(";")
        weights[coding.strip()] = parameters.replace(" ", "")
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*")))
    return weight is not None and weight.rstrip("0.") != "q="


def compressed(body: bytes) -> bytes | None:
    """The body as gzip, or None where that saves nothing. The same body always gives the same bytes."""
    packed = gzip.compress(body, _LEVEL, mtime=0)
    # It travels as base64 within Lambda's answer.
    return packed if len(packed) * 4 < len(body) * 3 else None


def _announced(data: bytes) -> int:
    return int.from_bytes(data[-_SIZE_FIELD:], "little")


def _inflated(data: bytes, window_bits: int) -> bytes:
    stream = zlib.decompressobj(window_bits)
    content = bytearray()
    view = memoryview(data)
    for start in range(0, len(view), _READ):
        piece: bytes | memoryview = view[start : start + _READ]
        # In steps: one call could make a thousand bytes of each that it is given.
        while True:
            try:
                made = stream.decompress(piece, _STEP)
            except zlib.error:
                raise _damaged("damaged") from None
            content += made
            if len(content) > BODY_BYTES:
                raise _too_large()
            piece = stream.unconsumed_tail
            if stream.eof or not (piece or made):
                break
        if stream.eof:
            if stream.unused_data or start + _READ < len(view):
                raise _damaged("followed by other bytes")
            return bytes(content)
    raise _damaged("cut short")


def _too_large() -> PayloadTooLarge:
    detail = f"more than {BODY_BYTES} bytes after decompression"
    return PayloadTooLarge(f"The body is {detail}: send fewer rows at once.", errors=[FieldError("", detail)])


def _damaged(how: str) -> MalformedBody:
    return MalformedBody(
        f"The body's compressed stream is {how}.", errors=[FieldError("", f"compressed stream is {how}")]
    )
