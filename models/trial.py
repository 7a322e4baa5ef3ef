"""What each candidate reaches in cross-validation: the unit of work of every search, wherever it runs."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from maas.artifact import digest_of
from maas.contract import Matrix
from maas.errors import DataError, MaasError, TrainingError
from maas.manifest import canonical_json
from models.candidate import Candidate, NeedsExtra
from models.recipe import Recipe
from models.source import read_source
from models.table import Table
from models.validation import Fold

type Progress = Callable[[str], None]


class Trial(BaseModel):
    """One candidate's scores.

    Attributes:
        candidate: Its name.
        scores: One sequence per choice that has to be made, each with one score per fold.
        lacking: Why it cannot be fitted in this installation; there are no scores then.
        seconds: What it took.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    candidate: str
    scores: tuple[tuple[float, ...], ...] = ()
    lacking: str | None = None
    seconds: Annotated[float, Field(ge=0)] = 0.0


class Stretch(NamedTuple):
    """The rows that one choice is made on, and the folds among them."""

    table: Table
    matrix: Matrix
    folds: Sequence[Fold]


@dataclass(frozen=True, eq=False)
class Trials:
    """All trials of a recipe on a table.

    Attributes:
        recipe: Its candidates are tried.
        table: All rows.
        matrix: Their features.
        seed: Of everything random.
    """

    recipe: Recipe
    table: Table
    matrix: Matrix
    seed: int

    @classmethod
    def of(cls, recipe: Recipe, source: str | None = None, *, seed: int = 0) -> "Trials":
        """Read a path or `s3://` address, or make the recipe's simulated sample.

        Raises:
            DataError: The data cannot be used.
        """
        table = recipe.sample(seed) if source is None else recipe.load(read_source(source))
        return cls(recipe, table, recipe.endpoint.contract.matrix(table.columns), seed)

    @property
    def candidates(self) -> Sequence[Candidate]:
        """The recipe's, in its order: a candidate's index is its name to other machines."""
        return self.recipe.candidates

    @cached_property
    def parts(self) -> Sequence[Fold]:
        """What is held out, in turn, from the choices.

        Raises:
            DataError: Too few rows to hold some out.
        """
        recipe = self.recipe
        if recipe.held_out is None:
            parts: Sequence[Fold] = [recipe.splitter.hold_out(self.table)]
        else:
            parts = recipe.held_out(self.table)
        if any(not len(part.train) or not len(part.test) for part in parts):
            raise DataError(f"{self.table.data.name}: too few rows to hold some out")
        return parts

    @cached_property
    def stretches(self) -> Sequence[Stretch]:
        """One per part held out, of the other rows; where there are several, one of all rows behind them.

        Raises:
            DataError: Too few rows.
        """
        found = []
        for part in self.parts:
            learnt = self.table.take(part.train)
            found.append(Stretch(learnt, self.matrix[part.train], self.recipe.splitter.folds(learnt)))
        if len(found) > 1:
            found.append(Stretch(self.table, self.matrix, self.recipe.splitter.folds(self.table)))
        return found

    @cached_property
    def plan(self) -> str:
        """A digest of all that the scores follow from but the code: equal plans give equal scores."""
        return digest_of(
            canonical_json(
                {
                    "model": self.recipe.model,
                    "data": self.table.data.digest,
                    "rows": len(self.table),
                    "seed": self.seed,
                    "score": self.recipe.score,
                    "folds": [len(stretch.folds) for stretch in self.stretches],
                    "candidates": [[one.name, dict(one.hyperparameters)] for one in self.candidates],
                }
            )
        )

    def evaluate(self, index: int) -> Trial:
        """Fit and judge one candidate on every fold of every stretch.

        Raises:
            TrainingError: It failed; the detail names it.
        """
        candidate = self.candidates[index]
        lacking = candidate.missing() if isinstance(candidate, NeedsExtra) else None
        if lacking is not None:
            return Trial(candidate=candidate.name, lacking=lacking)
        from threadpoolctl import threadpool_limits

        started = time.monotonic()
        try:
            # One thread: the same sums in the same order, whoever else computes on this machine.
            with threadpool_limits(1):
                scores = tuple(
                    tuple(self._score(candidate, stretch, fold) for fold in stretch.folds)
                    for stretch in self.stretches
                )
        except MaasError as error:
            raise type(error)(f"{candidate.name}: {error.detail}") from error
        except Exception as error:
            raise TrainingError(f"{candidate.name}: {type(error).__name__}: {error}") from error
        return Trial(candidate=candidate.name, scores=scores, seconds=round(time.monotonic() - started, 3))

    def _score(self, candidate: Candidate, stretch: Stretch, fold: Fold) -> float:
        learnt = stretch.table.take(fold.train)
        fitted = candidate.fit(stretch.matrix[fold.train], learnt, seed=self.seed)
        predicted = self.recipe.endpoint.contract.respond(fitted.predict(stretch.matrix[fold.test]))
        figures = self.recipe.metrics(stretch.table.target[fold.test], predicted)
        if self.recipe.score not in figures:
            raise DataError(f"{self.recipe.score} is not defined on {len(fold.test)} rows of a fold")
        return float(figures[self.recipe.score])

    def told(self, trial: Trial) -> str:
        """A trial in a sentence."""
        if trial.lacking is not None:
            return f"left out: {trial.candidate}: {trial.lacking}"
        score = self.recipe.score
        if len(trial.scores) == 1:
            [found] = trial.scores
            return f"{trial.candidate}: {score} {_figures(found)} in {len(found)} folds"
        means = [statistics.fmean(found) for found in trial.scores]
        return f"{trial.candidate}: {score} {_figures(means)} without each part held out, and with all"


def one_by_one(trials: Trials, progress: Progress) -> list[Trial]:
    """Every trial, here, one after the other.

    Raises:
        TrainingError: A candidate failed.
    """
    found = []
    for index in range(len(trials.candidates)):
        found.append(trials.evaluate(index))
        progress(trials.told(found[-1]))
    return found


def _figures(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
