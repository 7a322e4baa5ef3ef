"""Rows that cannot be scored: where they are and why."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

MAX_REASON = 300  # characters; a reason may quote what a file holds
NO_TEXT = "The row is not valid text in the file's encoding"


class Reject(NamedTuple):
    """One row that cannot be scored.

    Attributes:
        line: Its first line in the file, counted from 1.
        field: The field at fault; None where it is the row as a whole.
        reason: What is wrong, in one sentence.
    """

    line: int
    field: str | None
    reason: str


def is_text(text: str) -> bool:
    """Whether no byte was left undecoded, as `surrogateescape` leaves half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def reasons(error: ValidationError, *, depth: int) -> dict[int, tuple[str | None, str]]:
    """The first finding per row of a validation over a list of rows; `depth` of the field in its place.

    With depth 1 places are (row, field, ...); with depth 0 the field is not part of them.
    """
    found: dict[int, tuple[str | None, str]] = {}
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        place = fault["loc"]
        row = int(place[0]) if place else 0
        field = "/".join(map(str, place[1:])) if depth and len(place) > 1 else None
        found.setdefault(row, (field, fault["msg"][:MAX_REASON]))
    return found


def documents(rejects: Iterable[Reject]) -> list[dict[str, Any]]:
    """Rejects as JSON-ready documents."""
    return [reject._asdict() for reject in rejects]


def read(documents: Sequence[Mapping[str, Any]]) -> list[Reject]:
    """The inverse of `documents`."""
    return [Reject(int(found["line"]), found["field"], str(found["reason"])) for found in documents]
