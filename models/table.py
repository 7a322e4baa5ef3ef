"""A table to learn from: the contract's columns, the target beside them, and where they came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from maas.contract import Column, Columns, Contract
from maas.errors import DataError, InvalidRecord
from maas.manifest import DataSource


@dataclass(frozen=True, eq=False)
class Table:
    """N labelled records.

    Attributes:
        columns: The record's fields, as `features()` reads them.
        target: What is to be predicted: shape (n,) or (n, k); text for classes.
        data: Name, address, digest and number of rows of the whole data, as the manifest keeps them.
        times: datetime64[s] of shape (n,), where the data has time.
        groups: Labels of shape (n,) of rows that belong together and must not be split.
    """

    columns: Columns
    target: NDArray[Any]
    data: DataSource
    times: NDArray[np.datetime64] | None = None
    groups: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        parts: list[Column] = [*self.columns.values()]
        parts += [part for part in (self.times, self.groups) if part is not None]
        if any(len(part) != len(self) for part in parts):
            raise DataError(f"{self.data.name}: columns, target, times and groups differ in length")

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: NDArray[np.intp]) -> Self:
        """The given rows, in the given order; `data` goes on describing the whole."""
        return replace(
            self,
            columns={name: column[rows] for name, column in self.columns.items()},
            target=self.target[rows],
            times=None if self.times is None else self.times[rows],
            groups=None if self.groups is None else self.groups[rows],
        )


def checked_columns(
    contract: Contract[Any, Any], values: Mapping[str, Sequence[Any]], *, name: str, lines: Sequence[int]
) -> Columns:
    """Validate values against the contract, as if a caller had sent them.

    Args:
        contract: The endpoint's.
        values: One sequence of JSON-able values per field; fields left out take their defaults.
        name: The file's name, for messages.
        lines: The line of each row, for messages.

    Raises:
        DataError: A value breaks the contract; the message names line and field.
    """
    names = list(values)
    records = [dict(zip(names, row, strict=True)) for row in zip(*values.values(), strict=True)]
    try:
        return contract.parse(records, at="")
    except InvalidRecord as error:
        place = error.errors[0]
        row, _, field = place.pointer.lstrip("/").partition("/")
        raise DataError(f"{name}: line {lines[int(row)]}: {field}: {place.detail}") from error


def period_of(times: NDArray[np.datetime64]) -> str:
    """ISO 8601 interval from the first to the last time."""
    return f"{times.min()}/{times.max()}"
