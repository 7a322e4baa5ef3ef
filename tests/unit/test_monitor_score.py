"""Live metrics: the shared ones, named like the manifest's, with intervals that excuse few outcomes."""

from typing import Any

import numpy as np
import pytest

from maas.metrics import f1_score, root_mean_squared_error
from maas.monitor.score import Score, scores
from maas.monitoring import Outcome

RNG = np.random.default_rng(3)
NUMBER = Outcome(field="volume", kind="number")
YES_NO = Outcome(field="attack", kind="yes_no", probability="probability", positive=True)
DIGIT = Outcome(field="digit", kind="class", low=0, high=9, probability="probability")
LABEL = Outcome(
    field="label",
    kind="class",
    values=("positive", "negative"),
    probability="probability",
    positive="positive",
)


def numbers(rows: int, error: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    truth = RNG.normal(100, 20, rows)
    return [{"volume": value} for value in truth + RNG.normal(0, error, rows)], [
        {"volume": value} for value in truth
    ]


def by_name(found: list[Score]) -> dict[str, Score]:
    return {score.name: score for score in found}


def test_number() -> None:
    """The live error is the shared metric's, inside its own interval, and is compared with training's."""
    predictions, truths = numbers(400, 5.0)
    found = by_name(scores([NUMBER], predictions, truths, {"rmse": 5.0, "r2": 0.9}, {}))
    truth, answer = ([row["volume"] for row in rows] for rows in (truths, predictions))
    rmse = found["rmse"]
    assert rmse.value == pytest.approx(root_mean_squared_error(truth, answer))
    assert rmse.low < rmse.value < rmse.high
    assert (rmse.trained, rmse.limit, rmse.rows) == (5.0, 6.0, 400)
    assert rmse.ratio < 1
    assert found["r2"].limit is None
    assert found["mae"].trained is None


def test_twice_the_error_is_worse_and_half_is_not() -> None:
    """What training reached is the measure."""
    predictions, truths = numbers(300, 10.0)
    assert by_name(scores([NUMBER], predictions, truths, {"rmse": 5.0}, {}))["rmse"].ratio > 1
    assert by_name(scores([NUMBER], predictions, truths, {"rmse": 20.0}, {}))["rmse"].ratio < 1


def test_a_bad_week_that_training_had_too_is_no_news() -> None:
    """Where the worst quiet week of the held-out data was as bad, the model is not worse."""
    predictions, truths = numbers(300, 10.0)
    assert by_name(scores([NUMBER], predictions, truths, {"rmse": 5.0}, {"rmse": 11.0}))["rmse"].ratio < 1


def test_few_outcomes_say_nothing() -> None:
    """Under fifty there is no figure at all."""
    predictions, truths = numbers(49, 50.0)
    assert scores([NUMBER], predictions, truths, {"rmse": 5.0}, {}) == []


def test_equal_quality_rarely_counts_as_worse() -> None:
    """With as few as sixty outcomes at most a few in a hundred equally good windows are beyond the limit."""
    flagged = 0
    for _ in range(100):
        predictions, truths = numbers(60, 5.0)
        flagged += (
            by_name(scores([NUMBER], predictions, truths, {"rmse": 5.0, "mae": 4.0}, {}))["rmse"].ratio > 1
        )
    assert flagged <= 2


def test_yes_or_no() -> None:
    """Precision and recall of the answer, ranking and calibration of its probability."""
    probability = RNG.random(500)
    truth = RNG.random(500) < probability
    predictions = [{"attack": bool(p > 0.5), "probability": float(p)} for p in probability]
    truths = [{"attack": bool(value)} for value in truth]
    found = by_name(scores([YES_NO], predictions, truths, {"f1": 0.95, "roc_auc": 0.83}, {}))
    assert found["f1"].value == pytest.approx(f1_score(truth.astype(int), (probability > 0.5).astype(int)))
    assert set(found) == {"accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier_score"}
    assert found["f1"].ratio > 1
    assert found["roc_auc"].ratio < 1


def test_probability_alone_answers_yes_from_a_half_on() -> None:
    """Where the prediction is only a probability, its outcome is still yes or no."""
    outcome = Outcome(field="probability", kind="yes_no", probability="probability", positive=True)
    predictions = [{"probability": 0.9}] * 40 + [{"probability": 0.2}] * 40
    truths = [{"probability": True}] * 40 + [{"probability": False}] * 40
    assert by_name(scores([outcome], predictions, truths, {}, {}))["accuracy"].value == 1.0


def test_classes() -> None:
    """Several classes have macro figures; two named ones are a yes or no."""
    predictions = [{"digit": number % 10, "probability": 0.9} for number in range(200)]
    truths = [{"digit": number % 10 if number % 4 else 0} for number in range(200)]
    found = by_name(scores([DIGIT], predictions, truths, {"accuracy": 0.99}, {}))
    assert set(found) == {"accuracy", "macro_recall", "macro_f1"}
    assert found["accuracy"].ratio > 1
    labels = [
        {"label": "positive" if number % 2 else "negative", "probability": number % 2 * 0.8 + 0.1}
        for number in range(200)
    ]
    told = [{"label": one["label"]} for one in labels]
    found = by_name(scores([LABEL], labels, told, {"accuracy": 0.99, "f1": 0.99}, {}))
    assert found["f1"].value == found["roc_auc"].value == 1.0


def test_several_outcomes_have_the_names_of_the_manifest() -> None:
    """`rmse_6h` belongs to `pm25_6h`; an outcome that is not known yet is left out."""
    outcomes = [Outcome(field=f"pm25_{hours}h", kind="number") for hours in (6, 24)]
    predictions = [{"pm25_6h": 50.0 + number, "pm25_24h": 60.0} for number in range(80)]
    truths = [{"pm25_6h": 51.0 + number} for number in range(80)]
    found = by_name(scores(outcomes, predictions, truths, {"rmse_6h": 1.0, "rmse_24h": 9.0, "rmse": 5.0}, {}))
    assert set(found) == {"mse_pm25_6h", "rmse_6h", "mae_pm25_6h", "r2_pm25_6h"}
    assert (found["rmse_6h"].trained, found["rmse_6h"].limit) == (1.0, 1.2)
