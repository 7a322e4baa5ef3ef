"""Shapley values of a game: over every coalition where they are few, else over sampled orders of players.

Orders come in pairs, an order and its reverse, each pair against another opponent, spread evenly over their
answers. Source: R. Mitchell and others, "Sampling permutations for Shapley value estimation", JMLR 2022
(antithetic sampling). Paired Kernel SHAP was measured beside it: see docs/explanations.md.
"""

import math
from dataclasses import dataclass

import numpy as np

from maas.explain.budget import MOST_SAMPLES, Budget
from maas.explain.game import Game, Rows, Values
from maas.explain.parts import Mask

LEAST_PAIRS = 2
MOST_EVALUATIONS = 8192  # for every coalition against every opponent
PRECISE = 0.005  # of the sum of all contributions: a smaller error is worth no more computing
_RARE = 2.0  # measured: with it, 95 % of contributions lie within two errors of the truth
_AT_ONCE = 64  # pairs; bounds the memory


@dataclass(frozen=True, slots=True)
class Shapley:
    """Contributions of players, shape (players,), their standard errors, and whether chance had no part."""

    contributions: Values
    errors: Values
    exact: bool


def shapley(game: Game, budget: Budget, generator: np.random.Generator) -> Shapley:
    """What each player contributes to `game.value - game.bases.mean()`, to which they always sum.

    The first samples tell what one costs. Each further round doubles their number while the budget lasts:
    the same game and generator give the same samples, only how many depends on the machine.

    Raises:
        TooSlow: A number of samples was asked for that cannot be taken in time.
    """
    active, total = game.active, game.value - float(game.bases.mean())
    contributions, errors = np.zeros(game.players), np.zeros(game.players)
    if len(active) < 2:  # noqa: PLR2004 - nobody to share with
        contributions[active] = total
        return Shapley(contributions, errors, exact=True)
    before, sampled = budget.spent(), Sampled(game, active, generator)
    pairs = LEAST_PAIRS if budget.samples is None else min(LEAST_PAIRS, budget.samples)
    while pairs:
        sampled.take(pairs)
        if sampled.taken == pairs and _coalitions_fit(game, len(active), sampled, budget, before):
            contributions[active] = enumerated(game, active)
            return Shapley(contributions, errors, exact=True)
        if budget.samples is not None:
            pairs = min(sampled.taken, budget.samples - sampled.taken)
            budget.allow(pairs, sampled.taken)
        elif sampled.taken == MOST_SAMPLES or budget.spent() - before > budget.left() or sampled.precise():
            break
        else:
            pairs = sampled.taken
    contributions[active], errors[active] = sampled.result(total)
    return Shapley(contributions, errors, exact=False)


