"""Shapley values of games whose values are known, and what sampling costs and promises."""

import math
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from maas.explain.budget import SECONDS, Budget, TooSlow
from maas.explain.parts import Mask
from maas.explain.shapley import LEAST_PAIRS, Sampled, enumerated, shapley, spread

quick = settings(max_examples=40, derandomize=True, deadline=None)


@dataclass
class Weights:
    """Players' weights, against opponents with weights of their own; pairs and threes of players count too.

    Attributes:
        own: Shape (players,).
        others: Shape (opponents, players).
        bent: How much products count.
    """

    own: NDArray[np.float64]
    others: NDArray[np.float64]
    bent: float = 1.0
    evaluations: int = field(default=0)

    def __post_init__(self) -> None:
        self.players = len(self.own)
        self.value = float(self._of(self.own[None])[0])
        self.bases = self._of(self.others)

    @property
    def active(self) -> NDArray[np.intp]:
        return np.flatnonzero((self.own != self.others).any(axis=0))

    def play(self, kept: Mask, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        self.evaluations += len(kept)
        return self._of(np.where(kept, self.own, self.others[rows]))

    def _of(self, mixed: NDArray[np.float64]) -> NDArray[np.float64]:
        pairs = (mixed * np.roll(mixed, 1, axis=1)).sum(axis=1)
        threes = (mixed * np.roll(mixed, 1, axis=1) * np.roll(mixed, 2, axis=1)).sum(axis=1)
        return np.asarray(mixed.sum(axis=1) + self.bent * (pairs + threes))


def weights(players: int, opponents: int, seed: int = 0, bent: float = 1.0) -> Weights:
    source = np.random.default_rng(seed)
    return Weights(source.normal(size=players), source.normal(size=(opponents, players)), bent)


def by_definition(game: Weights) -> NDArray[np.float64]:
    """The mean over all orders and all opponents of what each player adds."""
    found = np.zeros(game.players)
    orders = list(permutations(range(game.players)))
    for order in orders:
        kept = np.zeros((game.players + 1, game.players), np.bool_)
        for step, player in enumerate(order):
            kept[step + 1 :, player] = True
        for row in range(len(game.bases)):
            values = game.play(kept, np.full(len(kept), row))
            found[list(order)] += np.diff(values)
    return found / len(orders) / len(game.bases)


@pytest.mark.parametrize("players", [1, 2, 5])
def test_enumeration_is_the_definition(players: int) -> None:
    """Weighted differences of coalitions are the mean over orders, as Shapley defined it."""
    game = weights(players, 3)
    found = enumerated(game, np.arange(players))
    np.testing.assert_allclose(found, by_definition(game), atol=1e-12)


@quick
@given(
    players=st.integers(1, 12),
    opponents=st.integers(1, 20),
    seed=st.integers(0, 10**6),
    samples=st.integers(2, 24),
)
def test_contributions_always_add_up(players: int, opponents: int, seed: int, samples: int) -> None:
    """Whatever the game and however few the samples: they sum to the answer minus the mean answer."""
    game = weights(players, opponents, seed)
    found = shapley(game, Budget(0.0, samples), np.random.default_rng(seed))
    assert found.contributions.sum() == pytest.approx(game.value - game.bases.mean(), abs=1e-9)
    assert (found.errors >= 0).all()
    if found.exact:
        assert not found.errors.any()


@quick
@given(players=st.integers(2, 8), seed=st.integers(0, 10**6))
def test_players_that_change_nothing_get_nothing(players: int, seed: int) -> None:
    """Who is like every opponent contributes exactly 0; who adds a constant contributes just that."""
    game = weights(players, 8, seed)
    game.own[0] = 5.0
    game.others[:, 0] = 5.0
    game = Weights(game.own, game.others)
    found = shapley(game, Budget(0.0, 8), np.random.default_rng(seed))
    assert found.contributions[0] == 0
    plain = weights(players, 8, seed, bent=0.0)
    sampled = Sampled(plain, np.arange(players), np.random.default_rng(seed))
    sampled.take(8)
    expected = plain.own - plain.others.mean(axis=0)
    np.testing.assert_allclose(sampled.result(plain.value - plain.bases.mean())[0], expected, atol=1e-9)


def test_equal_players_get_equal_shares() -> None:
    """Symmetry: exchanging two players exchanges their contributions."""
    game = weights(5, 4)
    swapped = Weights(game.own[[4, 3, 2, 1, 0]], game.others[:, [4, 3, 2, 1, 0]])
    np.testing.assert_allclose(
        enumerated(game, np.arange(5)), enumerated(swapped, np.arange(5))[::-1], atol=1e-12
    )


@pytest.mark.parametrize("samples", [16, 32, 64, 128])
def test_reported_errors_contain_the_truth(samples: int) -> None:
    """Of many players in many games, more than 90 % lie within two reported errors, nearly all in four."""
    within = []
    for seed in range(40):
        game = weights(9, 32, seed)
        truth = enumerated(game, np.arange(9))
        sampled = Sampled(game, np.arange(9), np.random.default_rng(seed))
        sampled.take(samples)
        found, errors = sampled.result(game.value - game.bases.mean())
        within.append(np.abs(found - truth) / errors)
    ratio = np.concatenate(within)
    assert np.mean(ratio <= 2) > 0.9
    assert np.mean(ratio <= 4) > 0.99


def test_errors_shrink_with_samples() -> None:
    """Four times the samples, at most about half the error."""
    game, reported = weights(9, 16), []
    for samples in (32, 128, 512):
        sampled = Sampled(game, np.arange(9), np.random.default_rng(0))
        sampled.take(samples)
        reported.append(sampled.result(None)[1].mean())
    assert reported[0] > 1.5 * reported[1] > 2.25 * reported[2]


def test_same_seed_same_samples() -> None:
    """The same generator gives the same figures; more samples begin with the same ones."""
    game = weights(10, 16)
    first, again = (shapley(game, Budget(0.0, 32), np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.contributions, again.contributions)
    few, many = (Sampled(game, np.arange(10), np.random.default_rng(7)) for _ in range(2))
    few.take(4)
    many.take(4)
    many.take(4)
    np.testing.assert_array_equal(few._estimates[0], many._estimates[0])


@pytest.mark.parametrize("cost", [1e-6, 5e-6, 2e-5, 1e-4])
def test_a_budget_is_kept_whatever_an_evaluation_costs(cost: float) -> None:
    """With a clock that counts evaluations: no more of them than fit the seconds, and most of these used."""
    game = weights(14, 64)
    budget = Budget(SECONDS, clock=lambda: game.evaluations * cost)
    shapley(game, budget, np.random.default_rng(0))
    assert game.evaluations * cost <= SECONDS
    full = 512 * 2 * 15  # both ends of each order included, which this game does not spare
    assert game.evaluations > min(full, SECONDS / cost) / 4


def test_a_slow_model_is_asked_for_the_least_only() -> None:
    """Where one evaluation takes longer than the budget, two pairs of orders are all there is."""
    game = weights(6, 64)
    shapley(game, Budget(SECONDS, clock=lambda: float(game.evaluations)), np.random.default_rng(0))
    assert game.evaluations == LEAST_PAIRS * 2 * 7


def test_precise_results_cost_no_more_than_they_must() -> None:
    """Where orders do not matter, sampling ends when every opponent was met."""
    game = weights(20, 16, bent=0.0)
    shapley(game, Budget(math.inf, clock=lambda: 0.0), np.random.default_rng(0))
    assert game.evaluations <= 32 * 2 * 21


@quick
@given(count=st.integers(1, 70), seed=st.integers(0, 1000))
def test_opponents_are_met_in_turn_and_evenly(count: int, seed: int) -> None:
    """Each once; of a power of two, each beginning has one in every stretch of the ordered answers."""
    bases = np.random.default_rng(seed).normal(size=count)
    order = spread(bases, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(count))
    if count in {2, 4, 8, 16, 32, 64}:
        ranks = np.argsort(np.argsort(bases))[order]
        half = count // 2
        assert sorted((ranks[:half] // 2).tolist()) == list(range(half))


@pytest.mark.parametrize("seconds", [1.0, 64.0, 127.0, 128.0])
def test_samples_are_taken_in_time_or_refused(seconds: float) -> None:
    """Nothing is begun that would not be done in time, judged by what the first ones took."""
    game = weights(10, 32)
    budget = Budget(0.0, 128, wall=lambda: float(game.evaluations))
    budget.until = seconds * (per_pair := 2 * (game.players + 1))
    if seconds < 128:
        with pytest.raises(TooSlow):
            shapley(game, budget, np.random.default_rng(0))
    else:
        shapley(game, budget, np.random.default_rng(0))
        assert game.evaluations == 128 * per_pair
    assert game.evaluations <= max(budget.until, LEAST_PAIRS * per_pair)
