"""Detectors' series cut into records: an hour around a detector, and what it shows fifteen minutes later."""

import numpy as np

from functions.congestion.handler import CONGESTED_BELOW, HORIZON, READINGS
from maas.errors import DataError
from maas.manifest import DataSource
from models.congestion.detectors import Detectors, nearest
from models.table import Table, period_of


def windows(detectors: Detectors, *, name: str, source: str, simulated: bool) -> Table:
    """One row for each detector and time with an hour before and a reading fifteen minutes after.

    Rows are in order of time. Left out are those whose target, or whose own latest reading, is missing.

    Raises:
        DataError: Nothing is left.
    """
    speeds = detectors.speeds
    ends = np.arange(READINGS - 1, len(speeds) - HORIZON)
    if not len(ends):
        raise DataError(f"{name}: {len(speeds)} rows; {READINGS + HORIZON} are needed at least")
    later = speeds[ends + HORIZON]
    row, detector = np.nonzero((later > 0) & (speeds[ends] > 0))
    if not len(row):
        raise DataError(f"{name}: no detector has two readings fifteen minutes apart")
    hours = np.lib.stride_tricks.sliding_window_view(speeds, READINGS, axis=0)
    # Limits were checked when the speeds were read: a few million numbers need no second look.
    around = hours[row[:, None], nearest(detectors.adjacency)[detector]]
    times = detectors.times[ends][row]
    return Table(
        columns={"timestamp": times, "speeds": around},
        target=(later[row, detector] < CONGESTED_BELOW).astype(np.int64),
        data=DataSource(
            name=name,
            source=source,
            digest=detectors.digest,
            rows=len(row),
            simulated=simulated,
            period=period_of(detectors.times),
        ),
        times=times,
    )
