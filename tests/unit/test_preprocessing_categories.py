"""Categories become numbers; unknown ones have a place of their own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder

from maas import preprocessing as pp
from maas.errors import DataError

unhurried = settings(deadline=None, max_examples=60)
WEATHER = ("Clear", "Rain", "Snow", "")
texts = st.lists(st.one_of(st.sampled_from(WEATHER), st.text(max_size=3), st.none()), max_size=15)


def column(values: list[str | None]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


@unhurried
@given(texts)
def test_one_hot_rows_sum_to_one(values: list[str | None]) -> None:
    """Every row, known or not, has exactly one 1."""
    hot = pp.one_hot(column(values), WEATHER)
    assert hot.shape == (len(values), len(WEATHER) + 1)
    assert len(pp.one_hot_names("weather", WEATHER)) == hot.shape[1]
    assert hot.sum(axis=1).tolist() == [1] * len(values)
    assert set(np.unique(hot)) <= {0, 1}


@unhurried
@given(texts.filter(bool))
def test_one_hot_agrees_with_scikit_learn(values: list[str | None]) -> None:
    """The known columns are scikit-learn's, which leaves unknown rows empty."""
    encoder = OneHotEncoder(categories=[list(WEATHER)], handle_unknown="ignore", sparse_output=False)
    encoder.fit(np.array(WEATHER, object)[:, None])
    np.testing.assert_array_equal(
        pp.one_hot(column(values), WEATHER)[:, :-1], encoder.transform(column(values)[:, None])
    )


@unhurried
@given(texts)
def test_codes_are_positions(values: list[str | None]) -> None:
    """A code is the position in the vocabulary, whatever else is in the batch."""
    expected = [WEATHER.index(value) if value in WEATHER else len(WEATHER) for value in values]
    assert pp.ordinal(column(values), WEATHER).tolist() == expected


@unhurried
@given(texts)
def test_codes_of_learnt_frequencies(values: list[str | None]) -> None:
    """Shares are those counted among the values present; what was not seen gets the value for unknown."""
    present = [value for value in values if value is not None]
    shares = pp.frequencies(column(values))
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    codes = pp.frequency_codes(column([*values, "never seen"]), shares, unknown=-1)
    expected = [-1 if value is None else present.count(value) / len(present) for value in values]
    np.testing.assert_allclose(codes, [*expected, -1])


def test_numbers_are_categories_too() -> None:
    """Integers and numbers work, a missing number is unknown."""
    assert pp.ordinal(np.array([3, 7, 4]), (3, 4)).tolist() == [0, 2, 1]
    assert pp.ordinal(np.array([1.0, np.nan]), (1.0,)).tolist() == [0, 1]
    assert pp.frequencies(np.array([1.0, np.nan, 1.0])) == {1.0: 1.0}


def test_common_values_by_share_and_size() -> None:
    """The vocabulary holds the frequent values, most frequent first, equals in sorted order."""
    values = column(["b"] * 5 + ["c"] * 2 + ["a"] * 2 + ["d"] + [None] * 9)
    assert pp.common(values) == ("b", "a", "c", "d")
    assert pp.common(values, smallest_share=0.2) == ("b", "a", "c")
    assert pp.common(values, size=1) == ("b",)
    grouped = pp.group_rare(values, pp.common(values, size=1), rare="rest")
    assert grouped.tolist() == ["b"] * 5 + ["rest"] * 14


@pytest.mark.parametrize("vocabulary", [(), ("Rain", "Rain")])
def test_refuses_unusable_vocabularies(vocabulary: tuple[str, ...]) -> None:
    """A vocabulary has entries, each of them once."""
    with pytest.raises(ValueError, match="vocabulary"):
        pp.one_hot(column(["Rain"]), vocabulary)


def test_refuses_other_shapes() -> None:
    """Categories come as one column."""
    with pytest.raises(DataError, match="shape"):
        pp.ordinal(np.array([["Rain"]]), WEATHER)
