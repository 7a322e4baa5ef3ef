"""Scores of predicted class labels."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maas.metrics import validation
from maas.metrics.validation import Classes, Floats

Label = str | int | float | bool
Average = Literal["binary", "macro", "weighted"]
_BINARY = 2


def accuracy_score(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Fraction of rows whose class is predicted exactly.

    Args:
        y_true: True classes, shape (n,): integers, booleans or text.
        y_pred: Predicted classes, shape (n,).
        sample_weight: Weights of the rows, shape (n,).

    Raises:
        ValueError: Lengths differ, nothing given, text mixed with numbers, continuous numbers, or weights
            that are negative or all zero.

    Example:
        >>> accuracy_score(["low", "high", "high", "low"], ["low", "high", "low", "low"])
        0.75
    """
    truth, prediction, weight = _checked(y_true, y_pred, sample_weight)
    return float(np.average(truth == prediction, weights=weight))


def confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> NDArray[Any]:
    """Rows counted by true class (matrix row) and predicted class (matrix column).

    Args:
        y_true: True classes, shape (n,).
        y_pred: Predicted classes, shape (n,).
        labels: The k classes in the order of the matrix; rows with any other class are left out. By default
            all that occur, sorted.
        sample_weight: Weights of the rows, shape (n,).

    Returns:
        Shape (k, k): int64 counts, or float64 sums where weights are given.

    Raises:
        ValueError: As in `accuracy_score`; or `labels` repeats a class, or no true class is among them.

    Example:
        >>> confusion_matrix(["no", "no", "yes"], ["no", "yes", "yes"]).tolist()
        [[1, 1], [0, 1]]
    """
    truth, prediction, weight = _checked(y_true, y_pred, sample_weight)
    classes, k = _ordered_classes(truth, prediction, labels)
    row, column = _positions(truth, classes), _positions(prediction, classes)
    listed = (row < k) & (column < k)
    if not (row < k).any():
        raise ValueError("no true class is among the labels")
    cell = (row * k + column)[listed]
    if weight is None:
        return np.bincount(cell, minlength=k * k).reshape(k, k)
    # Of no rows at all, NumPy counts integers even where weights are given.
    sums = np.bincount(cell, weights=weight[listed], minlength=k * k).astype(np.float64, copy=False)
    return sums.reshape(k, k)


def precision_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    pos_label: Label = 1,
    average: Average = "binary",
    sample_weight: ArrayLike | None = None,
) -> float:
    """Of the rows predicted to be of a class, the fraction that are; 0 where none is predicted to be.

    Args:
        y_true: True classes, shape (n,).
        y_pred: Predicted classes, shape (n,).
        labels: The classes to average over; by default all that occur. Not for `average="binary"`.
        pos_label: The positive class of `average="binary"`.
        average: "binary" scores `pos_label` alone; "macro" is the plain mean over the classes; "weighted" is
            their mean weighted by how often each is true.
        sample_weight: Weights of the rows, shape (n,).

    Raises:
        ValueError: As in `accuracy_score`; or `average="binary"` with more than two classes, with `labels`,
            or with a `pos_label` that is neither of the two.

    Example:
        >>> precision_score([0, 1, 1, 0], [1, 1, 1, 1])
        0.5
    """
    tally = _tally(y_true, y_pred, labels, pos_label, average, weights=sample_weight)
    return _averaged(_ratio(tally.hits, tally.predicted), tally, average)


def recall_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    pos_label: Label = 1,
    average: Average = "binary",
    sample_weight: ArrayLike | None = None,
) -> float:
    """Of the rows that are of a class, the fraction predicted to be; 0 where none is.

    Arguments and errors as in `precision_score`.

    Example:
        >>> recall_score(["a", "a", "b", "c"], ["a", "b", "b", "b"], average="macro")
        0.5
    """
    tally = _tally(y_true, y_pred, labels, pos_label, average, weights=sample_weight)
    return _averaged(_ratio(tally.hits, tally.actual), tally, average)


