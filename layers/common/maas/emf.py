"""Metrics as CloudWatch reads them out of a log line: the Embedded Metric Format.

One line is at once the log record of a request and all of its metrics. Powertools' Metrics does the same at
thirty times the cost, because it validates, copies and prints each metric apart (docs/monitoring.md).

Source: "Specification: Embedded metric format", Amazon CloudWatch user guide.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

NAMESPACE = "maas"  # where none is set; a stack has its own, else two of them would share their metrics
CLASS = "Class."  # begins the names of metrics that count how often a class was answered
LIVE = "Live."  # begins the names of metrics that the monitor computes from reported outcomes
MAX_VALUES = 100  # of one metric in one line, the format's limit

type Track = Literal["stable", "canary", "shadow"]
type Unit = Literal["Count", "Milliseconds", "None"]
type Latency = Literal["Latency", "ExplainLatency", "BlockLatency", "OtherLatency"]
"""What a request took. Canaries and alarms judge by the first, which is that of predictions alone."""

_WHOLE = ("environment", "service")
_BY_TRACK = (*_WHOLE, "track")
_BY_VERSION = (*_WHOLE, "version")
_BY_CODE = (*_WHOLE, "code")
_ROUTED = (_WHOLE, _BY_TRACK, _BY_VERSION)
# What is not named here is a count, for the service as a whole.
_METRICS: Mapping[str, tuple[Unit, Sequence[Sequence[str]]]] = {
    "Requests": ("Count", _ROUTED),
    "Failed": ("Count", _ROUTED),
    "Latency": ("Milliseconds", _ROUTED),
    "ExplainLatency": ("Milliseconds", (_WHOLE, _BY_VERSION)),
    "BlockLatency": ("Milliseconds", (_WHOLE, _BY_VERSION)),
    "OtherLatency": ("Milliseconds", (_WHOLE,)),
    "Rejected": ("Count", (_WHOLE, _BY_CODE)),
    "Predictions": ("Count", (_WHOLE, _BY_VERSION)),
    "ModelLoad": ("Milliseconds", (_WHOLE, _BY_VERSION)),
    "Prediction": ("None", (_WHOLE, _BY_VERSION)),
    "Confidence": ("None", (_WHOLE, _BY_VERSION)),
    "Drift": ("None", (_WHOLE,)),
    "PredictionDrift": ("None", (_WHOLE,)),
    "Degradation": ("None", (_WHOLE,)),
    # Of a shadow only, whose answers nobody gets: in the sums over all tracks it would count twice.
    "Disagreement": ("None", (_BY_TRACK, _BY_VERSION)),
    "ShadowCompared": ("Count", (_BY_TRACK, _BY_VERSION)),
    "ShadowDiffered": ("Count", (_BY_TRACK, _BY_VERSION)),
    "ShadowFailed": ("Count", (_BY_TRACK, _BY_VERSION)),
}
_DIMENSIONS = ("version", "track", "code")


def line(
    metrics: Mapping[str, Any],
    properties: Mapping[str, Any],
    *,
    shadow: bool = False,
    namespace: str = NAMESPACE,
) -> bytes:
    """One line: metrics by name, each a number or up to `MAX_VALUES` of them, and what else is to be logged.

    `properties` holds the dimensions as well: `environment` and `service`, and where they apply `version`,
    `track` and `code`. A metric goes to the dimension sets whose members are all there; those of a shadow
    stay out of the set of the service as a whole.
    """
    held = tuple(name for name in _DIMENSIONS if properties.get(name) is not None)
    document = {
        "_aws": {
            "Timestamp": time.time_ns() // 1_000_000,
            "CloudWatchMetrics": orjson.Fragment(_directives(namespace, tuple(metrics), held, shadow)),
        },
        **properties,
        **metrics,
    }
    return orjson.dumps(document)


def write(text: bytes) -> None:
    """Write a line to the log, in one piece: other threads log too."""
    sys.stdout.write(text.decode() + "\n")


def values(numbers: NDArray[Any]) -> float | list[float]:
    """Any number of values as one metric: as they are, or as `MAX_VALUES` evenly spaced quantiles of them."""
    flat = np.asarray(numbers, dtype=np.float64).reshape(-1)
    if len(flat) == 1:
        return float(flat[0])
    if len(flat) > MAX_VALUES:
        # The middle of each hundredth: the mean and the percentiles stay, the number of samples does not.
        flat = np.sort(flat)[((np.arange(MAX_VALUES) + 0.5) * len(flat) / MAX_VALUES).astype(int)]
    listed: list[float] = flat.tolist()
    return listed


# Which metrics come together is decided by the code, so there are few combinations.
@lru_cache(maxsize=256)
def _directives(namespace: str, names: tuple[str, ...], held: tuple[str, ...], shadow: bool) -> bytes:  # noqa: FBT001
    groups: dict[tuple[tuple[str, ...], ...], list[dict[str, str]]] = {}
    for name in names:
        unit, sets = _METRICS.get(name) or _unlisted(name)
        present = {*_WHOLE, *held}
        usable = tuple(tuple(s) for s in sets if present.issuperset(s) and not (shadow and s == _WHOLE))
        if usable:
            groups.setdefault(usable, []).append({"Name": name, "Unit": unit})
    return orjson.dumps(
        [{"Namespace": namespace, "Dimensions": sets, "Metrics": metrics} for sets, metrics in groups.items()]
    )


def _unlisted(name: str) -> tuple[Unit, Sequence[Sequence[str]]]:
    if name.startswith(CLASS):
        return "Count", (_WHOLE, _BY_VERSION)
    return "None" if name.startswith(LIVE) else "Count", (_WHOLE,)
