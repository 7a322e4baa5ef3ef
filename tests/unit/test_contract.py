"""One contract, two dialects: what records may say, tensors may say, and nothing else."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, NaiveDatetime

from maas.contract import Columns, Contract, Matrix, Prediction, Record, pointer, rows
from maas.errors import ConfigurationError, InvalidRecord, MaasError
from maas.field import Field as MaasField
from maas.protocol.request import Request
from maas.protocol.v1 import V1
from maas.protocol.v2 import V2


class Everything(Record):
    """A field for every kind of limit."""

    at_least: float = Field(ge=-1.5)
    above: float = Field(gt=0)
    at_most: float = Field(le=100)
    below: float = Field(lt=1e-3)
    half: float = Field(multiple_of=0.5)
    free: float
    maybe: float | None = Field(default=None, ge=0, le=10)
    count: int = Field(ge=-3, lt=2**40)
    even: int = Field(ge=0, le=100, multiple_of=2)
    flag: bool
    choice: Literal["a", "b c", "雪"]
    remark: str | None = Field(default=None, max_length=3)
    code: str = Field(pattern="^[a-z]{0,3}$", max_length=3)
    time: NaiveDatetime
    pair: list[Annotated[float, Field(ge=0, le=1)]] = Field(min_length=2, max_length=2)
    window: list[Annotated[float, Field(ge=0)] | None] = Field(min_length=3, max_length=3)
    recent: list[Annotated[float, Field(le=9)]] = Field(min_length=1, max_length=4)
    extra: list[float] | None = Field(default=None, min_length=2, max_length=2)
    series: list[float | None] | None = Field(default=None, max_length=3)


class Answer(Prediction):
    volume: float


def features(records: Columns) -> Matrix:
    return np.column_stack([records["free"], records["free"] * 1e30]).astype(np.float32)


CONTRACT = Contract(Everything, Answer, features, feature_names=["free", "large"])
JSON_HEADERS = {"content-type": "application/json"}

near = st.sampled_from(
    [-1.5, np.nextafter(-1.5, -2), 0.0, -0.0, 5e-324, 100, 100.0000001, 1e-3, 0.5, 0.25, 10, 1]
)
floats = near | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
ints = st.sampled_from([-4, -3, 0, 1, 2, 2**40, 2**40 - 1, 101]) | st.integers(-(2**63), 2**63 - 1)
texts = st.sampled_from(["a", "b c", "雪", "", "abc", "abcd", "A", "a\n", "\0"]) | st.text(max_size=5)
times = (
    st.datetimes(min_value=datetime(1, 1, 1)).map(datetime.isoformat)  # noqa: DTZ001 -- local civil time
    | st.sampled_from(
        ["2026-01-01", "2026-01-01T00:00Z", "2026-01-01 10:00:00+01:00", "24:00", "1475366400", ""]
    )
    | texts
)
STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["at_least", "above", "at_most", "below", "half", "free"], floats),
    "maybe": st.none() | floats,
    **dict.fromkeys(["count", "even"], ints),
    "flag": st.booleans(),
    "choice": texts,
    "remark": st.none() | texts,
    "code": texts,
    "time": times,
    "pair": st.lists(floats, min_size=2, max_size=2),
    "window": st.lists(st.none() | floats, min_size=3, max_size=3),
    "recent": st.lists(floats, max_size=4),
    "extra": st.none() | st.lists(floats, min_size=2, max_size=2),
    "series": st.none() | st.lists(st.none() | floats, max_size=3),
}
GOOD: dict[str, Any] = {
    "at_least": 0,
    "above": 1,
    "at_most": 1,
    "below": 0,
    "half": 0.5,
    "free": 1,
    "maybe": 2.5,
    "count": 1,
    "even": 2,
    "flag": True,
    "choice": "a",
    "remark": "x",
    "code": "ab",
    "time": "2026-01-01T00:00:00",
    "pair": [0, 1],
    "window": [1, None, 2],
    "recent": [1],
    "extra": [3, 4],
    "series": [None, 1],
}


@st.composite
def record_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Good records in which one or two fields hold anything of the right JSON type."""
    names = draw(st.lists(st.sampled_from(sorted(STRATEGIES)), min_size=1, max_size=2, unique=True))
    number = draw(st.integers(1, 3))
    return [{**GOOD, **{name: draw(STRATEGIES[name]) for name in names}} for _ in range(number)]


