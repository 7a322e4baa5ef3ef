"""Metrics of regression, of classification and of drift, on NumPy alone.

They are the same functions in training and in the monitor, which runs where scikit-learn and SciPy do not
fit. Names follow scikit-learn: a `*_score` is better when higher, a `*_error` or `*_loss` when lower.
Inputs are one-dimensional unless a docstring says otherwise. A call that makes no sense (lengths that
differ, nothing to measure, values that are not finite) raises `ValueError`; a measure the data leave
undefined (R2 of one row, ROC AUC of one class, MASE on a constant series) is NaN.
"""

from maas.metrics.classification import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
)
from maas.metrics.drift import (
    KolmogorovSmirnov,
    bin_fractions,
    binned_kolmogorov_smirnov,
    kolmogorov_smirnov,
    population_stability_index,
    quantile_edges,
)
from maas.metrics.probability import log_loss, roc_auc_score
from maas.metrics.regression import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_absolute_scaled_error,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)

__all__ = [
    "KolmogorovSmirnov",
    "accuracy_score",
    "bin_fractions",
    "binned_kolmogorov_smirnov",
    "confusion_matrix",
    "f1_score",
    "kolmogorov_smirnov",
    "log_loss",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_absolute_scaled_error",
    "mean_squared_error",
    "population_stability_index",
    "precision_score",
    "quantile_edges",
    "r2_score",
    "recall_score",
    "roc_auc_score",
    "root_mean_squared_error",
]
