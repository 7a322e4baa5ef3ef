"""Scores of predicted class probabilities."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maas.metrics import validation
from maas.metrics.validation import Classes

_BINARY = 2
# Models answer in float32, whose rows sum to one only this closely, also after they are widened to float64.
_SUM_TOLERANCE = float(np.sqrt(np.finfo(np.float32).eps))


def log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Cross-entropy: the mean negative log-likelihood of the true classes, in nats.

    Probabilities are clipped to [eps, 1 - eps] with the machine epsilon of their own type, float32 or
    float64, so that a certain and wrong prediction costs much rather than everything.

    Args:
        y_true: True classes, shape (n,): integers, booleans or text.
        y_proba: Probabilities, shape (n, k) with one column per class, or shape (n,) or (n, 1) for the
            second of two classes.
        labels: The k classes in the order of the columns, needed where not all of them occur in `y_true`. By
            default the classes of `y_true`, sorted. (scikit-learn sorts `labels` as well, and warns.)
        sample_weight: Weights of the rows, shape (n,).

    Raises:
        ValueError: Lengths differ, nothing given, a true class is not among the labels, the columns do not
            fit the classes, probabilities outside [0, 1] or not summing to one, or unusable weights.

    Example:
        >>> round(log_loss(["dry", "wet"], [[0.9, 0.1], [0.5, 0.5]]), 4)
        0.3993
        >>> round(log_loss([0, 1], [0.1, 0.5]), 4)
        0.3993
    """
    truth = validation.classes(y_true, "y_true")
    given = np.asarray(y_proba)
    proba = validation.numbers(given, "y_proba", ndim=1 if given.ndim == 1 else 2)
    validation.same_length("y_true", truth, "y_proba", proba)
    weight = validation.weights(sample_weight, len(truth))
    if proba.min() < 0 or proba.max() > 1:
        raise ValueError("y_proba has values outside [0, 1]")
    if proba.ndim == 1 or proba.shape[1] == 1:
        proba = np.column_stack([1 - proba.ravel(), proba.ravel()])
    elif not np.allclose(proba.sum(axis=1), 1, rtol=_SUM_TOLERANCE, atol=0):
        raise ValueError("y_proba has rows that do not sum to one")
    classes = np.unique(truth) if labels is None else validation.classes(labels, "labels")
    if len(classes) < _BINARY:
        raise ValueError("one class alone has no cross-entropy: name all of them in labels")
    if len(classes) != proba.shape[1]:
        raise ValueError(f"y_proba has {proba.shape[1]} columns for {len(classes)} classes")
    column = _columns(truth, classes)
    eps = float(np.finfo(np.float32 if given.dtype == np.float32 else np.float64).eps)
    likelihood = np.clip(proba[np.arange(len(truth)), column], eps, 1 - eps)
    return float(np.average(-np.log(likelihood), weights=weight))


def roc_auc_score(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve of a binary classifier.

    It is the chance that a positive row scores higher than a negative one, where a tie counts as half.

    Args:
        y_true: True classes, shape (n,), of two kinds; the greater one in sorted order is positive.
        y_score: Probability of the positive class, or any score that rises with it, shape (n,).
        sample_weight: Weights of the rows, shape (n,).

    Returns:
        Between 0 and 1; 0.5 is chance. NaN where only one class occurs, or only one with weight, as in
        scikit-learn.

    Raises:
        ValueError: Lengths differ, nothing given, more than two classes, scores not finite, or unusable
            weights.

    Example:
        >>> roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
    """
    truth = validation.classes(y_true, "y_true")
    score = validation.numbers(y_score, "y_score")
    validation.same_length("y_true", truth, "y_score", score)
    weight = validation.weights(sample_weight, len(truth))
    if weight is None:
        weight = np.ones(len(truth))
    classes = np.unique(truth)
    if len(classes) > _BINARY:
        raise ValueError(f"y_true must hold two classes, got {len(classes)}")
    positive = truth == classes[-1]
    thresholds, tie = np.unique(score, return_inverse=True)
    # Weight of each class at each threshold; tied rows share one, and tied pairs count half.
    positives = np.bincount(tie, weights=weight * positive, minlength=len(thresholds))
    negatives = np.bincount(tie, weights=weight * ~positive, minlength=len(thresholds))
    pairs = positives.sum() * negatives.sum()
    if pairs == 0:
        return math.nan
    below = np.cumsum(negatives) - negatives
    return float(np.sum(positives * (below + negatives / 2)) / pairs)


def _columns(truth: Classes, classes: Classes) -> NDArray[np.intp]:
    """Column of each row's true class."""
    if validation.is_text(classes) != validation.is_text(truth):
        raise ValueError("y_true and labels mix text and numbers")
    if len(np.unique(classes)) < len(classes):
        raise ValueError("labels repeats a class")
    order = np.argsort(classes)
    # A value above every class would stand one past the end; the comparison below then refuses it.
    column = order[np.minimum(np.searchsorted(classes, truth, sorter=order), len(classes) - 1)]
    if (classes[column] != truth).any():
        raise ValueError("y_true has a class that is not among the labels")
    return column
