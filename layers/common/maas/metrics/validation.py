"""What every metric demands of its arguments; each fault is a `ValueError` that names the argument."""

from collections.abc import Sized
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Classes = NDArray[Any]


def _array(values: ArrayLike, name: str, *, ndim: int) -> NDArray[Any]:
    """`values` as an array of `ndim` dimensions with at least one element."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths") from None
    if array.ndim != ndim:
        raise ValueError(f"{name} must be {ndim}-dimensional, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} is empty")
    return array


def numbers(values: ArrayLike, name: str, *, ndim: int = 1) -> Floats:
    """Finite float64 numbers; text and None are refused, where NumPy would read them as numbers."""
    array = _array(values, name, ndim=ndim)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be numbers, got {array.dtype}")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has values that are not finite")
    return array


def classes(values: ArrayLike, name: str) -> Classes:
    """Class labels: integers, booleans, text, or floats that are whole numbers."""
    array = _array(values, name, ndim=1)
    # Asked of the values as given: NumPy turns a list of numbers and text into text.
    if is_text(array) and not all(isinstance(label, str) for label in np.asarray(values, dtype=object)):
        raise ValueError(f"{name} must be class labels of one kind, all numbers or all text")
    if array.dtype.kind not in "biufUO":
        raise ValueError(f"{name} must be class labels, got {array.dtype}")
    if array.dtype.kind == "f" and not (np.isfinite(array) & (np.floor(array) == array)).all():
        raise ValueError(f"{name} must be class labels, got continuous numbers")
    return array


def is_text(array: Classes) -> bool:
    """Whether class labels are text; text and numbers have no common order, so they never mix."""
    return array.dtype.kind in "UO"


def weights(sample_weight: ArrayLike | None, length: int) -> Floats | None:
    """Weights of rows: finite, none negative, not all zero; None weighs every row alike."""
    if sample_weight is None:
        return None
    array = numbers(sample_weight, "sample_weight")
    same_length("y_true", range(length), "sample_weight", array)
    if (array < 0).any():
        raise ValueError("sample_weight has negative values")
    if not array.any():
        raise ValueError("sample_weight is zero everywhere")
    return array


def same_length(first_name: str, first: Sized, second_name: str, second: Sized) -> None:
    """Refuse two columns of one table that differ in length."""
    if len(first) != len(second):
        raise ValueError(f"{first_name} has {len(first)} rows, {second_name} has {len(second)}")
