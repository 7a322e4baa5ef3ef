"""What an answer to any request whatever must be."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.fuzz.request import Request

_V1_PLACES = {400, 409, 413, 415, 422}
_QUOTED = 60  # characters: what is longer is not quoted in full
_LONGEST = 20_000  # bytes of an error: what is wrong, not what was sent
_TRACES = (b"Traceback", b'File "', b".py", b"onnxruntime", b"pydantic", b"numpy", b"object at 0x")
# A pointer, a header, the body or the answer as a whole.
_PLACE = re.compile(r"(?s)^/.*: |[ (]/\w|[A-Z][a-z]*(-[A-Z][a-z]+)+|^The (body|answer)")


def fault(request: Request, status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """What is wrong with an answer; None where it is as it should be."""
    if status >= 500:
        return f"{status}"
    if status < 400 or request.method == "HEAD":
        return None
    if len(body) > _LONGEST:
        return f"an error of {len(body)} bytes"
    if any(trace in body and trace not in request.body for trace in _TRACES):
        return "the error shows what is behind it"
    return _form(request, status, headers, body)


def _form(request: Request, status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    second = request.path == "/v2" or request.path.startswith("/v2/")
    media_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if media_type != ("application/json" if second else "application/problem+json"):
        return f"the error is {media_type}"
    try:
        document = json.loads(body)
    except ValueError:
        return "the error is no JSON"
    return _second(document, status, request) if second else _first(document, status)


def _second(document: Any, status: int, request: Request) -> str | None:
    if list(document) != ["error"] or not isinstance(document["error"], str):
        return "not the error of V2"
    sentence = document["error"]
    if status in {404, 405}:
        # What is not there is the place itself, a part of it, or the method there.
        parts = [*re.split("[/:]", request.path), request.method, "no version"]
        named = any(part[:_QUOTED] in sentence for part in parts if part)
    else:
        named = _PLACE.search(sentence) is not None
    return None if named else f"names no place: {sentence[:200]}"


def _first(document: Any, status: int) -> str | None:
    if document.get("status") != status or not document.get("detail") or not document.get("type"):
        return "not a problem of RFC 9457"
    if status not in _V1_PLACES:
        return None
    places = document.get("errors")
    if not places or not all(isinstance(one.get("pointer", one.get("header")), str) for one in places):
        return f"names no place: {document['detail'][:200]}"
    return None
