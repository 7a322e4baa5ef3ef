"""Ways to divide a table into rows to learn from and rows to judge by, without leaks between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from maas.errors import DataError
from models.table import Table

Rows = NDArray[np.intp]


class Fold(NamedTuple):
    """Row numbers to fit on and to judge by; disjoint."""

    train: Rows
    test: Rows


class Splitter(Protocol):
    """Divides a table twice: once to hold out the judging part, then the rest for choosing a candidate."""

    def hold_out(self, table: Table) -> Fold:
        """The part kept for the final figures, as `test`."""
        ...

    def folds(self, table: Table) -> Sequence[Fold]:
        """The folds of cross-validation."""
        ...


@dataclass(frozen=True)
class TimeOrdered:
    """What is judged is always later than what is learnt; a unit of time is never cut in two.

    Whole units, so that rows of the same hour (one per weather report, say) stay on one side.

    Attributes:
        n_folds: Folds, each learning from everything before it (an expanding window).
        held_out: Share of the units, the latest, to hold out.
        unit: NumPy's code of the unit, such as "D".
        gap: Units left out just before what is judged: as long as targets lie ahead of their rows.
    """

    n_folds: int = 3
    held_out: float = 0.25
    unit: str = "D"
    gap: int = 0

    def hold_out(self, table: Table) -> Fold:
        """The latest `held_out` of the units."""
        units = self._units(table)
        distinct = np.unique(units)
        cut = max(1, round(len(distinct) * (1 - self.held_out)))
        if cut >= len(distinct):
            raise DataError(f"{table.data.name}: {len(distinct)} units of time are too few to hold any out")
        return _around(units, distinct[cut], None, self.gap)

    def folds(self, table: Table) -> list[Fold]:
        """Expanding windows over `n_folds` + 1 stretches with about equally many units."""
        units = self._units(table)
        distinct = np.unique(units)
        if len(distinct) <= self.n_folds:
            raise DataError(f"{table.data.name}: {len(distinct)} units of time for {self.n_folds} folds")
        starts = [stretch[0] for stretch in np.array_split(distinct, self.n_folds + 1)]
        return [
            _around(units, begin, end, self.gap)
            for begin, end in zip(starts[1:], [*starts[2:], None], strict=True)
        ]

    def _units(self, table: Table) -> NDArray[Any]:
        if table.times is None:
            raise DataError(f"{table.data.name}: no times to order by")
        return table.times.astype(f"datetime64[{self.unit}]")


@dataclass(frozen=True)
class Grouped:
    """Groups are dealt at random, and none is on both sides; without groups every row is its own.

    Attributes:
        n_folds: Folds of cross-validation, at least 2.
        held_out: Share of the groups to hold out.
        seed: Of the dealing.
    """

    n_folds: int = 5
    held_out: float = 0.2
    seed: int = 0

    def hold_out(self, table: Table) -> Fold:
        """A random `held_out` of the groups."""
        groups, dealt = self._dealt(table)
        count = max(1, round(len(dealt) * self.held_out))
        return _by_group(groups, dealt[:count])

    def folds(self, table: Table) -> list[Fold]:
        """K folds; every group is judged once."""
        groups, dealt = self._dealt(table)
        return [_by_group(groups, part) for part in np.array_split(dealt, self.n_folds)]

    def _dealt(self, table: Table) -> tuple[Rows, Rows]:
        if table.groups is None:
            groups = np.arange(len(table))
        else:
            groups = np.unique(table.groups, return_inverse=True)[1]
        dealt = np.random.default_rng(self.seed).permutation(int(groups.max()) + 1)
        if len(dealt) <= self.n_folds:
            raise DataError(f"{table.data.name}: {len(dealt)} groups for {self.n_folds} folds")
        return groups, dealt


@dataclass(frozen=True)
class Stratified:
    """Every part has the classes in the proportions of the whole; groups are never cut in two.

    A group counts with the class of its first row; without groups every row is its own.

    Attributes:
        n_folds: Folds of cross-validation, at least 2.
        held_out: Share of each class to hold out.
        repeats: How often the folds are dealt anew; small tables need it for a steady choice.
        seed: Of the dealing.
    """

    n_folds: int = 5
    held_out: float = 0.2
    repeats: int = 1
    seed: int = 0

    def hold_out(self, table: Table) -> Fold:
        """A random `held_out` of the groups of each class."""
        groups, dealt = self._dealt(table, self.seed)
        turn = np.arange(len(dealt))
        # Where the running share passes a whole number: evenly along the classes, one after the other.
        held = np.floor((turn + 1) * self.held_out) > np.floor(turn * self.held_out)
        return _by_group(groups, dealt[held])

    def folds(self, table: Table) -> list[Fold]:
        """`n_folds` folds, `repeats` times; each time every group is judged once."""
        found = []
        for repeat in range(self.repeats):
            groups, dealt = self._dealt(table, self.seed + 1 + repeat)
            found += [_by_group(groups, dealt[fold :: self.n_folds]) for fold in range(self.n_folds)]
        return found

    def _dealt(self, table: Table, seed: int) -> tuple[Rows, Rows]:
        """The group of each row, and all groups in random order within each class, class by class."""
        labels = np.unique(table.target, return_inverse=True)[1]
        if table.groups is None:
            groups = np.arange(len(table))
        else:
            _, first, groups = np.unique(table.groups, return_index=True, return_inverse=True)
            labels = labels[first]
        if len(labels) < self.n_folds:
            raise DataError(f"{table.data.name}: {len(labels)} groups for {self.n_folds} folds")
        shuffled = np.random.default_rng(seed).permutation(len(labels))
        return groups, shuffled[np.argsort(labels[shuffled], kind="stable")]


@dataclass(frozen=True)
class Sampled:
    """Another splitter's held-out part, and its first folds with a random part of their rows.

    For methods that take minutes to fit: candidates that differ much are told apart by less.

    Attributes:
        splitter: The other one.
        rows: Of a fold at most, to fit on and to judge by together.
        share: Of a fold's rows at most.
        n_folds: Folds to use.
        seed: Of the choice of rows.
    """

    splitter: Splitter
    rows: int
    share: float = 1.0
    n_folds: int = 1
    seed: int = 0

    def hold_out(self, table: Table) -> Fold:
        """The other splitter's."""
        return self.splitter.hold_out(table)

    def folds(self, table: Table) -> list[Fold]:
        """The first folds, each cut to its random part."""
        share = min(self.share, self.rows / len(table))
        generator = np.random.default_rng(self.seed)

        def part(rows: Rows) -> Rows:
            return np.sort(generator.choice(rows, max(1, int(len(rows) * share)), replace=False))

        return [
            Fold(part(fold.train), part(fold.test)) for fold in self.splitter.folds(table)[: self.n_folds]
        ]


def _around(units: NDArray[Any], begin: Any, end: Any, gap: int) -> Fold:
    tested = units >= begin
    if end is not None:
        tested &= units < end
    unit: Any = np.datetime_data(units.dtype)
    ahead = np.timedelta64(gap, unit)
    return Fold(np.flatnonzero(units < begin - ahead), np.flatnonzero(tested))


def _by_group(groups: Rows, chosen: Rows) -> Fold:
    tested = np.isin(groups, chosen)
    return Fold(np.flatnonzero(~tested), np.flatnonzero(tested))
