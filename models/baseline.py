"""Naive methods: what a model has to beat before it is worth its keep."""

from dataclasses import dataclass

import numpy as np

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
        """The same number for every row."""
        return {self.output: np.full(len(asked), float(np.mean(learnt.target)))}


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
