"""Features from the past: as pandas computes them, and never from the future."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maas import preprocessing as pp
from maas.errors import DataError

unhurried = settings(deadline=None, max_examples=60)
series = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=12),
    elements=st.one_of(st.floats(-100, 100), st.integers(-3, 3).map(float), st.just(np.nan)),
)
widths = st.integers(1, 6)
ROLLING = {
    "mean": pp.rolling_mean,
    "std": pp.rolling_std,
    "min": pp.rolling_min,
    "max": pp.rolling_max,
}
FEATURES = {
    "lag": lambda values: pp.lag(values, 2),
    "lag_matrix": lambda values: pp.lag_matrix(values, [0, 3]),
    "difference": lambda values: pp.difference(values, 2),
    **{
        name: lambda values, rolling=rolling: rolling(values, 3, smallest_count=1)
        for name, rolling in ROLLING.items()
    },
}


@pytest.mark.parametrize("feature", FEATURES)
@unhurried
@given(values=series, row=st.integers(0, 11), future=st.floats(-100, 100))
def test_no_look_ahead(feature: str, values: np.ndarray, row: int, future: float) -> None:
    """Changing the future, or cutting it off, never changes a feature of the past."""
    changed = values.copy()
    changed[row + 1 :] = future
    past = FEATURES[feature](values)[: row + 1]
    np.testing.assert_array_equal(FEATURES[feature](changed)[: row + 1], past)
    np.testing.assert_array_equal(FEATURES[feature](values[: row + 1]), past)


@pytest.mark.parametrize("statistic", ROLLING)
@unhurried
@given(values=series, width=widths, data=st.data())
def test_rolling_agrees_with_pandas(statistic: str, values: np.ndarray, width: int, data) -> None:  # noqa: ANN001
    """Trailing statistics are those of pandas, missing values and short starts included."""
    smallest = data.draw(st.one_of(st.none(), st.integers(1, width)))
    rolling = pd.DataFrame(values).rolling(width, min_periods=smallest)
    expected = getattr(rolling, statistic)().to_numpy().reshape(values.shape)
    found = ROLLING[statistic](values, width, smallest_count=smallest)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_rolling_keeps_digits_at_a_high_level() -> None:
    """A small deviation on a large level survives, which running sums of squares would lose."""
    np.testing.assert_allclose(pp.rolling_std([1e9, 1e9 + 1, 1e9 + 2], 3)[-1], 1.0)


@unhurried
@given(series, st.integers(0, 14))
def test_lag_agrees_with_pandas(values: np.ndarray, steps: int) -> None:
    """A lag is a shift, also beyond the length of the series."""
    expected = pd.DataFrame(values).shift(steps).to_numpy().reshape(values.shape)
    np.testing.assert_array_equal(pp.lag(values, steps), expected)


@unhurried
@given(series, st.integers(1, 14))
def test_difference_agrees_with_pandas(values: np.ndarray, steps: int) -> None:
    """A difference is pandas' own."""
    expected = pd.DataFrame(values).diff(steps).to_numpy().reshape(values.shape)
    np.testing.assert_array_equal(pp.difference(values, steps), expected)


def test_lag_matrix_of_several_series() -> None:
    """Columns come lag by lag, each with all series."""
    matrix = pp.lag_matrix([[1, 10], [2, 20]], [0, 1])
    np.testing.assert_array_equal(matrix, [[1, 10, np.nan, np.nan], [2, 20, 1, 10]])


@unhurried
@given(series, widths)
def test_windows_are_slices_without_copies(values: np.ndarray, width: int) -> None:
    """Each window is a slice of the series, oldest row first, and shares its memory."""
    windows = pp.sliding_windows(values, width)
    assert windows.shape == (max(len(values) - width + 1, 0), width, *values.shape[1:])
    for row, window in enumerate(windows):
        np.testing.assert_array_equal(window, values[row : row + width])
    if len(windows):
        assert np.shares_memory(windows, values)
        assert not windows.flags.writeable


@unhurried
@given(series, widths, st.integers(1, 5))
def test_pairs_are_windows_with_their_future(values: np.ndarray, width: int, horizon: int) -> None:
    """The pairs are all windows and targets without a gap, found one by one."""
    inputs, targets, ends = pp.supervised(values, width=width, horizon=horizon)
    expected = [
        end
        for end in range(width - 1, len(values) - horizon)
        if not np.isnan(values[end - width + 1 : end + 1]).any() and not np.isnan(values[end + horizon]).any()
    ]
    assert ends.tolist() == expected
    assert inputs.shape == (len(ends), width, *values.shape[1:])
    for window, target, end in zip(inputs, targets, ends, strict=True):
        np.testing.assert_array_equal(window, values[end - width + 1 : end + 1])
        np.testing.assert_array_equal(target, values[end + horizon])


def test_targets_beside_the_series() -> None:
    """Targets of their own are taken at the horizon, and a missing one drops its window."""
    framed = pp.supervised([[1, 2], [3, 4], [5, 6]], width=1, targets=[10, np.nan, 30])
    np.testing.assert_array_equal(framed.inputs, [[[3, 4]]])
    np.testing.assert_array_equal(framed.targets, [30])
    with pytest.raises(DataError, match="targets"):
        pp.supervised([1, 2, 3], width=1, targets=[1])


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (pp.lag, {"steps": -1}),
        (pp.lag_matrix, {"steps": []}),
        (pp.difference, {"steps": 0}),
        (pp.sliding_windows, {"width": 0}),
        (pp.rolling_mean, {"width": 0}),
        (pp.rolling_mean, {"width": 2, "smallest_count": 3}),
        (pp.rolling_mean, {"width": 2, "smallest_count": 0}),
        (pp.supervised, {"width": 1, "horizon": 0}),
    ],
    ids=str,
)
def test_refuses_looking_ahead_or_at_nothing(function, arguments: dict[str, object]) -> None:  # noqa: ANN001
    """Negative lags, empty windows and impossible counts are mistakes."""
    with pytest.raises(ValueError, match=r"must|needed"):
        function([1.0, 2.0], **arguments)
