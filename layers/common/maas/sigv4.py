"""AWS Signature Version 4 of a GET to S3, by the published algorithm.

Source: AWS, "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

from maas.credentials import Credentials

_EMPTY = hashlib.sha256(b"").hexdigest()


def signed(
    method: str,
    host: str,
    path: str,
    *,
    region: str,
    credentials: Credentials,
    now: datetime | None = None,
) -> dict[str, str]:
    """The headers that sign a request without query and body.

    Args:
        method: GET or HEAD.
        host: With the port, where it is not the scheme's own.
        path: As it is sent: each segment percent-encoded once.
        region: Of the service.
        credentials: Whose request it is.
        now: UTC; for tests.
    """
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": _EMPTY, "x-amz-date": moment}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(headers))
    canonical = "\n".join([method, path, "", _lines(headers), "", names, _EMPTY])
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={_mac(key, text).hex()}"
    )
    return headers


def _lines(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}:{headers[name]}" for name in sorted(headers))


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
