"""Air quality: windows of the last days, what lies ahead of them, and the categories."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.air_quality.handler import FEATURES, HOURS, categories, handler, recent, respond
from maas.contract import Matrix
from maas.errors import DataError
from maas.runtime import Session
from models.air_quality.simulation import simulate
from models.air_quality.train import RECIPE, load
from models.source import Source
from models.table import Table
from models.validation import TimeOrdered

HEADER = "No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir"
NOW: dict[str, Any] = {
    "timestamp": "2013-01-10T08:00:00",
    "dew_point": -11.0,
    "temperature": -3.0,
    "pressure": 1025.0,
    "wind_direction": "SE",
    "cumulated_wind_speed": 3.58,
}


def _matrix(*records: dict[str, Any]) -> Matrix:
    return handler.contract.matrix(handler.contract.parse([{**NOW, **record} for record in records]))


def _file(pm25: list[str], **changes: dict[int, str]) -> Source:
    lines = [HEADER]
    begin = np.datetime64("2010-12-30T00", "h")
    for row, text in enumerate(pm25):
        day, hour = str(begin + np.timedelta64(row, "h")).split("T")
        year, month, date = day.split("-")
        value = {
            "pm2.5": text,
            "DEWP": str(row % 10),
            "TEMP": "5",
            "PRES": "1020",
            "cbwd": "NW",
            "hour": str(int(hour)),
        }
        value |= {name: found[row] for name, found in changes.items() if row in found}
        parts = [str(row + 1), year, str(int(month)), str(int(date)), value["hour"]]
        parts += [value[name] for name in ("pm2.5", "DEWP", "TEMP", "PRES", "cbwd")]
        lines.append(",".join([*parts, "1.79", "0", "0"]))
    return Source.of("beijing.csv", "\n".join(lines).encode())


def _numbered(hours: int, *missing: int) -> list[str]:
    return ["NA" if row in missing else str(row) for row in range(hours)]


def test_windows_end_now_and_targets_lie_ahead() -> None:
    """Each row has the three days up to its hour, and the readings 6 and 24 hours later."""
    table = load(_file(_numbered(200)))
    assert len(table) == 200 - 24
    row = 100
    assert table.columns["pm25"][row].tolist() == list(range(row - HOURS + 1, row + 1))
    assert table.target[row].tolist() == [row + 6, row + 24]
    assert table.times is not None
    assert table.times[row] == np.datetime64("2010-12-30T00") + np.timedelta64(row, "h")
    assert table.columns["past_dew_point"][row].tolist() == [hour % 10 for hour in range(row - 24, row)]


def test_rows_without_a_reading_now_or_later_are_left_out() -> None:
    """A gap is missing in later windows, and takes away the rows that would be judged by it."""
    table = load(_file(_numbered(120, 60)))
    now = table.columns["pm25"][:, -1]
    assert not {60, 54, 36} & set(now.tolist())
    after = table.columns["pm25"][np.flatnonzero(now == 61)[0]]
    assert np.isnan(after[-2])
    assert after[-3] == 59


def test_a_records_window_is_the_files() -> None:
    """What a caller would send for an hour gives the features that training saw for it."""
    table = load(_file(_numbered(200, 90, 91)))
    row = int(np.flatnonzero(table.columns["pm25"][:, -1] == 120)[0])
    sent = {name: column[row] for name, column in table.columns.items()}
    record = {
        name: [None if x != x else x for x in value.tolist()] if isinstance(value, np.ndarray) else value  # noqa: PLR0124
        for name, value in sent.items()
    }
    record["timestamp"] = str(record["timestamp"])
    np.testing.assert_array_equal(
        handler.contract.matrix(handler.contract.parse([record]))[0],
        handler.contract.matrix(table.columns)[row],
    )


def test_nothing_of_the_future_is_in_the_features() -> None:
    """Changing every value after an hour leaves that hour's features as they are."""
    calm = _numbered(200)
    stormy = [*calm[:101], *(str(500 + row) for row in range(99))]
    later = dict.fromkeys(range(101, 200), "35")
    one, other = load(_file(calm)), load(_file(stormy, TEMP=later, DEWP=later))
    np.testing.assert_array_equal(
        handler.contract.matrix(one.take(np.arange(101)).columns),
        handler.contract.matrix(other.take(np.arange(101)).columns),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PRES": {3: "500"}}, "line 5: pressure: Input should be greater than or equal to 850"),
        ({"cbwd": {3: "XX"}}, "line 5: wind_direction"),
        ({"TEMP": {3: "warm"}}, "line 5: column 'TEMP': 'warm' is no number"),
        ({"pm2.5": {3: "-5"}}, "line 5: pm25: Input should be greater than or equal to 0"),
        ({"hour": {3: "24"}}, "line 5: 2010-12-30T24 is no hour of a day"),
        ({"hour": {3: "2"}}, "line 5: times must ascend by whole hours"),
    ],
)
def test_unsuitable_lines_are_refused(changes: dict[str, dict[int, str]], message: str) -> None:
    """Each fault is named where it is."""
    with pytest.raises(DataError, match=message):
        load(_file(_numbered(60), **changes))


