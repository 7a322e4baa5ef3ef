"""Trees as boxes, and their exact interventional Shapley values.

Every leaf is a box: bounds on the features that lead to it. For one record and one background record a leaf
is reached by exactly those coalitions that keep the players it needs from the record (the background's
features lie outside the box) and leave out those it needs from the background. What such a leaf contributes
has a closed form. Source: S. Lundberg and others, "From local explanations to global understanding with
explainable AI for trees", 2020 (interventional TreeSHAP); here over groups of features and without recursion.
"""

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from maas.contract import Matrix
from maas.explain.game import Rows, Values

MOST_PLAYERS = 62
"""A set of players is one 64-bit number."""
_NOBODY = np.uint64(1 << 63)

type Sets = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Forest:
    """L leaves and their E bounds, leaf by leaf.

    Attributes:
        starts: The first bound of each leaf, shape (L,).
        features: The feature that each bound is on, shape (E,).
        lows: A value must be greater; shape (E,), float32.
        highs: A value must not be greater; shape (E,), float32.
        values: What each leaf adds, shape (L,).
    """

    starts: NDArray[np.int32]
    features: NDArray[np.int32]
    lows: NDArray[np.float32]
    highs: NDArray[np.float32]
    values: Values

    def sum(self, matrix: Matrix) -> Values:
        """The values of the leaves that n rows reach, summed over the trees, shape (n,)."""
        found = np.empty(len(matrix))
        for number, row in enumerate(matrix):
            reached = np.logical_and.reduceat(self._inside(row), self.starts)
            found[number] = self.values[reached].sum()
        return found

    def shapley(self, own: Matrix, others: Matrix, owners: Rows, players: int) -> Values:
        """As `Form.contributions`, of the trees alone.

        Raises:
            ValueError: There are more players than fit.
        """
        if players > MOST_PLAYERS:
            raise ValueError(f"{players} players, {MOST_PLAYERS} at most")
        bits = np.where(owners >= 0, np.uint64(1) << owners.clip(0).astype(np.uint64), _NOBODY)
        outside_own = self._outside(own[0], bits)
        contributions = np.zeros(players)
        for outside in self._outside_others(others, bits):
            contributions += _shared(outside_own, outside, self.values, players)
        return contributions / len(others)

    def _inside(self, row: NDArray[np.float32]) -> NDArray[np.bool_]:
        values = row[self.features]
        return np.asarray((values > self.lows) & (values <= self.highs))

    def _outside(self, row: NDArray[np.float32], bits: Sets) -> Sets:
        """The players whose features lie outside each leaf's box, shape (L,)."""
        broken = np.where(self._inside(row), np.uint64(0), bits[self.features])
        sets: Sets = np.bitwise_or.reduceat(broken, self.starts)
        return sets

    @cached_property
    def _held(self) -> dict[bytes, list[Sets]]:
        return {}

    def _outside_others(self, others: Matrix, bits: Sets) -> list[Sets]:
        # The background is the same for every record, and who owns which feature nearly so.
        key = bits.tobytes() + others.tobytes()
        if key not in self._held:
            self._held.clear()
            self._held[key] = [self._outside(row, bits) for row in others]
        return self._held[key]


def _shared(own: Sets, other: Sets, values: Values, players: int) -> Values:
    """What the players get of the leaves that some coalitions of two records reach."""
    alive = np.flatnonzero(((own & other) == 0) & (own != other))
    needed, refused = other[alive], own[alive]
    number_needed, number_refused = np.bitwise_count(needed), np.bitwise_count(refused)
    plus, minus = _shares()
    gain = values[alive] * plus[number_needed, number_refused]
    loss = values[alive] * minus[number_needed, number_refused]
    found = np.empty(players)
    for player in range(players):
        bit = np.uint64(1 << player)
        found[player] = gain[(needed & bit) != 0].sum() - loss[(refused & bit) != 0].sum()
    return found


@cache
def _shares() -> tuple[Values, Values]:
    """The share of each of n players needed, and of each of m refused, in a leaf's value."""
    size = MOST_PLAYERS + 1
    plus, minus = np.zeros((size, size)), np.zeros((size, size))
    for n in range(size):
        for m in range(size - n):
            if n:
                plus[n, m] = 1 / (n * math.comb(n + m, m))
            if m:
                minus[n, m] = 1 / (m * math.comb(n + m, n))
    return plus, minus
