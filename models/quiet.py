"""What the monitor is to know of the training data: signals, ranges, and how its quiet stretches varied."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns, Contract
from maas.field import Field
from maas.manifest import Distribution
from maas.metrics import quantile_edges
from maas.monitor.drift import Figures, Reference, figures, settled
from maas.monitor.limits import LEAST
from maas.monitor.score import ERRORS, JUDGED, base_of
from maas.monitoring import Histogram, Monitoring, Quiet
from maas.signals import PREDICTION, Signals
from maas.truth import outcomes_of
from models.evaluation import Evaluation
from models.recipe import Recipe

STRETCHES = (24, 72, 168)
"""Hours."""
_LEAST_STRETCHES = 30
_LEAST_ROWS = 20
_LEAST_WEEKS, _LEAST_OUTCOMES = 12, 50
# The next stretch may well surpass the farthest so far, the more so the fewer there were.
_MARGIN, _MARGIN_OF_FEW = 1.25, 40.0
_DIGITS = 4
_MOST_ROWS = 50_000  # evenly spaced; more would say nothing new


def monitoring(
    contract: Contract[Any, Any],
    columns: Columns,
    matrix: NDArray[np.float32],
    answers: Columns,
    *,
    times: NDArray[np.datetime64] | None,
    distributions: dict[str, Distribution],
    worst: dict[str, float],
) -> Monitoring:
    """What to put into the manifest.

    Args:
        contract: The model's.
        columns: All records.
        matrix: Their features.
        answers: The model's predictions of them.
        times: Of the records, where they have any.
        distributions: The manifest's histograms, to which those of other signals are added.
        worst: As `worst_weeks` gives it.
    """
    named = Signals(contract)
    if len(matrix) > _MOST_ROWS:
        chosen = np.linspace(0, len(matrix) - 1, _MOST_ROWS).astype(np.intp)
        matrix, times = matrix[chosen], None if times is None else times[chosen]
        columns, answers = (
            {name: column[chosen] for name, column in part.items()} for part in (columns, answers)
        )
    signals = named.of(matrix, answers)
    histograms: dict[str, Histogram | Distribution] = {
        name: _histogram(values, distributions.get(name.removeprefix(PREDICTION)))
        for name, values in zip(named.names, signals.T, strict=True)
    }
    reference = Reference(
        edges=[np.asarray(histogram.edges) for histogram in histograms.values()],
        fractions=[np.asarray(histogram.fractions) for histogram in histograms.values()],
        low=signals.min(axis=0),
        high=signals.max(axis=0),
    )
    whole = figures(reference, signals, np.zeros(len(signals), np.intp), 1)
    return Monitoring(
        rows=len(signals),
        signals=named.names,
        histograms={name: one for name, one in histograms.items() if isinstance(one, Histogram)},
        low=tuple(reference.low.tolist()),
        high=tuple(reference.high.tolist()),
        repeated=_rounded(whole.repeated[0]),
        missing={
            field.name: _missing(absent(field, columns[field.name]), times)
            for field in contract.fields.values()
            if field.may_miss
        },
        quiet=tuple(
            quiet
            for hours in STRETCHES
            if times is not None and (quiet := _quiet(reference, signals, times, hours))
        ),
        outcomes=outcomes_of(contract),
        worst=worst,
    )


def worst_weeks(recipe: Recipe, evaluation: Evaluation) -> dict[str, float]:
    """The worst of each judged metric in any week of the held-out rows; empty where these are few."""
    times = evaluation.table.times
    if times is None:
        return {}
    _, windows, rows = stretches(times, STRETCHES[-1], least=_LEAST_OUTCOMES)
    if len(rows) < _LEAST_WEEKS:
        return {}
    figures = []
    for window in range(len(rows)):
        chosen = np.flatnonzero(windows == window)
        answers = {name: column[chosen] for name, column in evaluation.predicted.items()}
        figures.append(recipe.metrics(evaluation.table.target[chosen], answers))
    found: dict[str, float] = {}
    for name in evaluation.metrics:
        values = [one[name] for one in figures if name in one]
        base = base_of(name)
        if values and base in JUDGED:
            found[name] = max(values) if base in ERRORS else min(values)
    return found


def stretches(
    times: NDArray[np.datetime64], hours: int, *, least: int
) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]]:
    """Time cut into stretches: whether a row is in one with `least` rows, which one, and the rows of each.

    The second is -1 for rows that are in none.
    """
    units = times.astype("datetime64[h]").astype(np.int64) // hours
    _, stretch, rows = np.unique(units, return_inverse=True, return_counts=True)
    enough = rows >= least
    numbers = np.where(enough, np.cumsum(enough) - 1, -1)[stretch]
    return numbers >= 0, numbers, rows[enough]


def absent(field: Field, column: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a record leaves a field out, wholly or in part, shape (n,)."""
    gaps = np.array([value is None for value in column.flat]) if field.kind == "text" else np.isnan(column)
    return gaps.reshape(len(column), -1).any(axis=1)