def test_a_file_of_one_day_is_too_short() -> None:
    """Without a reading a day later there is nothing to judge by."""
    with pytest.raises(DataError, match="no hour with readings then, 6 and 24 hours later"):
        load(_file(_numbered(24)))


def test_shorter_histories_end_now_as_well() -> None:
    """The last of 30 readings is the present one; hours before them count as the first of them."""
    short, long = _matrix({"pm25": [float(x) for x in range(30)]}, {"pm25": [0.0] * 43 + [*range(1, 30)]})
    for name in ("pm25_now", "pm25_23h_ago", "pm25_mean_72h", "pm25_max_24h"):
        assert short[FEATURES.index(name)] == long[FEATURES.index(name)]
    assert short[FEATURES.index("pm25_now")] == 29


@given(
    st.lists(st.none() | st.floats(0, 999), min_size=24, max_size=HOURS).filter(
        lambda found: any(x is not None for x in found)
    )
)
def test_gaps_take_the_reading_before_them(readings: list[float | None]) -> None:
    """The present is the last number given, and no number appears that was not measured."""
    column = handler.contract.parse([{**NOW, "pm25": readings}])["pm25"]
    filled, missing = recent(column)
    known = [x for x in readings if x is not None]
    assert filled[0, -1] == known[-1]
    assert set(filled[0].tolist()) <= set(known)
    assert 0 <= missing[0] <= 24


def test_weather_without_a_past_counts_as_unchanged() -> None:
    """A caller without an archive gets a forecast, too."""
    row = _matrix({"pm25": [50.0] * 24})[0]
    assert [value for name, value in zip(FEATURES, row, strict=True) if "_change_" in name] == [0] * 12


@pytest.mark.parametrize(
    ("amount", "category"),
    [
        (0.0, "excellent"),
        (35.0, "excellent"),
        (35.1, "good"),
        (115.0, "lightly polluted"),
        (150.0, "moderately polluted"),
        (250.0, "heavily polluted"),
        (250.1, "severely polluted"),
    ],
)
def test_categories_end_where_the_standard_says(amount: float, category: str) -> None:
    """A limit belongs to the better category."""
    assert categories(np.array([amount])).tolist() == [category]


def test_forecasts_are_never_below_zero() -> None:
    """A change from now may lead below zero; the air cannot, and the category is that of the number shown."""
    answers = respond({"pm25_6h": np.array([[-3.0], [35.04]]), "pm25_24h": np.array([[80.0], [0.0]])})
    assert answers["pm25_6h"].tolist() == [0, 35.04]
    assert answers["category_6h"].tolist() == ["excellent", "excellent"]
    assert answers["category_24h"].tolist() == ["lightly polluted", "excellent"]


@pytest.fixture(scope="module")
def simulated() -> Table:
    """A simulated season."""
    return simulate(0, days=60)


@pytest.mark.parametrize("candidate", RECIPE.candidates, ids=lambda one: one.name)
def test_exports_agree_for_both_horizons(candidate: Any, simulated: Table) -> None:
    """Changes, levels, units and means are the same in the graph as in training."""
    matrix = handler.contract.matrix(simulated.columns)
    fitted = candidate.fit(matrix, simulated, seed=0)
    ours, theirs = fitted.predict(matrix), Session(fitted.to_onnx()).run(matrix)
    assert set(ours) == set(theirs) == {"pm25_6h", "pm25_24h"}
    for name, answers in ours.items():
        assert np.abs(theirs[name].reshape(-1).astype(np.float64) - answers).max() < 0.05
    truth = simulated.target
    assert RECIPE.metrics(truth, respond(ours))["rmse_6h"] < np.std(truth[:, 0])


def test_no_target_that_is_learnt_lies_in_the_part_judged(simulated: Table) -> None:
    """A target is a day ahead of its row: the day before the border is left out."""
    splitter = RECIPE.splitter
    assert isinstance(splitter, TimeOrdered)
    times = simulated.times
    assert times is not None
    for fold in (splitter.hold_out(simulated), *splitter.folds(simulated)):
        assert times[fold.train].max() + np.timedelta64(24, "h") < times[fold.test].min()
