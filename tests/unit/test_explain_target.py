"""Which number is explained, and what a caller may ask."""

from contextlib import suppress
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from maas.contract import Columns, Contract, Prediction, Record
from maas.errors import InvalidRequest
from maas.explain.options import METHODS, Options
from maas.explain.target import choose, numbers


class Asked(Record):
    """Not looked at."""

    x: float


def contract(prediction: type[Prediction], respond: Any = None) -> Contract[Any, Any]:
    return Contract(
        Asked, prediction, lambda _: np.zeros((1, 1), np.float32), feature_names=["x"], respond=respond
    )


class Mixed(Prediction):
    """A label and a whole number before the fraction."""

    label: str
    count: int
    amount: float = Field(json_schema_extra={"decimals": 0})
    other: float
    pair: list[float] = Field(min_length=2, max_length=2)


OUTPUTS: Columns = {
    "label": np.array(["a", "b"], object),
    "count": np.array([3, 4]),
    "amount": np.array([[1.4], [2.4]], np.float32),
    "other": np.array([5.0, 6.0], np.float32),
    "pair": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32),
}


class Labelled(Prediction):
    """A label with its probability."""

    label: Literal["a", "b", "c"]
    probability: float


def likeliest(outputs: Columns) -> Columns:
    best = outputs["probabilities"].argmax(axis=1)
    return {
        "label": np.array(["a", "b", "c"], object)[best],
        "probability": outputs["probabilities"].max(axis=1),
    }


CLASSES: Columns = {
    "probabilities": np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.1, 0.1, 0.8]], np.float32)
}


def test_the_first_fraction_is_explained_not_rounded() -> None:
    """Labels and counts are passed over; decimals of the answer do not cut the explanation."""
    found = choose(contract(Mixed), OUTPUTS)
    assert found.name == "amount"
    np.testing.assert_allclose(found.values(contract(Mixed), OUTPUTS), [1.4, 2.4], rtol=1e-6)


@pytest.mark.parametrize(("field", "expected"), [("other", 5.0), ("count", 3.0), ("pair[1]", 2.0)])
def test_any_number_can_be_asked_for(field: str, expected: float) -> None:
    """Fractions, counts, and elements of lists."""
    found = choose(contract(Mixed), OUTPUTS, field=field)
    assert found.values(contract(Mixed), OUTPUTS)[0] == expected
    assert set(numbers(contract(Mixed), OUTPUTS)) == {"count", "amount", "other", "pair[0]", "pair[1]"}


def test_the_largest_of_several_classes_is_explained_as_one_class() -> None:
    """The record's own likeliest class is meant for all records, or the one that was asked for."""
    kind = contract(Labelled, likeliest)
    found = choose(kind, CLASSES)
    assert (found.field, found.column, found.name) == ("probability", 1, "probability[1]")
    np.testing.assert_allclose(found.values(kind, CLASSES), [0.5, 0.1, 0.1], rtol=1e-6)
    assert choose(kind, CLASSES, column=2).values(kind, CLASSES)[2] == pytest.approx(0.8)


def test_labels_alone_are_explained_by_the_graphs_numbers() -> None:
    """A prediction without a number: the graph's column of the likeliest class."""

    class Bare(Prediction):
        """A label."""

        label: Literal["a", "b", "c"]

    kind = contract(Bare, lambda outputs: {"label": likeliest(outputs)["label"]})
    assert choose(kind, CLASSES).name == "probabilities[1]"
    with pytest.raises(InvalidRequest, match="no number"):
        choose(contract(Bare), {"label": np.array(["a"], object)})


@pytest.mark.parametrize(
    ("outputs", "prediction", "asked", "place"),
    [
        (OUTPUTS, Mixed, {"field": "label"}, "/parameters/target"),
        (OUTPUTS, Mixed, {"field": "nothing"}, "/parameters/target"),
        (OUTPUTS, Mixed, {"field": "amount", "column": 0}, "/parameters/class"),
        (CLASSES, Labelled, {"column": 3}, "/parameters/class"),
        (CLASSES, Labelled, {"column": -1}, "/parameters/class"),
    ],
)
def test_what_cannot_be_explained_is_refused_by_place(
    outputs: Columns, prediction: type[Prediction], asked: dict[str, Any], place: str
) -> None:
    """The refusal names the parameter."""
    kind = contract(prediction, likeliest if prediction is Labelled else None)
    with pytest.raises(InvalidRequest) as refused:
        choose(kind, outputs, **asked)
    assert refused.value.errors[0].pointer == place


def test_options_are_read_by_name() -> None:
    """Every option, and the same with the prefix that V2 needs."""
    expected = Options("lime", "amount", 2, 64)
    given_ = {"method": "lime", "target": "amount", "class": 2, "samples": 64}
    assert Options.read(given_) == expected
    assert Options.read({f"explain_{k}": v for k, v in given_.items()}, prefix="explain_") == expected
    assert Options.read(None) == Options()


@pytest.mark.parametrize(
    "parameters",
    [
        {"method": "magic"},
        {"method": 1},
        {"target": None},
        {"class": "1"},
        {"class": True},
        {"samples": 1},
        {"samples": 513},
        {"samples": 2.5},
        {"colour": "red"},
        [],
        "lime",
        7,
    ],
)
def test_bad_options_are_refused(parameters: Any) -> None:
    """Each with its place below /parameters."""
    with pytest.raises(InvalidRequest) as refused:
        Options.read(parameters)
    assert refused.value.errors[0].pointer.startswith("/parameters")


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
        max_leaves=6,
    )
)
def test_anything_is_read_or_refused(parameters: Any) -> None:
    """Whatever JSON has: options, or an InvalidRequest."""
    with suppress(InvalidRequest):
        assert Options.read(parameters).method in METHODS
