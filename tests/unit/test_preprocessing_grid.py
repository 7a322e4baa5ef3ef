"""Gaps are found, and a regular grid has every step once."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maas import preprocessing as pp
from maas.errors import DataError

unhurried = settings(deadline=None, max_examples=60)
HOUR = np.timedelta64(1, "h")
START = np.datetime64("2018-03-01T00:00:00", "s")
hours = st.sets(st.integers(0, 40), min_size=1, max_size=20).map(sorted)


def at(offsets: list[int]) -> np.ndarray:
    return START + np.array(offsets, "timedelta64[h]")


@unhurried
@given(hours)
def test_gaps_hold_exactly_the_missing_hours(offsets: list[int]) -> None:
    """Counting off every gap gives the hours between first and last that are not there."""
    starts, steps = pp.gaps(at(offsets), HOUR)
    found = [start + HOUR * k for start, length in zip(starts, steps, strict=True) for k in range(length)]
    expected = sorted(set(range(offsets[0], offsets[-1])) - set(offsets))
    np.testing.assert_array_equal(np.array(found, "datetime64[s]"), at(expected))


@unhurried
@given(hours, st.randoms())
def test_grid_agrees_with_pandas(offsets: list[int], random) -> None:  # noqa: ANN001
    """Whatever the order of the rows, the grid is pandas' reindexed series."""
    random.shuffle(offsets)
    times, values = at(offsets), np.array(offsets, float)
    series = pd.Series(values, times).sort_index()
    expected = series.reindex(pd.date_range(times.min(), times.max(), freq="h"))
    grid = pp.regular_grid(times, values, HOUR)
    np.testing.assert_array_equal(grid.times, expected.index.to_numpy())
    np.testing.assert_array_equal(grid.values, expected.to_numpy())
    np.testing.assert_array_equal(grid.missing, expected.isna())


def test_grid_of_given_ends() -> None:
    """Start and end extend the grid, or cut it; several series stay together."""
    values = [[1.0, 10.0], [3.0, 30.0]]
    _, longer, _ = pp.regular_grid(at([1, 3]), values, HOUR, start=at([0])[0], end=at([3])[0])
    np.testing.assert_array_equal(longer[:, 1], [np.nan, 10, np.nan, 30])
    _, shorter, _ = pp.regular_grid(at([1, 3]), values, HOUR, start=at([2])[0])
    np.testing.assert_array_equal(shorter[:, 0], [np.nan, 3])
    empty = pp.regular_grid(at([]), [], HOUR, start=at([0])[0], end=at([1])[0])
    assert empty.missing.tolist() == [True, True]


@pytest.mark.parametrize(
    ("offsets", "message"), [([1, 1], "increase"), ([2, 1], "increase"), ([0, 3, 5, 4], "row 2")]
)
def test_gaps_need_increasing_times(offsets: list[int], message: str) -> None:
    """Times that stand still or go back have no gaps to speak of."""
    with pytest.raises(DataError, match=message):
        pp.gaps(at(offsets), HOUR)


def test_refuses_times_that_make_no_grid() -> None:
    """Repeated times, times beside the grid, missing times and endless grids are refused."""
    with pytest.raises(DataError, match="more than once"):
        pp.regular_grid(at([1, 1]), [1, 2], HOUR)
    with pytest.raises(DataError, match="whole steps"):
        pp.regular_grid(np.array([START, START + np.timedelta64(90, "m")]), [1, 2], HOUR)
    with pytest.raises(DataError, match="missing"):
        pp.regular_grid(np.array(["NaT"], "datetime64[s]"), [1], HOUR)
    with pytest.raises(DataError, match="rows"):
        pp.regular_grid(np.array(["0001", "9999"], "datetime64[s]"), [1, 2], np.timedelta64(1, "s"))
    with pytest.raises(DataError, match="fit"):
        pp.regular_grid(at([1, 2]), [1], HOUR)
    with pytest.raises(DataError, match="start and an end"):
        pp.regular_grid(at([]), [], HOUR)
    with pytest.raises(ValueError, match="step"):
        pp.gaps(at([1, 2]), np.timedelta64(0, "h"))
