"""Congestion: the probability that traffic at a detector is slower than 40 mph in fifteen minutes."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NaiveDatetime

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.preprocessing import cyclic, minute_of_day
from maas.preprocessing.imputation import fill_forward

DETECTORS, READINGS = 8, 12
"""A record holds one hour of five-minute readings of the detector and the seven nearest to it."""
CONGESTED_BELOW = 40.0
"""Speed, in mph, below which traffic counts as congested."""
HORIZON = 3
"""Five-minute steps from the latest reading to the one that is asked for."""

Speed = Annotated[float, Field(ge=0, le=120)]
Hour = Annotated[list[Speed | None], Field(min_length=READINGS, max_length=READINGS)]

_EXAMPLE: list[list[float | None]] = [
    [61.3, 60.8, 58.9, 57.4, 55.1, 52.6, 50.2, 48.8, 46.0, 44.9, 43.1, 41.7],
    [62.0, 61.1, 60.4, 58.8, 57.3, 55.0, 53.6, 51.9, None, 48.7, 47.2, 45.5],
    [55.4, 52.3, 48.1, 44.6, 41.0, 38.2, 36.9, 34.1, 32.8, 30.5, 29.9, 28.7],
    [63.4, 63.0, 62.8, 62.1, 61.5, 60.7, 59.9, 58.2, 57.0, 55.6, 54.8, 53.1],
    [48.7, 44.2, 40.3, 37.7, 35.5, 33.0, 31.2, 29.8, 28.4, 27.9, 27.0, 26.2],
    [64.5, 64.8, 64.1, 63.9, 64.4, 63.6, 63.2, 62.9, 62.5, 61.8, 61.0, 60.3],
    [66.0, 65.7, 66.2, 65.9, 65.1, 65.4, 65.0, 64.7, 64.9, 64.2, 63.8, 63.5],
    [58.8, 57.1, 54.9, 52.0, 49.6, 46.3, 43.9, 41.2, 39.5, 37.8, 36.0, 34.6],
]


class Observation(Record):
    """The last hour at one detector and around it."""

    timestamp: NaiveDatetime = Field(
        description="Time of the latest readings, in local time and without an offset.",
        examples=["2012-03-05T07:30:00"],
    )
    speeds: list[Hour] = Field(
        min_length=DETECTORS,
        max_length=DETECTORS,
        description="Mean speeds over five minutes: the detector itself first, then the seven nearest, the "
        "nearest first; of each the last twelve, oldest first. Null or 0 where there was no reading.",
        examples=[_EXAMPLE],
        json_schema_extra={"unit": "mph"},
    )


class Outlook(Prediction):
    """What the detector will show in fifteen minutes."""

    probability: float = Field(
        description="That the speed is below 40 mph then.",
        examples=[0.7312],
        json_schema_extra={"unit": "1", "decimals": 4, "probability_of": True},
    )
    congested: bool = Field(
        description="Whether to expect it: the probability is at or above the version's threshold, which is "
        "chosen for the best balance of precision and recall (F1).",
        examples=[True],
        json_schema_extra={"outcome": True},
    )


_FREE_FLOW = 62.0  # where nothing was read at all

FEATURES = (
    *(
        f"speed_{detector}_{5 * back}_minutes_ago"
        for detector in range(DETECTORS)
        for back in range(READINGS - 1, -1, -1)
    ),
    "day_sin1",
    "day_cos1",
    "day_sin2",
    "day_cos2",
)


def features(records: Columns) -> Matrix:
    """The model's matrix, shape (n, 100), float32, finite: 96 speeds in mph and the time of day.

    The time is two waves of the day, with which two rush hours can be drawn; a weekday would be known from
    one day each in the weeks such data cover.
    """
    speeds = complete(records["speeds"]).reshape(-1, DETECTORS * READINGS)
    minutes = minute_of_day(records["timestamp"])
    waves = [wave for k in (1, 2) for wave in cyclic(k * minutes, 24 * 60)]
    return np.column_stack([speeds, *waves]).astype(np.float32)


def complete(speeds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Speeds of shape (n, 8, 12) without gaps.

    A missing reading repeats the detector's reading before it, or else the one after; a detector without
    any takes the first detector's, and the first one free flow.
    """
    read = speeds > 0  # the archive writes 0 where there was no reading
    gaps = np.flatnonzero(~read.all(axis=(1, 2)))
    if not len(gaps):
        return speeds
    known = np.where(read[gaps], speeds[gaps], np.nan)
    onwards = fill_forward(known.reshape(-1, READINGS).T).values
    filled = fill_forward(onwards[::-1]).values[::-1].T.reshape(known.shape)
    first = filled[:, :1]
    completed = speeds.copy()
    completed[gaps] = np.where(np.isnan(filled), np.where(np.isnan(first), _FREE_FLOW, first), filled)
    return completed


def respond(outputs: Columns) -> Columns:
    """The graph gives the probability and, the same for every row, the version's threshold."""
    return {
        "probability": outputs["probability"],
        "congested": outputs["probability"] >= outputs["threshold"],
    }


handler = Endpoint("congestion", Observation, Outlook, features, feature_names=FEATURES, respond=respond)
