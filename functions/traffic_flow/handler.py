"""Traffic flow: vehicles per hour past a detector, from the time, the calendar and the weather.

There are no lags among the inputs: any hour can be asked for, next week's as well as the present one.
"""

from typing import Literal, get_args

import numpy as np
from pydantic import Field, NaiveDatetime

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.preprocessing import (
    UNITED_STATES,
    cyclic,
    cyclic_day_of_year,
    days_from_holidays,
    hour,
    weekday,
)
from maas.preprocessing.categories import one_hot, one_hot_names, ordinal
from maas.preprocessing.imputation import fill_constant

Location = Literal["I-94 ATR 301"]
# Ordered by how much they slow traffic down, so that a tree can split them at one threshold.
Weather = Literal[
    "Clear",
    "Clouds",
    "Haze",
    "Mist",
    "Smoke",
    "Drizzle",
    "Rain",
    "Fog",
    "Squall",
    "Thunderstorm",
    "Snow",
]
Holiday = Literal[
    "New Years Day",
    "Martin Luther King Jr Day",
    "Washingtons Birthday",
    "Memorial Day",
    "Independence Day",
    "State Fair",
    "Labor Day",
    "Columbus Day",
    "Veterans Day",
    "Thanksgiving Day",
    "Christmas Day",
]


class Observation(Record):
    """One hour at one detector, with the weather known or forecast for it."""

    timestamp: NaiveDatetime = Field(
        description="The hour, in local time and without an offset; minutes are ignored.",
        examples=["2018-10-02T08:00:00"],
    )
    location: Location = Field(default="I-94 ATR 301", description="The detector.", examples=["I-94 ATR 301"])
    holiday: Holiday | None = Field(
        default=None,
        description="The public holiday of that day. Federal holidays are known by their date without it.",
        examples=[None],
    )
    temperature: float | None = Field(
        default=None,
        ge=-60,
        le=60,
        description="Air temperature; left out where it was not measured.",
        examples=[14.5],
        json_schema_extra={"unit": "°C"},
    )
    rain: float = Field(
        default=0.0,
        ge=0,
        le=300,
        description="Rain in that hour.",
        examples=[0.0],
        json_schema_extra={"unit": "mm"},
    )
    snow: float = Field(
        default=0.0,
        ge=0,
        le=300,
        description="Snow in that hour.",
        examples=[0.0],
        json_schema_extra={"unit": "mm"},
    )
    clouds: float = Field(
        default=50.0,
        ge=0,
        le=100,
        description="Cloud cover.",
        examples=[40.0],
        json_schema_extra={"unit": "%"},
    )
    weather: Weather = Field(
        default="Clouds", description="The kind of weather.", examples=["Clouds", "Snow"]
    )


class Forecast(Prediction):
    """What the detector will count."""

    vehicles_per_hour: float = Field(
        description="Vehicles per hour, all lanes of one direction.",
        examples=[4821.5],
        json_schema_extra={"unit": "vehicles/h", "decimals": 1},
    )


# Holidays on which most people do not work; around them traffic changes for days.
_MAJOR: dict[str, str] = {
    "new_year": "New Year's Day",
    "memorial_day": "Memorial Day",
    "independence_day": "Independence Day",
    "labor_day": "Labor Day",
    "thanksgiving": "Thanksgiving Day",
    "christmas": "Christmas Day",
}
_MAJOR_RULES = [[rule for rule in UNITED_STATES if rule.name == name] for name in _MAJOR.values()]
# The contract's names are those of the data set, without apostrophes.
_MAJOR_NAMES = [name.replace("'", "").replace("Year ", "Years ") for name in _MAJOR.values()]
_HORIZON = 8  # days on either side of a holiday
_TYPICAL_TEMPERATURE = 8.0  # where none is given
_HEAVIEST_RAIN, _HEAVIEST_SNOW = 60.0, 5.0  # mm/h; more than this changes nothing further
_HARMONICS = (1, 2, 3, 4)  # of the day, for methods that know no thresholds
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
_SEVERITY = get_args(Weather)
_KINDS = ("Mist", "Rain", "Fog", "Snow")

FEATURES = (
    "hour",
    "weekday",
    "hour_of_week",
    "day_of_year_sin",
    "day_of_year_cos",
    "temperature",
    "rain",
    "snow",
    "clouds",
    "weather_severity",
    "major_holiday",
    "minor_holiday",
    "days_since_major_holiday",
    "days_to_major_holiday",
    *(f"days_from_{key}" for key in _MAJOR),
    "weekend",
    "friday",
    "sunday",
    *(f"hour_{wave}{k}{on}" for k in _HARMONICS for on in ("", "_weekend") for wave in ("sin", "cos")),
    *one_hot_names("weather", _KINDS),
)


def features(records: Columns) -> Matrix:
    """The model's matrix, shape (n, len(FEATURES)), float32, finite."""
    times, named = records["timestamp"], records["holiday"]
    hours, weekdays = hour(times), weekday(times)
    weekend = weekdays >= _SATURDAY
    distances = days_from_holidays(times, (*_MAJOR_RULES, UNITED_STATES), limit=_HORIZON)
    around, any_day = distances[:-1], distances[-1]
    major = (around == 0).any(axis=0) | (ordinal(named, _MAJOR_NAMES) < len(_MAJOR_NAMES))
    holiday = (any_day == 0) | (named != np.array(None, object))
    columns = [
        hours,
        weekdays,
        hours + 24 * weekdays,
        *cyclic_day_of_year(times),
        fill_constant(records["temperature"], _TYPICAL_TEMPERATURE).values,
        np.minimum(records["rain"], _HEAVIEST_RAIN),
        np.minimum(records["snow"], _HEAVIEST_SNOW),
        records["clouds"],
        ordinal(records["weather"], _SEVERITY),
        major,
        holiday & ~major,
        np.where(around >= 0, around, _HORIZON).min(axis=0),
        np.where(around <= 0, -around, _HORIZON).min(axis=0),
        *around,
        weekend,
        weekdays == _FRIDAY,
        weekdays == _SUNDAY,
    ]
    for k in _HARMONICS:
        wave = cyclic(k * hours, 24)
        columns += [*wave, *(part * weekend for part in wave)]
    columns += list(one_hot(records["weather"], _KINDS).T)
    return np.array(columns, np.float32).T


handler = Endpoint("traffic_flow", Observation, Forecast, features, feature_names=FEATURES)
