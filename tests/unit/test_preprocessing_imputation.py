"""Missing values are filled, and nothing else is touched."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maas import preprocessing as pp
from maas.errors import DataError

unhurried = settings(deadline=None, max_examples=60)
gappy = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=12),
    elements=st.one_of(st.floats(-100, 100), st.just(np.nan)),
)
limits = st.one_of(st.none(), st.integers(1, 4))


def hourly(rows: int) -> np.ndarray:
    return np.datetime64("2018-10-01T00", "s") + np.arange(rows) * np.timedelta64(5, "h")


FILLS = {
    "constant": lambda values: pp.fill_constant(values, 7),
    "forward": lambda values: pp.fill_forward(values, limit=2),
    "linear": lambda values: pp.fill_linear(values, limit=2),
    "profile": lambda values: pp.SeasonalProfile(np.ones((7, 24, *values.shape[1:]))).fill(
        hourly(len(values)), values
    ),
}


@pytest.mark.parametrize("fill", FILLS)
@unhurried
@given(values=gappy)
def test_only_missing_values_change(fill: str, values: np.ndarray) -> None:
    """The mask marks what was filled; present values and the input stay as they were."""
    before = values.copy()
    filled, changed = FILLS[fill](values)
    np.testing.assert_array_equal(values, before)
    np.testing.assert_array_equal(np.isnan(before) & ~np.isnan(filled), changed)
    np.testing.assert_array_equal(filled[~changed], before[~changed])


@unhurried
@given(gappy, limits)
def test_forward_fill_agrees_with_pandas(values: np.ndarray, limit: int | None) -> None:
    """Filling forward is pandas' `ffill`, limit included, for each series."""
    expected = pd.DataFrame(values).ffill(limit=limit).to_numpy().reshape(values.shape)
    np.testing.assert_array_equal(pp.fill_forward(values, limit=limit).values, expected)


@unhurried
@given(gappy, st.integers(0, 11), st.floats(-100, 100))
def test_forward_fill_does_not_look_ahead(values: np.ndarray, row: int, future: float) -> None:
    """Later values never change what an earlier row is filled with."""
    changed = values.copy()
    changed[row + 1 :] = future
    past, _ = pp.fill_forward(values)
    same, _ = pp.fill_forward(changed)
    np.testing.assert_array_equal(past[: row + 1], same[: row + 1])


@unhurried
@given(gappy)
def test_linear_fill_agrees_with_pandas(values: np.ndarray) -> None:
    """Straight lines across inner gaps are pandas' interpolation without extrapolation."""
    expected = pd.DataFrame(values).interpolate(limit_area="inside").to_numpy().reshape(values.shape)
    np.testing.assert_allclose(pp.fill_linear(values).values, expected, rtol=1e-9, atol=1e-9)


@unhurried
@given(gappy.filter(lambda values: values.ndim == 1), st.integers(1, 4))
def test_linear_fill_takes_gaps_whole(values: np.ndarray, limit: int) -> None:
    """A gap is filled entirely or not at all, by its length."""
    missing = np.isnan(values)
    runs = pd.Series(missing).groupby((~missing).cumsum() * 2 + missing).transform("size").to_numpy()
    unlimited = pp.fill_linear(values).changed
    np.testing.assert_array_equal(pp.fill_linear(values, limit=limit).changed, unlimited & (runs <= limit))


def test_fill_with_medians_of_the_training_data() -> None:
    """Medians leave missing values out, and fill other data per series."""
    medians = pp.medians([[1.0, 10.0], [3.0, np.nan], [9.0, 30.0]])
    np.testing.assert_array_equal(medians, [3, 20])
    np.testing.assert_array_equal(pp.fill_constant([[np.nan, np.nan]], medians).values, [[3, 20]])
    np.testing.assert_array_equal(pp.fill_median([1, np.nan, 2]).values, [1, 1.5, 2])


@unhurried
@given(st.integers(1, 400), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_profile_agrees_with_pandas(rows: int, missing: float, seed: int) -> None:
    """Where an hour of the week was seen, the profile is pandas' mean of that group."""
    random = np.random.default_rng(seed)
    values = np.where(random.random(rows) < missing, np.nan, random.normal(size=rows))
    values[0] = 1.0
    index = pd.DatetimeIndex(hourly(rows))
    grouped = pd.Series(values, index).groupby([index.weekday, index.hour]).mean().dropna()
    means = pp.SeasonalProfile.fit(hourly(rows), values).means
    days, hours = grouped.index.get_level_values(0), grouped.index.get_level_values(1)
    np.testing.assert_allclose(means[days, hours], grouped.to_numpy(), atol=1e-12)
    assert not np.isnan(means).any()


def test_profile_falls_back_from_hour_to_all() -> None:
    """An hour not seen on a weekday takes that hour's mean, an hour never seen the mean of all."""
    times = np.array(["2018-10-01T08", "2018-10-02T08", "2018-10-03T09"], "datetime64[s]")
    profile = pp.SeasonalProfile.fit(times, [[1.0, 0], [3.0, 0], [8.0, 0]])
    asked = np.array(["2018-10-04T08", "2018-10-04T09", "2018-10-04T10"], "datetime64[s]")
    np.testing.assert_array_equal(profile.at(asked), [[2, 0], [8, 0], [4, 0]])


def test_refuses_what_cannot_be_filled() -> None:
    """Empty series, times and series that do not fit, and limits below one are refused."""
    times = hourly(2)
    with pytest.raises(DataError, match="median"):
        pp.fill_median([np.nan])
    with pytest.raises(DataError, match="profile"):
        pp.SeasonalProfile.fit(times, [np.nan, np.nan])
    with pytest.raises(DataError, match="times"):
        pp.SeasonalProfile.fit(times, [1.0])
    with pytest.raises(DataError, match="fit"):
        pp.SeasonalProfile.fit(times, [1.0, 2.0]).fill(times, [[1.0], [2.0]])
    with pytest.raises(ValueError, match="limit"):
        pp.fill_forward([1.0], limit=0)
