"""The Statlog German Credit set: 21 columns without a header, one application for a loan a row.

The names of the codes are in the set's own description. Dates from 1973 to 1975; amounts in DM.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from functions.credit_risk.handler import handler
from maas.errors import DataError
from maas.manifest import DataSource
from models.csv_file import CsvFile
from models.source import Source
from models.table import Table, checked_columns

_BAD, _GOOD = 2.0, 1.0
_COLUMNS = (
    "checking_account",
    "duration",
    "credit_history",
    "purpose",
    "credit_amount",
    "savings",
    "employment",
    "instalment_rate",
    "person",
    "other_debtors",
    "residence",
    "property",
    "age",
    "other_instalments",
    "housing",
    "existing_credits",
    "job",
    "dependants",
    "telephone",
    "foreign_worker",
    "class",
)
_NUMBERS = (
    "duration",
    "credit_amount",
    "instalment_rate",
    "residence",
    "age",
    "existing_credits",
    "dependants",
)
_CODES: Mapping[str, Mapping[str, str]] = {
    "checking_account": {"A11": "below 0", "A12": "0 to 200", "A13": "200 or more", "A14": "none"},
    "credit_history": {
        "A30": "no credits",
        "A31": "all paid here",
        "A32": "all paid till now",
        "A33": "delays",
        "A34": "critical",
    },
    "purpose": {
        "A40": "new car",
        "A41": "used car",
        "A42": "furniture",
        "A43": "radio or television",
        "A44": "domestic appliances",
        "A45": "repairs",
        "A46": "education",
        "A47": "vacation",
        "A48": "retraining",
        "A49": "business",
        "A410": "other",
    },
    "savings": {
        "A61": "below 100",
        "A62": "100 to 500",
        "A63": "500 to 1000",
        "A64": "1000 or more",
        "A65": "none or unknown",
    },
    "employment": {
        "A71": "unemployed",
        "A72": "below 1 year",
        "A73": "1 to 4 years",
        "A74": "4 to 7 years",
        "A75": "7 years or more",
    },
    "other_debtors": {"A101": "none", "A102": "co-applicant", "A103": "guarantor"},
    "property": {
        "A121": "real estate",
        "A122": "savings agreement or life insurance",
        "A123": "car or other",
        "A124": "none or unknown",
    },
    "other_instalments": {"A141": "bank", "A142": "stores", "A143": "none"},
    "housing": {"A151": "rent", "A152": "own", "A153": "free"},
    "job": {
        "A171": "unskilled non-resident",
        "A172": "unskilled resident",
        "A173": "skilled",
        "A174": "management",
    },
    "telephone": {"A191": "no", "A192": "yes"},
    "foreign_worker": {"A201": "yes", "A202": "no"},
}
# One code says both; that of divorced, separated and married women does not tell which.
_PERSON: Mapping[str, tuple[str, str | None]] = {
    "A91": ("male", "other"),
    "A92": ("female", None),
    "A93": ("male", "single"),
    "A94": ("male", "married"),
    "A95": ("female", "single"),
}


def load_german(source: Source) -> Table:
    """Read the set's file, with commas or with spaces between the fields.

    Raises:
        DataError: The file cannot be read as such a table.
    """
    spaced = b"," not in source.data.split(b"\n", 1)[0]
    if spaced:
        lines = [b" ".join(line.split()) for line in source.data.splitlines()]
        source = replace(source, data=b"\n".join(lines))
    file = CsvFile.parse(source, names=_COLUMNS, delimiter=" " if spaced else ",")
    people = _decoded(file, "person", _PERSON)
    values: dict[str, list[Any]] = {
        **{name: file.numbers(name).tolist() for name in _NUMBERS},
        **{name: _decoded(file, name, codes) for name, codes in _CODES.items()},
        "sex": [sex for sex, _ in people],
        "marriage": [marriage for _, marriage in people],
    }
    target = file.numbers("class")
    if not np.isin(target, (_GOOD, _BAD)).all():
        line = file.lines[int(np.flatnonzero(~np.isin(target, (_GOOD, _BAD)))[0])]
        raise DataError(f"{file.name}: line {line}: the last column is 1 for good, 2 for bad")
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=len(file),
        simulated=False,
        period="1973/1975",
    )
    columns = checked_columns(handler.contract, values, name=file.name, lines=file.lines)
    return Table(columns=columns, target=(target == _BAD).astype(np.int64), data=data)


def _decoded(file: CsvFile, column: str, codes: Mapping[str, Any]) -> list[Any]:
    texts = file.text(column)
    for line, text in zip(file.lines, texts, strict=True):
        if text not in codes:
            raise DataError(f"{file.name}: line {line}: column {column!r}: {text[:40]!r} is no code of it")
    return [codes[text] for text in texts]
