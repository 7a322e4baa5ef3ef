"""The Idempotency-Key of a request, and what makes two requests the same."""

import hashlib
import re

from maas.errors import FieldError, InvalidHeader
from maas.protocol.request import Request

HEADER = "Idempotency-Key"
FOLDER = "idempotency/"
"""Where answers are kept, each model's in a folder of its own."""
_FIELD = HEADER.lower()
_LONGEST = 255
# A Structured Fields string as the draft has it, or its bare content as most clients send it.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BARE = re.compile(r"[!#-~]+")
# What decides an answer, or what is kept of it, besides method, path and body.
_HEADERS = ("content-type", "content-encoding", "inference-header-content-length", "x-subject")


def is_keyed(request: Request) -> bool:
    """Whether the request has the header."""
    return _FIELD in request.headers


def read_key(request: Request) -> str:
    """The key.

    Raises:
        InvalidHeader: It is empty, too long, or neither a quoted nor a bare text in ASCII.
    """
    text = request.headers[_FIELD].strip()
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if not (quoted or _BARE.fullmatch(text)) or not 0 < len(key) <= _LONGEST:
        detail = f"1 to {_LONGEST} visible ASCII characters, best a UUID, with or without quotes around them"
        raise InvalidHeader(f"{HEADER}: {detail}.", errors=[FieldError("", detail, HEADER)])
    return key


def fingerprint(request: Request) -> str:
    """A digest of all that decides the answer: equal for a repetition, different for another request."""
    digest = hashlib.sha256()
    parts = [request.method, request.path, *(request.headers.get(name, "") for name in _HEADERS)]
    for part in (*(part.encode("utf-8", "surrogatepass") for part in parts), request.raw_body):
        # The lengths keep apart what would be the same bytes when put together.
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
