"""Which candidate to keep, and how good the choice is on rows that it had not seen."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from maas.contract import Columns, Matrix
from maas.errors import DataError
from maas.manifest import Candidate
from models import candidate as kinds
from models.evaluation import Evaluation
from models.recipe import Recipe
from models.table import Table
from models.validation import Fold, Rows

type Progress = Callable[[str], None]


class Part(NamedTuple):
    """A model, and the rows of the whole table that were held out from it."""

    fitted: kinds.Fitted
    rows: Rows


@dataclass(frozen=True, eq=False)
class Choice:
    """What was found.

    Attributes:
        candidate: The one to keep.
        parts: What was judged: for each part held out, the model chosen and fitted without it.
        tried: All candidates with their scores in cross-validation.
        evaluation: Rows held out, with the answers of models that had not seen them.
    """

    candidate: kinds.Candidate
    parts: Sequence[Part]
    tried: Sequence[Candidate]
    evaluation: Evaluation

    @property
    def fitted(self) -> kinds.Fitted:
        """The last of the models judged."""
        return self.parts[-1].fitted


def choose(recipe: Recipe, table: Table, matrix: Matrix, *, seed: int, progress: Progress) -> Choice:
    """Hold rows out, choose on the others by cross-validation, fit, and judge by those held out.

    Where the recipe holds out several parts, all of this is done for each part (nested
    cross-validation), the figures are of all parts together, and the choice is made once more on all rows.

    Raises:
        DataError: Too few rows to hold some out.
    """
    folds = [recipe.splitter.hold_out(table)] if recipe.held_out is None else recipe.held_out(table)
    parts, judged_by = [], []
    for number, fold in enumerate(folds, 1):
        if not len(fold.train) or not len(fold.test):
            raise DataError(f"{table.data.name}: too few rows to hold some out")
        if len(folds) > 1:
            progress(f"part {number} of {len(folds)} held out")
        learnt = table.take(fold.train)
        chosen, tried = _best(recipe, learnt, matrix[fold.train], seed, progress)
        fitted = chosen.fit(matrix[fold.train], learnt, seed=seed)
        answers = recipe.endpoint.contract.respond(fitted.predict(matrix[fold.test]))
        judged_by.append(Part(fitted, fold.test))
        parts.append((answers, recipe.baseline.predict(learnt, table.take(fold.test))))
    if len(folds) > 1:
        progress("choosing on all rows")
        chosen, tried = _best(recipe, table, matrix, seed, progress)
    judged = table.take(np.concatenate([fold.test for fold in folds]))
    predicted, naive = (_together(several) for several in zip(*parts, strict=True))
    evaluation = Evaluation(
        table=judged,
        predicted=predicted,
        naive=naive,
        metrics=recipe.metrics(judged.target, predicted),
        baseline=recipe.metrics(judged.target, naive),
    )
    return Choice(chosen, judged_by, tried, evaluation)


def _best(
    recipe: Recipe, table: Table, matrix: Matrix, seed: int, progress: Progress
) -> tuple[kinds.Candidate, list[Candidate]]:
    folds = recipe.splitter.folds(table)
    scores = []
    candidates = kinds.usable(recipe.candidates, progress)
    for one in candidates:
        found = [_score(recipe, one, table, matrix, fold, seed=seed) for fold in folds]
        scores.append(found)
        progress(
            f"{one.name}: {recipe.score} {', '.join(f'{value:.4g}' for value in found)} in {len(folds)} folds"
        )
    means = [statistics.fmean(found) for found in scores]
    best = _kept(recipe, [one.name for one in candidates], means)
    tried = [
        Candidate(name=one.name, score=mean, spread=statistics.pstdev(found), chosen=index == best)
        for index, (one, mean, found) in enumerate(zip(candidates, means, scores, strict=True))
    ]
    return candidates[best], tried


def _kept(recipe: Recipe, names: Sequence[str], scores: Sequence[float]) -> int:
    """The best one's number, or that of the recipe's preferred one where it is within the margin."""
    best = scores.index(max(scores) if recipe.greater_is_better else min(scores))
    if recipe.preferred in names:
        preferred = names.index(recipe.preferred)
        if abs(scores[best] - scores[preferred]) <= recipe.margin:
            return preferred
    return best


def _score(
    recipe: Recipe, one: kinds.Candidate, table: Table, matrix: Matrix, fold: Fold, *, seed: int
) -> float:
    fitted = one.fit(matrix[fold.train], table.take(fold.train), seed=seed)
    predicted = recipe.endpoint.contract.respond(fitted.predict(matrix[fold.test]))
    return recipe.metrics(table.target[fold.test], predicted)[recipe.score]


def _together(answers: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in answers]) for name in answers[0]}
