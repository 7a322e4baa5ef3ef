"""How good a model is for parts of the rows: for women and men, for wet days and dry ones."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns
from models.evaluation import Evaluation
from models.recipe import Metrics, Recipe

_LEAST = 30  # rows; the figures of fewer say little


class Slice(NamedTuple):
    """The rows with one value of one property, and the model's figures for them."""

    by: str
    value: str
    rows: int
    metrics: Metrics


def slices(recipe: Recipe, evaluation: Evaluation) -> list[Slice]:
    """Figures for every value of every property in `recipe.slices` that at least 30 rows have."""
    return [
        Slice(by, value, len(chosen), _figures(recipe, evaluation, chosen))
        for by, value, chosen in labelled(recipe, evaluation.table.columns)
        if len(chosen) >= _LEAST
    ]


def labelled(recipe: Recipe, columns: Columns) -> Iterator[tuple[str, str, NDArray[np.intp]]]:
    """Property, value and row numbers of every slice of `recipe.slices`."""
    for by, read in recipe.slices.items():
        labels = read(columns)
        known = labels != np.array(None, object)
        for value in sorted(set(labels[known].tolist())):
            yield by, str(value), np.flatnonzero(labels == value)


def _figures(recipe: Recipe, evaluation: Evaluation, chosen: NDArray[Any]) -> Metrics:
    predicted = {name: column[chosen] for name, column in evaluation.predicted.items()}
    return recipe.metrics(evaluation.table.target[chosen], predicted)
