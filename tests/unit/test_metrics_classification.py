"""Classification metrics against scikit-learn's."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from maas import metrics

# A shared machine may stall any example; speed is not what these tests are about.
unhurried = settings(deadline=None, max_examples=60)

ALPHABETS: list[list[Any]] = [
    [0, 1],
    [-1, 1],
    [0, 1, 2],
    [7, 3, 11, -2],
    [0.0, 1.0],
    [False, True],
    ["low", "high"],
    ["a", "B", "á", ""],
]


class Labelled(NamedTuple):
    """Classes that may occur, true and predicted ones, and perhaps weights."""

    alphabet: list[Any]
    truth: Any
    prediction: Any
    weights: list[float] | None


@st.composite
def labelled(draw: st.DrawFn, *, binary: bool = False) -> Labelled:
    """Rows over a small alphabet, so that classes are often missing on either side or alone."""
    alphabet = draw(st.sampled_from([a for a in ALPHABETS if not binary or len(a) == 2]))
    rows = draw(st.integers(1, 25))
    column = st.one_of(
        st.lists(st.sampled_from(alphabet), min_size=rows, max_size=rows),
        st.sampled_from(alphabet).map(lambda label: [label] * rows),
    )
    weight = st.integers(0, 16).map(lambda quarters: quarters / 4)
    weights = draw(st.none() | st.lists(weight, min_size=rows, max_size=rows).filter(any))
    truth, prediction = draw(column), draw(column)
    if draw(st.booleans()):
        # A table's text column is an array of Python objects.
        kind = object if isinstance(alphabet[0], str) else None
        return Labelled(alphabet, np.array(truth, kind), np.array(prediction, kind), weights)
    return Labelled(alphabet, truth, prediction, weights)


@given(rows=labelled())
@unhurried
def test_accuracy_equals_reference(rows: Labelled) -> None:
    """Accuracy is scikit-learn's for classes of any kind."""
    expected = reference.accuracy_score(rows.truth, rows.prediction, sample_weight=rows.weights)
    actual = metrics.accuracy_score(rows.truth, rows.prediction, sample_weight=rows.weights)
    assert actual == pytest.approx(expected, rel=1e-12)


@given(rows=labelled(), data=st.data())
@unhurried
def test_confusion_matrix_equals_reference(rows: Labelled, data: st.DataObject) -> None:
    """The matrix is scikit-learn's, with classes given in any order, left out or never seen."""
    labels = data.draw(
        st.none() | st.lists(st.sampled_from(rows.alphabet), min_size=1, unique=True), label="labels"
    )
    arguments = {"labels": labels, "sample_weight": rows.weights}
    if labels is not None and not set(labels) & set(rows.truth):
        with pytest.raises(ValueError, match="no true class is among the labels"):
            metrics.confusion_matrix(rows.truth, rows.prediction, **arguments)
        return
    with warnings.catch_warnings():
        # scikit-learn suspects a mistake where one class makes a 1 x 1 matrix.
        warnings.filterwarnings("ignore", "A single label was found", UserWarning)
        expected = reference.confusion_matrix(rows.truth, rows.prediction, **arguments)
    actual = metrics.confusion_matrix(rows.truth, rows.prediction, **arguments)
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == (np.int64 if rows.weights is None else np.float64)


@pytest.mark.parametrize("name", ["precision_score", "recall_score", "f1_score"])
@pytest.mark.parametrize("average", ["macro", "weighted"])
@given(rows=labelled(), data=st.data())
@unhurried
def test_averaged_score_equals_reference(
    name: str, average: str, rows: Labelled, data: st.DataObject
) -> None:
    """Averages are scikit-learn's, over all classes or over those asked for, with 0 for 0/0."""
    labels = data.draw(
        st.none() | st.lists(st.sampled_from(rows.alphabet), min_size=1, unique=True), label="labels"
    )
    arguments = {"labels": labels, "average": average, "sample_weight": rows.weights}
    expected = getattr(reference, name)(rows.truth, rows.prediction, zero_division=0, **arguments)
    actual = getattr(metrics, name)(rows.truth, rows.prediction, **arguments)
    assert actual == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", ["precision_score", "recall_score", "f1_score"])
@given(rows=labelled(binary=True), data=st.data())
@unhurried
def test_binary_score_equals_reference(name: str, rows: Labelled, data: st.DataObject) -> None:
    """Binary scores are scikit-learn's, for a positive class that never occurs too."""
    positive = data.draw(st.sampled_from(rows.alphabet), label="pos_label")
    arguments = {"pos_label": positive, "sample_weight": rows.weights}
    expected = getattr(reference, name)(rows.truth, rows.prediction, zero_division=0, **arguments)
    actual = getattr(metrics, name)(rows.truth, rows.prediction, **arguments)
    assert actual == pytest.approx(expected, rel=1e-12, abs=1e-15)


Metric = Callable[..., Any]


@pytest.mark.parametrize(
    "metric",
    [
        metrics.accuracy_score,
        metrics.confusion_matrix,
        metrics.precision_score,
        metrics.recall_score,
        metrics.f1_score,
    ],
)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_true": [0, 1], "y_pred": [0]}, "y_true has 2 rows, y_pred has 1"),
        ({"y_true": [], "y_pred": []}, "y_true is empty"),
        ({"y_true": ["1"], "y_pred": [1]}, "y_true and y_pred mix text and numbers"),
        ({"y_true": [1], "y_pred": [0.5]}, "y_pred must be class labels, got continuous numbers"),
        ({"y_true": [1], "y_pred": [float("inf")]}, "y_pred must be class labels, got continuous numbers"),
        ({"y_true": ["a", None], "y_pred": ["a", "a"]}, "y_true must be class labels of one kind"),
        ({"y_true": ["a", 1], "y_pred": ["a", "a"]}, "y_true must be class labels of one kind"),
        ({"y_true": [1j], "y_pred": [1]}, "y_true must be class labels, got complex128"),
        ({"y_true": [[0, 1]], "y_pred": [[0, 1]]}, "y_true must be 1-dimensional"),
        ({"y_true": [1], "y_pred": [1], "sample_weight": [0]}, "sample_weight is zero everywhere"),
    ],
)
def test_senseless_call_is_refused(metric: Metric, arguments: dict[str, Any], message: str) -> None:
    """Every metric names the argument that is at fault."""
    with pytest.raises(ValueError, match=message):
        metric(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_true": [0, 1, 2], "y_pred": [0, 1, 1]}, "needs two classes, got 3"),
        ({"y_true": ["a", "b"], "y_pred": ["a", "a"]}, "pos_label 1 is not among the classes"),
        ({"y_true": ["a"], "y_pred": ["a"]}, "mix text and numbers"),
        ({"y_true": [0, 1], "y_pred": [0, 1], "labels": [1]}, "takes pos_label, not labels"),
        ({"y_true": [0, 1], "y_pred": [0, 1], "average": "micro"}, "got 'micro'"),
        ({"y_true": [0, 1], "y_pred": [0, 1], "average": "macro", "labels": [1, 1]}, "repeats a class"),
        ({"y_true": [0, 1], "y_pred": [0, 1], "average": "macro", "labels": ["1"]}, "mix text and numbers"),
    ],
)
def test_ambiguous_average_is_refused(arguments: dict[str, Any], message: str) -> None:
    """A score that would be about other classes than the caller thinks is refused."""
    with pytest.raises(ValueError, match=message):
        metrics.f1_score(**arguments)
