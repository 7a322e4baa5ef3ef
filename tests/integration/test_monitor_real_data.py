"""The monitor on measured data: quiet periods are quiet, other seasons and broken sensors are noticed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.drift import BEIJING, METRO, Rate, beijing_by_season, faults_of_weather, metro
from maas.contract import Columns, Matrix
from models.table import Table

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not (DATA / METRO).is_file(), reason="the public data sets are not beside the checkout"
    ),
]
WEEK, DAY = 168, 24


class LeastSquares:
    """A plane through the data: the monitor does not mind how good a model is."""

    name = "least squares"
    hyperparameters: Mapping[str, Any] = {}

    def __init__(self, *outputs: str) -> None:
        self.outputs = outputs

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "LeastSquares":
        del seed  # nothing in it is random
        target = table.target.reshape(len(table), -1)
        fitted = LeastSquares(*self.outputs)
        fitted.weights = np.linalg.lstsq(matrix.astype(np.float64), target, rcond=None)[0]
        return fitted

    def predict(self, matrix: Matrix) -> Columns:
        return dict(zip(self.outputs, np.maximum(matrix @ self.weights, 0.0).T, strict=True))


def test_a_later_year_of_traffic_is_quiet_and_a_stuck_thermometer_is_not(
    record_property: Callable[[str, object], None],
) -> None:
    """Of the year after training few windows raise an alarm; with a fault planted all of them do."""
    watched, later = metro(DATA, LeastSquares("vehicles_per_hour"))
    days = Rate.of(watched.windows(later, DAY))
    weeks = Rate.of(watched.windows(later, WEEK))
    faults = faults_of_weather(later)
    stuck = Rate.of(watched.windows(later, WEEK, faults["thermometer stuck at 12.3"]))
    missing = Rate.of(watched.windows(later, WEEK, faults["every other temperature missing"]))
    for name, rate in {"days": days, "weeks": weeks, "stuck": stuck, "missing": missing}.items():
        record_property(name, f"{rate.alarms} of {rate.windows}")
    assert days.windows > 350
    assert days.alarms <= 0.01 * days.windows
    assert weeks.windows > 50
    assert weeks.alarms <= 2
    assert stuck.alarms == stuck.windows
    assert missing.alarms == missing.windows


def test_another_season_of_air_is_noticed_and_the_same_one_is_not(
    record_property: Callable[[str, object], None],
) -> None:
    """Learnt in winter: the next winter passes but for its record smog, the next summer never."""
    assert (DATA / BEIJING).is_file()
    watched, seasons = beijing_by_season(DATA, LeastSquares("pm25_6h", "pm25_24h"))
    rates = {name: Rate.of(watched.windows(table, WEEK)) for name, table in seasons.items()}
    for name, rate in rates.items():
        record_property(name, f"{rate.alarms} of {rate.windows}")
    assert rates["winter"].alarms <= 0.1 * rates["winter"].windows
    assert rates["summer"].alarms == rates["summer"].windows > 10
