"""Every error this package raises, each with the HTTP status and code it is answered with.

MaasError
├── InvalidRequest 400          the request cannot be read
│   ├── InvalidHeader           a header says what cannot be
│   ├── MalformedBody           not JSON, not UTF-8, empty, too deep
│   └── InvalidTensor           shape, datatype or data do not fit each other or the model
├── AccessDenied 403            the caller is known, and may not do this
├── NotFound 404
│   ├── RouteNotFound           no such path
│   ├── ModelNotFound           no such model, or the model has no published version
│   ├── VersionNotFound         no such version of this model, or an ambiguous prefix
│   └── KeyMissing              no such object in the bucket
├── MethodNotAllowed 405
├── Conflict 409                somebody else was first
│   ├── AlreadyExists           the object is there already
│   ├── PointerMoved            the production pointer changed under the caller
│   └── RequestInProgress       a request with the same Idempotency-Key is not answered yet
├── PayloadTooLarge 413
├── UnsupportedMediaType 415
├── InvalidRecord 422           well-formed, but a value is not permitted
├── IdempotencyKeyReused 422    the same Idempotency-Key came with another request before
├── MaasInternalError 500
│   ├── ConfigurationError      the environment lacks something or contradicts itself
│   ├── IntegrityError          stored bytes are not what their manifest says
│   │   ├── DigestMismatch
│   │   ├── BrokenArtifact      the bytes are no usable model or manifest
│   │   ├── GoldenMismatch      the model does not reproduce its golden samples
│   │   ├── SignatureMissing    nobody has signed the version
│   │   └── SignatureInvalid    the signature is another key's, another version's, or damaged
│   └── TrainingError           training cannot go on
│       ├── DataError           the training data cannot be read or used
│       ├── ParityError         the exported model disagrees with the fitted one
│       └── GateRefused         the new version is not good enough to publish
└── Unavailable 503             try again later
    ├── RegistryUnavailable     S3 does not answer
    ├── SigningUnavailable      KMS does not answer
    └── NoProductionVersion     versions exist, none is in production
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class FieldError(NamedTuple):
    """One fault in the input: an RFC 6901 JSON pointer to the place, and what is wrong there.

    The pointer "" is the body as a whole. Where a header is at fault, `header` names it.
    """

    pointer: str
    detail: str
    header: str = ""

    @property
    def place(self) -> str:
        """The place in words of one line."""
        return self.header or self.pointer or "The body"


class MaasError(Exception):
    """Base of all errors; `detail` is one sentence for the caller, `errors` the places in the input."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"
    confidential: ClassVar[bool] = False
    """Whether `detail` may name buckets or permissions: then it is for the log, and callers get the title."""

    def __init__(self, detail: str, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)


def reason_of(error: Exception) -> str:
    """What a log may say about an error: a message that is not ours might quote what somebody sent."""
    return error.detail if isinstance(error, MaasError) else type(error).__qualname__


class InvalidRequest(MaasError):
    status, code, title = 400, "invalid-request", "Invalid request"


class InvalidHeader(InvalidRequest):
    code, title = "invalid-header", "Invalid header"


class MalformedBody(InvalidRequest):
    code, title = "malformed-body", "Malformed body"


class InvalidTensor(InvalidRequest):
    code, title = "invalid-tensor", "Invalid tensor"


class AccessDenied(MaasError):
    status, code, title = 403, "access-denied", "Access denied"


class NotFound(MaasError):
    status, code, title = 404, "not-found", "Not found"


class RouteNotFound(NotFound):
    code, title = "route-not-found", "Route not found"


class ModelNotFound(NotFound):
    code, title = "model-not-found", "Model not found"


class VersionNotFound(NotFound):
    code, title = "version-not-found", "Version not found"


class KeyMissing(NotFound):
    confidential = True
    code, title = "key-missing", "Object not found"


class MethodNotAllowed(MaasError):
    """The path exists, the method does not; `allow` lists the methods that do."""

    status, code, title = 405, "method-not-allowed", "Method not allowed"

    def __init__(self, detail: str, *, allow: Sequence[str]) -> None:
        super().__init__(detail)
        self.allow = tuple(allow)


class Conflict(MaasError):
    status, code, title = 409, "conflict", "Conflict"


class AlreadyExists(Conflict):
    code, title = "already-exists", "Already exists"


class PointerMoved(Conflict):
    code, title = "pointer-moved", "Production pointer moved"


class RequestInProgress(Conflict):
    code, title = "request-in-progress", "Request in progress"


class PayloadTooLarge(MaasError):
    status, code, title = 413, "payload-too-large", "Payload too large"


class UnsupportedMediaType(MaasError):
    status, code, title = 415, "unsupported-media-type", "Unsupported media type"


class InvalidRecord(MaasError):
    status, code, title = 422, "invalid-record", "Invalid record"


class IdempotencyKeyReused(MaasError):
    status, code, title = 422, "idempotency-key-reused", "Idempotency key reused"


class MaasInternalError(MaasError):
    """A fault on our side; the caller can change nothing about it."""

    confidential = True


class ConfigurationError(MaasInternalError):
    code, title = "configuration-error", "Configuration error"


class IntegrityError(MaasInternalError):
    code, title = "integrity-error", "Integrity error"


class DigestMismatch(IntegrityError):
    code, title = "digest-mismatch", "Digest mismatch"


class BrokenArtifact(IntegrityError):
    code, title = "broken-artifact", "Broken artifact"


class GoldenMismatch(IntegrityError):
    code, title = "golden-mismatch", "Golden samples not reproduced"


class SignatureMissing(IntegrityError):
    code, title = "signature-missing", "Signature missing"


class SignatureInvalid(IntegrityError):
    code, title = "signature-invalid", "Signature invalid"


class TrainingError(MaasInternalError):
    code, title = "training-error", "Training failed"


class DataError(TrainingError):
    code, title = "data-error", "Unusable training data"


class ParityError(TrainingError):
    code, title = "parity-error", "Export parity failed"


class GateRefused(TrainingError):
    code, title = "gate-refused", "Refused by the gate"


class Unavailable(MaasError):
    status, code, title = 503, "unavailable", "Unavailable"


class RegistryUnavailable(Unavailable):
    confidential = True
    code, title = "registry-unavailable", "Registry unavailable"


class SigningUnavailable(Unavailable):
    confidential = True
    code, title = "signing-unavailable", "Signing unavailable"


class NoProductionVersion(Unavailable):
    code, title = "no-production-version", "No production version"
