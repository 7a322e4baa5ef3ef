"""The training job: from a recipe and data to a manifest and an artifact, ready to publish."""

import importlib.metadata
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from maas.artifact import Blob
from maas.contract import Matrix, Tensor, rows
from maas.field import Field
from maas.manifest import Baseline, Distribution, Golden, Manifest, TensorSpec
from maas.metrics import bin_fractions, quantile_edges
from maas.runtime import Session
from models import export
from models.candidate import HasFound
from models.evaluation import Evaluation, answers
from models.optimise import optimise, rewrite
from models.recipe import Recipe
from models.selection import Progress, choose
from models.source import read_source
from models.table import Table

_GOLDEN_SAMPLES = 8
# A share of the target's spread: far below what matters, far above what another CPU's rounding changes.
_GOLDEN_TOLERANCE = 1e-3
_DEEP_LIBRARIES = ("keras", "tensorflow-cpu")
_LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx")


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """What training gives.

    Attributes:
        manifest: Describes the version.
        artifact: The ONNX file.
        evaluation: The held-out rows with predictions of the model that had not seen them.
    """

    manifest: Manifest
    artifact: bytes
    evaluation: Evaluation


def train(
    recipe: Recipe, source: str | None = None, *, seed: int = 0, progress: Progress = lambda _: None
) -> TrainedModel:
    """Load, split, choose a candidate, fit, make it small, evaluate, export, check.

    The same recipe, data and seed give the same artifact.

    Args:
        recipe: What to train.
        source: A path or `s3://` address; without one the recipe's simulated sample is used.
        seed: Of everything random.
        progress: Told each step, in a sentence.

    Raises:
        DataError: The data cannot be used.
        ParityError: The exported model disagrees with the fitted one.
    """
    started = time.monotonic()
    table = recipe.sample(seed) if source is None else recipe.load(read_source(source))
    matrix = recipe.endpoint.contract.matrix(table.columns)
    progress(f"{len(table)} rows, {matrix.shape[1]} features from {table.data.name}")
    choice = choose(recipe, table, matrix, seed=seed, progress=progress)
    chosen = choice.candidate
    small = optimise(recipe, choice.parts, table, matrix)
    # What is published is judged: the form that was kept, on the path a request takes.
    metrics = recipe.metrics(choice.evaluation.table.target, small.predicted)
    evaluation = replace(choice.evaluation, predicted=small.predicted, metrics=metrics)
    progress(
        f"{chosen.name}: held-out {recipe.score} {evaluation.metrics[recipe.score]:.4g}, "
        f"{recipe.baseline.name} {evaluation.baseline[recipe.score]:.4g}"
    )
    fitted = choice.fitted
    if recipe.refit:
        fitted = chosen.fit(matrix, table, seed=seed)
    artifact = fitted.to_onnx()
    contract = recipe.endpoint.contract
    parity = export.parity(
        fitted, artifact, contract.matrix(evaluation.table.columns), recipe.parity_tolerance
    )
    exported, artifact = len(artifact), rewrite(artifact, small.name)
    progress(
        f"exported {exported} bytes, largest difference {parity.max_abs_difference:.3g}; "
        f"{small.name}: {len(artifact)} bytes"
    )
    manifest = Manifest(
        model=recipe.model,
        created=datetime.now(UTC),
        artifact=Blob.of(artifact, export.MEDIA_TYPE),
        feature_names=contract.feature_names,
        inputs=_specs(contract.inputs()),
        outputs=_specs(contract.outputs()),
        metrics=dict(evaluation.metrics),
        baseline=Baseline(name=recipe.baseline.name, metrics=dict(evaluation.baseline)),
        distributions=_distributions(recipe, matrix, artifact),
        golden=_golden(recipe, evaluation.table, artifact),
        data=table.data,
        candidates=tuple(choice.tried),
        parity=parity,
        code_revision=_code_revision(),
        libraries=_libraries(),
        hyperparameters={
            "method": chosen.name,
            "seed": seed,
            "refit_on_all_rows": recipe.refit,
            "held_out_rows": len(evaluation.table),
            **chosen.hyperparameters,
            **(fitted.found if isinstance(fitted, HasFound) else {}),
        },
        training_seconds=round(time.monotonic() - started, 2),
        summary=recipe.summary,
        optimisation=small.variants,
    )
    return TrainedModel(manifest, artifact, evaluation)


def _distributions(recipe: Recipe, matrix: Matrix, artifact: bytes) -> dict[str, Distribution]:
    """Histograms of every feature and of every numeric output, over all rows."""
    contract = recipe.endpoint.contract
    columns: dict[str, Any] = dict(zip(contract.feature_names, matrix.T.astype(np.float64), strict=True))
    for name, column in contract.respond(Session(artifact).run(matrix)).items():
        if column.ndim == 1 and column.dtype.kind in "fi":
            columns[name] = column.astype(np.float64)
    distributions = {}
    for name, column in columns.items():
        edges = quantile_edges(column)
        fractions = bin_fractions(column, edges)
        distributions[name] = Distribution(edges=tuple(edges.tolist()), fractions=tuple(fractions.tolist()))
    return distributions


def _golden(recipe: Recipe, table: Table, artifact: bytes) -> Golden:
    """Records spread over a table, as a caller would send them, with what the artifact answers."""
    contract = recipe.endpoint.contract
    chosen = np.unique(np.linspace(0, len(table) - 1, _GOLDEN_SAMPLES).astype(np.intp))
    instances = [
        {name: _sent(contract.fields[name], value) for name, value in record.items()}
        for record in rows(table.take(chosen).columns)
    ]
    predictions = rows(answers(contract, Session(artifact), contract.parse(instances)))
    spread = float(np.std(table.target)) if table.target.dtype.kind in "fiu" else 1.0
    return Golden(
        instances=tuple(instances),
        predictions=tuple(predictions),
        tolerance=max(_GOLDEN_TOLERANCE * spread, 1e-6),
    )


def _sent(field: Field, value: Any) -> Any:
    """A column's value as a caller sends it: a missing number is null, a list ends where its numbers end."""
    if isinstance(value, datetime):
        return value.isoformat()
    elements = _with_null(value)
    if not isinstance(elements, list) or not field.may_miss:
        return elements
    while field.least is not None and len(elements) > field.least and elements[-1] is None:
        elements.pop()
    return None if field.optional and all(element is None for element in elements) else elements


def _with_null(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_null(element) for element in value]
    return None if value != value else value  # noqa: PLR0124 - only NaN differs from itself


def _specs(tensors: Sequence[Tensor]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec.model_validate({"name": name, "datatype": datatype, "shape": tuple(shape)})
        for name, datatype, shape in tensors
    )


def _code_revision() -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def _libraries() -> dict[str, str]:
    found = {"python": platform.python_version()}
    # Named only where a network was trained: they are loaded then.
    for name in (*_LIBRARIES, *(_DEEP_LIBRARIES if "keras" in sys.modules else ())):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # a model may be trained without it
            continue
    return found