def f1_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    pos_label: Label = 1,
    average: Average = "binary",
    sample_weight: ArrayLike | None = None,
) -> float:
    """Harmonic mean of precision and recall; 0 for a class neither true nor predicted.

    Arguments and errors as in `precision_score`.

    Example:
        >>> f1_score([0, 1, 1, 1], [0, 0, 1, 0])
        0.5
    """
    tally = _tally(y_true, y_pred, labels, pos_label, average, weights=sample_weight)
    return _averaged(_ratio(2 * tally.hits, tally.actual + tally.predicted), tally, average)


class _Tally(NamedTuple):
    """Weight of the rows hit, predicted and actual of each class scored, each of shape (k,)."""

    hits: Floats
    predicted: Floats
    actual: Floats


def _tally(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    labels: ArrayLike | None,
    pos_label: Label,
    average: Average,
    *,
    weights: ArrayLike | None,
) -> _Tally:
    truth, prediction, weight = _checked(y_true, y_pred, weights)
    if average == "binary":
        if labels is not None:
            raise ValueError('average="binary" takes pos_label, not labels')
        labels = _positive_class(truth, prediction, pos_label)
    elif average not in {"macro", "weighted"}:
        raise ValueError(f"average must be binary, macro or weighted, got {average!r}")
    classes, k = _ordered_classes(truth, prediction, labels)
    row, column = _positions(truth, classes), _positions(prediction, classes)
    if weight is None:
        weight = np.ones(len(truth))

    def total(position: NDArray[np.intp], mass: Floats) -> Floats:
        # Classes that are not scored come last and are cut off; their rows still count as false positives.
        return np.bincount(position, weights=mass, minlength=k)[:k]

    return _Tally(
        hits=total(row, weight * (row == column)),
        predicted=total(column, weight),
        actual=total(row, weight),
    )


def _positive_class(truth: Classes, prediction: Classes, pos_label: Label) -> Classes:
    present = np.unique(np.concatenate([truth, prediction]))
    if len(present) > _BINARY:
        raise ValueError(f'average="binary" needs two classes, got {len(present)}; use "macro" or "weighted"')
    if len(present) == _BINARY and pos_label not in present.tolist():
        raise ValueError(f"pos_label {pos_label!r} is not among the classes {present.tolist()}")
    return np.asarray([pos_label])


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)


def _averaged(scores: Floats, tally: _Tally, average: Average) -> float:
    if average != "weighted":
        return float(np.mean(scores))
    if not tally.actual.any():
        return 0.0
    return float(np.average(scores, weights=tally.actual))


def _ordered_classes(truth: Classes, prediction: Classes, labels: ArrayLike | None) -> tuple[Classes, int]:
    """The classes that are listed, in their order, then those that only occur; and how many are listed."""
    present = np.unique(np.concatenate([truth, prediction]))
    if labels is None:
        return present, len(present)
    listed = validation.classes(labels, "labels")
    _same_kind("y_true", truth, "labels", listed)
    if len(np.unique(listed)) < len(listed):
        raise ValueError("labels repeats a class")
    return np.concatenate([listed, present[~np.isin(present, listed)]]), len(listed)


def _positions(values: Classes, classes: Classes) -> NDArray[np.intp]:
    """Where each value stands in `classes`, which holds every value once, in any order."""
    order = np.argsort(classes)
    return order[np.searchsorted(classes, values, sorter=order)]


def _same_kind(first_name: str, first: Classes, second_name: str, second: Classes) -> None:
    if validation.is_text(first) != validation.is_text(second):
        raise ValueError(f"{first_name} and {second_name} mix text and numbers")


def _checked(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Classes, Classes, Floats | None]:
    truth = validation.classes(y_true, "y_true")
    prediction = validation.classes(y_pred, "y_pred")
    validation.same_length("y_true", truth, "y_pred", prediction)
    _same_kind("y_true", truth, "y_pred", prediction)
    return truth, prediction, validation.weights(sample_weight, len(truth))
