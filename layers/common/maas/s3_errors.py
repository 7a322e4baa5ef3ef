"""What S3 and the way to it answer when they do not do as asked, as errors of this package."""

from collections.abc import Iterator
from contextlib import contextmanager

from maas.errors import (
    AlreadyExists,
    ConfigurationError,
    DigestMismatch,
    KeyMissing,
    MaasError,
    RegistryUnavailable,
)

_SERVER_ERROR = 500
_FORBIDDEN = 403
_TRANSIENT_CODES = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"})
_CREDENTIAL_CODES = frozenset(
    {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired"}
)
_LATER = "try again in a few seconds"


class Busy(RegistryUnavailable):
    """S3 answered 409: another conditional write to the same key was in flight."""


class Denied(ConfigurationError):
    """S3 answered 403: not permitted, or no such object and the caller may not list the bucket freely."""


class NotModified(MaasError):
    """S3 answered 304: the caller has the newest object."""


_ANSWERS: dict[int, tuple[type[MaasError], str]] = {
    304: (NotModified, "not modified"),
    404: (KeyMissing, "no such object"),
    409: (Busy, f"other writers keep it busy: {_LATER}"),
    412: (AlreadyExists, "another object is there already"),
}


@contextmanager
def translated(action: str, bucket: str, key: str) -> Iterator[None]:
    """Turn what botocore raises inside the block into this package's errors; `action` is IAM's name."""
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    place = f"{action} on s3://{bucket}/{key}"
    try:
        yield
    except boto.ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        raise of_answer(status, error.response.get("Error", {}).get("Code", ""), place, bucket) from error
    except (boto.FlexibleChecksumError, boto.ChecksumError) as error:
        raise DigestMismatch(f"{place}: the bytes do not fit the checksum sent with them") from error
    except (
        boto.HTTPClientError,
        boto.ConnectionError,
        boto.IncompleteReadError,
        ResponseParserError,
    ) as error:
        raise silent(place, type(error).__name__) from error
    except boto.BotoCoreError as error:
        raise ConfigurationError(f"{place} could not be sent: {error}") from error


def silent(place: str, reason: str) -> RegistryUnavailable:
    """S3, or the way to it, gave no usable answer."""
    return RegistryUnavailable(f"S3 does not answer ({place}: {reason}): {_LATER}")


def of_answer(status: int, code: str, place: str, bucket: str) -> MaasError:
    """The error that an answer of S3 means, by its HTTP status and S3's own code."""
    if code == "NoSuchBucket":
        return ConfigurationError(f"Bucket {bucket} does not exist: deploy first, or correct its name")
    if status in _ANSWERS:
        kind, text = _ANSWERS[status]
        return kind(f"{place}: {text}")
    if status >= _SERVER_ERROR or code in _TRANSIENT_CODES:
        return silent(place, f"{status} {code}")
    if code in _CREDENTIAL_CODES:
        return ConfigurationError(f"{place}: the credentials are not accepted ({code}): renew them")
    if status == _FORBIDDEN:
        # S3 hides from those who may not list whether an object exists.
        return Denied(f"{place} is denied: grant it, and s3:ListBucket for objects that may be missing")
    return ConfigurationError(f"{place} was refused: {status} {code}")
