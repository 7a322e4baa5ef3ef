"""Reading the NSL-KDD files: 41 features, the attack's name and a difficulty, without a header.

Source: M. Tavallaee, E. Bagheri, W. Lu, A. Ghorbani, "A detailed analysis of the KDD Cup 99 data set", 2009.
"""

from typing import Any

import numpy as np

from functions.security_event.handler import MOST_VALUES, Connection, handler
from maas.errors import DataError
from maas.manifest import DataSource
from models.csv_file import CsvFile
from models.source import Source
from models.table import Table, checked_columns

_FIELDS = tuple(name for name in Connection.model_fields if name != "values")
_TEXTS = ("protocol_type", "service", "flag")
_NAMES = (*_FIELDS, "label", "difficulty")


def load_connections(source: Source) -> Table:
    """Read a file as published (43 columns) or without the difficulty (42); the target is the name.

    Raises:
        DataError: The file cannot be read as such a table.
    """
    first = source.data.lstrip().split(b"\n", 1)[0]
    names = _NAMES if first.count(b",") + 1 == len(_NAMES) else _NAMES[:-1]
    file = CsvFile.parse(source, names=names)
    values: dict[str, list[Any]] = {}
    for name in _FIELDS:
        if name in _TEXTS:
            values[name] = file.text(name)
            continue
        numbers = file.numbers(name)
        if handler.contract.fields[name].kind == "int":
            if (wrong := np.flatnonzero(numbers != np.round(numbers))).size:
                line = file.lines[wrong[0]]
                raise DataError(
                    f"{file.name}: line {line}: column {name!r}: {numbers[wrong[0]]} is not whole"
                )
            values[name] = [int(number) for number in numbers.tolist()]
        else:
            values[name] = numbers.tolist()
    labels = np.array([label.rstrip(".").lower() for label in file.text("label")], object)
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=len(file),
        simulated=False,
    )
    columns = dict(checked_columns(handler.contract, values, name=file.name, lines=file.lines))
    # Half a gigabyte for a large file if every row had its own.
    columns["values"] = np.broadcast_to(np.float64(np.nan), (len(file), MOST_VALUES))
    return Table(columns=columns, target=labels, data=data)
