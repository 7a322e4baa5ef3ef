"""Air quality: fine particles (PM2.5) 6 and 24 hours ahead, from the last days' readings and the weather now.

Nothing about the hours ahead is asked for: no weather forecast, only what is known when the question is put.
"""

from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NaiveDatetime

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.preprocessing import cyclic, cyclic_day_of_year, hour, is_weekend
from maas.preprocessing.categories import one_hot, one_hot_names
from maas.preprocessing.imputation import fill_constant, fill_forward

HOURS = 72  # of readings, at most
WEATHER_HOURS = 24  # of past weather
_FEWEST = 24
_HEAVIEST = 2000.0  # µg/m³; the highest hour ever measured in the data's city is below half of it

WindDirection = Literal["NE", "NW", "SE", "cv"]
Category = Literal[
    "excellent",
    "good",
    "lightly polluted",
    "moderately polluted",
    "heavily polluted",
    "severely polluted",
]
# China's air quality index, HJ 633-2012: the highest 24-hour mean of PM2.5, in µg/m³, of each category.
_HIGHEST = (35.0, 75.0, 115.0, 150.0, 250.0)
_CATEGORIES: NDArray[Any] = np.array(get_args(Category), dtype=object)

Reading = Annotated[float, Field(ge=0, le=_HEAVIEST)]
DewPoint = Annotated[float, Field(ge=-70, le=40)]
Temperature = Annotated[float, Field(ge=-60, le=60)]
Pressure = Annotated[float, Field(ge=850, le=1100)]


def _past(text: str, unit: str, example: float) -> Any:
    return Field(
        default=None,
        min_length=WEATHER_HOURS,
        max_length=WEATHER_HOURS,
        description=f"{text} of the last 24 hours, hourly, oldest first, without the present hour; null "
        "where not measured. Left out, it counts as unchanged.",
        examples=[[example] * WEATHER_HOURS, None],
        json_schema_extra={"unit": unit},
    )


def _forecast(hours: int, example: float) -> Any:
    return Field(
        description=f"PM2.5 expected {hours} hours ahead, the mean of that hour.",
        examples=[example],
        json_schema_extra={"unit": "µg/m³", "decimals": 1, "outcome": True},
    )


class Conditions(Record):
    """What a station has measured up to and including the present hour."""

    timestamp: NaiveDatetime = Field(
        description="The present hour, in local time and without an offset; minutes are ignored.",
        examples=["2013-01-10T08:00:00"],
    )
    pm25: list[Reading | None] = Field(
        min_length=_FEWEST,
        max_length=HOURS,
        description="PM2.5 of the last 24 to 72 hours, hourly, oldest first, the present hour last; null "
        "where not measured. The last number counts as the present hour.",
        examples=[[40.0, 44.0, 51.0, 63.0, None, 80.0] * 4],
        json_schema_extra={"unit": "µg/m³"},
    )
    dew_point: DewPoint = Field(description="Dew point.", examples=[-11.0], json_schema_extra={"unit": "°C"})
    temperature: Temperature = Field(
        description="Air temperature.", examples=[-3.0], json_schema_extra={"unit": "°C"}
    )
    pressure: Pressure = Field(
        description="Air pressure.", examples=[1025.0], json_schema_extra={"unit": "hPa"}
    )
    wind_direction: WindDirection = Field(
        description="Quarter that the wind blows from, SW counted as SE; cv: calm or changing.",
        examples=["SE", "NW"],
    )
    cumulated_wind_speed: float = Field(
        ge=0,
        le=2000,
        description="Sum of the hourly wind speeds since the wind last turned.",
        examples=[3.58],
        json_schema_extra={"unit": "m/s"},
    )
    snow_hours: float = Field(
        default=0.0,
        ge=0,
        le=200,
        description="Hours that it has been snowing for.",
        examples=[0.0],
        json_schema_extra={"unit": "h"},
    )
    rain_hours: float = Field(
        default=0.0,
        ge=0,
        le=500,
        description="Hours that it has been raining for.",
        examples=[0.0],
        json_schema_extra={"unit": "h"},
    )
    past_dew_point: list[DewPoint | None] | None = _past("Dew point", "°C", -12.0)
    past_temperature: list[Temperature | None] | None = _past("Air temperature", "°C", -2.0)
    past_pressure: list[Pressure | None] | None = _past("Air pressure", "hPa", 1027.0)


class Forecast(Prediction):
    """What the station will measure, and what that counts as in China's index (HJ 633-2012)."""

    pm25_6h: float = _forecast(6, 71.5)
    pm25_24h: float = _forecast(24, 84.2)
    category_6h: Category = Field(
        description="Category of the value 6 hours ahead, as if it were a day's mean.", examples=["good"]
    )
    category_24h: Category = Field(
        description="Category of the value 24 hours ahead, as if it were a day's mean.",
        examples=["lightly polluted"],
    )


