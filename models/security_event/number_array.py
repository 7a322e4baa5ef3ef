"""Reading a `.npy` file: any matrix of numbers whose last column is the label."""

import io

import numpy as np

from functions.security_event.handler import MOST_VALUES, handler
from maas.errors import DataError
from maas.manifest import DataSource
from models.security_event.attack import NORMAL
from models.source import Source
from models.table import Table

MAGIC = b"\x93NUMPY"
_ATTACK = "attack"


def load_array(source: Source) -> Table:
    """Read a matrix of 1 to 256 columns and a label: a whole number, above 0 for an attack.

    So 0 and 1, -1 and 1, and 0 for normal with 1, 2, 3 for kinds of attacks all mean what they should.

    Raises:
        DataError: The file holds something else; Python objects are never read.
    """
    try:
        matrix = np.load(io.BytesIO(source.data), allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        raise DataError(f"{source.name}: not an array of numbers: {error}") from error
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiub":  # noqa: PLR2004 - rows and columns
        raise DataError(
            f"{source.name}: expected a matrix of numbers, found {matrix.dtype} of shape {matrix.shape}"
        )
    rows, width = matrix.shape
    if not rows or not 2 <= width <= MOST_VALUES + 1:  # noqa: PLR2004 - one value and the label
        raise DataError(
            f"{source.name}: expected rows of 1 to {MOST_VALUES} values and a label, found {matrix.shape}"
        )
    numbers = matrix.astype(np.float64)
    if (wrong := np.argwhere(~np.isfinite(numbers))).size:
        row, column = wrong[0]
        raise DataError(f"{source.name}: row {row}, column {column}: not a finite number")
    labels = numbers[:, -1]
    if (odd := np.flatnonzero(labels != np.round(labels))).size:
        raise DataError(f"{source.name}: row {odd[0]}: label {labels[odd[0]]} is not a whole number")
    values = np.full((rows, MOST_VALUES), np.nan)
    values[:, : width - 1] = numbers[:, :-1]
    # The connection's fields as a record leaves them out; checking values of a matrix one by one as records
    # would take minutes for a large file, and their only limit is that float32 holds them.
    columns = {name: field.default(rows) for name, field in handler.contract.fields.items()}
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=rows,
        simulated=False,
    )
    target = np.where(labels > 0, _ATTACK, NORMAL).astype(object)
    return Table(columns={**columns, "values": values}, target=target, data=data)
