"""Which candidate to keep, and how good the choice is on rows that it had not seen."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from maas.contract import Columns
from maas.errors import ConfigurationError
from maas.manifest import Candidate
from models import candidate as kinds
from models.evaluation import Evaluation
from models.recipe import Recipe
from models.trial import Progress, Trial, Trials, one_by_one
from models.validation import Rows

type Search = Callable[[Trials, Progress], Sequence[Trial]]
"""Finds the trials of all candidates, in their order: here, over processes, or where others left them."""


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


def choose(trials: Trials, *, progress: Progress, search: Search = one_by_one) -> Choice:
    """Hold rows out, choose on the others by cross-validation, fit, and judge by those held out.

    Where the recipe holds out several parts, all of this is done for each part (nested
    cross-validation), the figures are of all parts together, and the choice is made once more on all rows.

    Raises:
        DataError: Too few rows to hold some out.
        ConfigurationError: No candidate can be fitted in this installation.
        TrainingError: A candidate failed.
    """
    recipe, table, matrix = trials.recipe, trials.table, trials.matrix
    found = _fitted(search(trials, progress))
    folds = trials.parts
    parts, judged_by = [], []
    for number, fold in enumerate(folds):
        if len(folds) > 1:
            progress(f"part {number + 1} of {len(folds)} held out")
        learnt, rows, _ = trials.stretches[number]
        chosen, tried = _best(recipe, found, number)
        fitted = chosen.fit(rows, learnt, seed=trials.seed)
        answers = recipe.endpoint.contract.respond(fitted.predict(matrix[fold.test]))
        judged_by.append(Part(fitted, fold.test))
        parts.append((answers, recipe.baseline.predict(learnt, table.take(fold.test))))
    if len(folds) > 1:
        chosen, tried = _best(recipe, found, len(folds))
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


def _fitted(found: Sequence[Trial]) -> list[tuple[int, Trial]]:
    """The trials that could be made, with the numbers of their candidates."""
    made = [(number, trial) for number, trial in enumerate(found) if trial.lacking is None]
    if not made:
        raise ConfigurationError(f"{found[-1].candidate}: {found[-1].lacking}")
    return made


def _best(
    recipe: Recipe, found: Sequence[tuple[int, Trial]], stretch: int
) -> tuple[kinds.Candidate, list[Candidate]]:
    scores = [trial.scores[stretch] for _, trial in found]
    means = [statistics.fmean(folds) for folds in scores]
    best = _kept(recipe, [trial.candidate for _, trial in found], means)
    tried = [
        Candidate(name=trial.candidate, score=mean, spread=statistics.pstdev(folds), chosen=number == best)
        for number, ((_, trial), mean, folds) in enumerate(zip(found, means, scores, strict=True))
    ]
    return recipe.candidates[found[best][0]], tried


def _kept(recipe: Recipe, names: Sequence[str], scores: Sequence[float]) -> int:
    """The best one's number, or that of the recipe's preferred one where it is within the margin."""
    best = scores.index(max(scores) if recipe.greater_is_better else min(scores))
    if recipe.preferred in names:
        preferred = names.index(recipe.preferred)
        if abs(scores[best] - scores[preferred]) <= recipe.margin:
            return preferred
    return best


def _together(answers: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in answers]) for name in answers[0]}
