"""The training job: from a recipe and data to a manifest and an artifact, ready to publish."""

import importlib.metadata
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from maas.artifact import Blob
from maas.contract import Matrix, Tensor, rows
from maas.errors import DataError
from maas.manifest import Baseline, Candidate, Distribution, Golden, Manifest, TensorSpec
from maas.metrics import bin_fractions, quantile_edges
from maas.runtime import Session
from models import candidate, export
from models.evaluation import Evaluation, answers
from models.recipe import Recipe
from models.source import read_source
from models.table import Table

type Progress = Callable[[str], None]

_GOLDEN_SAMPLES = 8
# A share of the target's spread: far below what matters, far above what another CPU's rounding changes.
_GOLDEN_TOLERANCE = 1e-3
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
    """Load, split, choose a candidate, fit, evaluate, export, check.

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
    fold = recipe.splitter.hold_out(table)
    if not len(fold.train) or not len(fold.test):
        raise DataError(f"{table.data.name}: too few rows to hold some out")
    learnt, judged = table.take(fold.train), table.take(fold.test)
    chosen, tried = _choose(recipe, learnt, matrix[fold.train], seed, progress)
    fitted = chosen.fit(matrix[fold.train], learnt, seed=seed)
    evaluation = _evaluate(recipe, fitted, learnt, judged, matrix[fold.test])
    progress(
        f"{chosen.name}: held-out {recipe.score} {evaluation.metrics[recipe.score]:.4g}, "
        f"{recipe.baseline.name} {evaluation.baseline[recipe.score]:.4g}"
    )
    if recipe.refit:
        fitted = chosen.fit(matrix, table, seed=seed)
    artifact = fitted.to_onnx()
    parity = export.parity(fitted, artifact, matrix[fold.test], recipe.parity_tolerance)
    progress(f"exported {len(artifact)} bytes, largest difference {parity.max_abs_difference:.3g}")
    contract = recipe.endpoint.contract
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
        golden=_golden(recipe, judged, artifact),
        data=table.data,
        candidates=tuple(tried),
        parity=parity,
        code_revision=_code_revision(),
        libraries=_libraries(),
        hyperparameters={
            "method": chosen.name,
            "seed": seed,
            "refit_on_all_rows": recipe.refit,
            "held_out_rows": len(judged),
            **chosen.hyperparameters,
        },
        training_seconds=round(time.monotonic() - started, 2),
        summary=recipe.summary,
    )
    return TrainedModel(manifest, artifact, evaluation)


def _choose(
    recipe: Recipe, table: Table, matrix: Matrix, seed: int, progress: Progress
) -> tuple[candidate.Candidate, list[Candidate]]:
    folds = recipe.splitter.folds(table)
    scores: list[list[float]] = []
    for one in recipe.candidates:
        found = []
        for fold in folds:
            fitted = one.fit(matrix[fold.train], table.take(fold.train), seed=seed)
            judged = table.take(fold.test)
            predicted = recipe.endpoint.contract.respond(fitted.predict(matrix[fold.test]))
            found.append(recipe.metrics(judged.target, predicted)[recipe.score])
        scores.append(found)
        progress(
            f"{one.name}: {recipe.score} {', '.join(f'{value:.4g}' for value in found)} in {len(folds)} folds"
        )
    means = [statistics.fmean(found) for found in scores]
    best = means.index(max(means) if recipe.greater_is_better else min(means))
    tried = [
        Candidate(name=one.name, score=mean, spread=statistics.pstdev(found), chosen=index == best)
        for index, (one, mean, found) in enumerate(zip(recipe.candidates, means, scores, strict=True))
    ]
    return recipe.candidates[best], tried


def _evaluate(
    recipe: Recipe, fitted: candidate.Fitted, learnt: Table, judged: Table, matrix: Matrix
) -> Evaluation:
    predicted = recipe.endpoint.contract.respond(fitted.predict(matrix))
    naive = recipe.baseline.predict(learnt, judged)
    return Evaluation(
        table=judged,
        predicted=predicted,
        naive=naive,
        metrics=recipe.metrics(judged.target, predicted),
        baseline=recipe.metrics(judged.target, naive),
    )


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
    instances = [_plain(record) for record in rows(table.take(chosen).columns)]
    predictions = rows(answers(contract, Session(artifact), contract.parse(instances)))
    spread = float(np.std(table.target)) if table.target.dtype.kind in "fiu" else 1.0
    return Golden(
        instances=tuple(instances),
        predictions=tuple(predictions),
        tolerance=max(_GOLDEN_TOLERANCE * spread, 1e-6),
    )


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """A record's values as JSON has them; a missing number is null."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else None if value != value else value  # noqa: PLR0124
        for name, value in record.items()
    }


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
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # a model may be trained without it
            continue
    return found
