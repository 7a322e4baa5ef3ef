"""Metrics of probabilities against scikit-learn's."""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning

from maas import metrics

# A shared machine may stall any example; speed is not what these tests are about.
unhurried = settings(deadline=None, max_examples=60)


class Forecasts(NamedTuple):
    """True classes, their probabilities, all classes in sorted order, and perhaps weights."""

    truth: list[Any]
    proba: Any
    labels: list[Any]
    weights: list[float] | None


def weights_of(rows: int) -> st.SearchStrategy[list[float] | None]:
    """No weights, or some, of which a few are zero but not all."""
    weight = st.integers(0, 16).map(lambda quarters: quarters / 4)
    return st.none() | st.lists(weight, min_size=rows, max_size=rows).filter(any)


@st.composite
def forecasts(draw: st.DrawFn) -> Forecasts:
    """Rows of probabilities, some of them certain and wrong; not every class need occur."""
    labels = draw(st.sampled_from([[0, 1], [False, True], ["no", "yes"], [2, 4, 9], ["A", "b", "c", "ä"]]))
    rows, k = draw(st.integers(1, 20)), len(labels)
    row = st.lists(st.integers(0, 9), min_size=k, max_size=k).filter(any)
    parts = np.array(draw(st.lists(row, min_size=rows, max_size=rows)), dtype=np.float64)
    proba = (parts / parts.sum(axis=1, keepdims=True)).astype(draw(st.sampled_from(["f8", "f4"])))
    truth = draw(st.lists(st.sampled_from(labels), min_size=rows, max_size=rows))
    return Forecasts(truth, proba, labels, draw(weights_of(rows)))


@given(case=forecasts())
@unhurried
def test_log_loss_equals_reference(case: Forecasts) -> None:
    """Cross-entropy is scikit-learn's, clipped alike in both float types."""
    arguments = {"labels": case.labels, "sample_weight": case.weights}
    expected = reference.log_loss(case.truth, case.proba, **arguments)
    rel = 1e-12 if case.proba.dtype == np.float64 else 1e-5
    actual = metrics.log_loss(case.truth, case.proba, **arguments)
    assert actual == pytest.approx(expected, rel=rel, abs=rel)


@given(case=forecasts().filter(lambda case: len(case.labels) == 2), flat=st.booleans())
@unhurried
def test_log_loss_of_one_column_equals_reference(case: Forecasts, *, flat: bool) -> None:
    """One column of probabilities is that of the second class."""
    second = case.proba[:, 1] if flat else case.proba[:, 1:]
    arguments = {"labels": case.labels, "sample_weight": case.weights}
    expected = reference.log_loss(case.truth, second, **arguments)
    rel = 1e-12 if case.proba.dtype == np.float64 else 1e-5
    assert metrics.log_loss(case.truth, second, **arguments) == pytest.approx(expected, rel=rel, abs=rel)


@given(case=forecasts(), data=st.data())
@unhurried
def test_log_loss_takes_columns_in_order_of_labels(case: Forecasts, data: st.DataObject) -> None:
    """Moving columns and labels together changes nothing."""
    order = data.draw(st.permutations(range(len(case.labels))))
    moved = [case.labels[i] for i in order]
    expected = metrics.log_loss(case.truth, case.proba, labels=case.labels)
    assert metrics.log_loss(case.truth, case.proba[:, order], labels=moved) == expected


def test_log_loss_finds_labels_in_truth() -> None:
    """Without labels the columns are the sorted classes of the truth."""
    truth, proba = ["wet", "dry", "snow"], [[0.2, 0.1, 0.7], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1]]
    assert metrics.log_loss(truth, proba) == pytest.approx(-(np.log([0.7, 0.6, 0.8])).mean())


