"""The training job: from a recipe and data to a manifest and an artifact, ready to publish."""

import importlib.metadata
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from maas.artifact import Blob
from maas.contract import Columns, Contract, Matrix, Tensor, rows
from maas.manifest import Baseline, Distribution, Golden, Manifest, TensorSpec
from maas.metrics import bin_fractions, quantile_edges
from maas.runtime import Session
from maas.versions import Versions
from maas.weights import MEDIA_TYPE as WEIGHTS_TYPE
from models import export
from models.candidate import HasFound
from models.evaluation import Evaluation, answers
from models.explanation import explained
from models.gate import judge
from models.incumbent import Incumbent
from models.instances import instances
from models.optimise import optimise, rewrite
from models.provenance import code_revision, reproduction
from models.quiet import monitoring, worst_weeks
from models.recipe import Recipe
from models.selection import Search, choose
from models.table import Table
from models.team import current
from models.trial import Progress, Trials, one_by_one
from models.weights import parted

_GOLDEN_SAMPLES = 8
# A share of the target's spread: far below what matters, far above what another CPU's rounding changes.
_GOLDEN_TOLERANCE = 1e-3
_DEEP_LIBRARIES = ("jax", "keras")
_LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx")


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """What training gives.

    Attributes:
        manifest: Describes the version.
        artifact: The ONNX file.
        evaluation: The held-out rows with predictions of the model that had not seen them.
        blobs: What else the manifest refers to, in the order of its `blobs`.
    """

    manifest: Manifest
    artifact: bytes
    evaluation: Evaluation
    blobs: tuple[bytes, ...] = ()

    def publish(self, registry: Versions) -> str:
        """Put it all into the registry; returns the version's name."""
        return registry.publish(self.manifest, self.artifact, self.blobs)


def train(
    recipe: Recipe,
    source: str | None = None,
    *,
    seed: int = 0,
    progress: Progress = lambda _: None,
    incumbent: Incumbent | None = None,
    search: Search = one_by_one,
) -> TrainedModel:
    """Load, split, choose a candidate, fit, make it small, evaluate, export, check, judge.

    The same recipe, data and seed give the same artifact.

    Args:
        recipe: What to train.
        source: A path or `s3://` address; without one the recipe's simulated sample is used.
        seed: Of everything random.
        progress: Told each step, in a sentence.
        incumbent: The version in production, which the gate compares with.
        search: How the candidates are tried; it changes nothing but where and when.

    Raises:
        DataError: The data cannot be used.
        TrainingError: A candidate failed.
        ParityError: The exported model disagrees with the fitted one.
    """
    started = time.monotonic()
    trials = Trials.of(recipe, source, seed=seed)
    table, matrix = trials.table, trials.matrix
    progress(f"{len(table)} rows, {matrix.shape[1]} features from {table.data.name}")
    choice = choose(trials, progress=progress, search=search)
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
    predicted = contract.respond(Session(artifact).run(matrix))
    distributions = histograms(contract, matrix, predicted)
    told = explained(recipe, fitted, artifact, table, evaluation.table, form=small.name)
    graph, weights = parted(artifact)
    manifest = Manifest(
        model=recipe.model,
        created=datetime.now(UTC),
        artifact=Blob.of(graph, export.MEDIA_TYPE),
        weights=Blob.of(weights, WEIGHTS_TYPE) if weights else None,
        feature_names=contract.feature_names,
        inputs=_specs(contract.inputs()),
        outputs=_specs(contract.outputs()),
        metrics=dict(evaluation.metrics),
        baseline=Baseline(name=recipe.baseline.name, metrics=dict(evaluation.baseline)),
        distributions=distributions,
        golden=_golden(recipe, evaluation.table, artifact),
        data=table.data,
        candidates=tuple(choice.tried),
        parity=parity,
        code_revision=code_revision(),
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
        explanation=told.explanation,
        reproduction=reproduction(recipe.model, source, seed, search=recipe.wide, nodes=current().size),
        monitoring=monitoring(
            contract,
            table.columns,
            matrix,
            predicted,
            times=table.times,
            distributions=distributions,
            worst=worst_weeks(recipe, evaluation),
        ),
    )
    gate = judge(recipe, manifest, artifact, evaluation, incumbent)
    progress(f"gate: {gate.decision}{f', {gate.reason}' if gate.reason else ''}")
    fields = {name: getattr(manifest, name) for name in Manifest.model_fields}
    blobs = (weights, *told.blobs) if weights else told.blobs
    return TrainedModel(Manifest(**(fields | {"gate": gate})), graph, evaluation, blobs)


def histograms(contract: Contract[Any, Any], matrix: Matrix, predicted: Columns) -> dict[str, Distribution]:
    """Histograms of every feature and of every numeric output, over all rows."""
    columns: dict[str, Any] = dict(zip(contract.feature_names, matrix.T.astype(np.float64), strict=True))
    for name, column in predicted.items():
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
    records = instances(contract, table.take(chosen).columns)
    predictions = rows(answers(contract, Session(artifact), contract.parse(records)))
    spread = float(np.std(table.target)) if table.target.dtype.kind in "fiu" else 1.0
    return Golden(
        instances=tuple(records),
        predictions=tuple(predictions),
        tolerance=max(_GOLDEN_TOLERANCE * spread, 1e-6),
    )


def _specs(tensors: Sequence[Tensor]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec.model_validate({"name": name, "datatype": datatype, "shape": tuple(shape)})
        for name, datatype, shape in tensors
    )


def _libraries() -> dict[str, str]:
    found = {"python": platform.python_version()}
    # Named only where a network was trained: they are loaded then.
    for name in (*_LIBRARIES, *(_DEEP_LIBRARIES if "keras" in sys.modules else ())):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # a model may be trained without it
            continue
    return found
