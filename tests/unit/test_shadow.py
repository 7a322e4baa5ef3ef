"""How two versions' answers are compared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maas.contract import Columns
from maas.shadow import compare

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


def column(*values: object) -> Columns:
    return {"answer": np.array(values, dtype=object if isinstance(values[0], str) else None)}


@given(values=NUMBERS)
def test_same_answers_agree(values: list[float]) -> None:
    """An answer compared with itself: full agreement, no distance."""
    answer = {"a": np.array(values), "b": np.array([str(value) for value in values], dtype=object)}
    assert compare(answer, answer, 0.0) == (1.0, 0.0, 0.0)


@given(pairs=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=20))
def test_distance_is_symmetric_and_bounded(pairs: list[tuple[float, float]]) -> None:
    """From 0 to 1, whichever version is the shadow; zeros on both sides are the same answer."""
    a, b = ({"a": np.array(side)} for side in zip(*pairs, strict=True))
    there, back = compare(a, b, 1.0), compare(b, a, 1.0)
    assert there == back
    assert 0 <= there.disagreement <= 1
    assert there.largest_difference == max(abs(x - y) for x, y in pairs)
    assert there.agreement == pytest.approx(sum(abs(x - y) <= 1.0 for x, y in pairs) / len(pairs))


@pytest.mark.parametrize(
    ("given_answer", "shadow_answer", "expected"),
    [
        (column(1.0, 1.0), column(1.0, 3.0), (0.5, 0.25, 2.0)),
        (column(1.0, -1.0), column(1.0, 1.0), (0.5, 0.5, 2.0)),
        (column("red", "red", "red", "red"), column("red", "red", "red", "blue"), (0.75, 0.25, 0.0)),
        (column(True, False), column(False, True), (0.0, 1.0, 0.0)),
        (column(3, 8), column(3, 5), (0.5, 0.5, 0.0)),
    ],
    ids=["numbers", "signs", "labels", "truths", "classes"],
)
def test_known_comparisons(
    given_answer: Columns, shadow_answer: Columns, expected: tuple[float, float, float]
) -> None:
    """Numbers by Canberra distance, whatever is a name by being equal or not."""
    assert compare(given_answer, shadow_answer, 0.1) == pytest.approx(expected)


def test_record_agrees_only_in_all_its_fields() -> None:
    """Fields and elements of an array count together for the record, and apart for the distance."""
    given_answer = {"label": np.array(["a", "b"], dtype=object), "scores": np.array([[0.5, 0.5], [1.0, 0.0]])}
    shadow_answer = {
        "label": np.array(["a", "c"], dtype=object),
        "scores": np.array([[0.5, 0.5], [1.0, 0.0]]),
    }
    found = compare(given_answer, shadow_answer, 0.0)
    assert (found.agreement, found.disagreement) == (0.5, 0.25)