def test_log_loss_accepts_rows_of_a_float32_model_widened_to_float64() -> None:
    """Rounding in float32 is no reason to refuse probabilities that came through JSON."""
    proba = np.full((1, 3), 1 / 3, dtype=np.float32).astype(np.float64)
    assert abs(proba.sum() - 1) > np.sqrt(np.finfo(np.float64).eps), "the case must be one that rounds"
    assert metrics.log_loss([0], proba, labels=[0, 1, 2]) == pytest.approx(math.log(3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_true": [0, 0], "y_proba": [0.1, 0.2]}, "one class alone"),
        ({"y_true": [0, 1], "y_proba": [0.1]}, "y_true has 2 rows, y_proba has 1"),
        ({"y_true": [0, 1], "y_proba": [0.1, 1.1]}, r"outside \[0, 1\]"),
        ({"y_true": [0, 1], "y_proba": [-0.1, 1.0]}, r"outside \[0, 1\]"),
        ({"y_true": [0, 1], "y_proba": [math.nan, 1.0]}, "y_proba has values that are not finite"),
        ({"y_true": [0, 1], "y_proba": [[0.5, 0.4], [0.5, 0.5]]}, "do not sum to one"),
        ({"y_true": [0, 1, 2], "y_proba": [0.1, 0.1, 0.1]}, "2 columns for 3 classes"),
        ({"y_true": [0, 3], "y_proba": [0.1, 0.1], "labels": [0, 1]}, "not among the labels"),
        ({"y_true": [0, 1], "y_proba": [0.1, 0.1], "labels": [1, 1]}, "labels repeats a class"),
        ({"y_true": [0, 1], "y_proba": [0.1, 0.1], "labels": ["0", "1"]}, "mix text and numbers"),
        ({"y_true": [0, 1], "y_proba": [[[0.1]], [[0.1]]]}, "y_proba must be 2-dimensional"),
        ({"y_true": [0, 1], "y_proba": [0.1, 0.1], "sample_weight": [0, 0]}, "zero everywhere"),
    ],
)
def test_log_loss_refuses_senseless_call(arguments: dict[str, Any], message: str) -> None:
    """Probabilities that are none, or of other classes than the truth, are refused."""
    with pytest.raises(ValueError, match=message):
        metrics.log_loss(**arguments)


@st.composite
def rankings(draw: st.DrawFn) -> tuple[list[Any], list[float], list[float] | None]:
    """Two classes or one, scores with and without ties, perhaps weights."""
    classes = draw(st.sampled_from([[0, 1], [-1, 1], [False, True], ["bad", "good"], [0.0, 1.0]]))
    rows = draw(st.integers(1, 30))
    truth = draw(st.lists(st.sampled_from(classes), min_size=rows, max_size=rows))
    score = draw(
        st.sampled_from(
            [st.sampled_from([0.0, 0.5, 1.0]), st.floats(-1e6, 1e6, allow_subnormal=False), st.just(0.3)]
        )
    )
    return truth, draw(st.lists(score, min_size=rows, max_size=rows)), draw(weights_of(rows))


@given(case=rankings())
@unhurried
def test_roc_auc_equals_reference(case: tuple[list[Any], list[float], list[float] | None]) -> None:
    """The area is scikit-learn's, with ties, weights of zero, and NaN for a class alone."""
    truth, score, weights = case
    with warnings.catch_warnings():
        # scikit-learn says that one class has no area; ours documents it.
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        expected = reference.roc_auc_score(truth, score, sample_weight=weights)
    actual = metrics.roc_auc_score(truth, score, sample_weight=weights)
    assert actual == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_true": [0, 1, 2], "y_score": [0.1, 0.2, 0.3]}, "two classes, got 3"),
        ({"y_true": [0, 1], "y_score": [0.1]}, "y_true has 2 rows, y_score has 1"),
        ({"y_true": [0, 1], "y_score": [0.1, math.inf]}, "y_score has values that are not finite"),
        ({"y_true": [0, 1], "y_score": [[0.9, 0.1], [0.5, 0.5]]}, "y_score must be 1-dimensional"),
        ({"y_true": [], "y_score": []}, "y_true is empty"),
        ({"y_true": [0, 1], "y_score": [0.1, 0.2], "sample_weight": [1, -1]}, "negative values"),
    ],
)
def test_roc_auc_refuses_senseless_call(arguments: dict[str, Any], message: str) -> None:
    """An area needs two classes and one finite score a row."""
    with pytest.raises(ValueError, match=message):
        metrics.roc_auc_score(**arguments)
