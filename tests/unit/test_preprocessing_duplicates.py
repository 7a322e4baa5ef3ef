"""Duplicate rows are removed or reduced, in stable order."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maas import preprocessing as pp
from maas.errors import DataError

unhurried = settings(deadline=None, max_examples=60)
pairs = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab")), max_size=15)
measured = st.lists(
    st.tuples(st.integers(0, 3), st.one_of(st.integers(-50, 50).map(float), st.just(np.nan))),
    min_size=1,
    max_size=15,
)


def columns(rows: list[tuple[int, str]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[0] for row in rows], int), np.array([row[1] for row in rows], object)


@pytest.mark.parametrize("keep", ["first", "last"])
@unhurried
@given(rows=pairs)
def test_kept_rows_agree_with_pandas(keep, rows: list[tuple[int, str]]) -> None:  # noqa: ANN001
    """The same rows stay as with pandas, in the same order."""
    expected = pd.DataFrame(rows, columns=["number", "letter"]).drop_duplicates(keep=keep).index
    assert pp.deduplicate(*columns(rows), keep=keep).tolist() == expected.tolist()


@pytest.mark.parametrize("keep", ["first", "last"])
@unhurried
@given(rows=pairs)
def test_deduplication_is_idempotent(keep, rows: list[tuple[int, str]]) -> None:  # noqa: ANN001
    """Rows without duplicates all stay."""
    numbers, letters = columns(rows)
    kept = pp.deduplicate(numbers, letters, keep=keep)
    again = pp.deduplicate(numbers[kept], letters[kept], keep=keep)
    assert again.tolist() == list(range(len(kept)))


def test_times_and_missing_numbers_are_keys() -> None:
    """Times are keys like any other, and a missing number is equal to itself."""
    times = np.array(["2018-01-01T00", "2018-01-01T00", "2018-01-01T01"], "datetime64[s]")
    assert pp.deduplicate(times).tolist() == [0, 2]
    assert pp.deduplicate(np.array([np.nan, 1.0, np.nan])).tolist() == [0, 1]


@pytest.mark.parametrize("by", ["mean", "max", "min"])
@unhurried
@given(rows=measured)
def test_aggregates_agree_with_pandas(by, rows: list[tuple[int, float]]) -> None:  # noqa: ANN001
    """Each key's value is pandas' own, missing values left out, keys in order of first appearance."""
    keys, values = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    expected = pd.Series(values).groupby(keys, sort=False).agg(by)
    kept, reduced = pp.aggregate(np.column_stack([values, -values]), keys, by=by)
    assert keys[kept].tolist() == expected.index.tolist()
    assert kept.tolist() == pp.deduplicate(keys).tolist()
    np.testing.assert_allclose(reduced[:, 0], expected, rtol=1e-12)


def test_no_rows() -> None:
    """No rows have no duplicates."""
    kept, reduced = pp.aggregate([], np.array([], int))
    assert (kept.tolist(), reduced.tolist(), pp.deduplicate(np.array([])).tolist()) == ([], [], [])


def test_refuses_keys_that_do_not_fit() -> None:
    """Keys of different lengths, keys without an order and no keys at all are refused."""
    with pytest.raises(DataError, match="length"):
        pp.deduplicate(np.array([1, 2]), np.array([1]))
    with pytest.raises(DataError, match="order"):
        pp.deduplicate(np.array(["a", None], object))
    with pytest.raises(DataError, match="rows"):
        pp.aggregate([1.0], np.array([1, 2]))
    with pytest.raises(ValueError, match="key"):
        pp.deduplicate()
