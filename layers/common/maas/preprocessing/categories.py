"""Categories as numbers, by a vocabulary learnt in training; whatever it lacks has a bucket of its own."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.errors import DataError
from maas.preprocessing.series import Floats, Integers

Values = NDArray[Any]
Vocabulary = Sequence[Hashable]


def ordinal(values: Values, vocabulary: Vocabulary) -> Integers:
    """Position of each value in the vocabulary; `len(vocabulary)` for unknown and missing ones.

    >>> ordinal(np.array(["Rain", None, "Fog"], object), ("Clear", "Rain"))
    array([1, 2, 2])
    """
    return _looked_up(values, _positions(vocabulary), len(vocabulary), np.dtype(np.int64))


def one_hot(values: Values, vocabulary: Vocabulary) -> NDArray[np.float32]:
    """One column per entry of the vocabulary and a last one for unknown and missing; every row sums to 1.

    Args:
        values: Shape (n,).
        vocabulary: The distinct known values, in the order of the columns.

    Returns:
        Zeros and ones of shape (n, len(vocabulary) + 1).

    >>> one_hot(np.array(["Rain", "Fog"], object), ("Clear", "Rain"))
    array([[0., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    codes = ordinal(values, vocabulary)
    hot = np.zeros((len(codes), len(vocabulary) + 1), np.float32)
    hot[np.arange(len(codes)), codes] = 1
    return hot


def one_hot_names(prefix: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Names of the columns of `one_hot`.

    >>> one_hot_names("weather", ("Clear", "Rain"))
    ('weather=Clear', 'weather=Rain', 'weather=?')
    """
    return (*(f"{prefix}={entry}" for entry in vocabulary), f"{prefix}=?")


def frequencies(values: Values) -> dict[Any, float]:
    """Share of each distinct value among those not missing, most frequent first, equals in sorted order.

    >>> frequencies(np.array(["b", "a", "b", None], object))
    {'b': 0.6666666666666666, 'a': 0.3333333333333333}
    """
    present = _column(values)
    # None and NaN alike: they differ from themselves or are None.
    present = present[(present == present) & (present != np.array(None, object))]  # noqa: PLR0124
    distinct, counts = np.unique(present, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return dict(zip(distinct[order].tolist(), (counts[order] / max(len(present), 1)).tolist(), strict=True))


def frequency_codes(values: Values, shares: Mapping[Any, float], *, unknown: float = 0.0) -> Floats:
    """Each value's share as learnt by `frequencies`; `unknown` for those not seen."""
    return _looked_up(values, shares, unknown, np.dtype(np.float64))


def common(values: Values, *, smallest_share: float = 0.0, size: int | None = None) -> tuple[Any, ...]:
    """Vocabulary of the common values: those of at least `smallest_share`, the `size` most frequent at most.

    >>> common(np.array(["b", "a", "b", "c"], object), size=2)
    ('b', 'a')
    """
    return tuple(value for value, share in frequencies(values).items() if share >= smallest_share)[:size]


def group_rare(values: Values, vocabulary: Vocabulary, *, rare: Hashable = "other") -> Values:
    """Replace every value outside the vocabulary, and every missing one, by `rare`.

    >>> group_rare(np.array(["Rain", "Squall"], object), ("Clear", "Rain"))
    array(['Rain', 'other'], dtype=object)
    """
    entries = np.empty(len(vocabulary) + 1, object)
    entries[:] = [*vocabulary, rare]
    return entries[ordinal(values, vocabulary)]


def _positions(vocabulary: Vocabulary) -> dict[Hashable, int]:
    positions = {entry: position for position, entry in enumerate(vocabulary)}
    if not positions or len(positions) != len(vocabulary):
        raise ValueError("a vocabulary needs at least one entry, and each only once")
    return positions


def _looked_up(
    values: Values, table: Mapping[Any, Any], unknown: float, dtype: np.dtype[Any]
) -> NDArray[Any]:
    # A hash look-up run by C iterators: on arrays of strings faster than sorting or comparing, and the only
    # way that takes None beside strings.
    column = _column(values)
    return np.fromiter(map(table.get, column.tolist(), repeat(unknown)), dtype, len(column))


def _column(values: Values) -> Values:
    values = np.asarray(values)
    if values.ndim != 1:
        raise DataError(f"categories must have shape (n,), not {values.shape}")
    return values
