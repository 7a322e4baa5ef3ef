"""The parts of a record that an explanation tells apart, and records mixed from two.

A part is what people sent: a field, the date or the time of a timestamp, an element or a stretch of a list.
Features are made of mixed records by the model's own `features()`, so that what a field becomes (the hour as
sine and cosine, say) counts as one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maas.contract import Column, Columns, Contract
from maas.field import Field

MOST_ELEMENTS = 12  # a longer list is told apart by stretches
STRETCHES = 6
_MATRIX = 2

type Mask = NDArray[np.bool_]


class Part(NamedTuple):
    """A field, or a piece of it as `[3]`, `[12:24]`, `date` or `time`, with the value it has."""

    field: str
    piece: str | None = None
    value: Any = None

    @property
    def label(self) -> str:
        """Field and piece in one: `rain`, `timestamp time`, `speeds[3]`."""
        piece = self.piece or ""
        return self.field + (piece if piece.startswith("[") or not piece else f" {piece}")


class Share(ABC):
    """One field of one record beside the same field of B background records.

    Attributes:
        name: The field's.
        parts: What is told apart.
    """

    def __init__(self, name: str, parts: Sequence[Part]) -> None:
        self.name = name
        self.parts = parts

    @abstractmethod
    def differs(self) -> Mask:
        """Where the record and a background record differ, shape (B, number of parts)."""

    @abstractmethod
    def mixed(self, kept: Mask, rows: NDArray[np.intp]) -> Column:
        """N columns: the record's own parts where `kept` (n, number of parts), those of `rows` elsewhere."""


class _Whole(Share):
    """A field that is one part."""

    def __init__(self, field: Field, own: Column, others: Column) -> None:
        super().__init__(field.name, [Part(field.name, None, None if field.shape else _plain(own[0]))])
        self._own, self._others = own, others

    def differs(self) -> Mask:
        unequal = _unequal(self._own, self._others)
        return unequal.reshape(len(unequal), -1).any(axis=1, keepdims=True)

    def mixed(self, kept: Mask, rows: NDArray[np.intp]) -> Column:
        shaped = kept.reshape(-1, *(1 for _ in self._own.shape[1:]))
        return np.where(shaped, self._own, self._others[rows])


class _Moment(Share):
    """A time: its date and its time of day."""

    def __init__(self, field: Field, own: Column, others: Column) -> None:
        self._own, self._others = _date_and_time(own), _date_and_time(others)
        date, _, time = str(own[0]).partition("T")
        super().__init__(field.name, [Part(field.name, "date", date), Part(field.name, "time", time)])

    def differs(self) -> Mask:
        return np.column_stack([own != others for own, others in zip(self._own, self._others, strict=True)])

    def mixed(self, kept: Mask, rows: NDArray[np.intp]) -> Column:
        date, time = (
            np.where(kept[:, place], self._own[place], self._others[place][rows]) for place in range(2)
        )
        moment: Column = date.astype("datetime64[s]") + time
        return moment


class _Elements(Share):
    """A list by its elements or stretches of them, a list of lists by its inner lists."""

    def __init__(self, field: Field, own: Column, others: Column) -> None:
        length = _length(own)[0] if field.least is not None else field.shape[0]
        self._own, self._whole = own, others
        self._others = others if field.least is None else _aligned(others, length, holes=field.holes)
        self._other_length = field.least is not None and _length(others) != length
        pieces, self._place = _pieces(field, int(length))
        values = [own[0][self._place == number] for number in range(len(pieces))]
        super().__init__(
            field.name,
            [
                Part(field.name, piece, _plain(value[0]) if value.size == 1 else None)
                for piece, value in zip(pieces, values, strict=True)
            ],
        )

    def differs(self) -> Mask:
        unequal = _unequal(self._own, self._others)
        found = np.column_stack(
            [unequal[:, self._place == number].any(axis=1) for number in range(len(self.parts))]
        )
        found[:, 0] |= self._other_length
        return found

    def mixed(self, kept: Mask, rows: NDArray[np.intp]) -> Column:
        # Behind the end of the record's list the place is -1, its last part: NaN on both sides.
        some = np.where(kept[:, self._place], self._own, self._others[rows])
        # With nothing of the record in it, a list is the background's, as long as it is.
        return np.where(self._spread(kept.any(axis=1)), some, self._whole[rows])

    def _spread(self, chosen: NDArray[np.bool_]) -> Mask:
        return chosen.reshape(-1, *(1 for _ in self._own.shape[1:]))


def shares(contract: Contract[Any, Any], own: Columns, others: Columns) -> list[Share]:
    """Every field of a record, columns of one row, beside the background, columns of B rows."""
    return [_share(field, own[name], others[name]) for name, field in contract.fields.items()]


def _share(field: Field, own: Column, others: Column) -> Share:
    if field.kind == "time" and not field.shape:
        return _Moment(field, own, others)
    absent = field.may_miss and own.dtype.kind == "f" and bool(np.isnan(own).all())
    if not field.shape or absent or field.kind == "text":
        return _Whole(field, own, others)
    return _Elements(field, own, others)


def _pieces(field: Field, length: int) -> tuple[list[str], NDArray[np.intp]]:
    """The names of a list's parts, and the number of the part that each element is in."""
    declared = _declared(field)
    names = declared if isinstance(declared, list) else None
    if len(field.shape) == _MATRIX:
        rows = np.repeat(np.arange(field.shape[0]), field.shape[1]).reshape(field.shape)
        return names or [f"[{row}]" for row in range(field.shape[0])], rows
    count = length if declared or length <= MOST_ELEMENTS else STRETCHES
    place = np.full(field.shape, -1)
    place[:length] = np.arange(length) * count // length
    ends = np.searchsorted(place[:length], np.arange(count + 1)).tolist()
    if count == length:
        return names[:length] if names else [f"[{number}]" for number in range(length)], place
    return [f"[{start}:{end}]" for start, end in pairwise(ends)], place


def _declared(field: Field) -> Any:
    """What `json_schema_extra` says of a list's parts: "elements", or a name for each."""
    extra = field.info.json_schema_extra
    return extra.get("parts") if isinstance(extra, dict) else None


def _aligned(lists: Column, length: int, *, holes: bool) -> Column:
    """Lists that end early, with their last elements where those of a list of `length` elements are.

    Lists are histories, the latest last. What is missing before the first is a hole, or repeats it.
    """
    present = _length(lists)
    source = np.arange(lists.shape[1]) - (length - present)[:, None]
    moved = np.take_along_axis(lists, np.clip(source, 0, lists.shape[1] - 1), axis=1)
    if holes:
        moved[source < 0] = np.nan
    moved[:, length:] = np.nan
    return moved


def _length(lists: Column) -> NDArray[np.intp]:
    """How many elements each list has before the rest is missing."""
    present = ~np.isnan(lists)
    return np.where(present.any(axis=1), lists.shape[1] - present[:, ::-1].argmax(axis=1), 0)


def _unequal(own: Column, others: Column) -> Mask:
    """Elements that differ; two that are missing are equal."""
    unequal: Mask = own != others
    if own.dtype.kind == "f":
        unequal &= ~(np.isnan(own) & np.isnan(others))
    return unequal


def _date_and_time(moments: Column) -> tuple[Column, Column]:
    dates = moments.astype("datetime64[D]")
    return dates, moments - dates


def _plain(value: Any) -> Any:
    """A value as JSON has it; what is missing is None."""
    plain = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
    return None if isinstance(plain, float) and np.isnan(plain) else plain
