"""What lane_flow and its training promise beyond every model's contract."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.lane_flow.handler import FEATURES, INTERVALS, complete, handler
from maas.contract import Matrix
from maas.errors import DataError
from models.lane_flow.train import RECIPE, load
from models.source import Source
from models.table import Table
from models.traffic_flow.train import load as load_traffic_flow

HEADER = "\ufeff5 Minutes,Lane 1 Flow (Veh/5 Minutes),# Lane Points,% Observed"


def _matrix(*records: dict[str, Any]) -> Matrix:
    return handler.contract.matrix(handler.contract.parse(records))


def _file(*rows: str) -> Source:
    return Source.of("pems.csv", "\n".join([HEADER, *rows]).encode())


def _day(day: datetime, count: int, *, form: str = "%d/%m/%Y %H:%M") -> list[str]:
    return [f"{day + timedelta(minutes=5 * i):{form}},{10 + i},1,100" for i in range(count)]


@given(st.lists(st.none() | st.floats(0, 500), min_size=INTERVALS, max_size=INTERVALS))
def test_gaps_are_filled_from_the_record_itself(flows: list[float | None]) -> None:
    """Given counts stay as they are; a missing one equals the nearest before it, or else the first after."""
    given_counts = np.array([flows], np.float64)
    filled = complete(given_counts)[0]
    known = [count for count in flows if count is not None]
    for place, count in enumerate(flows):
        before = [earlier for earlier in flows[: place + 1] if earlier is not None]
        expected = before[-1] if before else known[0] if known else 60.0
        assert filled[place] == (expected if count is None else count)


def test_features_look_back_from_the_newest_count() -> None:
    """flow_1 is the last element, means and the trend are of the last ones."""
    flows = [float(count) for count in range(12)]
    row = dict(zip(FEATURES, _matrix({"timestamp": "2016-03-01T08:05:00", "flows": flows})[0], strict=True))
    assert (row["flow_1"], row["flow_12"], row["flow_mean_2"], row["flow_mean_12"]) == (11, 0, 10.5, 5.5)
    assert (row["flow_trend"], row["minute_of_day"], row["weekday"]) == (3, 485, 1)


def test_a_file_becomes_windows() -> None:
    """Each count with one before it is a target; what lies before the file is missing."""
    table = load(_file(*_day(datetime(2016, 1, 4), 20)))  # noqa: DTZ001 -- local time
    assert len(table) == 19
    assert table.target.tolist() == [float(count) for count in range(11, 30)]
    assert table.columns["timestamp"][0] == np.datetime64("2016-01-04T00:05")
    flows = table.columns["flows"]
    assert np.isnan(flows[0, :-1]).all()
    assert flows[0, -1] == 10
    assert flows[-1].tolist() == [float(count) for count in range(17, 29)]


def test_a_gap_is_not_bridged() -> None:
    """The first count after a weekend has no hour before it and is no row; Friday is not Monday's past."""
    friday, monday = datetime(2016, 1, 8), datetime(2016, 1, 11)  # noqa: DTZ001 -- local time
    table = load(_file(*_day(friday, 20), *_day(monday, 3)))
    assert len(table) == 19 + 2
    assert np.isnan(table.columns["flows"][-2, :-1]).all()


def test_day_and_month_are_told_apart_by_order() -> None:
    """The archive's own export has the month first."""
    rows = _day(datetime(2016, 1, 12), 288, form="%m/%d/%Y %H:%M")  # noqa: DTZ001 -- local time
    table = load(_file(*rows, *_day(datetime(2016, 1, 13), 3, form="%m/%d/%Y %H:%M")))  # noqa: DTZ001
    assert table.columns["timestamp"][-1] == np.datetime64("2016-01-13T00:10")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["04/01/2016 0:05,1,1,100", "04/01/2016 0:00,1,1,100"], "does not ascend"),
        (["04/01/2016 0:00,1,1,100", "04/01/2016 0:04,1,1,100"], "line 3: times must ascend in steps"),
        (["04/01/2016 0:00,1,1,100", "04/01/2016 1:00,1,1,100"], "no two counts five minutes apart"),
        (["04/01/2016 0:00,501,1,100", "04/01/2016 0:05,1,1,100"], "line 3: flows/11"),
        (["soon,1,1,100"], "does not ascend"),
    ],
)
def test_unusable_files_are_refused_by_line(rows: list[str], message: str) -> None:
    """What is wrong is said, with the line where there is one."""
    with pytest.raises(DataError, match=message):
        load(_file(*rows))


def test_traffic_flow_points_here() -> None:
    """Lane counts given to the hourly model are no riddle."""
    with pytest.raises(DataError, match="lane_flow"):
        load_traffic_flow(_file(*_day(datetime(2016, 1, 4), 3)))  # noqa: DTZ001 -- local time


def test_persistence_repeats_the_newest_count() -> None:
    """The baseline needs no fit and knows no gap."""
    table = RECIPE.sample(0)
    few = table.take(np.arange(200, 220))
    empty: Table = table.take(np.arange(0))
    answers = RECIPE.baseline.predict(empty, few)["vehicles_per_5_minutes"]
    newest = few.columns["flows"][:, -1]
    assert np.array_equal(answers, newest)
