"""Public safety: whether a reading of a city sensor is out of the ordinary, judged by its own past alone."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NaiveDatetime

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint

WINDOW = 128
"""Readings that say what is ordinary."""
MEMORY = 48
"""Readings for which an alarm is remembered: the same disturbance is not reported twice."""
HISTORY = WINDOW + MEMORY + 1
FEWEST = 10
"""Readings before which nothing is called extraordinary."""
THRESHOLD = 0.5
LARGEST = 1e4
"""Deviations beyond this many standard deviations are all the same."""

Reading = Annotated[float, Field(ge=-1e12, le=1e12)]


class Observation(Record):
    """A reading of one sensor and what the same sensor read before it."""

    timestamp: NaiveDatetime = Field(
        description="When the reading was taken, in local time and without an offset.",
        examples=["2026-03-01T08:00:00"],
    )
    value: float = Field(
        ge=-1e12,
        le=1e12,
        description="The reading.",
        examples=[62.0],
        json_schema_extra={"unit": "the sensor's own"},
    )
    history: list[Reading] = Field(
        default=[],
        max_length=HISTORY,
        description=f"The readings before it at regular intervals, oldest first; {HISTORY} are best, "
        f"and with fewer than {FEWEST} nothing is extraordinary.",
        examples=[[60.0 + (3 * k) % 7 for k in range(40)]],
        json_schema_extra={"unit": "the sensor's own"},
    )


class Verdict(Prediction):
    """How far the reading is out of the ordinary."""

    score: float = Field(
        description="0: ordinary, or part of a disturbance already reported; 0.5: the threshold; towards 1: "
        "ever further from what the past makes likely.",
        examples=[0.0],
        json_schema_extra={"unit": "1", "decimals": 6},
    )
    anomaly: bool = Field(
        description="Whether the score reaches 0.5.", examples=[False], json_schema_extra={"outcome": True}
    )
    expected: float = Field(
        description="What the past made likely.",
        examples=[61.0],
        json_schema_extra={"unit": "the sensor's own", "decimals": 3},
    )


FEATURES = ("change", "recent_change", "level", "recent_level", "expected")
_BLOCK = 2000  # rows at a time: keeps a batch's working memory at a few tens of megabytes


def features(records: Columns) -> Matrix:
    """The model's matrix, shape (n, len(FEATURES)), float32, finite.

    `change` and `level` are the reading's deviation from its own past, as a step and as a value, in standard
    deviations; `recent_*` is the largest of them among the `MEMORY` readings before.
    """
    blocks = [
        _features(records["history"][start : start + _BLOCK], records["value"][start : start + _BLOCK])
        for start in range(0, len(records["value"]), _BLOCK)
    ]
    return np.concatenate(blocks).astype(np.float32)


def respond(outputs: Columns) -> Columns:
    """The decision beside the graph's score."""
    score = np.asarray(outputs["score"], dtype=np.float64).reshape(-1)
    return {
        "score": score,
        "anomaly": np.round(score, 6) >= THRESHOLD,
        "expected": outputs["expected"].reshape(-1),
    }


def _features(history: NDArray[np.float64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    series = np.column_stack([_right_aligned(history), value])
    steps = np.diff(series, axis=1)
    change, mean_step = _deviations(steps)
    level, _ = _deviations(series[:, 1:])
    before = series[:, -2]
    expected = np.where(np.isnan(before), value, before + mean_step)
    columns = [change[:, -1], change[:, :-1].max(axis=1), level[:, -1], level[:, :-1].max(axis=1), expected]
    return np.column_stack(columns)


def _right_aligned(history: NDArray[np.float64]) -> NDArray[np.float64]:
    """Histories that end early, moved so that the last reading stands last and NaN before the first."""
    present = ~np.isnan(history)
    length = np.where(present.any(axis=1), HISTORY - present[:, ::-1].argmax(axis=1), 0)
    source = np.arange(HISTORY) - (HISTORY - length)[:, None]
    moved = np.take_along_axis(history, np.maximum(source, 0), axis=1)
    return np.where(source < 0, np.nan, moved)


def _deviations(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each of the last `MEMORY` + 1 values is from the `WINDOW` values before it.

    Returns:
        Standard deviations, shape (n, MEMORY + 1), 0 where too little is known; and the mean before the last
        value, shape (n,), 0 where nothing is.
    """
    known = ~np.isnan(values)
    # Sums of squares of large numbers that hardly differ lose all digits: take out the middle first.
    counts = known.sum(axis=1, keepdims=True)
    middle = np.where(known, values, 0.0).sum(axis=1, keepdims=True) / np.maximum(counts, 1)
    centred = np.where(known, values - middle, 0.0)
    number = _sums(known.astype(np.float64))
    mean = _sums(centred) / np.maximum(number, 1)
    variance = np.maximum(_sums(centred**2) / np.maximum(number, 1) - mean**2, 0.0)
    smallest = 1e-6 * (1.0 + np.abs(middle + mean))
    deviation = np.abs(centred[:, -MEMORY - 1 :] - mean) / np.maximum(np.sqrt(variance), smallest)
    usable = (number >= FEWEST) & known[:, -MEMORY - 1 :]
    return np.where(usable, np.minimum(deviation, LARGEST), 0.0), (middle + mean)[:, -1]


def _sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of the `WINDOW` values before each of the last `MEMORY` + 1, shape (n, MEMORY + 1)."""
    total = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    ends = np.arange(values.shape[1] - MEMORY - 1, values.shape[1])
    return np.asarray(total[:, ends] - total[:, ends - WINDOW])


handler = Endpoint("public_safety", Observation, Verdict, features, feature_names=FEATURES, respond=respond)