def as_records(records: list[dict[str, Any]]) -> Columns | MaasError:
    request = Request("POST", "/", JSON_HEADERS, json.dumps({"instances": records}).encode())
    try:
        return V1(CONTRACT).read(request)
    except MaasError as error:
        return error


def in_full(field: MaasField, value: Any) -> Any:
    """A value as a row of a tensor: lists that are missing or short are filled up with null."""
    return value if field.shape == () else [*(value or []), *[None] * (field.shape[0] - len(value or []))]


def as_tensors(records: list[dict[str, Any]]) -> Columns | MaasError:
    inputs = [
        {
            "name": field.name,
            "datatype": field.datatype,
            "shape": [len(records), *field.shape],
            "data": [in_full(field, record[field.name]) for record in records],
        }
        for field in CONTRACT.fields.values()
    ]
    request = Request("POST", "/", JSON_HEADERS, json.dumps({"inputs": inputs}).encode())
    try:
        return V2(CONTRACT).read(request).columns
    except MaasError as error:
        return error


@settings(max_examples=400, derandomize=True, deadline=None)
@given(record_lists())
def test_both_dialects_accept_the_same_values(records: list[dict[str, Any]]) -> None:
    """Records and tensors with the same content give equal columns, or are refused together, by place."""
    people, programs = as_records(records), as_tensors(records)
    if isinstance(people, MaasError) or isinstance(programs, MaasError):
        assert isinstance(people, InvalidRecord), (people, programs)
        assert isinstance(programs, InvalidRecord), (people, programs)
        assert all(error.pointer.startswith("/instances/") for error in people.errors)
        fields = list(CONTRACT.fields)
        wrong = {error.pointer.split("/")[3] for error in people.errors}
        assert {fields[int(error.pointer.split("/")[2])] for error in programs.errors} <= wrong
    else:
        assert list(people) == list(programs) == list(CONTRACT.fields)
        for name in people:
            assert people[name].dtype == programs[name].dtype
            np.testing.assert_array_equal(people[name], programs[name])


@pytest.mark.parametrize("count", [0, 1, 2, 500, 501])
def test_columns_are_the_same_for_few_records_and_for_many(count: int) -> None:
    """Numbers made columns together are what each field makes of its own."""
    given = [
        GOOD | {"maybe": None if n % 2 else 2.5, "free": n / 3, "count": n, "flag": n % 3 == 0}
        for n in range(count)
    ]
    records = [Everything.model_validate_json(json.dumps(record)) for record in given]
    columns = CONTRACT.columns(records)
    assert list(columns) == list(CONTRACT.fields)
    for name, field in CONTRACT.fields.items():
        expected = field.column([getattr(record, name) for record in records])
        assert (columns[name].dtype, columns[name].shape) == (expected.dtype, expected.shape)
        assert columns[name].flags.c_contiguous
        np.testing.assert_array_equal(columns[name], expected)


