"""A local surrogate: a linear model of which players were kept, fitted to the answers around one record.

Source: M. Ribeiro, S. Singh and C. Guestrin, "Why should I trust you? Explaining the predictions of any
classifier", KDD 2016, with its kernel and its ridge. Players are left out at random; what stands for them is
a random background record's.
"""

from dataclasses import dataclass

import numpy as np

from maas.explain.budget import Budget
from maas.explain.game import Game, Values

KERNEL_WIDTH = 0.75  # times the root of the number of players
RIDGE = 1.0
LEAST_SAMPLES = 64
MOST_SAMPLES = 4096
_PER_SAMPLE = 8


@dataclass(frozen=True, slots=True)
class Surrogate:
    """A linear model around one record.

    Attributes:
        contributions: What keeping a player adds, shape (players,).
        errors: Their standard errors.
        intercept: The surrogate's answer with every player left out.
        fit: The share of the answers' weighted variance that it explains (R squared); what differs between
            background records is part of the rest.
    """

    contributions: Values
    errors: Values
    intercept: float
    fit: float


def surrogate(game: Game, budget: Budget, generator: np.random.Generator) -> Surrogate:
    """Sample around the record while the budget lasts, then fit.

    Raises:
        TooSlow: A number of samples was asked for that cannot be taken in time.
    """
    active = game.active
    contributions, errors = np.zeros(game.players), np.zeros(game.players)
    if not len(active):
        return Surrogate(contributions, errors, game.value, 1.0)
    kept = np.zeros((0, len(active)))
    values = np.zeros(0)
    before = budget.spent()
    wanted = None if budget.samples is None else budget.samples * _PER_SAMPLE
    more = LEAST_SAMPLES if wanted is None else min(LEAST_SAMPLES, wanted)
    while more:
        chosen = generator.random((more, len(active))) < 0.5  # noqa: PLR2004 - heads
        full = np.zeros((more, game.players), np.bool_)
        full[:, active] = chosen
        rows = generator.integers(len(game.bases), size=more)
        kept, values = np.vstack([kept, chosen]), np.append(values, game.play(full, rows))
        if wanted is not None:
            more = min(len(values), wanted - len(values))
            budget.allow(more, len(values))
        elif len(values) >= MOST_SAMPLES or budget.spent() - before > budget.left():
            break
        else:
            more = len(values)
    # The record itself, at distance 0, anchors the surrogate.
    kept, values = np.vstack([kept, np.ones(len(active))]), np.append(values, game.value)
    contributions[active], errors[active], intercept, fit = _fitted(kept, values)
    return Surrogate(contributions, errors, intercept, fit)


def _fitted(kept: Values, values: Values) -> tuple[Values, Values, float, float]:
    count = kept.shape[1]
    distance = np.sqrt((1 - kept).sum(axis=1))
    weights = np.sqrt(np.exp(-((distance / (KERNEL_WIDTH * np.sqrt(count))) ** 2)))
    weights /= weights.sum()
    middle, mean = weights @ kept, float(weights @ values)
    design, target = kept - middle, values - mean
    normal = design.T @ (design * weights[:, None])
    inverse = np.linalg.inv(normal + RIDGE / len(values) * np.eye(count))
    slopes = inverse @ (design.T @ (weights * target))
    residuals = target - design @ slopes
    # Heteroscedastic: answers vary more far from the record than near it (White, 1980).
    scores = design * (weights * residuals)[:, None]
    covariance = inverse @ (scores.T @ scores) @ inverse
    variance = float(weights @ target**2)
    fit = 1.0 if variance == 0 else 1 - float(weights @ residuals**2) / variance
    return slopes, np.sqrt(np.diag(covariance).clip(0)), float(mean - middle @ slopes), fit
