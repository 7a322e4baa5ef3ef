"""A lane's series cut into records: an hour of counts, and the count that follows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from functions.lane_flow.handler import INTERVALS, handler
from maas.errors import DataError
from maas.manifest import DataSource
from models.table import Table, checked_columns

_INTERVAL = np.timedelta64(5, "m")


def windows(
    times: NDArray[np.datetime64], counts: NDArray[np.float64], *, data: DataSource, lines: Sequence[int]
) -> Table:
    """Every count that has the one five minutes before it, with the hour before it.

    Intervals of that hour that have no row, or NaN, are missing: weeks need not be complete, and a day
    that begins after a gap starts from its second interval.

    Args:
        times: datetime64[s] of shape (n,), ascending.
        counts: Vehicles in the five minutes from then on, shape (n,).
        data: Describes the series.
        lines: The line of each row, for messages.

    Raises:
        DataError: A time is not later than the one before or off the five-minute grid, a count breaks the
            contract, or no two counts follow each other.
    """
    steps = (times - times[0]) / _INTERVAL
    places = steps.astype(np.int64)
    wrong = np.flatnonzero((np.diff(places, prepend=-1) <= 0) | (steps != places))
    if len(wrong):
        raise DataError(f"{data.name}: line {lines[wrong[0]]}: times must ascend in steps of five minutes")
    grid = np.full(INTERVALS + places[-1] + 1, np.nan)
    grid[INTERVALS + places] = counts
    hours = np.lib.stride_tricks.sliding_window_view(grid, INTERVALS)[places]
    usable = np.flatnonzero(np.isfinite(hours[:, -1]) & np.isfinite(counts))
    if not len(usable):
        raise DataError(f"{data.name}: no two counts five minutes apart")
    values = {
        "timestamp": times[usable].astype(str).tolist(),
        "flows": [[None if x != x else x for x in row] for row in hours[usable].tolist()],  # noqa: PLR0124
    }
    columns = checked_columns(
        handler.contract, values, name=data.name, lines=[lines[row] for row in usable.tolist()]
    )
    return Table(columns=columns, target=counts[usable], data=data, times=times[usable])
