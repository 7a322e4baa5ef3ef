"""One field of a record or prediction, seen as a column of an array and as a tensor."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types as at
import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from maas.errors import FieldError, InvalidRecord

type Kind = Literal["float", "int", "bool", "text", "time"]

_DATATYPES: dict[Kind, str] = {
    "float": "FP64",
    "int": "INT64",
    "bool": "BOOL",
    "text": "BYTES",
    "time": "BYTES",
}
_DTYPES: dict[Kind, str] = {
    "float": "float64",
    "int": "int64",
    "bool": "bool",
    "text": "object",
    "time": "datetime64[s]",
}
_MAX_ERRORS = 20


@dataclass(frozen=True)
class Field:
    """A field's type, shape and limits.

    Attributes:
        name: As in the record.
        kind: What one element is.
        shape: Shape of one record's value: () for a scalar, (k,) for a list of k elements at most.
        optional: Whether None is allowed for the value; it becomes NaN, all along a list.
        holes: Whether None is allowed for an element of a list; it becomes NaN.
        least: The fewest elements of a list that may be shorter than its column; the rest becomes NaN.
        required: Whether the record must have it.
        info: Pydantic's view, with description, limits, examples and unit.
        element: The annotated type of one element, limits included.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    optional: bool
    holes: bool
    least: int | None
    required: bool
    info: FieldInfo
    element: Any

    @property
    def datatype(self) -> str:
        """The Open Inference Protocol's name of the type."""
        return _DATATYPES[self.kind]

    @property
    def tensor_shape(self) -> list[int]:
        """The shape of a tensor of any number of records; -1 stands for any number."""
        return [-1, *(self.shape if self.least is None else (-1,))]

    @cached_property
    def may_miss(self) -> bool:
        """Whether NaN in the column may stand for something that was left out."""
        return self.optional or self.holes or self.least is not None

    @property
    def unit(self) -> str | None:
        """The unit declared in `json_schema_extra`, if any."""
        return self._extra("unit")  # type: ignore[no-any-return]

    @cached_property
    def _adapter(self) -> TypeAdapter[list[Any]]:
        config = ConfigDict(strict=True, allow_inf_nan=False)
        # A config cannot be given for a type that is a model; fields are plain types, so it can here.
        return TypeAdapter(list[self.element], config=config)  # type: ignore[name-defined]

    @cached_property
    def _limits(self) -> list[Any]:
        return list(flatten(get_args(self.element)[1:])) if get_origin(self.element) is Annotated else []

    @property
    def fits_64_bits(self) -> bool:
        """Whether the limits keep an integer within 64 bits."""
        low: Any = None
        high: Any = None
        for limit in self._limits:
            match limit:
                case at.Ge(bound) | at.Gt(bound):
                    low = bound
                case at.Le(bound) | at.Lt(bound):
                    high = bound
        span = np.iinfo(np.int64)
        return low is not None and high is not None and bool(span.min <= low and high <= span.max)

    @property
    def text_length(self) -> int | None:
        """The most characters of one text; None for anything else, and for a text without a limit."""
        if self.kind != "text":
            return None
        for part in (self.element, *get_args(self.element)):
            for inner in (part, *get_args(part)):
                if get_origin(inner) is Literal:
                    return max(map(len, get_args(inner)))
        longest: list[int] = [limit.max_length for limit in self._limits if isinstance(limit, at.MaxLen)]
        return min(longest, default=None)

    def column(self, values: list[Any]) -> NDArray[Any]:
        """N validated values as an array of shape (n, *shape)."""
        if self.kind == "text":
            column = np.empty((len(values), *self.shape), dtype=object)
            column[...] = values if self.shape == () else np.asarray(values, dtype=object)
            return column
        if self.may_miss and self.shape and not all(self._is_full(value) for value in values):
            column = np.full((len(values), *self.shape), np.nan)
            for row, value in zip(column, values, strict=True):
                if value:
                    row[: len(value)] = value
            return column
        dtype = "float64" if self.may_miss else _DTYPES[self.kind]  # None becomes NaN
        column = np.array(values, dtype=dtype)
        return column.reshape(len(values), *self.shape) if self.shape else column

    def checked(self, values: list[Any]) -> NDArray[Any]:
        """N values of n records' scalars as they came out of a JSON parser, validated as one column.

        Raises:
            InvalidRecord: One of them breaks a limit.
        """
        return self._validated(values, "")

    def default(self, n: int) -> NDArray[Any]:
        """The column of a field that n records leave out."""
        return self.column([self.info.get_default(call_default_factory=True)] * n)

    def from_tensor(self, tensor: NDArray[Any], place: str) -> NDArray[Any]:
        """Validate one tensor of shape (n, *shape), as the same field in n records would be.

        Raises:
            InvalidRecord: An element breaks a limit; `place` is the pointer to the tensor's data.
        """
        if self.kind in {"text", "time"}:
            return self._from_elements(tensor, place)
        if self.kind == "bool":
            return tensor
        numbers = tensor.astype(_DTYPES[self.kind], copy=False)
        wrong = ~np.isfinite(numbers) & ~self._missing(numbers)
        faults = [(wrong, "Input should be a finite number")]
        if self._limits_beyond_bounds:
            numbers = self._from_elements(tensor, place)
        else:
            faults += [_broken(limit, numbers) for limit in self._limits]
        _refuse(faults, place)
        return numbers.astype("float64", copy=False) if self.may_miss else numbers

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether n records may have this shape; a scalar per row may come as a column, as in data frames."""
        if self.least is not None:
            return len(shape) == 2 and self.least <= shape[1] <= self.shape[0]  # noqa: PLR2004
        return shape[1:] in {self.shape, self.shape or (1,)}

    def padded(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """A tensor of shape (n, fewer than k) as one of shape (n, k), NaN behind what was given."""
        column = np.full((len(tensor), *self.shape), np.nan)
        column[:, : tensor.shape[1]] = tensor
        return column

    def finish(self, answer: NDArray[Any]) -> NDArray[Any]:
        """A model's output as this field of the prediction: its dtype, and no more decimals than declared."""
        shaped = np.asarray(answer).reshape(-1, *self.shape)
        if self.kind == "text":
            return shaped.astype(object)
        column = shaped.astype(_DTYPES[self.kind], copy=False)
        decimals = self._extra("decimals")
        return column if decimals is None else np.round(column, decimals)

    @cached_property
    def _limits_beyond_bounds(self) -> bool:
        return not all(isinstance(limit, at.Ge | at.Gt | at.Le | at.Lt) for limit in self._limits)

    def _from_elements(self, tensor: NDArray[Any], place: str) -> NDArray[Any]:
        elements = tensor.reshape(-1).tolist()
        if self.may_miss and tensor.dtype.kind == "f":
            elements = [None if np.isnan(element) else element for element in elements]
        return self._validated(elements, place).reshape(tensor.shape)

    def _validated(self, elements: list[Any], place: str) -> NDArray[Any]:
        try:
            # JSON mode, because only there are dates read from text while everything stays strict.
            values = self._adapter.validate_json(to_json(elements, inf_nan_mode="constants"))
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            places = [FieldError(f"{place}/{fault['loc'][0]}", fault["msg"]) for fault in found[:_MAX_ERRORS]]
            raise InvalidRecord(f"{places[0].pointer}: {places[0].detail}", errors=places) from None
        return replace(self, shape=(), least=None).column(values)

    def _is_full(self, value: list[Any] | None) -> bool:
        return value is not None and len(value) == self.shape[0]

    def _missing(self, numbers: NDArray[Any]) -> NDArray[np.bool_]:
        """Where NaN stands for something that a record may leave out."""
        absent = np.isnan(numbers)
        if self.holes or (self.optional and not self.shape):
            return absent
        if self.least is not None:
            # Shorter lists end early: behind the first missing element all are missing.
            behind = np.logical_and.accumulate(absent[:, ::-1], axis=1)[:, ::-1]
            behind[:, : self.least] = False
            absent_rows = absent.all(axis=1, keepdims=True) & self.optional
            return np.asarray(behind | absent_rows)
        if self.optional:
            return np.broadcast_to(absent.all(axis=tuple(range(1, absent.ndim)), keepdims=True), absent.shape)
        return np.zeros_like(absent)

    def _extra(self, key: str) -> Any:
        extra = self.info.json_schema_extra
        return extra.get(key) if isinstance(extra, dict) else None


def _broken(limit: Any, numbers: NDArray[Any]) -> tuple[NDArray[np.bool_], str]:
    match limit:
        case at.Ge(bound):
            return numbers < bound, f"Input should be greater than or equal to {bound}"
        case at.Gt(bound):
            return numbers <= bound, f"Input should be greater than {bound}"
        case at.Le(bound):
            return numbers > bound, f"Input should be less than or equal to {bound}"
    return numbers >= limit.lt, f"Input should be less than {limit.lt}"


def _refuse(faults: list[tuple[NDArray[np.bool_], str]], place: str) -> None:
    places = [
        FieldError(f"{place}/{index}", detail)
        for mask, detail in faults
        if mask.any()
        for index in np.flatnonzero(mask)[:_MAX_ERRORS]
    ]
    if places:
        raise InvalidRecord(f"{places[0].pointer}: {places[0].detail}", errors=places[:_MAX_ERRORS])


def flatten(limits: tuple[Any, ...]) -> Iterator[Any]:
    """Limits one by one, out of the groups and fields that pydantic keeps them in."""
    for limit in limits:
        if isinstance(limit, FieldInfo):
            yield from limit.metadata
        elif isinstance(limit, at.GroupedMetadata):
            yield from limit
        else:
            yield limit
