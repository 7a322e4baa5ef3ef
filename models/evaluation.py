"""How good a model is: figures for predictions, for a held-out part and for any published version."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns, Contract
from maas.errors import BrokenArtifact
from maas.manifest import Manifest
from maas.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)
from maas.runtime import Session
from models.recipe import Recipe
from models.source import read_source
from models.table import Table


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions for a table's rows beside the naive ones, and the figures of both.

    Attributes:
        table: The rows judged.
        predicted: The model's answers, as the prediction's fields.
        naive: The baseline's answers.
        metrics: Of the model.
        baseline: Of the baseline.
    """

    table: Table
    predicted: Columns
    naive: Columns
    metrics: Mapping[str, float]
    baseline: Mapping[str, float]


def regression_metrics(output: str) -> Callable[[NDArray[Any], Columns], dict[str, float]]:
    """Metrics of one numeric output: mse, rmse, mae, mape (where no true value is 0) and r2."""

    def metrics(truth: NDArray[Any], predicted: Columns) -> dict[str, float]:
        answers = predicted[output]
        figures = {
            "mse": mean_squared_error(truth, answers),
            "rmse": root_mean_squared_error(truth, answers),
            "mae": mean_absolute_error(truth, answers),
            "r2": r2_score(truth, answers),
        }
        # Relative to nothing there is no error: rows with a true value of 0 are left out.
        counted = truth != 0
        if counted.any():
            figures["mape"] = mean_absolute_percentage_error(truth[counted], answers[counted])
        # A manifest holds finite numbers only; an undefined figure is left out.
        return {name: value for name, value in figures.items() if math.isfinite(value)}

    return metrics


def answers(contract: Contract[Any, Any], session: Session, columns: Columns) -> Columns:
    """The prediction's fields for records as columns, on the path a request takes."""
    return contract.respond(session.run(contract.matrix(columns)))


def evaluate_artifact(recipe: Recipe, artifact: bytes, table: Table) -> dict[str, float]:
    """Score an ONNX file on a labelled table."""
    return dict(
        recipe.metrics(table.target, answers(recipe.endpoint.contract, Session(artifact), table.columns))
    )


def evaluate_version(recipe: Recipe, manifest: Manifest, artifact: bytes, uri: str) -> dict[str, float]:
    """Score a published version on a labelled file: a path or an `s3://` address.

    Raises:
        BrokenArtifact: The version is of another model, or was trained on other features.
        DigestMismatch: `artifact` is not the manifest's.
        DataError: The file cannot be used.
    """
    if manifest.model != recipe.model or manifest.feature_names != recipe.endpoint.contract.feature_names:
        raise BrokenArtifact(f"version {manifest.version} does not fit the {recipe.model} endpoint")
    return evaluate_artifact(recipe, manifest.artifact.verify(artifact), recipe.load(read_source(uri)))


def beats(recipe: Recipe, metrics: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether the recipe's score is strictly better in `metrics` than in `other`."""
    ours, theirs = metrics[recipe.score], other[recipe.score]
    return ours > theirs if recipe.greater_is_better else ours < theirs


def field_importance(
    recipe: Recipe, artifact: bytes, table: Table, *, seed: int = 0, rows: int = 1500
) -> dict[str, float]:
    """How much worse the score gets when one field's values are shuffled among rows, by field.

    At most `rows` rows are used. Source: L. Breiman, "Random forests", Machine Learning 45, 2001,
    section 10 (permutation importance), here on fields instead of features, so that a field counts with
    all features made of it.
    """
    generator = np.random.default_rng(seed)
    chosen = np.sort(generator.permutation(len(table))[:rows])
    part, session = table.take(chosen), Session(artifact)
    contract = recipe.endpoint.contract

    def score(columns: Columns) -> float:
        return recipe.metrics(part.target, answers(contract, session, columns))[recipe.score]

    whole = score(part.columns)
    sign = -1 if recipe.greater_is_better else 1
    shuffled = {
        name: score({**part.columns, name: column[generator.permutation(len(column))]})
        for name, column in part.columns.items()
    }
    return {name: sign * (value - whole) for name, value in shuffled.items()}