def _missing(gaps: NDArray[np.bool_], times: NDArray[np.datetime64] | None) -> tuple[float, float]:
    share = farthest = float(gaps.mean())
    if times is not None:
        chosen, windows, rows = stretches(times, STRETCHES[-1], least=_LEAST_ROWS)
        if len(rows) >= _LEAST_STRETCHES:
            counts = np.bincount(windows[chosen], weights=gaps[chosen], minlength=len(rows))
            farthest = float((counts / rows).max())
    return round(share, _DIGITS), round(farthest, _DIGITS)


def _histogram(values: NDArray[np.float64], known: Distribution | None) -> Histogram | Distribution:
    """The manifest's own histogram where it will do."""
    edges, fractions = settled(values, quantile_edges(values) if known is None else np.array(known.edges))
    if (
        known is not None
        and len(known.edges) == len(edges)
        and np.allclose(known.fractions, fractions, atol=1e-3)
    ):
        return known
    return Histogram(edges=tuple(edges.tolist()), fractions=tuple(_rounded(fractions)))


def _quiet(
    reference: Reference, signals: NDArray[np.float64], times: NDArray[np.datetime64], hours: int
) -> Quiet | None:
    chosen, numbers, rows = stretches(times, hours, least=_LEAST_ROWS)
    count = len(rows)
    if count < _LEAST_STRETCHES:
        return None
    part, windows = signals[chosen], numbers[chosen]
    found = figures(_without_own(reference, part, windows, count), part, windows, count)
    margin = _MARGIN + _MARGIN_OF_FEW / count
    farthest = Figures(*(figure.max(axis=0) for figure in found))
    psi, ks, outside, repeated = (
        np.maximum(margin * figure, least) for figure, least in zip(farthest, LEAST, strict=True)
    )
    return Quiet(
        hours=hours,
        stretches=count,
        rows=int(np.median(rows)),
        psi=_rounded(psi),
        # Shares end at 1: half-way there is as far as their limits go.
        ks=_rounded(np.minimum(ks, (1 + farthest.ks) / 2)),
        outside=_rounded(np.minimum(outside, (1 + farthest.outside) / 2)),
        repeated=_rounded(np.minimum(repeated, (1 + farthest.repeated) / 2)),
    )


def _without_own(
    reference: Reference, signals: NDArray[np.float64], windows: NDArray[np.intp], count: int
) -> Reference:
    """The reference with, for each window, the range of all the others: nothing is outside its own."""
    shape = (count, signals.shape[1])
    low, high = np.full(shape, np.inf), np.full(shape, -np.inf)
    np.minimum.at(low, windows, signals)
    np.maximum.at(high, windows, signals)
    lows, highs = np.sort(low, axis=0), np.sort(high, axis=0)
    return Reference(
        reference.edges,
        reference.fractions,
        np.where(low == lows[0], lows[1], lows[0]),
        np.where(high == highs[-1], highs[-2], highs[-1]),
    )


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values.tolist())
