"""Faulty measurements become NaN, and only they."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maas import preprocessing as pp
from maas.errors import DataError

unhurried = settings(deadline=None, max_examples=60)
readings = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=12),
    elements=st.one_of(st.floats(-100, 100), st.sampled_from([0.0, 1.0, np.nan])),
)
CLEANERS = {
    "implausible": lambda values: pp.mask_implausible(values, -10, 10),
    "spikes": lambda values: pp.mask_spikes(values, half_width=2),
    "stuck": lambda values: pp.mask_stuck(values, run=3),
}


@pytest.mark.parametrize("cleaner", CLEANERS)
@unhurried
@given(values=readings)
def test_mask_tells_what_changed(cleaner: str, values: np.ndarray) -> None:
    """The mask marks exactly the values that became NaN; all others and the input stay as they were."""
    before = values.copy()
    cleaned, changed = CLEANERS[cleaner](values)
    np.testing.assert_array_equal(values, before)
    np.testing.assert_array_equal(np.isnan(cleaned), np.isnan(before) | changed)
    np.testing.assert_array_equal(cleaned[~changed], before[~changed])
    assert not (changed & np.isnan(before)).any()


@pytest.mark.parametrize("cleaner", CLEANERS)
@unhurried
@given(values=readings.filter(lambda values: values.ndim == 2))
def test_series_are_cleaned_one_by_one(cleaner: str, values: np.ndarray) -> None:
    """Several series side by side are cleaned as each of them alone."""
    together = CLEANERS[cleaner](values).changed
    for series in range(values.shape[1]):
        np.testing.assert_array_equal(together[:, series], CLEANERS[cleaner](values[:, series]).changed)


def test_bounds_per_series_include_their_ends() -> None:
    """Bounds may differ per series, and a value on a bound is plausible."""
    cleaned = pp.mask_implausible([[0, 5], [1, 6]], low=[0, 6], high=[0, 7])
    np.testing.assert_array_equal(cleaned.changed, [[False, True], [True, False]])


def test_refuses_crossed_bounds() -> None:
    """Bounds that permit nothing, or are missing, are a mistake."""
    with pytest.raises(ValueError, match="low"):
        pp.mask_implausible([1.0], 2, 1)
    with pytest.raises(ValueError, match="low"):
        pp.mask_implausible([1.0], np.nan, 1)


@unhurried
@given(readings.filter(lambda values: values.ndim == 1), st.integers(1, 4), st.floats(0.5, 5))
def test_spikes_agree_with_pandas(values: np.ndarray, half_width: int, threshold: float) -> None:
    """The Hampel filter is the rolling median and median absolute deviation of pandas."""
    window = {"window": 2 * half_width + 1, "center": True, "min_periods": 1}
    series = pd.Series(values)
    middle = series.rolling(**window).median().to_numpy()
    deviation = [
        np.nan if np.isnan(values[row]) else np.nanmedian(np.abs(near - middle[row]))
        for row, near in enumerate(series.rolling(window["window"], center=True, min_periods=1))
    ]
    expected = np.abs(values - middle) > threshold * 1.4826022185056018 * np.array(deviation)
    found = pp.mask_spikes(values, half_width=half_width, threshold=threshold)
    np.testing.assert_array_equal(found.changed, expected)


def test_small_steps_beside_steady_neighbours_are_no_spikes() -> None:
    """Where neighbours do not vary at all, only differences above the smallest deviation count."""
    values = [5.0, 5.0, 5.1, 5.0, 5.0, 9.0, 5.0, 5.0]
    changed = pp.mask_spikes(values, half_width=2, smallest_deviation=0.5).changed
    assert np.flatnonzero(changed).tolist() == [5]


@unhurried
@given(readings.filter(lambda values: values.ndim == 1), st.integers(2, 5))
def test_stuck_agrees_with_a_count(values: np.ndarray, run: int) -> None:
    """A value is stuck exactly where the run of equal values around it is long enough."""
    series = pd.Series(values)
    lengths = series.groupby((series != series.shift()).cumsum()).transform("size").to_numpy()
    expected = (lengths >= run) & ~np.isnan(values)
    np.testing.assert_array_equal(pp.mask_stuck(values, run=run).changed, expected)


def test_missing_values_end_a_run() -> None:
    """Equal values on both sides of a gap are two runs."""
    assert not pp.mask_stuck([1, 1, np.nan, 1, 1], run=3).changed.any()


@pytest.mark.parametrize("bad", [np.array(["1"]), np.array(1.0), np.zeros((1, 1, 1)), np.array([None])])
def test_refuses_what_is_no_series(bad: np.ndarray) -> None:
    """Text, objects and other shapes are refused: they would be converted silently."""
    with pytest.raises(DataError):
        pp.mask_stuck(bad, run=2)


def test_refuses_useless_parameters() -> None:
    """A run of one and an empty neighbourhood mean nothing."""
    with pytest.raises(ValueError, match="run"):
        pp.mask_stuck([1.0], run=1)
    with pytest.raises(ValueError, match="half_width"):
        pp.mask_spikes([1.0], half_width=0)
