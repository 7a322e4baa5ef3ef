"""A request with an Idempotency-Key, answered once by Powertools' idempotency utility."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord
from aws_lambda_powertools.utilities.idempotency.serialization.base import BaseIdempotencySerializer

from maas.errors import FieldError, IdempotencyKeyReused, MaasError, RequestInProgress
from maas.idempotency.key import HEADER, fingerprint, read_key
from maas.idempotency.records import S3Records
from maas.protocol.problem import Reply
from maas.protocol.request import Request
from maas.store import ObjectStore

REPLAY_HEADER = "Idempotent-Replayed"  # as in use elsewhere; the draft names none
_CLAIM_MILLISECONDS = 30_000  # the longest that a function may take; after that its claim is void


def answer_once(
    request: Request,
    work: Callable[[], Reply],
    *,
    store: ObjectStore,
    model: str,
    seconds: int,
    subject: str | None = None,
) -> Reply:
    """The answer of `work`, or what it answered when the same caller sent the same request with this key.

    Errors are not kept: a request that was refused may be sent again.

    Args:
        request: With the header.
        work: Answers the request.
        store: Where answers are kept.
        model: Whose answers they are.
        seconds: How long they are kept.
        subject: The hash of whom it is about, by which `maas forget` finds the answer.

    Raises:
        InvalidHeader: The key cannot be used.
        IdempotencyKeyReused: It came with another request before.
        RequestInProgress: The request with this key is being answered at this moment.
        RegistryUnavailable: S3 does not answer, so nothing can be promised about repetitions.
    """
    # Each caller's keys are their own: nobody can block, or read the answer to, another one's.
    payload = {"key": [*request.caller, read_key(request)], "request": fingerprint(request)}

    def answer(payload: dict[str, Any]) -> Reply:  # noqa: ARG001 -- Powertools' utility hashes it
        reply = work()
        return replace(reply, headers={**reply.headers, "X-Request-Id": request.request_id})

    once = idempotent_function(
        answer,
        data_keyword_argument="payload",
        persistence_store=S3Records(store, subject),
        config=IdempotencyConfig(
            event_key_jmespath="key",
            payload_validation_jmespath="request",
            expires_after_seconds=seconds,
            hash_function="sha256",
            lambda_context=cast("Any", _Claim()),  # all that is read of a context
            response_hook=_marked,
        ),
        output_serializer=_Replies(),
        key_prefix=model,
    )
    try:
        reply: Reply = once(payload=payload)
    except IdempotencyValidationError as error:
        detail = "came with another request before: use a new one"
        raise IdempotencyKeyReused(
            f"This {HEADER} {detail}.", errors=[FieldError("", detail, HEADER)]
        ) from error
    except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError) as error:
        detail = "its request is not answered yet: ask again in a moment"
        raise RequestInProgress(f"{HEADER}: {detail}.", errors=[FieldError("", detail, HEADER)]) from error
    except IdempotencyPersistenceLayerError as error:
        if isinstance(error.__cause__, MaasError):
            raise error.__cause__ from error
        raise
    return reply


class _Claim:
    """How long a claim lasts, in the place of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        return _CLAIM_MILLISECONDS


class _Replies(BaseIdempotencySerializer):
    """Replies as JSON and back."""

    def to_dict(self, data: Reply) -> dict[str, Any]:
        body = b64encode(data.body).decode() if data.binary else data.body.decode()
        return {
            "status": data.status,
            "media_type": data.media_type,
            "headers": data.headers,
            "body": body,
        }

    def from_dict(self, data: dict[str, Any]) -> Reply:
        reply = Reply(data["status"], data["media_type"], b"", data["headers"])
        return replace(reply, body=b64decode(data["body"]) if reply.binary else data["body"].encode())


def _marked(response: Reply, idempotent_data: DataRecord) -> Reply:  # noqa: ARG001 -- Powertools' names
    return replace(response, headers={**response.headers, REPLAY_HEADER: "true"})
