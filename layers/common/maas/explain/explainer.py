"""Explains the answers of one version; how, its contract and its manifest decide."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from maas.contract import Columns, Matrix
from maas.errors import FieldError, InvalidRecord
from maas.explain import picture, target
from maas.explain.account import Account, attributions, grid, tokens
from maas.explain.budget import SECONDS, Budget, TooSlow
from maas.explain.declared import Declared, Grid, Words
from maas.explain.forest import MOST_PLAYERS
from maas.explain.form import SCALES
from maas.explain.game import Game, RecordGame, Values
from maas.explain.lime import surrogate
from maas.explain.model import Model
from maas.explain.options import Options
from maas.explain.owners import Mixtures
from maas.explain.parts import shares
from maas.explain.question import Question
from maas.explain.shapley import shapley
from maas.explain.words import TextGame, text_field, weighed

_WARM_SAMPLES = 2
_WEIGHTS, _SUM = "contributions", "log_odds"

type Content = Callable[[Values, Values], dict[str, Any]]


class Explainer:
    """Explains single records.

    Pictures and texts are told from the rest by what the function declares, texts also by the contract: a
    model with one free text field has tokens. Everything else is a table.

    Args:
        model: The version.
        declared: What its function declares.
        make_budget: Gives the budget of one record from seconds and a number of samples.
    """

    def __init__(
        self,
        model: Model,
        declared: Declared | None = None,
        *,
        make_budget: Callable[[float, int | None], Budget] = Budget,
    ) -> None:
        self._model, self._declared, self._make_budget = model, declared, make_budget
        self._contract = model.contract
        self._text = text_field(model.contract)

    def explain(
        self, columns: Columns, options: Options | None = None, *, until: float = math.inf
    ) -> list[Account]:
        """An account of the answer for each of n records, as columns; `until` is a `time.monotonic`.

        Raises:
            InvalidRequest: The options do not fit the model.
            InvalidRecord: A record cannot be computed, or not mixed with the background.
            PayloadTooLarge: As many samples as were asked for cannot be taken until then.
        """
        asked = options or Options()
        found = []
        for row in range(len(next(iter(columns.values())))):
            question = self._question(
                {name: column[row : row + 1] for name, column in columns.items()}, asked
            )
            question.budget.until = until
            try:
                found.append(self._account(question))
            except TooSlow:
                raise asked.too_slow() from None
        return found

    def _account(self, question: Question) -> Account:
        if isinstance(self._declared, Grid):
            return self._picture(question, self._declared)
        return self._table(question) if self._text is None else self._words(question, self._text)

    def warm(self) -> None:
        """Explain a background record roughly, so that the first budget is not spent on what is done once."""
        first = {name: column[:1] for name, column in self._model.background.items()}
        self.explain(first, Options(samples=_WARM_SAMPLES))

    def _question(self, own: Columns, options: Options) -> Question:
        seconds = picture.SECONDS if isinstance(self._declared, Grid) else SECONDS
        budget = self._make_budget(seconds, options.samples)
        matrix = self._contract.matrix(own)
        outputs = self._model.whole(matrix)
        together = {
            name: np.concatenate([outputs[name], column]) for name, column in self._model.outputs.items()
        }
        chosen = target.choose(self._contract, together, field=options.target, column=options.column)
        values = chosen.values(self._contract, together)
        return Question(own, matrix, outputs, chosen, values, options, budget)

    def _answer(self, question: Question, matrix: Matrix) -> Values:
        return question.target.values(self._contract, self._model.quick(np.ascontiguousarray(matrix)))

    def _table(self, question: Question) -> Account:
        question.permit("auto", "sampling", "lime")

        def answer(columns: Columns) -> Values:
            try:
                mixed = self._contract.matrix(columns)
            except InvalidRecord as error:
                raise InvalidRecord(
                    "The record cannot be explained: mixed with others it has no features.",
                    errors=[FieldError("/instances", error.detail)],
                ) from error
            return self._answer(question, mixed)

        between = shares(self._contract, question.own, self._model.background)
        game = RecordGame(question.own, between, question.value, question.values[1:], answer)
        exact = self._summed(question, game) if question.options.method == "auto" else None
        return exact or self._played(question, game, lambda *found: attributions(game.parts, *found))

    def _summed(self, question: Question, game: RecordGame) -> Account | None:
        """The exact account of a sum over features, where it is one over parts of the record too."""
        form = self._model.form(question.target.name, question.values[1:])
        if form is None or not form.gives(question.matrix, question.values[:1]):
            return None
        if form.forest is not None and game.players > MOST_PLAYERS:
            return None
        mixtures = Mixtures(game, self._contract.matrix, question.matrix, self._model.matrix)
        found = form.contributions(mixtures, question.matrix, self._model.matrix, game.players)
        if found is None:
            return None
        value = float(form.sum(question.matrix)[0])
        return Account(
            method="linear" if form.forest is None else "trees",
            exact=True,
            target=question.target,
            scale=SCALES[form.link],
            # The mean of the background's sums, but for the last digits, which would spoil the addition.
            base_value=value - float(found.sum()),
            value=value,
            background=len(self._model.matrix),
            content=attributions(game.parts, found, np.zeros(len(found))),
        )

    def _played(self, question: Question, game: Game, content: Content) -> Account:
        generator = np.random.default_rng(question.seed(self._model.name))
        opponents = len(game.bases) if isinstance(game, RecordGame) else None
        if question.options.method == "lime":
            local = surrogate(game, question.budget, generator)
            return Account(
                method="lime",
                exact=False,
                target=question.target,
                base_value=local.intercept,
                value=question.value,
                background=opponents,
                evaluations=game.evaluations,
                fit=local.fit,
                content=content(local.contributions, local.errors),
            )
        found = shapley(game, question.budget, generator)
        return Account(
            method="coalitions" if found.exact else "sampling",
            exact=found.exact,
            target=question.target,
            base_value=float(game.bases.mean()),
            value=question.value,
            background=opponents,
            evaluations=game.evaluations,
            content=content(found.contributions, found.errors),
        )

    def _picture(self, question: Question, declared: Grid) -> Account:
        question.permit("auto", "occlusion", "sampling", "lime")

        def answer(matrix: Matrix) -> Values:
            return self._answer(question, matrix)

        if question.options.method in {"sampling", "lime"}:
            game = picture.PictureGame(question.matrix, declared, question.value, answer)
            return self._played(question, game, lambda *found: grid(game.shape, *found))
        seen = picture.occlusion(question.matrix, declared, question.value, answer, question.budget)
        return Account(
            method="occlusion",
            exact=False,
            target=question.target,
            base_value=float(answer(np.full_like(question.matrix, declared.ground))[0]),
            value=question.value,
            evaluations=seen.evaluations + 1,
            content=grid(seen.shape, seen.falls, None),
        )

    def _words(self, question: Question, field: str) -> Account:
        question.permit("auto", "leave-one-out", "sampling", "lime")
        if question.options.method == "auto" and isinstance(self._declared, Words):
            weights, total = question.outputs.get(_WEIGHTS), question.outputs.get(_SUM)
            if weights is not None and total is not None:
                return self._weighed(question, self._declared, weights, total)

        def answer(columns: Columns) -> Values:
            return self._answer(question, self._contract.matrix(columns))

        game = TextGame(question.own, field, question.value, answer)
        if question.options.method in {"sampling", "lime"}:
            return self._played(question, game, lambda *found: tokens(game.segments, *found))
        falls = game.left_out()
        return Account(
            method="leave-one-out",
            exact=False,
            target=question.target,
            base_value=float(game.bases[0]),
            value=question.value,
            evaluations=game.evaluations,
            content=tokens(game.segments, falls, None),
        )

    def _weighed(self, question: Question, declared: Words, weights: Any, total: Any) -> Account:
        value = float(np.asarray(total).reshape(-1)[0])
        found = weighed(declared.read(question.own), np.asarray(weights)[0].astype(np.float64))
        return Account(
            method="tokens",
            exact=True,
            target=question.target,
            scale=SCALES["logit"],
            base_value=value - float(found.contributions.sum()),
            value=value,
            evaluations=1,
            content=tokens(found.tokens, found.contributions, np.zeros(len(found.tokens))),
        )
