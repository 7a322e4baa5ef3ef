"""Regression metrics against scikit-learn's."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning

from maas import metrics

Metric = Callable[..., float]
# A shared machine may stall any example; speed is not what these tests are about.
unhurried = settings(deadline=None, max_examples=60)

numbers = st.one_of(
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.sampled_from([0.0, -0.0, 1.0, 0.1, 1e-300]),
)
# Multiples of 1/8 add up without rounding: a constant series is constant to scikit-learn as well.
exact_numbers = st.one_of(st.integers(-8000, 8000), st.integers(0, 1)).map(lambda eighths: eighths / 8)


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[float]) -> tuple[list[float], list[float], Any]:
    """Truth, prediction and perhaps weights, at times constant, perfect or with weights of zero."""
    rows = draw(st.integers(1, 30))
    column = st.one_of(
        st.lists(values, min_size=rows, max_size=rows),
        values.map(lambda value: [value] * rows),
    )
    truth = draw(column)
    prediction = draw(st.one_of(column, st.just(truth)))
    weight = st.integers(0, 16).map(lambda quarters: quarters / 4)
    weights = draw(st.none() | st.lists(weight, min_size=rows, max_size=rows).filter(any))
    return truth, prediction, weights


@pytest.mark.parametrize(
    "name",
    [
        "mean_squared_error",
        "root_mean_squared_error",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
    ],
)
@given(table=tables(numbers))
@unhurried
def test_error_equals_reference(name: str, table: tuple[Any, Any, Any]) -> None:
    """Each error is scikit-learn's, for zeros, constants and weights of zero too."""
    truth, prediction, weights = table
    expected = getattr(reference, name)(truth, prediction, sample_weight=weights)
    assert getattr(metrics, name)(truth, prediction, sample_weight=weights) == pytest.approx(
        expected, rel=1e-12
    )


@given(table=tables(exact_numbers))
@unhurried
def test_r2_equals_reference(table: tuple[Any, Any, Any]) -> None:
    """R2 is scikit-learn's, for a constant truth and for a single row too."""
    truth, prediction, weights = table
    with warnings.catch_warnings():
        # scikit-learn says that R2 of one row is undefined; ours documents it.
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        expected = reference.r2_score(truth, prediction, sample_weight=weights)
    actual = metrics.r2_score(truth, prediction, sample_weight=weights)
    assert actual == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


def test_r2_of_constant_whose_mean_rounds() -> None:
    """A constant truth scores zero although its computed mean differs from it in the last digit."""
    truth = [0.1, 0.1, 0.1]
    assert np.average(truth) != 0.1, "the case must be one that rounds"
    assert metrics.r2_score(truth, [0.2, 0.2, 0.2]) == 0.0
    assert metrics.r2_score([*truth, 9.0], [0.2, 0.2, 0.2, 0.2], sample_weight=[1, 1, 1, 0]) == 0.0


@given(table=tables(numbers), seasonality=st.integers(1, 5), series=st.lists(exact_numbers, min_size=6))
@unhurried
def test_scaled_error_equals_its_definition(
    table: tuple[Any, Any, Any], seasonality: int, series: list[float]
) -> None:
    """MASE is the mean absolute error over that of the seasonal naive forecast, NaN where that is zero."""
    truth, prediction, _ = table
    scale = reference.mean_absolute_error(series[seasonality:], series[:-seasonality])
    expected = reference.mean_absolute_error(truth, prediction) / scale if scale else math.nan
    actual = metrics.mean_absolute_scaled_error(truth, prediction, y_train=series, seasonality=seasonality)
    assert actual == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_scaled_error_of_naive_forecast_is_one() -> None:
    """The naive forecast, scored on the series that scales it, gets exactly one."""
    hours = np.arange(24 * 14)
    series = 100 + 50 * np.sin(hours / 24 * 2 * np.pi) + hours % 7
    for seasonality in (1, 24, 168):
        error = metrics.mean_absolute_scaled_error(
            series[seasonality:], series[:-seasonality], y_train=series, seasonality=seasonality
        )
        assert error == 1.0


def test_float32_and_integers_are_measured_in_float64() -> None:
    """Squares that overflow float32 or int64 are still right."""
    truth = np.array([3e30, 0.0], dtype=np.float32)
    assert metrics.mean_squared_error(truth, np.zeros(2, np.float32)) == pytest.approx(4.5e60)
    assert metrics.mean_squared_error(np.array([2**40]), np.array([0])) == 2.0**80


@pytest.mark.parametrize(
    "metric",
    [
        metrics.mean_squared_error,
        metrics.root_mean_squared_error,
        metrics.mean_absolute_error,
        metrics.mean_absolute_percentage_error,
        metrics.r2_score,
    ],
)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_true": [1.0, 2.0], "y_pred": [1.0]}, "y_true has 2 rows, y_pred has 1"),
        ({"y_true": [], "y_pred": []}, "y_true is empty"),
        ({"y_true": [1.0], "y_pred": [math.nan]}, "y_pred has values that are not finite"),
        ({"y_true": [math.inf], "y_pred": [1.0]}, "y_true has values that are not finite"),
        ({"y_true": [[1.0]], "y_pred": [[1.0]]}, "y_true must be 1-dimensional"),
        ({"y_true": [[1.0], [1.0, 2.0]], "y_pred": [1.0]}, "y_true has rows of different lengths"),
        ({"y_true": ["1.5"], "y_pred": [1.0]}, "y_true must be numbers"),
        ({"y_true": [1.0], "y_pred": [None]}, "y_pred must be numbers"),
        ({"y_true": [1.0], "y_pred": [1.0], "sample_weight": [1.0, 1.0]}, "sample_weight has 2"),
        ({"y_true": [1.0], "y_pred": [1.0], "sample_weight": [-1.0]}, "sample_weight has negative"),
        ({"y_true": [1.0], "y_pred": [1.0], "sample_weight": [0.0]}, "sample_weight is zero everywhere"),
        ({"y_true": [1.0], "y_pred": [1.0], "sample_weight": [math.nan]}, "sample_weight has values"),
    ],
)
def test_senseless_call_is_refused(metric: Metric, arguments: dict[str, Any], message: str) -> None:
    """Every metric names the argument that is at fault."""
    with pytest.raises(ValueError, match=message):
        metric(**arguments)


@pytest.mark.parametrize(
    ("y_train", "seasonality", "message"),
    [
        ([1.0, 2.0], 0, "seasonality must be at least 1"),
        ([1.0, 2.0], 2, "y_train has 2 rows"),
        ([1.0, math.nan], 1, "y_train has values that are not finite"),
        ([], 1, "y_train is empty"),
    ],
)
def test_scaled_error_refuses_unusable_series(y_train: list[float], seasonality: int, message: str) -> None:
    """A training series that holds no whole season cannot scale an error."""
    with pytest.raises(ValueError, match=message):
        metrics.mean_absolute_scaled_error([1.0], [1.0], y_train=y_train, seasonality=seasonality)
