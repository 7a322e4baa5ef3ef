"""The Default of Credit Card Clients set: 25 columns, one card holder of Taiwan in 2005 a row."""

from dataclasses import replace

import numpy as np

from functions.credit_risk.handler import handler
from maas.errors import DataError
from maas.manifest import DataSource
from models.csv_file import CsvFile
from models.source import Source
from models.table import Table, checked_columns

_MARK = b"LIMIT_BAL"
_MONTHS = range(1, 7)
# Copies differ in the names of the first status and of the target.
_FIRST_STATUS = ("PAY_0", "PAY_1")
_TARGETS = ("default.payment.next.month", "default payment next month")
_COLUMNS = (
    "LIMIT_BAL",
    "SEX",
    "EDUCATION",
    "MARRIAGE",
    "AGE",
    *(f"PAY_{month}" for month in _MONTHS[1:]),
    *(f"BILL_AMT{month}" for month in _MONTHS),
    *(f"PAY_AMT{month}" for month in _MONTHS),
)
_SEX = {1: "male", 2: "female"}
_EDUCATION = {1: "graduate school", 2: "university", 3: "high school", 4: "other"}
_MARRIAGE = {1: "married", 2: "single", 3: "other"}


def is_taiwan(source: Source) -> bool:
    """Whether one of the first two lines names the set's columns."""
    return any(_MARK in line for line in source.data.split(b"\n", 2)[:2])


def load_taiwan(source: Source) -> Table:
    """Read the set's CSV; codes of education and marriage without a meaning count as not given.

    Raises:
        DataError: The file cannot be read as such a table.
    """
    file = CsvFile.parse(_with_names_first(source), required=_COLUMNS)
    status = [_one_of(file, _FIRST_STATUS), *(f"PAY_{month}" for month in _MONTHS[1:])]
    values = {
        "credit_amount": file.numbers("LIMIT_BAL").tolist(),
        "sex": [_SEX.get(code) for code in file.numbers("SEX").tolist()],
        "age": file.numbers("AGE").tolist(),
        "marriage": [_MARRIAGE.get(code) for code in file.numbers("MARRIAGE").tolist()],
        "education": [_EDUCATION.get(code) for code in file.numbers("EDUCATION").tolist()],
        "payment_status": _rows(file, status),
        "bills": _rows(file, [f"BILL_AMT{month}" for month in _MONTHS]),
        "payments": _rows(file, [f"PAY_AMT{month}" for month in _MONTHS]),
    }
    target = file.numbers(_one_of(file, _TARGETS))
    if not np.isin(target, (0, 1)).all():
        line = file.lines[int(np.flatnonzero(~np.isin(target, (0, 1)))[0])]
        raise DataError(f"{file.name}: line {line}: the last column is 1 for default, else 0")
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=len(file),
        simulated=False,
        period="2005-04/2005-09",
    )
    columns = checked_columns(handler.contract, values, name=file.name, lines=file.lines)
    return Table(columns=columns, target=target.astype(np.int64), data=data)


def _with_names_first(source: Source) -> Source:
    """Drop the line of X1, X2, ... that the spreadsheet has above the names."""
    first, _, rest = source.data.partition(b"\n")
    return source if _MARK in first else replace(source, data=rest)


def _one_of(file: CsvFile, names: tuple[str, ...]) -> str:
    found = [name for name in names if name in file.columns]
    if not found:
        raise DataError(f"{file.name}: line 1: no column {' or '.join(map(repr, names))}")
    return found[0]


def _rows(file: CsvFile, names: list[str]) -> list[list[float]]:
    rows: list[list[float]] = np.column_stack([file.numbers(name) for name in names]).tolist()
    return rows
