"""How good a model is for parts of the rows: for women and men, for wet days and dry ones."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    found = []
    for by, read in recipe.slices.items():
        labels = read(evaluation.table.columns)
        known = labels != np.array(None, object)
        for value in sorted(set(labels[known].tolist())):
            chosen = np.flatnonzero(labels == value)
            if len(chosen) >= _LEAST:
                found.append(Slice(by, str(value), len(chosen), _figures(recipe, evaluation, chosen)))
    return found


def _figures(recipe: Recipe, evaluation: Evaluation, chosen: NDArray[Any]) -> Metrics:
    predicted = {name: column[chosen] for name, column in evaluation.predicted.items()}
    return recipe.metrics(evaluation.table.target[chosen], predicted)
