"""One HTTP request as a model sees it, whatever the gateway wrapped it in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from pybase64 import b64decode

from maas.errors import FieldError, MalformedBody, PayloadTooLarge
from maas.limits import ADVICE, PAYLOAD_BYTES, SENT_BYTES
from maas.protocol.encoding import decoded

_REQUEST_ID = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Request:
    """Method, decoded path, headers by lower-case name, and the body's bytes as they were sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw_body: bytes
    context: Mapping[str, Any] = field(default_factory=dict)
    """What the gateway says about the request: who sent it, its id."""
    request_id: str = ""
    """What callers and logs call it: see `request_id_of`."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any], request_id: str = "") -> Self:
        """Read an API Gateway REST proxy event.

        Raises:
            MalformedBody: The body is not what `isBase64Encoded` says, or no Unicode text.
            PayloadTooLarge: It is larger than what fits Lambda's events.
        """
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        context = event.get("requestContext") or {}
        return cls(event["httpMethod"], event["path"], headers, _body(event), context, request_id)

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case; empty if the caller names none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def caller(self) -> str:
        """Who sent the request, as the gateway found out; empty where it lets everybody in."""
        authorizer, identity = self.context.get("authorizer") or {}, self.context.get("identity") or {}
        claims = authorizer.get("claims") or {}
        # `user` is the role's own id and, behind a colon, a session's name, which another process has not.
        user = str(identity.get("user") or "").partition(":")[0]
        known = (claims.get("sub"), authorizer.get("principalId"), user, identity.get("apiKeyId"))
        return next((str(name) for name in known if name), "")

    def body(self) -> bytes:
        """The body, decompressed.

        Raises:
            UnsupportedMediaType: The content encoding is not one we read.
            MalformedBody: The compressed stream is damaged.
            PayloadTooLarge: It grows beyond the limit.
        """
        return decoded(self.raw_body, self.headers.get("content-encoding", "identity"))


def request_id_of(event: Mapping[str, Any], otherwise: str | None = None) -> str:
    """The caller's X-Request-Id (1 to 128 visible ASCII characters), else the gateway's id, else `otherwise`.

    It decides who answers while a canary runs: who sends the same id again gets the same version.
    """
    headers = event.get("headers") or {}
    sent = next((str(value) for name, value in headers.items() if name.lower() == "x-request-id"), "")
    if _REQUEST_ID.fullmatch(sent):
        return sent
    return (event.get("requestContext") or {}).get("requestId") or otherwise or uuid4().hex


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    try:
        if len(text) > PAYLOAD_BYTES:
            raise _too_large()
        # The standard library's decoder takes longer than the model for a large body.
        body = b64decode(text, validate=True) if event.get("isBase64Encoded") else bytes(text, "utf-8")
    except (TypeError, ValueError):
        raise MalformedBody(
            "The body could not be decoded.", errors=[FieldError("", "neither base64 nor Unicode text")]
        ) from None
    if len(body) > SENT_BYTES:
        raise _too_large()
    return body


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body is larger than the {SENT_BYTES} bytes that can be sent at once: {ADVICE}.",
        errors=[FieldError("", f"larger than {SENT_BYTES} bytes")],
    )
