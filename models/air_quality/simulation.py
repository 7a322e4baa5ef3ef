"""A simulated city: fine particles that gather in calm weather and leave with the north wind."""

import numpy as np

from maas.artifact import digest_of
from maas.manifest import DataSource
from maas.preprocessing import day_of_year, hour
from models.air_quality.hourly_series import records_of
from models.table import Table, period_of

_START = np.datetime64("2015-01-01T00", "s")
_MISSING = 0.03  # share of the hours without a reading
_SPELL = 18  # hours for which the wind keeps its quarter, on average
_QUARTERS = np.array(["NE", "NW", "SE", "cv"], object)
_SPEED = np.array([2.5, 4.5, 2.5, 0.8])  # m/s
_LOSS = np.array([0.05, 0.14, 0.03, 0.015])  # share of the particles blown away in an hour
_NORTH_WEST = 1


def simulate(seed: int, *, days: int = 150) -> Table:
    """Simulated records with what followed them, the same for the same seed; nothing was measured."""
    generator = np.random.default_rng(seed)
    n = days * 24
    times = _START + np.arange(n) * np.timedelta64(1, "h")
    turns = generator.random(n) < 1 / _SPELL
    spell = np.cumsum(turns)
    quarter = generator.choice(4, spell[-1] + 1, p=[0.15, 0.3, 0.35, 0.2])[spell]
    speed = generator.gamma(4, _SPEED[quarter] / 4)
    season = -np.cos(2 * np.pi * (day_of_year(times) - 20) / 365.25)
    north = np.convolve(quarter == _NORTH_WEST, np.full(12, 1 / 12))[:n]
    temperature = 12 + 14 * season - 4 * np.cos(2 * np.pi * (hour(times) - 3) / 24) - 3 * north
    dew_point = 12 + 14 * season - 6 - 10 * north + generator.normal(0, 1, n)
    pressure = 1016 - 10 * season + 7 * north + generator.normal(0, 0.5, n)
    emitted = (6 - 2 * season) * generator.gamma(4, 1 / 4, n)
    amount, pm25 = 60.0, np.empty(n)
    for row in range(n):
        amount = amount * (1 - _LOSS[quarter[row]]) + emitted[row]
        pm25[row] = amount
    pm25 = np.round(pm25 * generator.normal(1, 0.05, n))
    pm25[generator.random(n) < _MISSING] = np.nan
    since = np.cumsum(speed)
    begun = np.maximum.accumulate(np.where(turns, since - speed, 0.0))
    weather = {
        "dew_point": np.clip(dew_point, -40, 30).round(),
        "temperature": temperature.round(),
        "pressure": pressure.round(),
        "wind_direction": _QUARTERS[quarter],
        "cumulated_wind_speed": np.minimum(since - begun, 500).round(2),
        "snow_hours": np.zeros(n),
        "rain_hours": np.zeros(n),
    }
    title = f"simulated city, seed {seed}"
    data = DataSource(
        name=title,
        source="simulated: models/air_quality/simulation.py",
        digest=digest_of(pm25.tobytes() + repr([column.tolist() for column in weather.values()]).encode()),
        rows=n,
        simulated=True,
        period=period_of(times),
    )
    return records_of(times, pm25, weather, data=data, lines=range(n))
