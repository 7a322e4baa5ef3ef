"""`:feedback`: callers report what turned out to be true of predictions they were given."""

import gzip
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from maas.capture.buffer import CONTENT_TYPE
from maas.contract import Contract
from maas.errors import (
    FieldError,
    InvalidRecord,
    InvalidRequest,
    MalformedBody,
    PayloadTooLarge,
    RouteNotFound,
    UnsupportedMediaType,
)
from maas.protocol.request import Request
from maas.store import ObjectStore
from maas.truth import Truth, outcomes_of

MOST_ITEMS = 10_000
_MOST_ERRORS = 20
# A request id as callers may choose one, and the row's number.
_ID = re.compile(r"[!-~]{1,128}/\d{1,7}")
_FIELDS = {"id", "outcome"}


class Feedback:
    """Takes the outcomes of one model's predictions.

    Args:
        model: Its name.
        contract: Says what an outcome is.
        store: The bucket for outcomes.
        about: Gives the hash of whom a request is about; None leaves it out.
    """

    def __init__(
        self,
        model: str,
        contract: Contract[Any, Any],
        store: ObjectStore,
        about: Callable[[Request], str | None],
    ) -> None:
        self._model = model
        self._truth = Truth(outcomes_of(contract))
        self._store = store
        self._about = about

    def keep(self, request: Request) -> int:
        """Store a request's outcomes, and tell how many; the same ones again change nothing.

        They are safe when this returns.

        Raises:
            RouteNotFound: There is nothing to report about this model's predictions.
            UnsupportedMediaType: The body is declared to be something else than JSON.
            MalformedBody, InvalidRequest, PayloadTooLarge, InvalidRecord: As in `read`.
            RegistryUnavailable: S3 does not take them.
        """
        if not self._truth.outcomes:
            raise RouteNotFound(f"{self._model} takes no feedback: its predictions have no outcome.")
        if request.media_type not in {"", "application/json"}:
            raise UnsupportedMediaType(
                f"Content-Type {request.media_type[:80]!r} is not supported: send application/json.",
                errors=[FieldError("", "send application/json", "Content-Type")],
            )
        items = read(request.body(), self._truth)
        now = datetime.now(UTC)
        # Named by what was said, not by when: saying it again replaces it. To find it there and leave it, the
        # function would have to be let read what others have said.
        digest = hashlib.sha256(orjson.dumps(items, option=orjson.OPT_SORT_KEYS)).hexdigest()
        about = {"received": now.isoformat()}
        if subject := self._about(request):
            about["subject"] = subject
        lines = b"".join(orjson.dumps({**item, **about}) + b"\n" for item in items)
        key = f"outcomes/{self._model}/date={now:%Y-%m-%d}/{digest}.jsonl.gz"
        self._store.put(key, gzip.compress(lines, mtime=0), content_type=CONTENT_TYPE)
        return len(items)


def read(body: bytes, truth: Truth) -> list[dict[str, Any]]:
    """The items of a `:feedback` request, each with `id` and `outcome` by field.

    Raises:
        MalformedBody: It is not JSON.
        InvalidRequest: It has no list of feedback.
        PayloadTooLarge: It has too many items.
        InvalidRecord: An item has no prediction's id or an outcome that cannot be; every place is named.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        place = FieldError("", "not valid JSON")
        raise MalformedBody(f"The body is not valid JSON: {error}.", errors=[place]) from None
    items = document.get("feedback") if isinstance(document, dict) and set(document) == {"feedback"} else None
    if not isinstance(items, list) or not items:
        detail = 'send {"feedback": [{"id": "...", "outcome": ...}]}'
        raise InvalidRequest(
            f"The body has no list of feedback: {detail}.", errors=[FieldError("/feedback", detail)]
        )
    if len(items) > MOST_ITEMS:
        place = FieldError("/feedback", f"more than {MOST_ITEMS} items")
        raise PayloadTooLarge(f"Send at most {MOST_ITEMS} items at once.", errors=[place])
    read: list[dict[str, Any]] = []
    faults: list[FieldError] = []
    for index, item in enumerate(items):
        outcome, found = _item(item, f"/feedback/{index}", truth)
        read.append({"id": item.get("id") if isinstance(item, dict) else None, "outcome": outcome})
        faults += found
        if len(faults) >= _MOST_ERRORS:
            break
    if faults:
        raise InvalidRecord(f"{faults[0].pointer}: {faults[0].detail}", errors=faults[:_MOST_ERRORS])
    return read


def _item(item: Any, place: str, truth: Truth) -> tuple[dict[str, Any], list[FieldError]]:
    if not isinstance(item, dict) or set(item) != _FIELDS:
        return {}, [FieldError(place, "an object with id and outcome is needed")]
    if not is_prediction_id(item["id"]):
        return {}, [
            FieldError(
                f"{place}/id", "not the id of a prediction: X-Request-Id, a slash and the row's number"
            )
        ]
    return truth.read(item["outcome"], f"{place}/outcome")


def is_prediction_id(value: Any) -> bool:
    """Whether a value has the form of a prediction's id."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None
