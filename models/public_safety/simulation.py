"""Simulated city sensors with planted faults, for a demonstration without data."""

import numpy as np

from maas.artifact import digest_of
from maas.manifest import DataSource
from models.public_safety.streams import table_of
from models.table import Table, period_of

_STREAMS, _READINGS = 8, 900
_STEP = np.timedelta64(300, "s")
_START = np.datetime64("2026-01-05T00:00:00", "s")
_MARGIN = 20  # readings on either side of a fault that count as its window


def simulate(seed: int) -> Table:
    """Three days of eight sensors, five minutes apart: daily waves, noise, and two faults in each."""
    generator = np.random.default_rng(seed)
    times = _START + _STEP * np.arange(_READINGS)
    streams = {}
    for number in range(_STREAMS):
        level, wave, noise = generator.uniform(20, 80), generator.uniform(2, 15), generator.uniform(0.5, 2)
        clock = 2 * np.pi * np.arange(_READINGS) / 288 + generator.uniform(0, 6)
        values = level + wave * np.sin(clock) + noise * generator.standard_normal(_READINGS)
        windows = []
        for start in (int(generator.integers(250, 500)), int(generator.integers(560, 850))):
            kind, size = generator.integers(3), generator.choice([-1, 1]) * generator.uniform(10, 25) * noise
            if kind == 0:
                values[start] += size  # a spike
            elif kind == 1:
                values[start:] += size  # a shift for good
            else:
                values[start : start + 15] = 0.0  # the sensor falls silent
            windows.append((times[start - _MARGIN], times[min(start + _MARGIN, _READINGS - 1)]))
        streams[f"simulated sensor {number + 1}"] = (times, values, windows)
    stored = np.concatenate([stream[1] for stream in streams.values()])
    data = DataSource(
        name="simulated city sensors",
        source=f"simulation, seed {seed}",
        digest=digest_of(stored.tobytes()),
        rows=len(stored),
        simulated=True,
        period=period_of(times),
    )
    return table_of(streams, data)
