"""A CSV file's columns as a record's values: what the training files that `maas new` writes are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from maas.contract import Contract
from maas.errors import DataError
from maas.manifest import DataSource
from models.csv_file import CsvFile
from models.source import Source
from models.table import Table, checked_columns, period_of

# Texts that stand for a value that is not there.
MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?")


def floats(file: CsvFile, column: str) -> list[float | None]:
    """Finite numbers; None where one is missing.

    Raises:
        DataError: A value is something else.
    """
    numbers: list[float] = file.numbers(column, missing=MISSING).tolist()
    return [None if number != number else number for number in numbers]  # noqa: PLR0124 - only NaN does


def integers(file: CsvFile, column: str) -> list[int]:
    """Whole numbers.

    Raises:
        DataError: A value is something else.
    """
    numbers = file.numbers(column)
    wrong = [line for line, number in zip(file.lines, numbers, strict=True) if number % 1]
    if wrong:
        raise DataError(f"{file.name}: line {wrong[0]}: column {column!r}: no whole number")
    return [int(number) for number in numbers.tolist()]


def booleans(file: CsvFile, column: str) -> list[bool]:
    """The words true and false, in any case.

    Raises:
        DataError: A value is something else.
    """
    words = [text.lower() for text in file.text(column)]
    for line, word in zip(file.lines, words, strict=True):
        if word not in {"true", "false"}:
            raise DataError(f"{file.name}: line {line}: column {column!r}: neither true nor false")
    return [word == "true" for word in words]


def texts(file: CsvFile, column: str) -> list[str | None]:
    """Texts; None where one is missing."""
    return [None if text in MISSING else text for text in file.text(column)]


def times(file: CsvFile, column: str) -> list[str]:
    """ISO 8601 local times.

    Raises:
        DataError: A value is something else.
    """
    moments: list[str] = file.times(column).astype(str).tolist()
    return moments


def labelled(
    contract: Contract[Any, Any],
    source: Source,
    file: CsvFile,
    values: Mapping[str, Sequence[Any]],
    target: NDArray[Any],
    *,
    time: str | None = None,
) -> Table:
    """The table of one file.

    Args:
        contract: The endpoint's, which every row has to keep.
        source: Where the file came from.
        file: The same, parsed.
        values: One sequence per field of the record.
        target: Shape (n,).
        time: The column that orders the rows, where there is one.

    Raises:
        DataError: A value breaks the contract, or a time is none.
    """
    moments = None if time is None else file.times(time)
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=len(file),
        simulated=False,
        period=None if moments is None else period_of(moments),
    )
    columns = checked_columns(contract, values, name=file.name, lines=file.lines)
    return Table(columns=columns, target=target, data=data, times=moments)
