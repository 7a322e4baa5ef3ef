"""Lane flow: vehicles in the next five minutes on one lane, from its counts of the last hour."""

from typing import Annotated

import numpy as np
from pydantic import Field, NaiveDatetime

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.preprocessing import cyclic, minute_of_day, weekday
from maas.preprocessing.imputation import fill_constant, fill_forward

INTERVALS = 12
"""Counts in a record: one hour of five-minute intervals."""

Count = Annotated[float, Field(ge=0, le=500)]


class Observation(Record):
    """The last hour of a lane, before the interval that is asked for."""

    timestamp: NaiveDatetime = Field(
        description="Start of the five minutes to forecast, in local time and without an offset.",
        examples=["2016-03-01T08:00:00"],
    )
    flows: list[Count | None] = Field(
        min_length=INTERVALS,
        max_length=INTERVALS,
        description="Vehicles in each of the twelve five-minute intervals before it, oldest first; "
        "null where the detector did not report.",
        examples=[[70.0, 74.0, 88.0, 83.0, 97.0, 94.0, 101.0, 99.0, 108.0, None, 112.0, 110.0]],
        json_schema_extra={"unit": "vehicles/5 min"},
    )


class Forecast(Prediction):
    """What the lane will carry."""

    vehicles_per_5_minutes: float = Field(
        description="Vehicles in the five minutes from the timestamp on.",
        examples=[113.2],
        json_schema_extra={"unit": "vehicles/5 min", "decimals": 1},
    )


_TYPICAL = 60.0  # where a whole hour is missing
_MEANS = (2, 3, 6, 9, 12)
# Waves of the day down to three hours: a lane's mean day is known from a few weeks, and smooth.
_HARMONICS = range(1, 9)

FEATURES = (
    *(f"flow_{k}" for k in range(INTERVALS, 0, -1)),
    *(f"flow_mean_{k}" for k in _MEANS),
    "flow_trend",
    "minute_of_day",
    "weekday",
    *(f"day_{wave}{k}" for k in _HARMONICS for wave in ("sin", "cos")),
)


def features(records: Columns) -> Matrix:
    """The model's matrix, shape (n, len(FEATURES)), float32, finite."""
    times = records["timestamp"]
    flows = complete(records["flows"])
    minutes = minute_of_day(times)
    columns = [
        flows,
        *(flows[:, -k:].mean(axis=1) for k in _MEANS),
        flows[:, -3:].mean(axis=1) - flows[:, -6:-3].mean(axis=1),
        minutes,
        weekday(times),
        *(wave for k in _HARMONICS for wave in cyclic(k * minutes, 24 * 60)),
    ]
    return np.column_stack(columns).astype(np.float32)


def complete(flows: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
    """Counts of shape (n, 12) without gaps: each repeats the count before, or else the one after."""
    onwards = fill_forward(flows.T).values
    both = fill_forward(onwards[::-1]).values[::-1]
    return fill_constant(both.T, _TYPICAL).values


handler = Endpoint("lane_flow", Observation, Forecast, features, feature_names=FEATURES)
