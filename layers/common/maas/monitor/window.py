"""Captured requests of some hours, read back as columns."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.monitor.answers import Answers
from maas.monitor.captures import MOST_OBJECTS, Row, hourly, rows
from maas.monitor.sample import Sample
from maas.store import ObjectStore

MOST_ROWS = 20_000
"""Read of one window; more would change no figure that matters."""


@dataclass(frozen=True, eq=False)
class Window:
    """The requests that one version answered between two moments.

    Attributes:
        begin: The first moment, in UTC.
        end: The first moment after it.
        times: Of the requests, shape (n,).
        ids: Of the predictions, shape (n,).
        signals: Shape (n, s); NaN where a signal is not kept.
        predictions: What was answered.
        instances: What was asked, without what is masked.
        milliseconds: What the answers took, shape (n,).
        other_versions: Rows left out because another version answered.
        broken: Lines that could not be read.
    """

    begin: datetime
    end: datetime
    times: tuple[datetime, ...] = ()
    ids: tuple[str, ...] = ()
    signals: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    predictions: tuple[dict[str, Any], ...] = ()
    instances: tuple[dict[str, Any], ...] = ()
    milliseconds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    other_versions: int = 0
    broken: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def hours(self) -> float:
        """Its length."""
        return (self.end - self.begin) / timedelta(hours=1)

    def last(self, hours: float) -> "Window":
        """The part of it that is its last hours."""
        begin = self.end - timedelta(hours=hours)
        kept = np.flatnonzero([time >= begin for time in self.times])
        return replace(
            self,
            begin=begin,
            times=tuple(self.times[row] for row in kept),
            ids=tuple(self.ids[row] for row in kept),
            signals=self.signals[kept],
            predictions=tuple(self.predictions[row] for row in kept),
            instances=tuple(self.instances[row] for row in kept),
            milliseconds=self.milliseconds[kept],
        )


def read_window(
    store: ObjectStore, model: str, *, answers: Answers, signals: int, begin: datetime, end: datetime
) -> Window:
    """Read what was captured of a version, evenly thinned where it is much; `answers` sees all of it.

    Raises:
        MaasError: S3 does not answer, or refuses.
    """
    kept = Sample[Row](MOST_ROWS)
    others = broken = 0
    for row in rows(store, Sample(MOST_OBJECTS, hourly(store, model, begin, end))):
        if row is None:
            broken += 1
            continue
        if not begin <= row.time < end:
            continue
        answers.take(row)
        if row.version != answers.version or len(row.signals) != signals:
            others += 1
            continue
        kept.add(row)
    chosen = list(kept)
    return Window(
        begin,
        end,
        tuple(row.time for row in chosen),
        tuple(row.id for row in chosen),
        np.array([row.signals for row in chosen], dtype=np.float64).reshape(len(chosen), signals),
        tuple(row.prediction for row in chosen),
        tuple(row.instance for row in chosen),
        np.array([row.milliseconds for row in chosen], dtype=np.float64),
        others,
        broken,
    )
