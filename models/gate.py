"""The gate: whether a new version may take the place of the one in production.

It decides from the held-out rows, which the judged model has not learnt, and from the exported file, which is
what will serve. The decision is part of the manifest; nothing else decides about a release.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from maas.contract import Columns
from maas.errors import MaasError
from maas.judgement import (
    BASELINE,
    GOLDEN,
    LATENCY,
    PARITY,
    PRODUCTION,
    SIZE,
    SLOWER,
    UNNOTICED_MILLISECONDS,
    Check,
    Gate,
    Sense,
    megabytes,
)
from maas.manifest import Manifest
from maas.runtime import Session
from maas.serving import Served
from models.budget import Budget
from models.evaluation import Evaluation, answers, beats
from models.incumbent import Incumbent
from models.recipe import Metrics, Recipe
from models.slices import labelled
from models.table import Table
from models.validation import Rows

_CALLS = 60


def judge(
    recipe: Recipe,
    manifest: Manifest,
    artifact: bytes,
    evaluation: Evaluation,
    incumbent: Incumbent | None = None,
) -> Gate:
    """Check a version, not yet published, against its baseline, its budget and the version in production.

    Args:
        recipe: Its metrics, its score and its budget judge.
        manifest: Of the version, without the decision.
        artifact: Its ONNX file.
        evaluation: The held-out rows, with the answers of a model that had not seen them.
        incumbent: The version in production.
    """
    rival = _rival(recipe, evaluation, incumbent)
    checks = [
        _baseline(recipe, evaluation),
        _production(recipe, evaluation, incumbent, rival),
        _parity(manifest),
        _golden(recipe, manifest, artifact),
        _size(recipe.budget, artifact),
        *_latency(recipe, artifact, evaluation.table, rival),
        *_slices(recipe, evaluation, rival),
    ]
    return Gate.of(tuple(checks), incumbent.manifest.digest if incumbent else None)


class _Rival(NamedTuple):
    """The version in production on the held-out rows: its answers, and which rows are new to it."""

    incumbent: Incumbent
    predicted: Columns
    fresh: Rows
    how: str

    @property
    def version(self) -> str:
        return self.incumbent.manifest.version


def _rival(recipe: Recipe, evaluation: Evaluation, incumbent: Incumbent | None) -> _Rival | None:
    if incumbent is None or not incumbent.fits(recipe):
        return None
    unseen = incumbent.unseen(recipe, evaluation.table)
    fresh = np.arange(0) if unseen.rows is None else unseen.rows
    return _Rival(incumbent, incumbent.predict(recipe, evaluation.table.columns), fresh, unseen.how)


def _baseline(recipe: Recipe, evaluation: Evaluation) -> Check:
    return Check(
        name=f"{recipe.score}{BASELINE}",
        value=evaluation.metrics[recipe.score],
        limit=evaluation.baseline[recipe.score],
        sense=_sense(recipe),
        passed=beats(recipe, evaluation.metrics, evaluation.baseline),
        note=f"{recipe.baseline.name}; to be beaten, not only reached",
    )


def _production(
    recipe: Recipe, evaluation: Evaluation, incumbent: Incumbent | None, rival: _Rival | None
) -> Check:
    """The scores of both on rows that neither has learnt, or those of the same data when it was judged."""
    name = f"{recipe.score}{PRODUCTION}"
    if incumbent is None:
        return Check(name=name, passed=True, note="nothing is in production")
    if rival is None:
        note = f"{incumbent.manifest.version} was made for another contract: not compared"
        return Check(name=name, passed=True, note=note)
    if len(rival.fresh) >= recipe.budget.least_rows:
        ours = _figures(recipe, evaluation.table, evaluation.predicted, rival.fresh)
        theirs = _figures(recipe, evaluation.table, rival.predicted, rival.fresh)
        note = f"on {len(rival.fresh)} rows: {rival.how}"
    else:
        ours, theirs = evaluation.metrics, incumbent.manifest.metrics
        note = f"when it was judged itself; {len(rival.fresh)} rows now: {rival.how}"
    return _compared(recipe, name, ours, theirs, rival.version, note=note)


def _parity(manifest: Manifest) -> Check:
    parity = manifest.parity
    return Check(
        name=PARITY,
        value=parity.max_abs_difference,
        limit=parity.tolerance,
        passed=parity.max_abs_difference <= parity.tolerance,
        note=f"largest difference on {parity.rows} rows",
    )


def _golden(recipe: Recipe, manifest: Manifest, artifact: bytes) -> Check:
    """Replay the samples as a function does before it serves."""
    samples = len(manifest.golden.instances)
    served = Served(manifest, recipe.endpoint.contract, Session(artifact), load_seconds=0.0)
    try:
        served.check()
    except MaasError as error:
        return Check(name=GOLDEN, passed=False, note=error.detail)
    return Check(name=GOLDEN, passed=True, note=f"{samples} reproduced")


def _size(budget: Budget, artifact: bytes) -> Check:
    size = megabytes(len(artifact))
    return Check(name=SIZE, value=size, limit=budget.megabytes, passed=size <= budget.megabytes)


def _latency(recipe: Recipe, artifact: bytes, table: Table, rival: _Rival | None) -> Iterator[Check]:
    """The time of one row on the path a request takes, and how it compares, both measured in turns."""
    budget = recipe.budget
    sessions = [Session(artifact), *([rival.incumbent.session()] if rival else [])]
    ours, *theirs = (round(1000 * seconds, 4) for seconds in _medians(recipe, sessions, table))
    yield Check(
        name=LATENCY,
        value=ours,
        limit=budget.milliseconds,
        passed=ours <= budget.milliseconds,
        note=f"median of {_CALLS}, on the machine that trained",
    )
    if rival:
        ratio = round(ours / max(theirs[0], 1e-4), 3)
        unnoticed = ours <= UNNOTICED_MILLISECONDS
        yield Check(
            name=SLOWER,
            value=ratio,
            limit=budget.slower,
            passed=unnoticed or ratio <= budget.slower,
            note=f"counts above {UNNOTICED_MILLISECONDS:g} ms only" if unnoticed else "",
        )


def _medians(recipe: Recipe, sessions: Sequence[Session], table: Table) -> list[float]:
    row = table.take(np.zeros(1, np.intp)).columns
    taken: list[list[float]] = [[] for _ in sessions]
    for _ in range(_CALLS):
        # In turns: whatever slows this machine for a while slows all of them.
        for session, seconds in zip(sessions, taken, strict=True):
            started = time.perf_counter()
            answers(recipe.endpoint.contract, session, row)
            seconds.append(time.perf_counter() - started)
    return [statistics.median(seconds) for seconds in taken]


def _slices(recipe: Recipe, evaluation: Evaluation, rival: _Rival | None) -> Iterator[Check]:
    """One check per slice with enough rows: not much worse there than the naive method, nor production."""
    table, least = evaluation.table, recipe.budget.least_rows
    judged = rival.incumbent.manifest.gate if rival else None
    before = {check.name: check.value for check in judged.checks} if judged else {}
    for by, value, rows in labelled(recipe, table.columns):
        if len(rows) < least:
            continue
        ours = _figures(recipe, table, evaluation.predicted, rows)
        naive = _figures(recipe, table, evaluation.naive, rows)
        name = f"{recipe.score} where {by} is {value}, against"
        alone = _compared(recipe, f"{name} the baseline", ours, naive, recipe.baseline.name, part=True)
        yield alone
        if rival is None:
            continue
        fresh = np.intersect1d(rows, rival.fresh)
        if len(fresh) >= least:
            ours = _figures(recipe, table, evaluation.predicted, fresh)
            theirs = _figures(recipe, table, rival.predicted, fresh)
            yield _compared(recipe, f"{name} production", ours, theirs, rival.version, part=True)
        elif (reached := before.get(alone.name)) is not None:
            theirs, note = {recipe.score: reached}, "when it was judged itself"
            yield _compared(recipe, f"{name} production", ours, theirs, rival.version, part=True, note=note)


def _compared(
    recipe: Recipe,
    name: str,
    ours: Metrics,
    theirs: Metrics,
    whose: str,
    *,
    part: bool = False,
    note: str = "",
) -> Check:
    if recipe.score not in ours or recipe.score not in theirs:
        return Check(name=name, passed=True, note=f"{recipe.score} is not defined here")
    value, reached = ours[recipe.score], theirs[recipe.score]
    greater = recipe.greater_is_better
    limit = recipe.budget.loosened(reached, greater_is_better=greater, part=part)
    return Check(
        name=name,
        value=value,
        limit=limit,
        sense=_sense(recipe),
        passed=value >= limit if greater else value <= limit,
        note="; ".join(filter(None, (f"{whose} reached {reached:.4g}", note))),
    )


def _figures(recipe: Recipe, table: Table, predicted: Columns, rows: Rows) -> Metrics:
    chosen = {name: column[rows] for name, column in predicted.items()}
    return recipe.metrics(table.target[rows], chosen)


def _sense(recipe: Recipe) -> Sense:
    return "at least" if recipe.greater_is_better else "at most"
