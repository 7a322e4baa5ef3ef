"""Folds that judge by attacks that were not learnt: what tomorrow's attacks will be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.security_event.attack import NORMAL
from models.table import Table
from models.validation import Fold, Rows, Stratified


@dataclass(frozen=True)
class UnseenAttacks:
    """Attacks are dealt by name, so that none is on both sides; normal rows are dealt one by one.

    Names are dealt in order of their rows, so that every part has frequent ones and rare ones. A table
    with fewer names than parts is divided row by row instead, each part with its share of each name.

    Attributes:
        n_folds: Folds of cross-validation, at least 2.
        parts: Parts that the names are dealt to, of which one is held out for the final figures.
        seed: Of the dealing.
    """

    n_folds: int = 4
    parts: int = 4
    seed: int = 0

    def hold_out(self, table: Table) -> Fold:
        """The second part: not the one with the most frequent attack, nor the one with the fewest rows."""
        return self._dealt(table, self.parts)[1]

    def folds(self, table: Table) -> Sequence[Fold]:
        """Folds; every attack is judged once, by a model that has not seen it."""
        return self._dealt(table, self.n_folds)

    def _dealt(self, table: Table, parts: int) -> Sequence[Fold]:
        names, counts = np.unique(table.target.astype(str), return_counts=True)
        attacks = names[names != NORMAL][np.argsort(-counts[names != NORMAL], kind="stable")]
        if len(attacks) < parts:
            rows = replace(table, groups=None)
            return Stratified(n_folds=parts, seed=self.seed).folds(rows)
        part: Rows = np.random.default_rng(self.seed).permutation(len(table)) % parts
        for turn, name in enumerate(attacks):
            part[table.target == name] = turn % parts
        return [Fold(np.flatnonzero(part != one), np.flatnonzero(part == one)) for one in range(parts)]
