"""Errors as the two dialects say them: RFC 9457 problems on V1, `{"error": ...}` on V2."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from maas.errors import (
    FieldError,
    InvalidRecord,
    MaasError,
    MethodNotAllowed,
    RequestInProgress,
    Unavailable,
)

_RETRY_AFTER_SECONDS = "5"


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, media type, body and further headers of an HTTP answer."""

    status: int
    media_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def binary(self) -> bool:
        """Whether the body is something else than text."""
        return self.media_type == "application/octet-stream" or "Content-Encoding" in self.headers


def is_v2(path: str) -> bool:
    """Whether a path belongs to the Open Inference Protocol."""
    return path == "/v2" or path.startswith("/v2/")


def problem(error: MaasError) -> dict[str, Any]:
    """The error as an RFC 9457 problem; `errors` names the places in the input."""
    document: dict[str, Any] = {
        "type": f"urn:maas:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": _detail(error),
    }
    if error.errors and not error.confidential:
        document["errors"] = [_place(fault) for fault in error.errors]
    return document


def reply(error: MaasError, path: str) -> Reply:
    """The error in the dialect of the path it happened on."""
    headers = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allow)
    if isinstance(error, Unavailable | RequestInProgress):
        headers["Retry-After"] = _RETRY_AFTER_SECONDS
    if not is_v2(path):
        return Reply(error.status, "application/problem+json", orjson.dumps(problem(error)), headers)
    # The protocol knows one status for bad input; its clients show the text only with this media type.
    status = 400 if isinstance(error, InvalidRecord) else error.status
    return Reply(status, "application/json", orjson.dumps({"error": _sentence(error)}), headers)


def _detail(error: MaasError) -> str:
    return f"{error.title}; the log has the reason." if error.confidential else error.detail


def _place(fault: FieldError) -> dict[str, str]:
    where = {"header": fault.header} if fault.header else {"pointer": fault.pointer}
    return {**where, "detail": fault.detail}


def _sentence(error: MaasError) -> str:
    if error.confidential:
        return _detail(error)
    places = "; ".join(f"{fault.place}: {fault.detail}" for fault in error.errors)
    if not places or places.startswith(error.detail):
        return places or error.detail
    return error.detail if error.detail.startswith(error.errors[0].place) else f"{error.detail} {places}"
