"""Columns of every kind of field, and which types are refused before anything is served."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    NaiveDatetime,
    create_model,
    field_validator,
    model_validator,
)

from maas.contract import Contract, Prediction, Record
from maas.errors import ConfigurationError, InvalidRecord
from maas.schema import fields_of

Positive = Annotated[float, Field(gt=0)]
Text = Annotated[str, Field(max_length=9)]


class Colour(Enum):
    RED = "red"


class Answer(Prediction):
    volume: float


def record_of(annotation: Any, default: Any = ...) -> type[Record]:
    """A record with one field, `x`."""
    model: type[Record] = create_model("Made", __base__=Record, x=(annotation, default))
    return model


def contract_of(record: type[Record]) -> Contract[Any, Any]:
    return Contract(
        record, Answer, lambda columns: np.zeros((len(columns["x"]), 1), "f4"), feature_names=["x"]
    )


@pytest.mark.parametrize(
    ("annotation", "values", "dtype", "expected"),
    [
        (float, [1, 2.5], "float64", [1.0, 2.5]),
        (Annotated[int, Field(ge=0, le=9)], [1, 2], "int64", [1, 2]),
        (bool, [True, False], "bool", [True, False]),
        (Text, ["a", "雪"], "object", ["a", "雪"]),
        (Literal["a", "b"], ["b", "a"], "object", ["b", "a"]),
        (Text | None, ["a", None], "object", ["a", None]),
        (Literal["a", "b"] | None, [None, "a"], "object", [None, "a"]),
        (
            NaiveDatetime,
            ["2026-03-01T08:00:00", "1969-12-31 23:59"],
            "datetime64[s]",
            [datetime(2026, 3, 1, 8), datetime(1969, 12, 31, 23, 59)],  # noqa: DTZ001 -- local civil time
        ),
        (
            Annotated[list[float], Field(min_length=2, max_length=2)],
            [[1, 2], [3, 4]],
            "float64",
            [[1, 2], [3, 4]],
        ),
        (Annotated[list[Text], Field(min_length=2, max_length=2)], [["a", "bc"]], "object", [["a", "bc"]]),
        (
            Annotated[
                list[Annotated[list[bool], Field(min_length=1, max_length=1)]],
                Field(min_length=2, max_length=2),
            ],
            [[[True], [False]]],
            "bool",
            [[[True], [False]]],
        ),
    ],
)
def test_column_has_the_dtype_and_shape_of_its_kind(
    annotation: Any, values: list[Any], dtype: str, expected: list[Any]
) -> None:
    """Each kind of field becomes one array with a row per record."""
    column = contract_of(record_of(annotation)).parse([{"x": value} for value in values])["x"]
    assert column.dtype == np.dtype(dtype)
    assert column.shape[0] == len(values)
    assert column.tolist() == expected


def test_missing_number_becomes_nan() -> None:
    """None in an optional number is NaN in its column."""
    column = contract_of(record_of(float | None)).parse([{"x": None}, {"x": 1}])["x"]
    np.testing.assert_array_equal(column, [np.nan, 1.0])


@pytest.mark.parametrize(
    ("annotation", "values", "expected"),
    [
        (Annotated[list[float | None], Field(min_length=2, max_length=2)], [[1, None]], [[1, np.nan]]),
        (
            Annotated[list[float], Field(min_length=1, max_length=3)],
            [[1], [1, 2, 3]],
            [[1, np.nan, np.nan], [1, 2, 3]],
        ),
        (
            Annotated[list[float], Field(min_length=2, max_length=2)] | None,
            [None, [1, 2]],
            [[np.nan, np.nan], [1, 2]],
        ),
        (
            Annotated[
                list[Annotated[list[float | None], Field(min_length=1, max_length=1)]],
                Field(min_length=2, max_length=2),
            ]
            | None,
            [None, [[1], [None]]],
            [[[np.nan], [np.nan]], [[1], [np.nan]]],
        ),
    ],
)
def test_what_a_list_leaves_out_is_nan(annotation: Any, values: list[Any], expected: list[Any]) -> None:
    """A missing list, a missing element and the end of a short list are NaN in the column."""
    column = contract_of(record_of(annotation)).parse([{"x": value} for value in values])["x"]
    np.testing.assert_array_equal(column, expected)


def test_default_fills_a_column() -> None:
    """A field that n records leave out is n times its default."""
    fields = fields_of(record_of(Annotated[list[float], Field(min_length=2, max_length=2)], [1.0, 2.0]))
    assert fields["x"].default(3).tolist() == [[1.0, 2.0]] * 3


@pytest.mark.parametrize(
    "annotation",
    [
        complex,
        bytes,
        dict[str, float],
        list[float],
        Annotated[list[float], Field(min_length=2)],
        Annotated[list[float], Field(min_length=0, max_length=0)],
        Annotated[list[str], Field(max_length=2)],
        Annotated[list[str | None], Field(min_length=2, max_length=2)],
        Annotated[list[bool], Field(min_length=2, max_length=2)] | None,
        Annotated[list[Annotated[list[float], Field(max_length=2)]], Field(min_length=1, max_length=1)],
        Annotated[list[float], Field(min_length=2, max_length=2), AfterValidator(sorted)],
        tuple[float, float],
        Annotated[int, Field(ge=0, le=9)] | None,
        bool | None,
        NaiveDatetime | None,
        float | str,
        Colour,
        AwareDatetime,
        Literal[1, 2],
        Literal["a", 1],
        Literal[True],
        int,
        Annotated[int, Field(ge=0)],
        Annotated[int, Field(le=0)],
        Annotated[int, Field(ge=0, le=2**63)],
        str,
        Annotated[str, Field(pattern="^[a-z]+$")],
        Any,
        Answer,
    ],
    ids=str,
)
def test_type_without_a_column_is_refused_at_construction(annotation: Any) -> None:
    """What tensors cannot carry, or V1 and V2 would treat differently, is no field."""
    with pytest.raises(ConfigurationError, match=r"Made\.x"):
        contract_of(record_of(annotation))


def test_record_with_its_own_validators_is_refused() -> None:
    """Tensors pass a validator method by, so it would hold for one dialect only."""

    class OneField(Record):
        x: float

        @field_validator("x")
        @classmethod
        def _even(cls, value: float) -> float:
            return value

    class WholeModel(Record):
        x: float

        @model_validator(mode="after")
        def _whole(self) -> "WholeModel":
            return self

    for record in (OneField, WholeModel):
        with pytest.raises(ConfigurationError, match="validator methods"):
            contract_of(record)


def test_record_with_an_alias_is_refused() -> None:
    """A field has one name in both dialects."""
    with pytest.raises(ConfigurationError, match="alias"):
        contract_of(record_of(float, Field(alias="y")))


def test_record_without_fields_is_refused() -> None:
    """Without fields there would be no number of records."""
    with pytest.raises(ConfigurationError, match="no fields"):
        contract_of(create_model("Empty", __base__=Record))


def test_record_that_forgives_is_refused() -> None:
    """A record that overrides the strict rules would take in V1 what V2 refuses."""

    class Forgiving(Record):
        model_config = ConfigDict(extra="ignore", strict=False)
        x: float

    with pytest.raises(ConfigurationError, match="Forgiving"):
        contract_of(Forgiving)


@pytest.mark.parametrize(
    ("annotation", "tensor", "places"),
    [
        (Annotated[float, Field(ge=0)], np.array([0.0, -0.1, 5, np.nan]), [1, 3]),
        (Annotated[float, Field(gt=0)], np.array([0.0, 1.0]), [0]),
        (Annotated[float, Field(le=1)], np.array([1.0, 1.1, np.inf], "f4"), [1, 2]),
        (Annotated[float, Field(lt=1)], np.array([1, 0], "u8"), [0]),
        (Annotated[float | None, Field(ge=0, le=5)], np.array([np.nan, -1.0, 6.0, 5.0]), [1, 2]),
        (Annotated[float, Field(ge=0)] | None, np.array([np.nan, -1.0]), [1]),
        (Annotated[float | None, Field(multiple_of=0.5)], np.array([np.nan, 0.5, np.inf, 0.3]), [2, 3]),
        (Annotated[int, Field(ge=-5, le=9)], np.array([-5, -6, 10, 9], "i2"), [1, 2]),
        (Annotated[str, Field(pattern="^[a-z]+$", max_length=9)], np.array(["a", "B", ""], object), [1, 2]),
        (Literal["a", "b"], np.array(["a", "c"], object), [1]),
        (Literal["a", "b"] | None, np.array(["c", None], object), [0]),
        (NaiveDatetime, np.array(["2026-01-01T00:00:00Z", "2026-01-01", "2026-01-01T00:00"], object), [0, 1]),
    ],
)
def test_tensor_is_held_to_the_limits(annotation: Any, tensor: Any, places: list[int]) -> None:
    """Every element outside the limits is named by its index, and no other."""
    field = fields_of(record_of(annotation))["x"]
    with pytest.raises(InvalidRecord) as raised:
        field.from_tensor(tensor, "/inputs/0/data")
    named = {error.pointer for error in raised.value.errors}
    assert named == {f"/inputs/0/data/{index}" for index in places}


def test_no_more_than_twenty_places_are_named() -> None:
    """A long list of faults would only bury the first."""
    field = fields_of(record_of(Annotated[float, Field(ge=0)]))["x"]
    with pytest.raises(InvalidRecord) as raised:
        field.from_tensor(np.full(1000, -1.0), "/inputs/0/data")
    assert len(raised.value.errors) == 20


def test_finish_rounds_and_shapes() -> None:
    """A model's output of shape (n, 1) becomes n numbers with the declared decimals."""
    field = fields_of(record_of(Annotated[float, Field(json_schema_extra={"decimals": 1, "unit": "m"})]))["x"]
    assert field.finish(np.array([[1.26], [2.04]], "f4")).tolist() == [1.3, 2.0]
    assert field.unit == "m"
