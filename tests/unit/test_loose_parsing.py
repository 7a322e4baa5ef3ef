"""Large bodies are parsed with plain numbers first: with the same result, whatever is in them."""

import json
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from maas.contract import Columns, Contract, Matrix, Prediction, Record
from maas.errors import MaasError
from maas.protocol import v1
from maas.protocol.v1 import V1

Number = Annotated[float, Field(ge=-5, lt=5)]
Pair = Annotated[list[Number], Field(min_length=2, max_length=2)]


class Row(Record):
    """Lists with bounds, in two depths; a list that may have gaps; a plain number."""

    numbers: list[Number] = Field(min_length=3, max_length=3)
    grid: list[Pair] = Field(min_length=2, max_length=2)
    gaps: list[float | None] = Field(min_length=2, max_length=2)
    one: float = Field(ge=0, le=1)


class Sum(Prediction):
    """A number."""

    value: float


def features(records: Columns) -> Matrix:
    """The numbers."""
    return np.asarray(records["numbers"], np.float32)


def dialect(monkeypatch: pytest.MonkeyPatch, *, loose: bool) -> V1:
    monkeypatch.setattr(v1, "_LARGE", -1 if loose else 1 << 40)
    return V1(Contract(Row, Sum, features, feature_names=("a", "b", "c")))


def outcome(reader: V1, body: bytes) -> Any:
    try:
        columns = reader._parse(body)
    except MaasError as error:
        return type(error), error.detail, error.errors
    return {name: column.tolist() for name, column in columns.items()}


numbers = st.one_of(
    st.floats(-6, 6),
    st.sampled_from(
        ["5", "-5", "4.999999", "1e999", "-1e999", "NaN", "Infinity", "null", "true", '"1"', "7"]
    ),
)
rows = st.fixed_dictionaries(
    {
        "numbers": st.lists(numbers, min_size=2, max_size=4),
        "grid": st.lists(st.lists(numbers, min_size=1, max_size=3), min_size=1, max_size=3),
        "gaps": st.lists(numbers, min_size=2, max_size=2),
        "one": numbers,
    }
)


def written(value: Any) -> str:
    match value:
        case dict():
            return "{" + ",".join(f"{json.dumps(k)}:{written(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ",".join(map(written, value)) + "]"
        case str():
            return value
    return json.dumps(value)


@given(instances=st.lists(rows, min_size=1, max_size=3))
def test_both_ways_give_the_same_columns_and_the_same_errors(instances: list[Any]) -> None:
    """Bounds, gaps, infinities, NaN, text and wrong lengths: the quick way never changes the outcome."""
    body = f'{{"instances": {written(instances)}}}'.encode()
    with pytest.MonkeyPatch.context() as patch:
        quick = outcome(dialect(patch, loose=True), body)
        strict = outcome(dialect(patch, loose=False), body)
    assert repr(quick) == repr(strict)


def test_good_rows_take_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is wrong the strict parser is not asked."""
    reader = dialect(monkeypatch, loose=True)
    row = {"numbers": [1.0, 2.0, 3.0], "grid": [[1.0, 2.0], [3.0, 4.0]], "gaps": [None, 1.0], "one": 0.5}
    monkeypatch.setattr(V1, "_envelope", property(lambda _: pytest.fail("the strict parser was asked")))
    columns = reader._parse(json.dumps({"instances": [row] * 4}).encode())
    assert columns["grid"].shape == (4, 2, 2)
    assert np.isnan(columns["gaps"][:, 0]).all()
