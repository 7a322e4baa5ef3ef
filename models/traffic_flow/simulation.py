"""A simulated detector: a year of hourly counts with rush hours, holidays, weather and gaps."""

import numpy as np

from functions.traffic_flow.handler import handler
from maas.artifact import digest_of
from maas.manifest import DataSource
from maas.preprocessing import UNITED_STATES, day_of_year, hour, is_holiday, is_weekend
from models.table import Table, checked_columns, period_of

_START = np.datetime64("2016-10-01T00", "s")
# Share of the year's hours that no record exists for, and of those with two weather records.
_MISSING, _DOUBLED = 0.03, 0.1
_KINDS = np.array(["Clear", "Clouds", "Mist", "Rain", "Snow"], object)
_SLOWDOWN = {"Clear": 1.0, "Clouds": 1.0, "Mist": 0.97, "Rain": 0.94, "Snow": 0.82}


def simulate(seed: int, *, days: int = 365) -> Table:
    """Simulated records with their counts, the same for the same seed; nothing in them was measured."""
    generator = np.random.default_rng(seed)
    times = _START + np.arange(days * 24) * np.timedelta64(1, "h")
    times = times[generator.random(len(times)) >= _MISSING]
    season = -np.cos(2 * np.pi * (day_of_year(times) - 20) / 365.25)
    daily = -np.cos(2 * np.pi * (hour(times) - 4) / 24)
    temperature = 8 + 16 * season + 4 * daily + generator.normal(0, 3, len(times))
    # One kind of weather for six hours on end, drawn anew; water falls as snow when it freezes.
    spell = (times.astype("datetime64[h]").astype(np.int64)) // 6
    kinds = generator.choice(4, spell.max() - spell.min() + 1, p=[0.4, 0.35, 0.1, 0.15])[spell - spell.min()]
    kinds = np.where((kinds == 3) & (temperature < 0), 4, kinds)  # noqa: PLR2004 - indices of _KINDS
    weather = _KINDS[kinds]
    wet = generator.gamma(1.0, 1.5, len(times))
    slowdown = np.array([_SLOWDOWN[kind] for kind in weather])
    mean = _profile(times) * (1 + 0.05 * season) * slowdown
    counts = np.round(np.clip(mean * generator.normal(1, 0.06, len(times)), 0, None))
    # Several weather records for one hour, as real archives have them: the same count, another cloud cover.
    doubled = np.flatnonzero(generator.random(len(times)) < _DOUBLED)
    rows = np.sort(np.concatenate([np.arange(len(times)), doubled]))
    values = {
        "timestamp": times[rows].astype(str).tolist(),
        "temperature": temperature[rows].round(2).tolist(),
        "rain": np.where(weather == "Rain", wet, 0.0)[rows].round(2).tolist(),
        "snow": np.where(weather == "Snow", wet / 2, 0.0)[rows].round(2).tolist(),
        "clouds": np.where(weather == "Clear", 5.0, generator.integers(20, 100, len(times)))[rows].tolist(),
        "weather": weather[rows].tolist(),
    }
    name = f"simulated detector, seed {seed}"
    columns = checked_columns(handler.contract, values, name=name, lines=range(len(rows)))
    data = DataSource(
        name=name,
        source="simulated: models/traffic_flow/simulation.py",
        digest=digest_of(repr((values, counts[rows].tolist())).encode()),
        rows=len(rows),
        simulated=True,
        period=period_of(times),
    )
    return Table(columns=columns, target=counts[rows], data=data, times=times[rows])


def _profile(times: np.typing.NDArray[np.datetime64]) -> np.typing.NDArray[np.float64]:
    """Vehicles per hour on an ordinary day, by hour: two rushes on working days, one hump on days off."""
    hours = hour(times)

    def hump(centre: float, width: float) -> np.typing.NDArray[np.float64]:
        return np.exp(-0.5 * ((hours - centre) / width) ** 2)

    working = 400 + 4600 * hump(7.5, 1.6) + 5000 * hump(16.5, 2.2) + 3500 * hump(12, 3.0)
    off = 500 + 3900 * hump(14, 4.5)
    return np.where(is_weekend(times) | is_holiday(times, UNITED_STATES), off, working)
