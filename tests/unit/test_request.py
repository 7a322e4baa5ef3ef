"""Bodies as gateways wrap them: base64, gzip, deflate, damaged and bombs."""

import gzip
import tracemalloc
import zlib
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maas.errors import MaasError, MalformedBody, PayloadTooLarge, UnsupportedMediaType
from maas.limits import BODY_BYTES, SENT_BYTES
from maas.protocol.request import Request
from tests.lambda_events import rest_event


def request_of(body: bytes, encoding: str | None = None) -> Request:
    return Request("POST", "/", {} if encoding is None else {"content-encoding": encoding}, body)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([None, "identity", "gzip", "GZIP ", "x-gzip", "deflate"]))
def test_bytes_arrive_as_they_were_sent(body: bytes, encoding: str | None) -> None:
    """Whatever the content, base64 and the content encoding are undone."""
    packed = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}.get(
        (encoding or "").strip().lower(), bytes
    )(body)
    headers = {} if encoding is None else {"Content-Encoding": encoding}
    assert Request.from_event(rest_event("POST", "/", packed, headers)).body() == body


def test_text_body_without_base64() -> None:
    """Without binary media types the body comes as text."""
    assert Request.from_event(rest_event("POST", "/", "雪", binary=False)).body() == "雪".encode()


def test_missing_parts_are_empty() -> None:
    """API Gateway sends null for headers and body that are not there."""
    request = Request.from_event({"httpMethod": "GET", "path": "/", "headers": None, "body": None})
    assert (request.body(), request.media_type, dict(request.headers)) == (b"", "", {})


def test_media_type_is_bare_and_lower_case() -> None:
    """Parameters and case of the Content-Type do not matter."""
    event = rest_event("POST", "/", b"{}", {"CONTENT-type": " Application/JSON; charset=utf-8"})
    assert Request.from_event(event).media_type == "application/json"


@pytest.mark.parametrize(
    ("body", "is_base64"),
    [
        ("not base64!", True),
        ("YQ", True),
        ("é", True),
        ("\ud800", False),
        ({"a": 1}, False),
        ({"a": 1}, True),
        (7, False),
    ],
)
def test_body_that_cannot_be_decoded_is_refused(body: Any, is_base64: bool) -> None:  # noqa: FBT001
    """What is neither base64 nor Unicode, as the flag says, is the sender's fault."""
    event = {"httpMethod": "POST", "path": "/", "headers": {}, "body": body, "isBase64Encoded": is_base64}
    with pytest.raises(MalformedBody):
        Request.from_event(event)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"body" * 100)[:-1], "gzip"),
        (gzip.compress(b"body" * 100)[:12], "gzip"),
        (gzip.compress(b"body") + b"more", "gzip"),
        (b"body", "gzip"),
        (b"", "gzip"),
        (zlib.compress(b"body"), "gzip"),
        (gzip.compress(b"body"), "deflate"),
        (zlib.compress(b"body")[:-2], "deflate"),
        (gzip.compress(b"body")[:-8] + b"\0" * 8, "gzip"),
        (gzip.compress(b"body") + b"\0" * 100_000, "gzip"),
        (gzip.compress(b"body") * 2, "gzip"),
        (gzip.compress(b"body")[:-4] + b"\xff" * 4, "gzip"),
    ],
)
def test_damaged_compression_is_refused(body: bytes, encoding: str) -> None:
    """Cut short, lengthened, of another kind, or with a wrong checksum."""
    with pytest.raises(MalformedBody):
        request_of(body, encoding).body()


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "", "x" * 1000])
def test_other_encodings_are_named(encoding: str) -> None:
    """An encoding that is not read is a 415, quoted no longer than needed."""
    with pytest.raises(UnsupportedMediaType) as raised:
        request_of(b"body", encoding).body()
    assert len(str(raised.value)) < 200


def test_body_may_have_exactly_the_limit() -> None:
    """The cap itself is still allowed."""
    body = b"\0" * BODY_BYTES
    assert len(request_of(gzip.compress(body, 1), "gzip").body()) == BODY_BYTES
    with pytest.raises(PayloadTooLarge):
        request_of(gzip.compress(body + b"\0", 1), "gzip").body()


GIBIBYTE = 2**30


@cache
def bomb() -> bytes:
    """A gibibyte of zeros as gzip: one compressed block again and again. Nobody gets to its checksum."""
    packer, megabytes = zlib.compressobj(1, wbits=-zlib.MAX_WBITS), 8
    block = packer.compress(b"\0" * megabytes * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    end = b"\x03\0" + b"\0" * 4 + GIBIBYTE.to_bytes(4, "little")
    return gzip.compress(b"")[:10] + block * (1024 // megabytes) + end


def cost(body: bytes, encoding: str) -> int:
    """Bytes of memory that refusing a body takes beside the body itself."""
    request = request_of(body, encoding)
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge):
            request.body()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_bomb_costs_nothing_where_it_says_its_size() -> None:
    """A gibibyte in a megabyte is refused by its trailer, unopened."""
    assert len(bomb()) < 5_000_000
    assert cost(bomb(), "gzip") < 64 * 1024


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (bomb()[:-4] + (10).to_bytes(4, "little"), "gzip"),
        (zlib.compress(b"")[:2] + bomb()[10:-8], "deflate"),
    ],
    ids=["gzip", "deflate"],
)
def test_bomb_that_lies_about_its_size_stops_at_the_cap(body: bytes, encoding: str) -> None:
    """With a trailer that announces ten bytes, or without any, it still takes less than 10 MiB."""
    assert cost(body, encoding) < 10 * 2**20


def test_body_as_sent_is_limited() -> None:
    """What is larger than what Lambda takes as base64 is refused before it is decoded, with advice."""
    for body, binary in ((b"x" * SENT_BYTES, True), (b"x" * SENT_BYTES, False)):
        assert len(Request.from_event(rest_event("POST", "/", body, binary=binary)).raw_body) == SENT_BYTES
        with pytest.raises(PayloadTooLarge, match="gzip") as caught:
            Request.from_event(rest_event("POST", "/", body + b"x", binary=binary))
        assert caught.value.errors[0].pointer == ""


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.text(max_size=60), st.booleans(), st.sampled_from(["gzip", "deflate", "identity"]))
def test_garbage_is_bytes_or_an_error_of_ours(text: str, is_base64: bool, encoding: str) -> None:  # noqa: FBT001
    """No body raises anything else than this package's errors."""
    event = {
        "httpMethod": "POST",
        "path": "/",
        "headers": {"Content-Encoding": encoding},
        "body": text,
        "isBase64Encoded": is_base64,
    }
    try:
        assert isinstance(Request.from_event(event).body(), bytes)
    except MaasError as error:
        assert error.status in {400, 413}  # noqa: PT017 -- bytes are right as well
