"""The Cleveland heart disease set: 14 columns without a header, one patient a row, `?` where missing."""

from collections.abc import Mapping

import numpy as np

from functions.diagnosis.handler import handler
from maas.errors import DataError
from maas.manifest import DataSource
from models.csv_file import CsvFile
from models.source import Source
from models.table import Table, checked_columns

_MISSING = ("?", "")
_NO_YES: Mapping[float, str] = {0: "no", 1: "yes"}
# Our fields in the order of the file's columns, with the names of the codes where a column has codes.
_COLUMNS: Mapping[str, Mapping[float, str] | None] = {
    "age": None,
    "sex": {0: "female", 1: "male"},
    "chest_pain": {1: "typical angina", 2: "atypical angina", 3: "non-anginal pain", 4: "asymptomatic"},
    "blood_pressure": None,
    "cholesterol": None,
    "high_blood_sugar": _NO_YES,
    "resting_ecg": {0: "normal", 1: "ST-T abnormality", 2: "left ventricular hypertrophy"},
    "max_heart_rate": None,
    "exercise_angina": _NO_YES,
    "st_depression": None,
    "st_slope": {1: "upsloping", 2: "flat", 3: "downsloping"},
    "vessels": None,
    "thallium": {3: "normal", 6: "fixed defect", 7: "reversible defect"},
}
_STAGE = "stage"
_STAGES = (0, 1, 2, 3, 4)


def load_cleveland(source: Source) -> Table:
    """Read the set's `.data` file; the target is 1 for any stage of disease, 0 for none.

    Raises:
        DataError: The file cannot be read as such a table.
    """
    file = CsvFile.parse(source, names=(*_COLUMNS, _STAGE))
    values = {name: _values(file, name, codes) for name, codes in _COLUMNS.items()}
    stages = file.numbers(_STAGE)
    for line, stage in zip(file.lines, stages.tolist(), strict=True):
        if stage not in _STAGES:
            raise DataError(f"{file.name}: line {line}: the last column is a stage of 0 to 4, not {stage:g}")
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=len(file),
        simulated=False,
    )
    columns = checked_columns(handler.contract, values, name=file.name, lines=file.lines)
    return Table(columns=columns, target=(stages > 0).astype(np.int64), data=data)


def _values(
    file: CsvFile, column: str, codes: Mapping[float, str] | None
) -> list[float | None] | list[str | None]:
    numbers = [None if np.isnan(n) else n for n in file.numbers(column, missing=_MISSING).tolist()]
    if codes is None:
        return numbers
    for line, number in zip(file.lines, numbers, strict=True):
        if number is not None and number not in codes:
            raise DataError(f"{file.name}: line {line}: column {column!r}: {number:g} is no code of it")
    return [None if number is None else codes[number] for number in numbers]
