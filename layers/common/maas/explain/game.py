"""What is explained, as a game: players that are kept or replaced, and the value of every such coalition.

Source: L. Shapley, "A value for n-person games", 1953; E. Strumbelj and I. Kononenko, "Explaining prediction
models and individual predictions with feature contributions", 2014 (players replaced by a background's).
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from maas.contract import Column, Columns
from maas.explain.parts import Mask, Part, Share

type Values = NDArray[np.float64]
type Rows = NDArray[np.intp]


class Game(Protocol):
    """A record's players against B opponents, which take the place of players that are left out.

    Attributes:
        players: How many.
        value: The answer for the record.
        bases: The answer for each opponent alone, shape (B,).
        evaluations: Records that the model has computed for this game so far.
    """

    players: int
    value: float
    bases: Values
    evaluations: int

    @property
    def active(self) -> NDArray[np.intp]:
        """The players that differ from an opponent; others can change nothing."""
        ...

    def play(self, kept: Mask, rows: Rows) -> Values:
        """The answers with the players `kept` (n, players) against the opponents `rows` (n,); shape (n,)."""
        ...


class RecordGame:
    """A record's parts against the same parts of B background records.

    Args:
        own: The record, columns of one row.
        shares: Its fields beside the background's.
        value: The answer for it.
        bases: The answers for the background, shape (B,).
        answer: Gives the answers for n records, as columns.
    """

    def __init__(
        self,
        own: Columns,
        shares: list[Share],
        value: float,
        bases: Values,
        answer: Callable[[Columns], Values],
    ) -> None:
        self.parts: list[Part] = [part for share in shares for part in share.parts]
        self.players = len(self.parts)
        self.value, self.bases = value, bases
        self.evaluations = 0
        self._own, self._shares, self._answer = own, shares, answer
        self.differs = np.hstack([share.differs() for share in shares])

    @property
    def active(self) -> NDArray[np.intp]:
        """The parts that differ from some background record's."""
        return np.flatnonzero(self.differs.any(axis=0))

    def mixed(self, kept: Mask, rows: Rows) -> Columns:
        """Records with the own parts where `kept`, and those of the background's `rows` elsewhere."""
        columns: dict[str, Column] = {}
        start = 0
        for share in self._shares:
            end = start + len(share.parts)
            columns[share.name] = share.mixed(kept[:, start:end], rows)
            start = end
        return columns

    def play(self, kept: Mask, rows: Rows) -> Values:
        """As in Game; equal records are computed once, the record itself and the background never again."""
        differs = self.differs[rows]
        kept = kept | ~differs
        first, inverse = _distinct(kept, rows)
        kept, rows, differs = kept[first], rows[first], differs[first]
        values = self.bases[rows]
        values[kept.all(axis=1)] = self.value
        unknown = np.flatnonzero((kept & differs).any(axis=1) & ~kept.all(axis=1))
        if len(unknown):
            values[unknown] = self._answer(self.mixed(kept[unknown], rows[unknown]))
            self.evaluations += len(unknown)
        return values[inverse]


def _distinct(kept: Mask, rows: Rows) -> tuple[Rows, Rows]:
    """The first of each distinct pair of coalition and row, and the number of every pair's first."""
    packed = np.packbits(kept, axis=1)
    keys = np.ascontiguousarray(np.hstack([packed, rows.astype("<u2").view(np.uint8).reshape(-1, 2)]))
    _, first, inverse = np.unique(
        keys.view(np.dtype((np.void, keys.shape[1]))).reshape(-1), return_index=True, return_inverse=True
    )
    return first, inverse
