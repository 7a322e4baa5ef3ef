"""How good live predictions were, by the metrics of training, where the truth is known by now."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maas.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)
from maas.monitoring import Outcome

LEAST_OUTCOMES = 50
"""Fewer say nothing."""
_RESAMPLES = 200
_MOST_RESAMPLED = 2_000
_TAIL = 0.005  # on either side of the interval
_HALF = 0.5
_NEAR_ZERO = 1e-6
# Better when lower; all others are scores, better when higher.
ERRORS = frozenset({"mse", "rmse", "mae", "log_loss", "brier_score"})
# Those that are held to what training measured; the others say the same again, or swing too much.
JUDGED = frozenset({"rmse", "mae", "f1", "roc_auc", "accuracy", "macro_f1"})
_WORSE_ERROR, _WORSE_SCORE = 1.2, 0.05

type Metrics = Mapping[str, float]
type Values = NDArray[Any]


class Score(NamedTuple):
    """One live metric beside training's.

    Attributes:
        name: The metric, named like the manifest's.
        value: Live.
        low: The lower end of its interval, 99 of 100.
        high: The upper end.
        trained: What the manifest says; None where it has no such metric.
        limit: What the interval must reach; None where nothing is judged.
        rows: Outcomes it rests on.
    """

    name: str
    value: float
    low: float
    high: float
    trained: float | None
    limit: float | None
    rows: int

    @property
    def ratio(self) -> float:
        """1 at the limit and more beyond it, by the end of the interval that is kinder to the model."""
        if self.limit is None:
            return 0.0
        if base_of(self.name) in ERRORS:
            return self.low / max(self.limit, _NEAR_ZERO)
        return self.limit / max(self.high, _NEAR_ZERO)


def scores(
    outcomes: Sequence[Outcome],
    predictions: Sequence[Mapping[str, Any]],
    truths: Sequence[Mapping[str, Any]],
    trained: Metrics,
    worst: Metrics,
) -> list[Score]:
    """Live metrics of predictions whose truth is known.

    Args:
        outcomes: What the truth is about.
        predictions: The answers.
        truths: What was reported about each, by field; a field may be missing.
        trained: The manifest's metrics.
        worst: The worst of each metric in any quiet stretch of the held-out data, where that was measured.
    """
    found: list[Score] = []
    for outcome in outcomes:
        known = [place for place, truth in enumerate(truths) if outcome.field in truth]
        if len(known) < LEAST_OUTCOMES:
            continue
        truth = np.array([truths[place][outcome.field] for place in known])
        measure, columns = _measure(outcome, [predictions[place] for place in known], truth)
        names = _names(outcome, len(outcomes), trained)
        for name, value, low, high in _with_interval(measure, columns):
            named = names(name)
            limit = _limit(name, trained.get(named), worst.get(named)) if name in JUDGED else None
            found.append(Score(named, value, low, high, trained.get(named), limit, len(known)))
    return found


def of_numbers(truth: Values, answers: Values) -> dict[str, float]:
    """The metrics of a number."""
    return {
        "mse": mean_squared_error(truth, answers),
        "rmse": root_mean_squared_error(truth, answers),
        "mae": mean_absolute_error(truth, answers),
        "r2": r2_score(truth, answers),
    }


def of_yes_or_no(truth: Values, answers: Values, probability: Values | None) -> dict[str, float]:
    """The metrics of a yes or no, and of its probability."""
    figures = {
        "accuracy": accuracy_score(truth, answers),
        "precision": precision_score(truth, answers),
        "recall": recall_score(truth, answers),
        "f1": f1_score(truth, answers),
    }
    if probability is not None:
        figures["roc_auc"] = roc_auc_score(truth, probability)
        figures["log_loss"] = log_loss(truth, np.clip(probability, 1e-4, 1 - 1e-4), labels=[0, 1])
        figures["brier_score"] = mean_squared_error(truth, probability)
    return figures


def of_classes(truth: Values, answers: Values) -> dict[str, float]:
    """The metrics of a class among several."""
    return {
        "accuracy": accuracy_score(truth, answers),
        "macro_recall": recall_score(truth, answers, average="macro"),
        "macro_f1": f1_score(truth, answers, average="macro"),
    }


def _measure(
    outcome: Outcome, predictions: Sequence[Mapping[str, Any]], truth: Values
) -> tuple[Callable[..., dict[str, float]], list[Values]]:
    """The metrics that suit the outcome, and the columns they are computed from."""
    answers = np.array([prediction[outcome.field] for prediction in predictions])
    if outcome.kind == "number":
        return of_numbers, [truth.astype(np.float64), answers.astype(np.float64)]
    if outcome.kind == "class" and outcome.positive is None:
        return of_classes, [truth, answers]
    probability = None
    if outcome.probability is not None:
        probability = np.array([prediction[outcome.probability] for prediction in predictions], np.float64)
    if outcome.kind == "class":
        truth, answers = truth == outcome.positive, answers == outcome.positive
    elif outcome.probability == outcome.field:
        answers = answers >= _HALF
    columns = [truth.astype(np.int64), answers.astype(np.int64)]
    if probability is None:
        return lambda truth, answers: of_yes_or_no(truth, answers, None), columns
    return of_yes_or_no, [*columns, probability]


def _with_interval(
    measure: Callable[..., dict[str, float]], columns: list[Values]
) -> list[tuple[str, float, float, float]]:
    """Each metric with an interval from drawing rows again and again.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1979.
    """
    whole, rows = measure(*columns), len(columns[0])
    generator = np.random.default_rng(0)
    drawn: dict[str, list[float]] = {name: [] for name in whole}
    size = min(rows, _MOST_RESAMPLED)
    for _ in range(_RESAMPLES):
        chosen = generator.integers(0, rows, size)
        for name, value in measure(*(column[chosen] for column in columns)).items():
            drawn[name].append(value)
    found = []
    for name, value in whole.items():
        values = np.array(drawn[name])
        values = values[np.isfinite(values)]
        if math.isfinite(value) and len(values):
            low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
            # Fewer rows were drawn than there are: the interval is that much too wide.
            narrower = math.sqrt(size / rows)
            found.append((name, value, value - (value - low) * narrower, value + (high - value) * narrower))
    return found


def _names(outcome: Outcome, count: int, trained: Metrics) -> Callable[[str], str]:
    """The manifest's name of a metric: `rmse`, or `rmse_6h` of the field `pm25_6h` if there are several."""

    def name(metric: str) -> str:
        if count == 1:
            return metric
        suffixes = [key.removeprefix(f"{metric}_") for key in trained if key.startswith(f"{metric}_")]
        suffix = next((one for one in suffixes if outcome.field.endswith(f"_{one}")), outcome.field)
        return f"{metric}_{suffix}"

    return name


def _limit(name: str, trained: float | None, worst: float | None) -> float | None:
    """How bad a metric may be before it counts as worse than in training."""
    if trained is None:
        return None
    if name in ERRORS:
        return max(_WORSE_ERROR * trained, worst if worst is not None else -math.inf)
    return min(trained - _WORSE_SCORE, worst if worst is not None else math.inf)


def base_of(name: str) -> str:
    """The metric's own name, without the field that it is about: `rmse` of `rmse_6h`."""
    known = sorted(ERRORS | JUDGED, key=len, reverse=True)
    return next((one for one in known if name == one or name.startswith(f"{one}_")), name)
