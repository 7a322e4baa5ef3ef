"""How often the monitor notices: quiet windows of real data, other seasons, planted faults of sensors.

    python -m bench.drift ../data

trains each model's boosted trees on the earlier part of public data, cuts the later part into windows, and
compares each with what training kept, as the monitor does. The table is in docs/monitoring.md.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns
from maas.manifest import Distribution
from maas.monitor.report import Comparison
from maas.monitor.score import LEAST_OUTCOMES, scores
from maas.monitor.watch import compare
from maas.monitor.window import Window
from maas.monitoring import Monitoring
from maas.signals import Signals
from models.air_quality.train import RECIPE as AIR_QUALITY
from models.candidate import Candidate
from models.catalogue import find
from models.evaluation import Evaluation
from models.job import histograms
from models.quiet import monitoring, worst_weeks
from models.recipe import Recipe
from models.source import read_source
from models.table import Table

ALARM = 1.25
METRO = "traffic_flow/metro_i94_2012-10_to_2017-09.csv.gz"
BEIJING = "air_quality/beijing_pm25_2010-2013.csv.gz"
HOURS = (24, 168)
_LEAST_COVERED = 0.3  # of a window's hours
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

type Changed = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Watched:
    """A model of one recipe, and what its manifest would hold for the monitor."""

    recipe: Recipe
    fitted: Any
    watched: Monitoring
    distributions: Mapping[str, Distribution]
    metrics: Mapping[str, float]

    @classmethod
    def learn(cls, recipe: Recipe, table: Table, method: Candidate | None = None) -> "Watched":
        """Fit a method, by default boosted trees, to all but the last part, judge it there, fit it to all."""
        contract = recipe.endpoint.contract
        chosen = method or next(one for one in recipe.candidates if one.name == "boosted trees")
        fold = recipe.splitter.hold_out(table)
        matrix = contract.matrix(table.columns)
        held = table.take(fold.test)
        judge = chosen.fit(matrix[fold.train], table.take(fold.train), seed=0)
        predicted = contract.respond(judge.predict(matrix[fold.test]))
        figures = recipe.metrics(held.target, predicted)
        evaluation = Evaluation(held, predicted, predicted, figures, figures)
        fitted = chosen.fit(matrix, table, seed=0)
        answers = contract.respond(fitted.predict(matrix))
        distributions = histograms(contract, matrix, answers)
        watched = monitoring(
            contract,
            table.columns,
            matrix,
            answers,
            times=table.times,
            distributions=distributions,
            worst=worst_weeks(recipe, evaluation),
        )
        return cls(recipe, fitted, watched, distributions, figures)

    def windows(
        self, table: Table, hours: int, changed: Changed | None = None, *, truth: bool = False
    ) -> Iterator[tuple[Comparison, float]]:
        """Each window of a table, some columns changed: the comparison, and the ratio of the live error.

        Without `truth` the ratio is 0: intervals take their time.
        """
        contract = self.recipe.endpoint.contract
        columns: Columns = {**table.columns, **(changed or {})}
        matrix = contract.matrix(columns)
        answers = contract.respond(self.fitted.predict(matrix))
        signals = Signals(contract).of(matrix, answers)
        assert table.times is not None  # noqa: S101 -- both recipes' tables have times
        units = table.times.astype("datetime64[h]").astype(np.int64) // hours
        for unit in np.unique(units):
            rows = np.flatnonzero(units == unit)
            if len(rows) < _LEAST_COVERED * hours:
                continue
            window = Window(
                _EPOCH,
                _EPOCH + timedelta(hours=hours),
                (_EPOCH,) * len(rows),
                ("",) * len(rows),
                signals[rows],
                tuple({} for _ in rows),
                tuple(_instance(columns, self.watched.missing, int(row)) for row in rows),
                np.zeros(len(rows)),
            )
            error = self._error(table, answers, rows) if truth else 0.0
            yield compare(self.watched, self.distributions, window), error

    def _error(self, table: Table, answers: Columns, rows: NDArray[np.intp]) -> float:
        """The largest ratio of a live metric to its limit, had every outcome been reported."""
        outcomes = self.watched.outcomes
        truth = table.target.reshape(len(table), -1)
        found = scores(
            outcomes,
            [{one.field: answers[one.field][row] for one in outcomes} for row in rows],
            [{one.field: truth[row, place] for place, one in enumerate(outcomes)} for row in rows],
            self.metrics,
            self.watched.worst,
        )
        return max((one.ratio for one in found), default=0.0)


@dataclass(frozen=True)
class Rate:
    """How many windows of one kind were noticed, raised an alarm, and raised one by the truth."""

    windows: int
    noticed: int
    alarms: int
    worse: int

    @classmethod
    def of(cls, found: Iterator[tuple[Comparison, float]]) -> "Rate":
        """Count."""
        drifts = []
        for comparison, error in found:
            if comparison.state != "too few":
                ratio = max(comparison.drift, comparison.prediction_drift, comparison.missing_values)
                drifts.append((ratio, error))
        return cls(
            len(drifts),
            sum(ratio > 1 for ratio, _ in drifts),
            sum(ratio >= ALARM for ratio, _ in drifts),
            sum(error >= ALARM for _, error in drifts),
        )


def metro(data: Path, method: Candidate | None = None) -> tuple[Watched, Table]:
    """Traffic learnt to September 2016, and the year after it."""
    table = find("traffic_flow").load(read_source(str(data / METRO)))
    return _split(find("traffic_flow"), table, "2016-10-01", method)


def beijing(data: Path) -> tuple[Watched, Table]:
    """PM2.5 learnt to 2012, and 2013."""
    return _split(AIR_QUALITY, AIR_QUALITY.load(read_source(str(data / BEIJING))), "2013-01-01", None)


def beijing_by_season(data: Path, method: Candidate | None = None) -> tuple[Watched, dict[str, Table]]:
    """PM2.5 learnt in the cold months to 2012, and the seasons of 2013."""
    table = AIR_QUALITY.load(read_source(str(data / BEIJING)))
    assert table.times is not None  # noqa: S101 -- they are hours
    months = table.times.astype("datetime64[M]").astype(np.int64) % 12 + 1
    early = table.times < np.datetime64("2013-01-01")
    seasons = {"winter": (11, 12, 1, 2, 3), "spring": (4, 5), "summer": (6, 7, 8)}
    inside = {name: np.isin(months, numbers) for name, numbers in seasons.items()}
    watched = Watched.learn(AIR_QUALITY, table.take(np.flatnonzero(inside["winter"] & early)), method)
    return watched, {name: table.take(np.flatnonzero(rows & ~early)) for name, rows in inside.items()}


def faults_of_weather(table: Table) -> dict[str, Changed]:
    """What may go wrong with a thermometer and a cloud sensor."""
    temperature, clouds = table.columns["temperature"], table.columns["clouds"]
    every_other = np.arange(len(table)) % 2 == 0
    return {
        "thermometer stuck at 12.3": {"temperature": np.full(len(table), 12.3)},
        "thermometer in Fahrenheit": {"temperature": np.minimum(temperature * 1.8 + 32, 60)},
        "thermometer 15 degrees too high": {"temperature": np.minimum(temperature + 15, 60)},
        "no thermometer": {"temperature": np.full(len(table), np.nan)},
        "every other temperature missing": {"temperature": np.where(every_other, np.nan, temperature)},
        "clouds always 0": {"clouds": np.zeros_like(clouds)},
    }


def faults_of_dust(table: Table) -> dict[str, Changed]:
    """What may go wrong with a dust sensor."""
    dust = table.columns["pm25"]
    return {
        "sensor stuck at 40": {"pm25": np.full_like(dust, 40.0)},
        "sensor shows twice as much": {"pm25": np.minimum(dust * 2, 1500)},
        "sensor shows 100 too much": {"pm25": np.minimum(dust + 100, 1500)},
        "every third hour missing": {"pm25": np.where(np.arange(dust.shape[1]) % 3 == 0, np.nan, dust)},
    }


def _split(recipe: Recipe, table: Table, day: str, method: Candidate | None) -> tuple[Watched, Table]:
    assert table.times is not None  # noqa: S101 -- they are hours
    early = table.times < np.datetime64(day)
    return Watched.learn(recipe, table.take(np.flatnonzero(early)), method), table.take(
        np.flatnonzero(~early)
    )


def _instance(columns: Columns, names: Mapping[str, Any], row: int) -> dict[str, Any]:
    """The fields of a record that may be missing, as they are captured."""
    found: dict[str, Any] = {}
    for name in names:
        value = columns[name][row]
        listed = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        found[name] = _with_null(listed)
    return found


def _with_null(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_null(element) for element in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def study(data: Path) -> Iterator[tuple[str, int, Rate]]:
    """Every kind of window: its name, its length in hours, and how often it was noticed."""
    traffic, later = metro(data)
    kinds: list[tuple[str, Watched, Table, Changed | None]] = [("Metro, a year later", traffic, later, None)]
    kinds += [
        (f"Metro, {name}", traffic, later, changed) for name, changed in faults_of_weather(later).items()
    ]
    air, year = beijing(data)
    kinds.append(("PM2.5, a year later", air, year, None))
    kinds += [(f"PM2.5, {name}", air, year, changed) for name, changed in faults_of_dust(year).items()]
    cold, seasons = beijing_by_season(data)
    kinds += [(f"PM2.5 learnt in winter, {name}", cold, table, None) for name, table in seasons.items()]
    for name, watched, table, changed in kinds:
        for hours in HOURS:
            found = watched.windows(table, hours, changed, truth=hours >= LEAST_OUTCOMES)
            yield name, hours, Rate.of(found)


def _shares(name: str, hours: int, rate: Rate) -> list[str]:
    counts = [rate.noticed, rate.alarms, *([rate.worse] if hours >= LEAST_OUTCOMES else [])]
    return [
        *([name] if hours == HOURS[0] else []),
        str(rate.windows),
        *(f"{n / rate.windows:.0%}" for n in counts),
    ]


if __name__ == "__main__":
    columns = ("windows", "days", "noticed", "alarm", "weeks", "noticed", "alarm", "by the truth")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    cells: list[str] = []
    for found in study(Path(sys.argv[1])):
        cells += _shares(*found)
        if len(cells) == len(columns):
            print(f"| {' | '.join(cells)} |", flush=True)
            cells = []
