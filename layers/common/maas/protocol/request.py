"""One HTTP request as a model sees it, whatever the gateway wrapped it in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from pybase64 import b64decode

from maas.errors import FieldError, InvalidHeader, MalformedBody, PayloadTooLarge
from maas.limits import ADVICE, PAYLOAD_BYTES, SENT_BYTES
from maas.protocol.encoding import decoded

_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_LONGEST_SUBJECT = 256


@dataclass(frozen=True, slots=True)
class Request:
    """Method, path, headers by lower-case name, and the body's bytes as they were sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw_body: bytes
    context: Mapping[str, Any] = field(default_factory=dict)
    """What the gateway says about the request: who sent it, its id."""
    request_id: str = ""
    """What callers and logs call it: see `request_id_of`."""
    resource: str = ""
    """The gateway's route that the request came by, as the template has it: `/console/data/{proxy+}`."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any], request_id: str = "") -> Self:
        """Read an API Gateway REST proxy event.

        Raises:
            MalformedBody: The body is not what `isBase64Encoded` says, or no Unicode text.
            PayloadTooLarge: It is larger than what fits Lambda's events.
        """
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        context = event.get("requestContext") or {}
        resource = str(event.get("resource") or "")
        return cls(event["httpMethod"], event["path"], headers, _body(event), context, request_id, resource)

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case; empty if the caller names none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def caller(self) -> tuple[str, ...]:
        """Who sent the request, in all the ways that the gateway knows; empty texts for those it does not.

        All of them together: several consumers may share a role and have a key each.
        """
        authorizer, identity = self.context.get("authorizer") or {}, self.context.get("identity") or {}
        claims = authorizer.get("claims") or {}
        # `user` is the role's own id and, behind a colon, a session's name, which another process has not.
        user = str(identity.get("user") or "").partition(":")[0]
        known = (claims.get("sub"), authorizer.get("principalId"), user, identity.get("apiKeyId"))
        return tuple(str(name or "") for name in known)

    @property
    def scopes(self) -> frozenset[str] | None:
        """The scopes of the caller's token, as the authorizer read them; None where there is no token."""
        told = (self.context.get("authorizer") or {}).get("scopes")
        return None if told is None else frozenset(str(told).split())

    @property
    def subject(self) -> str | None:
        """Whom the request is about, as its caller calls them in `X-Subject`.

        Raises:
            InvalidHeader: It is longer than any name of one person.
        """
        subject = self.headers.get("x-subject", "").strip()
        if len(subject) > _LONGEST_SUBJECT:
            detail = f"longer than {_LONGEST_SUBJECT} characters"
            raise InvalidHeader(f"X-Subject is {detail}.", errors=[FieldError("", detail, "X-Subject")])
        return subject or None

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
