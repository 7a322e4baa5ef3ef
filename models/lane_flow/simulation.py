"""A simulated lane: three weeks of working days, counted every five minutes."""

import numpy as np

from maas.artifact import digest_of
from maas.manifest import DataSource
from maas.preprocessing import hour, is_weekend, minute_of_day
from models.lane_flow.windows import windows
from models.table import Table, period_of

_START = np.datetime64("2016-01-04T00:00", "s")
_INTERVAL = np.timedelta64(5, "m")
_PER_DAY = 288
_MISSING = 0.01  # share of the intervals without a count


def simulate(seed: int, *, days: int = 19) -> Table:
    """Simulated counts in windows, the same for the same seed; nothing in them was measured."""
    generator = np.random.default_rng(seed)
    times = _START + np.arange(days * _PER_DAY) * _INTERVAL
    times = times[~is_weekend(times)]
    hours = minute_of_day(times) / 60

    def hump(centre: float, width: float) -> np.typing.NDArray[np.float64]:
        return np.exp(-0.5 * ((hours - centre) / width) ** 2)

    mean = 12 + 85 * hump(8, 1.5) + 70 * hump(13, 3) + 95 * hump(17, 1.8)
    # Demand swings around the mean day for about an hour, and each count is random besides.
    swing = np.zeros(len(times))
    shocks = generator.normal(0, 0.045, len(times))
    for row in range(1, len(times)):
        swing[row] = 0.93 * swing[row - 1] + shocks[row]
    counts = generator.poisson(mean * np.exp(swing)).astype(np.float64)
    # Nobody misses a detector's report at night only: the rush hour is as likely.
    counts[generator.random(len(times)) < _MISSING * (1 + (hour(times) % 2))] = np.nan
    name = f"simulated lane, seed {seed}"
    data = DataSource(
        name=name,
        source="simulated: models/lane_flow/simulation.py",
        digest=digest_of(counts.tobytes()),
        rows=len(times),
        simulated=True,
        period=period_of(times),
    )
    return windows(times, counts, data=data, lines=range(len(times)))
