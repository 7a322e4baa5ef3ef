"""Naive methods: what a model has to beat before it is worth its keep."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns
from maas.errors import DataError
from maas.preprocessing.imputation import SeasonalProfile
from models.table import Table


@dataclass(frozen=True)
class HourOfWeekMean:
    """The mean of the same hour on the same weekday."""

    output: str
    name: str = "hour-by-weekday mean"

    def predict(self, learnt: Table, asked: Table) -> Columns:
        """Means of one table, looked up for another; both need times."""
        if learnt.times is None or asked.times is None:
            raise DataError(f"{asked.data.name}: no times for {self.name}")
        return {self.output: SeasonalProfile.fit(learnt.times, learnt.target).at(asked.times)}


@dataclass(frozen=True)
class Mean:
    """The mean of the target."""

    output: str
    name: str = "mean"

    def predict(self, learnt: Table, asked: Table) -> Columns:
        """The same number, or the same k numbers, for every row."""
        mean = np.mean(learnt.target, axis=0, dtype=np.float64)
        return {self.output: np.full((len(asked), *np.shape(mean)), mean)}


@dataclass(frozen=True)
class MostFrequent:
    """The most frequent class."""

    output: str
    name: str = "most frequent class"

    def predict(self, learnt: Table, asked: Table) -> Columns:
        """The same class for every row."""
        classes, counts = np.unique(learnt.target, return_counts=True)
        answer = np.empty(len(asked), classes.dtype)
        answer[:] = classes[counts.argmax()]
        return {self.output: answer}


@dataclass(frozen=True)
class FrequencyByValue:
    """The share of the ones among the rows with the same value of one field.

    Attributes:
        output: The prediction's field.
        value: Reads the value from the columns, shape (n,).
        name: For people.
    """

    output: str
    value: Callable[[Columns], NDArray[Any]]
    name: str

    def predict(self, learnt: Table, asked: Table) -> Columns:
        """Shares of one table, looked up for another; the share of all where a value is new."""
        values, places = np.unique(self.value(learnt.columns), return_inverse=True)
        shares = np.bincount(places, learnt.target) / np.bincount(places)
        known = dict(zip(values.tolist(), shares.tolist(), strict=True))
        everywhere = float(learnt.target.mean())
        return {
            self.output: np.array([known.get(one, everywhere) for one in self.value(asked.columns).tolist()])
        }


@dataclass(frozen=True)
class Persistence:
    """What was measured last goes on.

    Attributes:
        latest: Reads the prediction's fields from the columns.
        name: For people.
    """

    latest: Callable[[Columns], Columns]
    name: str = "persistence"

    def predict(self, learnt: Table, asked: Table) -> Columns:
        """The asked rows' own last readings; nothing is learnt."""
        del learnt
        return self.latest(asked.columns)
