"""Powertools' idempotency records as objects in S3, moved on by compare-and-swap."""

import json
import secrets
import time

from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord

from maas.errors import AlreadyExists, Conflict, KeyMissing, RequestInProgress
from maas.idempotency.key import FOLDER
from maas.store import ObjectStore, StoredObject

_JSON = "application/json"


class S3Records(BasePersistenceLayer):
    """The record of one request, from its claim to its answer. Make a new one for each request.

    Powertools' key `<model>#<hash>` becomes the object `idempotency/<model>/<hash>`. Whoever writes it first
    has claimed the request; a claim or an answer that has expired is taken over by replacing exactly what was
    read. Nothing is deleted: an object that nobody needs any more expires by the bucket's lifecycle.
    """

    def __init__(self, store: ObjectStore, subject: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._store = store
        self._about = {} if subject is None else {"subject": subject}
        self._etag: str | None = None

    def _get_record(self, idempotency_key: str) -> DataRecord:
        try:
            return _record(idempotency_key, self._store.read(_path(idempotency_key)))
        except KeyMissing as error:
            raise IdempotencyItemNotFoundError from error

    def _put_record(self, data_record: DataRecord) -> None:
        path, body = _path(data_record.idempotency_key), self._body(data_record)
        try:
            self._etag = self._store.put(path, body, if_none_match=True, content_type=_JSON)
        except AlreadyExists:
            found = self._store.read(path)
            held = _record(data_record.idempotency_key, found)
            if not _is_over(held):
                self._validate_payload(data_record, held)
                raise IdempotencyItemAlreadyExistsError(old_data_record=held) from None
            try:
                self._etag = self._store.put(path, body, if_match=found.etag, content_type=_JSON)
            except Conflict:
                raise IdempotencyItemAlreadyExistsError from None

    def _update_record(self, data_record: DataRecord) -> None:
        try:
            path = _path(data_record.idempotency_key)
            self._store.put(path, self._body(data_record), if_match=self._etag, content_type=_JSON)
        except Conflict as error:
            raise RequestInProgress(
                "A repetition of this request has taken it over; ask again for its answer."
            ) from error

    def _body(self, record: DataRecord) -> bytes:
        document = {
            "status": record._status,  # noqa: SLF001 -- `status` itself turns into EXPIRED with time
            "expires": record.expiry_timestamp,
            "claimed_until": record.in_progress_expiry_timestamp,
            "request": record.payload_hash,
            "answer": record.response_data,
            # Two claims must never be the same bytes: the store takes equal bytes for its own lost write.
            "nonce": secrets.token_hex(8),
        }
        return json.dumps(document | self._about).encode()

    def _delete_record(self, data_record: DataRecord) -> None:
        # Expired rather than removed: the permission to write is enough for it.
        data_record.expiry_timestamp = 1
        self._update_record(data_record)


def _path(key: str) -> str:
    model, _, digest = key.partition("#")
    return f"{FOLDER}{model}/{digest}"


def _record(key: str, stored: StoredObject) -> DataRecord:
    document = json.loads(stored.body)
    return DataRecord(
        idempotency_key=key,
        status=document["status"],
        expiry_timestamp=document["expires"],
        in_progress_expiry_timestamp=document["claimed_until"],
        payload_hash=document["request"],
        response_data=document["answer"],
    )


def _is_over(record: DataRecord) -> bool:
    if record.is_expired:
        return True
    claimed_until = record.in_progress_expiry_timestamp
    return record.status == "INPROGRESS" and claimed_until is not None and claimed_until < time.time() * 1000
