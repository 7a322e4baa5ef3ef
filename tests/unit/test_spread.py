"""Which values of an answer become metrics."""

from typing import Any

import numpy as np
import pytest

from maas.spread import Spread
from tests.trained_models import endpoints


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("traffic_flow", {"Prediction"}),
        ("digits", {"Prediction", "Confidence"}),
        ("congestion", {"Prediction", "Confidence"}),
        ("credit_risk", {"Prediction", "Confidence"}),
        ("sentiment", {"Class.positive", "Class.negative", "Confidence"}),
    ],
)
def test_spread_of_predictions(model: str, expected: set[str]) -> None:
    """A number is a metric, and how sure a classifier is: of its answer, or of the likelier one of two."""
    contract = endpoints()[model].contract
    answers = {
        name: np.full((3, *field.shape), 0.2) if field.kind == "float" else np.array([1, 2, 3])
        for name, field in contract.answers.items()
    }
    found = dict(Spread(contract).of(answers))
    assert set(found) == expected
    if "Confidence" in found:
        assert found["Confidence"].tolist() == [0.2 if model == "digits" else 0.8] * 3


@pytest.mark.parametrize(
    ("model", "answers", "expected"),
    [
        ("digits", {"digit": [7, 7, 1], "probability": [0.9, 0.8, 0.7]}, {"Prediction": [7, 7, 1]}),
        ("diagnosis", {"positive": [True, False], "probability": [0.9, 0.1]}, {"Prediction": [1, 0]}),
        (
            "sentiment",
            {"label": ["negative", "negative"], "probability": [0.1, 0.3]},
            {"Class.positive": [0], "Class.negative": [2]},
        ),
    ],
)
def test_classes_are_spread_and_not_their_probabilities(
    model: str, answers: dict[str, list[Any]], expected: dict[str, list[float]]
) -> None:
    """What a classifier answered is one thing, how sure it was another."""
    columns = {
        name: np.array(values, object if name == "label" else None) for name, values in answers.items()
    }
    found = dict(Spread(endpoints()[model].contract).of(columns))
    found.pop("Confidence")
    assert {name: values.astype(float).tolist() for name, values in found.items()} == expected
