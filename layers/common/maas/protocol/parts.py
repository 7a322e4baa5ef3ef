"""The parts of a V2 body: its JSON, the bytes behind it, and the members that its objects may have."""

from collections.abc import Mapping
from typing import Any

import orjson

from maas.contract import pointer
from maas.errors import FieldError, InvalidHeader, InvalidRequest, MalformedBody, UnsupportedMediaType
from maas.protocol.numbers import LARGE, tensors
from maas.protocol.request import Request
from maas.protocol.tensor import invalid

HEADER_LENGTH = "Inference-Header-Content-Length"
MEDIA_TYPES = ("application/json", "application/octet-stream")
_HEADER_KEY = HEADER_LENGTH.lower()
_MOST_DIGITS = 9


def split(request: Request) -> tuple[dict[str, Any], memoryview]:
    """The JSON part and the binary part of a body.

    Raises:
        UnsupportedMediaType: The body is declared to be something else.
        InvalidHeader: The length of the JSON part is none.
        MalformedBody: The JSON part cannot be read.
    """
    if request.media_type and request.media_type not in MEDIA_TYPES:
        wanted = f"send {' or '.join(MEDIA_TYPES)}"
        raise UnsupportedMediaType(
            f"Content-Type {request.media_type[:80]!r} is not supported: {wanted}.",
            errors=[FieldError("", wanted, "Content-Type")],
        )
    body = request.body()
    if not body:
        raise _malformed("is empty")
    # Without the header it is JSON, whatever it is called: Triton's aio client names all its bodies binary.
    length = (
        _header_length(request.headers[_HEADER_KEY], body) if _HEADER_KEY in request.headers else len(body)
    )
    if length > LARGE and (quick := tensors(body[:length])) is not None:
        return quick, memoryview(body)[length:]
    try:
        header = orjson.loads(body[:length])
    except orjson.JSONDecodeError as error:
        raise _malformed(f"is not valid JSON: {error}") from None
    if not isinstance(header, dict):
        raise _malformed("must be a JSON object")
    return header, memoryview(body)[length:]


def binary_size(entry: Mapping[str, Any], place: str) -> int | None:
    """How many of the bytes behind the JSON belong to a tensor; None where its data is in the JSON."""
    size = parameters(entry, place).get("binary_data_size")
    if size is not None and (type(size) is not int or size < 0):
        raise invalid(f"{place}/parameters/binary_data_size", "must be a non-negative integer")
    return size


def parameters(entry: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """The parameters of an object, checked."""
    given = entry.get("parameters")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise invalid(f"{place}/parameters", "parameters must be an object")
    for name, value in given.items():
        if not isinstance(value, str | int | float | bool):
            raise invalid(pointer(place, ["parameters", name]), "a parameter is text, a number or a boolean")
    return given


def only(entry: Mapping[str, Any], known: set[str], place: str) -> None:
    """Refuse members that are not known."""
    unknown = [name for name in entry if name not in known]
    if unknown:
        errors = [FieldError(pointer(place, [name]), "unknown field") for name in unknown[:20]]
        raise InvalidRequest(f"{errors[0].pointer}: unknown field", errors=errors)


def _header_length(text: str, body: bytes) -> int:
    digits = text.strip()
    if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS and int(digits) <= len(body):
        return int(digits)
    detail = f"{digits[:40]!r} does not fit the body"
    raise InvalidHeader(f"{HEADER_LENGTH}: {detail}.", errors=[FieldError("", detail, HEADER_LENGTH)])


def _malformed(detail: str) -> MalformedBody:
    return MalformedBody(f"The body {detail}.", errors=[FieldError("", detail)])
