"""Grids of settings."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any


def combinations(**axes: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """Every combination of the values of each setting, the last setting changing fastest.

    >>> [dict(one) for one in combinations(depth=(1, 2), leaf=(5,))]
    [{'depth': 1, 'leaf': 5}, {'depth': 2, 'leaf': 5}]
    """
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def described(settings: Mapping[str, Any]) -> str:
    """Settings as the end of a candidate's name.

    >>> described({"C": 20_000.0, "max_depth": None})
    'C 20000, max_depth None'
    """
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in settings.items()
    )
