"""Errors and scores of numeric predictions."""

import math

import numpy as np
from numpy.typing import ArrayLike

from maas.metrics import validation
from maas.metrics.validation import Floats

# R2 compares with the spread of the truth, and one row has none.
_R2_ROWS = 2


def mean_squared_error(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean of the squared errors, in the target's unit squared.

    Args:
        y_true: True values, shape (n,).
        y_pred: Predicted values, shape (n,).
        sample_weight: Weights of the rows, shape (n,).

    Raises:
        ValueError: Lengths differ, nothing given, values not finite, or weights negative or all zero.

    Example:
        >>> mean_squared_error([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0])
        0.375
    """
    truth, prediction, weight = _checked(y_true, y_pred, sample_weight)
    return float(np.average((truth - prediction) ** 2, weights=weight))


def root_mean_squared_error(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Square root of the mean squared error, in the target's unit.

    Arguments and errors as in `mean_squared_error`.

    Example:
        >>> root_mean_squared_error([10.0, 20.0], [17.0, 19.0])
        5.0
    """
    return math.sqrt(mean_squared_error(y_true, y_pred, sample_weight=sample_weight))


def mean_absolute_error(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean of the absolute errors, in the target's unit.

    Arguments and errors as in `mean_squared_error`.

    Example:
        >>> mean_absolute_error([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0])
        0.5
    """
    truth, prediction, weight = _checked(y_true, y_pred, sample_weight)
    return float(np.average(np.abs(truth - prediction), weights=weight))


def mean_absolute_percentage_error(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean of the absolute errors relative to the truth; 0.1 is ten per cent.

    A true value of zero has no relative error: it counts as machine epsilon, as in scikit-learn, and a single
    one makes the mean enormous. Prefer `mean_absolute_scaled_error` for counts that may be zero.

    Arguments and errors as in `mean_squared_error`.

    Example:
        >>> mean_absolute_percentage_error([100.0, 200.0], [150.0, 150.0])
        0.375
    """
    truth, prediction, weight = _checked(y_true, y_pred, sample_weight)
    relative = np.abs(truth - prediction) / np.maximum(np.abs(truth), np.finfo(np.float64).eps)
    return float(np.average(relative, weights=weight))


def mean_absolute_scaled_error(
    y_true: ArrayLike, y_pred: ArrayLike, *, y_train: ArrayLike, seasonality: int = 1
) -> float:
    """Mean absolute error over that of the seasonal naive forecast on the training series.

    The naive forecast repeats the value one season earlier. Below 1 the model beats it.

    Args:
        y_true: True values of the forecast period, shape (n,).
        y_pred: Forecast values, shape (n,).
        y_train: The series the model was trained on, oldest first at equal steps, shape (t,).
        seasonality: Steps in a season; 1 compares with the previous step, 24 with the hour a day before.

    Returns:
        The ratio, or NaN where the training series repeats itself exactly: the naive forecast has no error.

    Raises:
        ValueError: As in `mean_squared_error`; or `seasonality` is below 1, or `y_train` no longer than it.

    Source:
        R. J. Hyndman and A. B. Koehler, "Another look at measures of forecast accuracy", International
        Journal of Forecasting 22(4), 2006, pages 679-688.

    Example:
        >>> mean_absolute_scaled_error([9.0, 11.0], [10.0, 10.0], y_train=[4.0, 6.0, 8.0])
        0.5
    """
    truth, prediction, _ = _checked(y_true, y_pred, None)
    series = validation.numbers(y_train, "y_train")
    if seasonality < 1:
        raise ValueError(f"seasonality must be at least 1, got {seasonality}")
    if len(series) <= seasonality:
        raise ValueError(f"y_train has {len(series)} rows, seasonality {seasonality} needs more")
    scale = float(np.mean(np.abs(series[seasonality:] - series[:-seasonality])))
    if scale == 0:
        return math.nan
    return float(np.mean(np.abs(truth - prediction))) / scale


def r2_score(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Coefficient of determination: 1 is perfect, 0 no better than the mean, negative is worse.

    Arguments and errors as in `mean_squared_error`.

    Returns:
        The score. Where the truth is constant, 1.0 if every prediction equals it and 0.0 if not; NaN for a
        single row. All three are scikit-learn's answers.

    Example:
        >>> r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
        0.5
    """
    truth, prediction, weight = _checked(y_true, y_pred, sample_weight)
    if len(truth) < _R2_ROWS:
        return math.nan
    if weight is None:
        weight = np.ones_like(truth)
    residual = float(np.sum(weight * (truth - prediction) ** 2))
    counted = truth[weight > 0]
    # The rounded mean of a constant may differ from it; the spread would then be tiny, and the score absurd.
    constant = bool(counted.min() == counted.max())
    spread = 0.0 if constant else float(np.sum(weight * (truth - np.average(truth, weights=weight)) ** 2))
    if spread == 0:
        return float(residual == 0)
    return 1 - residual / spread


def _checked(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Floats, Floats, Floats | None]:
    truth = validation.numbers(y_true, "y_true")
    prediction = validation.numbers(y_pred, "y_pred")
    validation.same_length("y_true", truth, "y_pred", prediction)
    return truth, prediction, validation.weights(sample_weight, len(truth))