_TYPICAL = 70.0  # µg/m³, where no reading is given at all
_LAGS = (0, 1, 2, 3, 6, 9, 12, 18, 23)
_ROOT_LAGS = (0, 3, 6, 12, 23)
_WINDOWS = (6, 12, 24, 48, 72)
_CHANGES = (3, 6, 12, 24)
_WEATHER = ("dew_point", "temperature", "pressure")
_QUARTERS = ("NE", "NW", "SE", "cv")
_LONGEST_FALL = 5.0  # hours of rain or snow; more of it changes nothing further
_STRONGEST_WIND = 100.0
_LEAST_WIND = 0.45  # m/s, what the instrument reports as calm
_OLDEST = 24.0

FEATURES = (
    "pm25_now",
    *(f"pm25_{lag}h_ago" for lag in _LAGS[1:]),
    *(f"root_pm25_{lag}h_ago" for lag in _ROOT_LAGS),
    *(f"pm25_{kind}_{width}h" for width in _WINDOWS for kind in ("mean", "min", "max")),
    "hours_missing",
    *(name for field in _WEATHER for name in (field, *(f"{field}_change_{lag}h" for lag in _CHANGES))),
    "dew_point_spread",
    "wind",
    "log_wind",
    *(f"log_wind_{quarter}" for quarter in _QUARTERS[:3]),
    *one_hot_names("wind", _QUARTERS)[:-1],
    "snow_hours",
    "rain_hours",
    *(f"{cycle}_{wave}" for cycle in ("day", "half_day") for wave in ("sin", "cos")),
    *(f"{cycle}_{wave}" for cycle in ("year", "half_year") for wave in ("sin", "cos")),
    "hour",
    "weekend",
)


def recent(readings: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Readings on the last 72 hours, the present one last, and the hours missing among the last 24.

    Gaps are filled with the reading before them, or with the first one after them at the start.

    Args:
        readings: Shape (n, 72), oldest first, NaN where missing and behind the last.

    Returns:
        Shapes (n, 72) and (n,).
    """
    known = ~np.isnan(readings)
    length = np.where(known.any(axis=1), HOURS - known[:, ::-1].argmax(axis=1), 0)
    places = np.arange(HOURS) - (HOURS - length)[:, None]
    aligned = np.where(places >= 0, np.take_along_axis(readings, np.maximum(places, 0), axis=1), np.nan)
    missing = np.isnan(aligned[:, -_FEWEST:]).sum(axis=1).astype(np.float64)
    forward = fill_forward(aligned.T).values
    both = fill_forward(forward[::-1]).values[::-1].T
    return fill_constant(both, _TYPICAL).values, missing


def features(records: Columns) -> Matrix:
    """The model's matrix, shape (n, len(FEATURES)), float32, finite."""
    times = records["timestamp"]
    pm25, missing = recent(records["pm25"])
    hours = hour(times)
    columns: list[NDArray[Any]] = [pm25[:, -1 - lag] for lag in _LAGS]
    columns += [np.sqrt(pm25[:, -1 - lag]) for lag in _ROOT_LAGS]
    for width in _WINDOWS:
        window = pm25[:, -width:]
        columns += [window.mean(axis=1), window.min(axis=1), window.max(axis=1)]
    columns.append(np.minimum(missing, _OLDEST))
    for field in _WEATHER:
        now = records[field]
        past = records[f"past_{field}"]
        columns += [now, *(np.nan_to_num(now - past[:, WEATHER_HOURS - lag]) for lag in _CHANGES)]
    wind = records["cumulated_wind_speed"]
    log_wind = np.log(np.maximum(wind, _LEAST_WIND))
    quarters = one_hot(records["wind_direction"], _QUARTERS)[:, :-1].T
    columns += [records["temperature"] - records["dew_point"], np.minimum(wind, _STRONGEST_WIND), log_wind]
    columns += [log_wind * quarter for quarter in quarters[:3]]
    columns += list(quarters)
    columns += [np.minimum(records[field], _LONGEST_FALL) for field in ("snow_hours", "rain_hours")]
    columns += [*cyclic(hours, 24), *cyclic(hours, 12)]
    year = cyclic_day_of_year(times)
    columns += [*year, 2 * year[0] * year[1], year[1] ** 2 - year[0] ** 2]
    columns += [hours, is_weekend(times)]
    return np.column_stack(columns).astype(np.float32)


def respond(outputs: Columns) -> Columns:
    """Forecasts, none below 0, and their categories."""
    answers: dict[str, Any] = {}
    for ahead in ("6h", "24h"):
        amount = np.maximum(np.asarray(outputs[f"pm25_{ahead}"], np.float64).reshape(-1), 0)
        answers[f"pm25_{ahead}"] = amount
        # By the number as it is answered: the two must not contradict each other.
        answers[f"category_{ahead}"] = categories(np.round(amount, 1))
    return answers


def categories(amounts: NDArray[np.float64]) -> NDArray[Any]:
    """The category of each amount of PM2.5, in µg/m³, shape (n,)."""
    found: NDArray[Any] = _CATEGORIES[np.searchsorted(_HIGHEST, amounts)]
    return found


handler = Endpoint("air_quality", Conditions, Forecast, features, feature_names=FEATURES, respond=respond)
