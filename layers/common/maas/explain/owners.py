"""What single players change: the features, and with them whether a sum over features is one over players."""

from collections.abc import Callable

import numpy as np

from maas.contract import Columns, Matrix
from maas.explain.game import RecordGame, Rows, Values

_CLOSE = 1e-5  # of the sums: they are of float32 features


class Mixtures:
    """Every mixture with one part of the record alone, and with all parts but one.

    Args:
        game: The record's.
        features: Gives the matrix of n records.
        own: The record's features, shape (1, F).
        others: The background's, shape (B, F).
    """

    def __init__(
        self, game: RecordGame, features: Callable[[Columns], Matrix], own: Matrix, others: Matrix
    ) -> None:
        self._active, self._players = game.active, game.players
        self._own, self._others = own, others
        opponents = len(others)
        rows = np.tile(np.arange(opponents), len(self._active))
        alone = np.zeros((len(self._active), game.players), np.bool_)
        alone[np.arange(len(self._active)), self._active] = True
        shape = (len(self._active), opponents, own.shape[1])
        self._alone, self._without = (
            features(game.mixed(np.repeat(kept, opponents, axis=0), rows)).reshape(shape)
            if len(self._active)
            else np.zeros(shape, np.float32)
            for kept in (alone, ~alone)
        )

    def owners(self) -> Rows | None:
        """The player that each feature is made of, -1 where record and background agree; shape (F,).

        None where some feature is made of several players at once.
        """
        own, others, active = self._own, self._others, self._active
        changed = (self._alone != others).any(axis=1)
        lost = (self._without != own).any(axis=1)
        if (changed.sum(axis=0) > 1).any() or (lost.sum(axis=0) > 1).any():
            return None
        found = np.full(own.shape[1], -1)
        if len(active):
            found = np.where(changed.any(axis=0), active[changed.argmax(axis=0)], -1)
        # Put together from their owners, the features must be those of the record or of the background.
        its = found == active[:, None, None]
        if not (
            np.array_equal(self._alone, np.where(its, own, others))
            and np.array_equal(self._without, np.where(its, others, own))
        ):
            return None
        unowned = found < 0
        return None if (own[:, unowned] != others[:, unowned]).any() else found

    def gains(self, weigh: Callable[[Matrix], Values]) -> Values | None:
        """What each player adds to a number made of the features, averaged over the background; (players,).

        None where it is not the same whoever else is kept: then the number is no sum over players.

        Args:
            weigh: Gives the number for n rows of features.
        """
        own, others = weigh(self._own), weigh(self._others)
        shape = self._alone.shape[:2]
        gained = weigh(self._alone.reshape(-1, self._own.shape[1])).reshape(shape) - others
        lost = own - weigh(self._without.reshape(-1, self._own.shape[1])).reshape(shape)
        scale = 1 + float(np.abs(np.concatenate([own, others])).max())
        differ = np.abs(gained - lost).max(initial=0), np.abs(gained.sum(axis=0) - (own - others)).max()
        if max(differ) > _CLOSE * scale:
            return None
        found = np.zeros(self._players)
        found[self._active] = gained.mean(axis=1)
        return found
