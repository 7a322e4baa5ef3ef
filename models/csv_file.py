"""CSV files, read column by column; every fault names its line and column."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.errors import DataError
from models.source import Source


@dataclass(frozen=True)
class CsvFile:
    """The rows of a file as text.

    Attributes:
        name: For messages.
        columns: Text by column name, each of the same length.
        lines: The line in the file on which each row ends.
    """

    name: str
    columns: dict[str, list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)

    @classmethod
    def parse(
        cls,
        source: Source,
        *,
        required: Sequence[str] = (),
        names: Sequence[str] | None = None,
        delimiter: str = ",",
    ) -> "CsvFile":
        """Parse a whole file, UTF-8 with or without a byte order mark.

        Args:
            source: The file.
            required: Columns that its header must have, among others.
            names: Names of all columns, for a file that has no header.
            delimiter: One character.

        Raises:
            DataError: No header or no rows, a required column is missing, a row has another number of
                fields than the header, or the bytes are no text.
        """
        try:
            text = source.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = source.data.count(b"\n", 0, error.start) + 1
            raise DataError(f"{source.name}: line {line}: not UTF-8") from error
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        expected = "the header has" if names is None else "expected are"
        rows: list[list[str]] = []
        lines: list[int] = []
        try:
            header = [name.strip() for name in (next(reader, []) if names is None else names)]
            _check_header(source.name, header, required)
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    found = f"{len(row)} fields, {expected} {len(header)}"
                    raise DataError(f"{source.name}: line {reader.line_num}: {found}")
                rows.append(row)
                lines.append(reader.line_num)
        except csv.Error as error:
            raise DataError(f"{source.name}: line {reader.line_num}: {error}") from error
        if not rows:
            raise DataError(f"{source.name}: a header but no rows")
        columns = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))
        return cls(source.name, columns, lines)

    def text(self, column: str) -> list[str]:
        """The column as it stands, without surrounding space."""
        return [value.strip() for value in self.columns[column]]

    def numbers(self, column: str, *, missing: Sequence[str] = ()) -> NDArray[np.float64]:
        """The column as finite numbers, shape (n,); texts in `missing` become NaN.

        Raises:
            DataError: A value is no finite number.
        """
        return np.array(self._converted(column, lambda text: _number(text, missing), "number"), np.float64)

    def times(self, column: str) -> NDArray[np.datetime64]:
        """The column as ISO 8601 local times, datetime64[s] of shape (n,).

        Raises:
            DataError: A value is no date, or has an offset.
        """
        return np.array(self._converted(column, _time, "ISO 8601 local time"), "datetime64[s]")

    def _converted(self, column: str, convert: Callable[[str], Any], kind: str) -> list[Any]:
        values = []
        for line, text in zip(self.lines, self.columns[column], strict=True):
            try:
                values.append(convert(text.strip()))
            except ValueError as error:
                raise DataError(
                    f"{self.name}: line {line}: column {column!r}: {text[:40]!r} is no {kind}"
                ) from error
        return values


def _check_header(name: str, header: list[str], required: Sequence[str]) -> None:
    if not any(header):
        raise DataError(f"{name}: line 1: no header")
    if len(set(header)) < len(header):
        raise DataError(f"{name}: line 1: a column name occurs twice")
    if missing := [column for column in required if column not in header]:
        raise DataError(
            f"{name}: line 1: no column {', '.join(map(repr, missing))}; found {', '.join(header)}"
        )


def _number(text: str, missing: Sequence[str]) -> float:
    if text in missing:
        return math.nan
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _time(text: str) -> np.datetime64:
    from datetime import datetime

    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError(text)
    return np.datetime64(moment, "s")
