"""A station's hourly series cut into records: the last days, the weather now, and what came later."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.air_quality.handler import HOURS, WEATHER_HOURS, handler
from maas.errors import DataError, InvalidRecord
from maas.manifest import DataSource
from models.table import Table

AHEAD = (6, 24)
_HOUR = np.timedelta64(1, "h")
_PAST = ("dew_point", "temperature", "pressure")


def records_of(
    times: NDArray[np.datetime64],
    pm25: NDArray[np.float64],
    weather: Mapping[str, NDArray[Any]],
    *,
    data: DataSource,
    lines: Sequence[int],
) -> Table:
    """Every hour with a reading, and readings 6 and 24 hours later, as a record with what came before it.

    Hours without a row, and NaN, are missing; windows at the start of the series begin with missing ones.

    Args:
        times: datetime64[s] of shape (n,), ascending by whole hours.
        pm25: µg/m³, shape (n,).
        weather: The record's fields for the present hour, each of shape (n,).
        data: Describes the series.
        lines: The line of each row, for messages.

    Returns:
        A table whose target has shape (m, 2): PM2.5 after 6 and after 24 hours.

    Raises:
        DataError: Times do not ascend by whole hours, a value breaks the contract, or no hour qualifies.
    """
    places = _places(times, data.name, lines)
    values = {"pm25": pm25, **weather}
    for name, column in values.items():
        _check(name, column, data.name, lines)
    length = int(places[-1]) + 1
    grids = {name: np.full(HOURS + length + max(AHEAD), np.nan) for name in ("pm25", *_PAST)}
    for name, grid in grids.items():
        grid[HOURS + places] = values[name]
    later = np.column_stack([grids["pm25"][HOURS + places + hours] for hours in AHEAD])
    rows = np.flatnonzero(np.isfinite(pm25) & np.isfinite(later).all(axis=1))
    if not len(rows):
        raise DataError(f"{data.name}: no hour with readings then, 6 and 24 hours later")
    here = HOURS + places[rows]
    columns: dict[str, Any] = {"timestamp": times[rows]}
    columns |= {name: column[rows] for name, column in weather.items()}
    columns["pm25"] = grids["pm25"][here[:, None] + np.arange(1 - HOURS, 1)]
    for name in _PAST:
        columns[f"past_{name}"] = grids[name][here[:, None] + np.arange(-WEATHER_HOURS, 0)]
    ordered = {name: columns[name] for name in handler.contract.fields}
    return Table(columns=ordered, target=later[rows], data=data, times=times[rows])


def _places(times: NDArray[np.datetime64], name: str, lines: Sequence[int]) -> NDArray[np.int64]:
    steps = (times - times[0]) / _HOUR
    places: NDArray[np.int64] = steps.astype(np.int64)
    wrong = np.flatnonzero((np.diff(places, prepend=-1) <= 0) | (steps != places))
    if len(wrong):
        raise DataError(f"{name}: line {lines[wrong[0]]}: times must ascend by whole hours")
    return places


def _check(name: str, column: NDArray[Any], file: str, lines: Sequence[int]) -> None:
    """Hold a column to the limits of its field: of an element where the field is a list."""
    field = handler.contract.fields[name]
    known = np.flatnonzero(np.isfinite(column)) if name == "pm25" else np.arange(len(column))
    try:
        # A list's elements have the limits; which shape they come in makes no difference to them.
        field.from_tensor(column[known], "")
    except InvalidRecord as error:
        place = error.errors[0]
        line = lines[int(known[int(place.pointer.rsplit("/", 1)[-1])])]
        raise DataError(f"{file}: line {line}: {name}: {place.detail}") from error
