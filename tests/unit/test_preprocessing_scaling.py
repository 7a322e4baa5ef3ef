"""Scalings agree with scikit-learn and can be undone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from maas import preprocessing as pp
from maas.errors import DataError

unhurried = settings(deadline=None, max_examples=60)
matrices = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 3)),
    elements=st.one_of(st.integers(-1000, 1000).map(float), st.floats(-1e3, 1e3), st.just(np.nan)),
).filter(lambda values: not np.isnan(values).all(axis=0).any())
SCALINGS = {pp.Standardiser: StandardScaler, pp.MinMax: MinMaxScaler, pp.Robust: RobustScaler}
parametrised = pytest.mark.parametrize("scaling", SCALINGS)


@parametrised
@unhurried
@given(values=matrices)
def test_inverse_undoes_transform(scaling, values: np.ndarray) -> None:  # noqa: ANN001
    """Scaling there and back gives the values again, missing ones and constant columns included."""
    fitted = scaling.fit(values)
    scaled = fitted.transform(values)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(values))
    np.testing.assert_allclose(fitted.inverse(scaled), values, rtol=1e-9, atol=1e-9)


@parametrised
@unhurried
@given(values=matrices)
def test_agrees_with_scikit_learn(scaling, values: np.ndarray) -> None:  # noqa: ANN001
    """Columns that vary are scaled as scikit-learn does it."""
    varying = np.nanmax(values, axis=0) - np.nanmin(values, axis=0) > 1e-3
    expected = SCALINGS[scaling]().fit_transform(values)
    fitted = scaling.fit(values)
    # Where the quartiles meet up to rounding, one of the two may divide by next to nothing.
    varying &= (fitted.scale > 1e-6) & (fitted.scale != 1)
    np.testing.assert_allclose(
        fitted.transform(values)[:, varying], expected[:, varying], rtol=1e-6, atol=1e-6
    )


@parametrised
@pytest.mark.parametrize("constant", [0.0, 0.1, -1e100, 5e-324])
def test_constant_columns_become_zero(scaling, constant: float) -> None:  # noqa: ANN001
    """A column of one value is only moved to zero, and a new value keeps its distance."""
    fitted = scaling.fit([constant] * 7)
    np.testing.assert_allclose(fitted.transform([constant]), [0], atol=abs(constant) * 1e-12)
    assert fitted.scale == 1


@parametrised
def test_shape_is_kept(scaling) -> None:  # noqa: ANN001
    """One column without a second axis stays so."""
    assert scaling.fit([1.0, 2.0]).transform([3.0]).shape == (1,)
    assert scaling.fit([[1.0], [2.0]]).transform([[3.0]]).shape == (1, 1)


@parametrised
@pytest.mark.parametrize(
    "values", [[np.nan, np.nan], [[1.0, np.nan]], [np.inf, 1.0], [], np.array(["a"])], ids=str
)
def test_refuses_columns_without_finite_values(scaling, values) -> None:  # noqa: ANN001
    """Nothing can be learnt from an empty, infinite or textual column."""
    with pytest.raises(DataError):
        scaling.fit(values)


@parametrised
def test_refuses_other_columns_than_fitted(scaling) -> None:  # noqa: ANN001
    """A matrix of another width would be broadcast silently."""
    fitted = scaling.fit([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(DataError, match="fit"):
        fitted.transform([[1.0], [2.0]])
    with pytest.raises(DataError, match="fit"):
        fitted.inverse([1.0, 2.0])


def test_refuses_values_too_large_to_scale() -> None:
    """Values whose squares are beyond the largest number would give infinite deviations."""
    with pytest.raises(DataError, match="within"):
        pp.Standardiser.fit([-1e151, 1e151])
