"""One column of a CSV file: text cells to validated values, and predictions back to cells.

A whole column is validated at once, by the same types and limits that validate a record sent over HTTP: the
cells are joined into one JSON array, which pydantic parses in one call.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from maas.batch.rejects import MAX_REASON, reasons
from maas.field import Field

type Faults = dict[int, tuple[str | None, str]]

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_BEYOND_64_BITS = 2**63
_EXACT_IN_A_FLOAT = 2**53
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- local civil time, as in the column
_MISSING = "Field required"


class CellColumn:
    """Reads the cells of one field.

    Text is taken as it is. Numbers are JSON numbers, with a sign, zeros or spaces in front if need be.
    Booleans are true, false, 1 or 0 in any case. Lists are JSON arrays. An empty cell is a field that was
    left out, unless the field is a required text.
    """

    def __init__(self, field: Field) -> None:
        self.field = field
        self._default: Any = None if field.required else field.info.get_default(call_default_factory=True)
        self._empty_is_text = field.kind == "text" and not field.shape and field.required
        self._is_plain_number = field.kind in {"float", "int"} and not field.shape
        self._value: Callable[[str], Any] = self._converter()

    def read(self, cells: Sequence[str]) -> tuple[list[Any], Faults]:
        """Validated values, one per cell, and what is wrong with those that are not: their value is None."""
        if self._is_plain_number:
            # Cells as they stand, parsed and checked without leaving compiled code. An empty one, or one that
            # is not a single number, spoils the array: then each is looked at.
            try:
                values = self._adapter.validate_json("[" + ",".join(cells) + "]")
            except ValidationError:
                pass
            else:
                if len(values) == len(cells):
                    return values, {}
        return self._read_each(cells)

    def default(self, n: int) -> list[Any]:
        """The values of a field that is no column of the file."""
        return [self._default] * n

    @cached_property
    def _adapter(self) -> TypeAdapter[list[Any]]:
        info = self.field.info
        whole = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        # The rules of maas.contract.Record, which a field alone does not carry.
        config = ConfigDict(strict=True, allow_inf_nan=False)
        return TypeAdapter(list[whole], config=config)  # type: ignore[valid-type]

    def _read_each(self, cells: Sequence[str]) -> tuple[list[Any], Faults]:
        faults: Faults = {}
        if "" in cells and not self._empty_is_text:
            if self.field.required:
                faults = {row: (None, _MISSING) for row, cell in enumerate(cells) if cell == ""}
            filled = [row for row, cell in enumerate(cells) if cell != ""]
        else:
            filled = list(range(len(cells)))
        values: list[Any] = [self._default] * len(cells) if len(filled) < len(cells) else [None] * len(cells)
        given = [self._value(cells[row]) for row in filled]
        try:
            valid = self._validated(given)
        except ValidationError as error:
            found = reasons(error, depth=1)
            faults |= {filled[row]: fault for row, fault in found.items()}
            good = [row for row in range(len(given)) if row not in found]
            valid = self._validated([given[row] for row in good])
            filled = [filled[row] for row in good]
        if len(filled) == len(cells):
            return valid, faults
        for row in faults:
            values[row] = None
        for row, value in zip(filled, valid, strict=True):
            values[row] = value
        return values, faults

    def _validated(self, values: list[Any]) -> list[Any]:
        # JSON mode, because only there are dates read from text while everything stays strict.
        return self._adapter.validate_json(orjson.dumps(values))

    def _converter(self) -> Callable[[str], Any]:
        if self.field.shape:
            return _document
        match self.field.kind:
            case "float" | "int":
                return _number
            case "bool":
                return _boolean
        return str


def _number(cell: str) -> Any:
    """A number, or the cell itself, which validation then refuses as what it is."""
    text = cell.strip()
    # float() also takes 1_000, nan and digits of other scripts.
    if not text.isascii() or "_" in text:
        return cell
    try:
        whole = int(text)
    except ValueError:
        pass
    else:
        return whole if abs(whole) < _BEYOND_64_BITS else cell
    try:
        number = float(text)
    except ValueError:
        return cell
    if not np.isfinite(number):
        return cell
    # Spreadsheets and data frames write whole numbers as 3.0 where a column also has gaps.
    return int(number) if number.is_integer() and abs(number) < _EXACT_IN_A_FLOAT else number


def _boolean(cell: str) -> Any:
    return _BOOLEANS.get(cell.strip().lower(), cell)


def _document(cell: str) -> Any:
    try:
        return orjson.loads(cell)
    except ValueError:
        return cell[:MAX_REASON]


def column(field: Field, values: list[Any]) -> NDArray[Any]:
    """`field.column(values)`; times without NumPy's own conversion, which takes longer than the model."""
    if field.kind != "time" or field.shape:
        return field.column(values)
    since: Callable[[datetime], timedelta] = _EPOCH.__rsub__  # type: ignore[attr-defined]  # typeshed omits it
    seconds = map(timedelta.total_seconds, map(since, values))
    floored = np.floor(np.fromiter(seconds, dtype=np.float64, count=len(values)))
    return floored.astype(np.int64).astype("datetime64[s]")


def is_required(field: Field) -> bool:
    """Whether a file must have this column."""
    return field.required and field.info.default is PydanticUndefined


def written(column: NDArray[Any], *, as_json: bool) -> list[str]:
    """A column of predictions as cells; as JSON values, or as CSV text that still lacks its quotes."""
    if column.ndim == 1 and column.dtype.kind in "fi":
        return _joined(column)
    if column.ndim == 1 and column.dtype.kind == "b":
        return [("true" if value else "false") for value in column.tolist()]
    if column.dtype.kind == "M":
        column = np.datetime_as_string(column)
    values = column.tolist()
    if as_json:
        return [orjson.dumps(value).decode() for value in values]
    return [
        value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()
        for value in values
    ]


def _joined(numbers: NDArray[Any]) -> list[str]:
    # orjson writes an array of numbers ten times faster than repr writes them one by one.
    text = orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return text[1:-1].split(",") if len(numbers) else []
