"""Numbers with fewer digits: close to what they were, and no more than was asked for."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maas.rounding import rounded


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (0.941274, 3, 0.941),
        (0.999951, 3, 1.0),
        (0.000123, 3, 0.0),
        (71.4999, 3, 71.5),
        (4821.37, 3, 4820.0),
        (-4821.37, 2, -4800.0),
        (1e300, 1, 1e300),
        (0.0, 4, 0.0),
        (12.0, 1, 10.0),
    ],
)
def test_examples(value: float, digits: int, expected: float) -> None:
    """Digits count from the first one of large numbers, and from the point of small ones."""
    assert rounded({"x": np.array([value])}, digits)["x"].tolist() == [expected]


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.floats(-1e12, 1e12), st.integers(1, 6))
def test_no_more_digits_than_asked_for(value: float, digits: int) -> None:
    """Neither in all nor behind the point; and the error is half a unit of the last digit."""
    answer = rounded({"x": np.array([value])}, digits)["x"][0]
    _, figures, exponent = Decimal(repr(float(answer))).normalize().as_tuple()
    assert isinstance(exponent, int)
    assert -exponent <= digits
    assert len(figures) <= digits or abs(answer) < 10
    assert abs(answer - value) <= 0.5000001 * 10.0 ** (
        max(np.floor(np.log10(max(abs(value), 1e-9))) + 1, 0) - digits
    )


def test_only_fractions_are_rounded() -> None:
    """Counts, flags and texts stay what they are, and every element of a list is rounded."""
    columns = {
        "digit": np.array([123456]),
        "label": np.array(["positive"], object),
        "probabilities": np.array([[0.12345, 0.87655]]),
    }
    answers = rounded(columns, 2)
    assert answers["digit"].tolist() == [123456]
    assert answers["label"].tolist() == ["positive"]
    assert answers["probabilities"].tolist() == [[0.12, 0.88]]
