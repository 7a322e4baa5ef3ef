"""KServe V1: `{"instances": [{record}, ...]}` in, `{"predictions": [{prediction}, ...]}` out."""

from base64 import b64encode
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import to_json

from maas.contract import Columns, Contract, invalid_record, rows
from maas.errors import (
    FieldError,
    InvalidRecord,
    InvalidRequest,
    MalformedBody,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from maas.protocol.numbers import LARGE, records
from maas.protocol.request import Request

_TOP_LEVEL = 1  # a fault at /instances or beside it is one of the request, deeper is one of a record


class V1:
    """Reads and writes the dialect for one contract."""

    def __init__(self, contract: Contract[Any, Any]) -> None:
        self._contract = contract

    def read(self, request: Request) -> Columns:
        """The columns of a `:predict` request.

        Raises:
            UnsupportedMediaType: The body is declared to be neither JSON nor what the model takes raw.
            MalformedBody: It is not JSON.
            InvalidRequest: It has no list of instances.
            PayloadTooLarge: It has too many.
            InvalidRecord: An instance breaks the contract; every place is named.
        """
        media_type = request.media_type
        if media_type in self._contract.raw:
            body, name = request.body(), self._contract.raw[media_type]
            if not body:
                raise _empty(media_type)
            return self._parse(to_json({"instances": [{name: b64encode(body).decode()}]}))
        if media_type not in {"", "application/json"}:
            accepted = ", ".join(["application/json", *self._contract.raw])
            raise UnsupportedMediaType(
                f"Content-Type {media_type[:80]!r} is not supported: send {accepted}.",
                errors=[FieldError("", f"send {accepted}", "Content-Type")],
            )
        return self._parse(request.body())

    def read_direct(self, event: Any) -> Columns:
        """The columns of an event that is itself `{"instances": [...]}`; errors as in `read`."""
        if not isinstance(event, dict) or "instances" not in event:
            raise InvalidRequest('The event is neither an HTTP request nor {"instances": [...]}.')
        try:
            # Lambda's own parser lets NaN and infinity through: they stay what they are, to be refused.
            body = to_json(event, inf_nan_mode="constants")
        except ValueError:
            raise MalformedBody("The event is no plain JSON document.") from None
        return self._parse(body)

    def write(self, predictions: Columns) -> dict[str, Any]:
        """The answer: one prediction per instance, in the order of the instances."""
        return {"predictions": rows(predictions)}

    def _parse(self, body: bytes) -> Columns:
        if not body:
            raise _empty('{"instances": [...]}')
        if len(body) > LARGE:
            columns = records(body, self._contract.fields, self._contract.max_rows)
            if columns is not None:
                return columns
        try:
            envelope = self._envelope.validate_json(body)
        except ValidationError as error:
            raise _refusal(error, self._contract.max_rows) from None
        return self._contract.columns(envelope.instances)  # type: ignore[attr-defined]

    @cached_property
    def _envelope(self) -> TypeAdapter[BaseModel]:
        instances = Annotated[
            list[self._contract.record],  # type: ignore[name-defined]
            Field(min_length=1, max_length=self._contract.max_rows),
        ]
        config = ConfigDict(extra="forbid", strict=True)
        return TypeAdapter(create_model("Instances", __config__=config, instances=(instances, ...)))


def _empty(wanted: str) -> MalformedBody:
    return MalformedBody(f"The body is empty: send {wanted}.", errors=[FieldError("", "empty")])


def _refusal(error: ValidationError, max_rows: int) -> InvalidRequest | PayloadTooLarge | InvalidRecord:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    kind, message = faults[0]["type"], faults[0]["msg"]
    if kind == "json_invalid":
        reason = message.removeprefix("Invalid JSON: ")
        return MalformedBody(f"The body is not valid JSON: {reason}.", errors=[FieldError("", reason)])
    found = invalid_record(error, "")
    top_level = any(len(fault["loc"]) <= _TOP_LEVEL for fault in faults)
    if top_level and kind == "too_long":
        return PayloadTooLarge(f"Send at most {max_rows} instances at once.", errors=found.errors)
    if top_level:
        return InvalidRequest(f"{found.detail}.", errors=found.errors)
    return found