def test_tensors_may_leave_out_what_records_may_leave_out() -> None:
    """A field with a default is filled in alike in both dialects."""
    short = [{name: value for name, value in GOOD.items() if name not in {"maybe", "remark"}}] * 2
    columns = as_records(short)
    assert not isinstance(columns, MaasError)
    assert np.isnan(columns["maybe"]).all()
    assert columns["remark"].tolist() == [None, None]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"free": "1"}, "/instances/1/free"),
        ({"free": True}, "/instances/1/free"),
        ({"free": None}, "/instances/1/free"),
        ({"flag": 1}, "/instances/1/flag"),
        ({"count": 1.0}, "/instances/1/count"),
        ({"count": True}, "/instances/1/count"),
        ({"count": 2**63}, "/instances/1/count"),
        ({"time": 0}, "/instances/1/time"),
        ({"pair": [1]}, "/instances/1/pair"),
        ({"pair": [0.5, 2]}, "/instances/1/pair/1"),
        ({"un/known~": 1}, "/instances/1/un~1known~0"),
        ({"x" * 500: 1}, "/instances/1/" + "x" * 80),
    ],
)
def test_rejection_names_the_place(change: dict[str, Any], place: str) -> None:
    """The pointer leads to the value that is wrong, escaped as RFC 6901 says."""
    with pytest.raises(InvalidRecord) as raised:
        CONTRACT.parse([GOOD, {**GOOD, **change}])
    assert [error.pointer for error in raised.value.errors] == [place]
    assert place in raised.value.detail


def test_missing_field_is_named() -> None:
    """A record without a required field is refused at that field."""
    with pytest.raises(InvalidRecord) as raised:
        CONTRACT.parse([{name: GOOD[name] for name in GOOD if name != "time"}], at="/rows")
    assert raised.value.errors[0].pointer == "/rows/0/time"


def test_feature_beyond_float32_is_refused_by_record() -> None:
    """A value that the model's arithmetic cannot hold is the caller's to change."""
    columns = CONTRACT.parse([GOOD, {**GOOD, "free": 1e300}])
    with pytest.raises(InvalidRecord) as raised:
        CONTRACT.matrix(columns)
    assert {error.pointer for error in raised.value.errors} == {"/instances/1"}


def test_matrix_is_contiguous_float32() -> None:
    """What ONNX Runtime reads is one block of float32."""
    matrix = CONTRACT.matrix(CONTRACT.parse([GOOD, GOOD]))
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    assert matrix.shape == (2, 2)


def test_features_of_the_wrong_width_are_noticed() -> None:
    """A features() that does not give the declared columns is a fault of the code."""
    contract = Contract(Everything, Answer, features, feature_names=["free"])
    with pytest.raises(ValueError, match="expected"):
        contract.matrix(contract.parse([GOOD]))


def test_feature_names_are_unique() -> None:
    """Two columns of one name could be swapped unnoticed."""
    with pytest.raises(ConfigurationError, match="one name"):
        Contract(Everything, Answer, features, feature_names=["free", "free"])


def test_respond_orders_and_renames() -> None:
    """A respond function turns the model's outputs into the prediction's fields."""
    contract = Contract(
        Everything,
        Answer,
        features,
        feature_names=["free", "large"],
        respond=lambda outputs: {"volume": outputs["logarithm"] * 2},
    )
    assert contract.respond({"logarithm": np.array([[1.0], [2.0]], "f4")})["volume"].tolist() == [2.0, 4.0]


def test_rows_are_plain_json() -> None:
    """Every kind of column becomes values that any JSON writer takes, dates included."""
    columns = {
        "time": np.array(["2026-01-01T08:00:00"], "datetime64[s]"),
        "volume": np.array([1.5], "f4"),
        "label": np.array(["a"], object),
        "chances": np.array([[0.25, 0.75]]),
    }
    made = [{"time": "2026-01-01T08:00:00", "volume": 1.5, "label": "a", "chances": [0.25, 0.75]}]
    assert json.loads(json.dumps(rows(columns))) == made


def test_pointer_is_cut() -> None:
    """A caller's own long name is not echoed whole."""
    assert pointer("/a", ["b" * 1000, 3]) == "/a/" + "b" * 80 + "/3"


def test_schemas_are_declared_as_tensors() -> None:
    """Inputs and outputs are named, typed and shaped as the record and the prediction say."""
    assert CONTRACT.inputs()[-5:-2] == [
        ("pair", "FP64", [-1, 2]),
        ("window", "FP64", [-1, 3]),
        ("recent", "FP64", [-1, -1]),
    ]
    assert CONTRACT.outputs() == [("volume", "FP64", [-1])]