class Sampled:
    """Contributions along sampled orders of the active players, one estimate for each pair of orders."""

    def __init__(self, game: Game, active: Rows, generator: np.random.Generator) -> None:
        self._game, self._active, self._generator = game, active, generator
        self._opponents = spread(game.bases, generator)
        self.taken = 0
        self._estimates: list[Values] = []

    def take(self, pairs: int) -> None:
        """Sample some more pairs."""
        for start in range(0, pairs, _AT_ONCE):
            self._estimates.append(self._along(min(_AT_ONCE, pairs - start)))

    def _along(self, pairs: int) -> Values:
        count = len(self._active)
        orders = np.argsort(self._generator.random((pairs, count)), axis=1)
        place = np.argsort(orders, axis=1)[:, None, :]
        step = np.arange(count + 1)[:, None]
        kept = np.zeros((pairs, 2, count + 1, self._game.players), np.bool_)
        kept[:, 0, :, self._active] = np.moveaxis(place < step, 2, 0)
        kept[:, 1, :, self._active] = np.moveaxis(place >= step, 2, 0)
        rows = self._opponents[np.arange(self.taken, self.taken + pairs) % len(self._opponents)]
        values = self._game.play(
            kept.reshape(-1, self._game.players), np.repeat(rows, 2 * (count + 1))
        ).reshape(pairs, 2, count + 1)
        gains = np.diff(values, axis=2)
        estimates = np.empty((pairs, count))
        np.put_along_axis(estimates, orders, (gains[:, 0] - gains[:, 1]) / 2, axis=1)
        self.taken += pairs
        return estimates

    def precise(self) -> bool:
        """Whether every opponent was met, and the errors are small beside the contributions."""
        if self.taken < len(self._opponents):
            return False
        contributions, errors = self.result(None)
        return bool(errors.max() <= PRECISE * np.abs(contributions).sum())

    def result(self, total: float | None) -> tuple[Values, Values]:
        """Means and standard errors; the means corrected to sum to `total`, most where least is known."""
        estimates = np.concatenate(self._estimates)
        means, variance = estimates.mean(axis=0), self._errors(estimates) ** 2
        if total is not None:
            weight = variance / variance.sum() if variance.any() else np.full(len(means), 1 / len(means))
            means = means + (total - means.sum()) * weight
        # Few samples do not show what is rare: a player without any effect so far may yet have one.
        return means, np.sqrt(variance + _RARE**2 * variance.mean() / len(estimates))

    def _errors(self, estimates: Values) -> Values:
        """Standard errors: chance lies in the orders, and in the opponents while not all were met."""
        count, opponents = len(estimates), len(self._opponents)
        if count % opponents == 0 and count > opponents:
            rounds = estimates.reshape(-1, opponents, estimates.shape[1])
            within: Values = rounds.var(axis=0, ddof=1).sum(axis=0) / len(rounds)
            # Few rounds do not know well how much they vary.
            met: Values = np.sqrt(within * (1 + 1 / len(rounds))) / opponents
            return met
        if count < 2:  # noqa: PLR2004 - one estimate does not vary
            return np.asarray(np.abs(estimates[0]))
        simple: Values = estimates.std(axis=0, ddof=1) / math.sqrt(count)
        if count <= opponents:
            # One of each stratum: neighbours' squared differences, halved, overstate the variance within.
            near = estimates[np.argsort(self._game.bases[self._opponents[:count]], kind="stable")]
            successive = np.sqrt((np.diff(near, axis=0) ** 2).sum(axis=0) / 2 / (count - 1) / count)
            simple = np.minimum(simple, successive)
        return simple


def spread(bases: Values, generator: np.random.Generator) -> Rows:
    """An order of opponents of which each beginning, of 2, 4, 8 ..., is spread evenly over their answers.

    The numbers in order of the answers, with their binary digits reversed (J. van der Corput, 1935) and
    turned over at random.
    """
    digits = max(len(bases) - 1, 1).bit_length()
    numbers = np.arange(1 << digits)
    reverse = sum(((numbers >> digit) & 1) << (digits - 1 - digit) for digit in range(digits))
    ranks = np.asarray(reverse) ^ int(generator.integers(1 << digits))
    order: Rows = np.argsort(bases, kind="stable")[ranks[ranks < len(bases)]]
    return order


def enumerated(game: Game, active: Rows) -> Values:
    """Every coalition of the active players against every opponent."""
    count, opponents = len(active), len(game.bases)
    inside: Mask = (np.arange(1 << count)[:, None] >> np.arange(count) & 1).astype(np.bool_)
    kept = np.zeros((len(inside), game.players), np.bool_)
    kept[:, active] = inside
    rows = np.tile(np.arange(opponents), len(inside))
    values = game.play(np.repeat(kept, opponents, axis=0), rows).reshape(-1, opponents).mean(axis=1)
    size = inside.sum(axis=1)
    weights = np.array([1 / (count * math.comb(count - 1, others)) for others in range(count)])
    contributions = np.empty(count)
    for place in range(count):
        without = np.flatnonzero(~inside[:, place])
        gains = values[without | 1 << place] - values[without]
        contributions[place] = weights[size[without]] @ gains
    return contributions


def _coalitions_fit(game: Game, count: int, sampled: Sampled, budget: Budget, before: float) -> bool:
    """Whether all coalitions cost no more than is left, judged by the samples taken."""
    needed = len(game.bases) << count
    if needed > MOST_EVALUATIONS:
        return False
    if budget.samples is not None:
        return needed <= 2 * budget.samples * (count - 1)
    cost = (budget.spent() - before) / max(2 * sampled.taken * (count - 1), 1)
    return needed * cost <= budget.left()
