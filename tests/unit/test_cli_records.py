"""Records from text, files and fields, and their way through tensors."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import records
from cli.failure import CommandError

RECORD = {"hour": 8, "raining": False}


@pytest.mark.parametrize(
    "text", [json.dumps(RECORD), json.dumps([RECORD]), json.dumps({"instances": [RECORD]})]
)
def test_three_ways_to_write_one_record(text: str) -> None:
    """A record, a list and the request's own form mean the same."""
    assert records.from_json(text, "here") == [RECORD]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "[1]", '{"instances": []}', '{"instances": {}}', "[" * 100_000]
)
def test_text_without_records_is_refused(text: str) -> None:
    """Whatever is no record is refused with its origin and the form to use."""
    with pytest.raises(CommandError, match="--instances") as caught:
        records.from_json(text, "--instances")
    assert "instances" in caught.value.next_step


def test_a_record_with_a_field_called_instances_is_not_unwrapped() -> None:
    """Only the request's own form is unwrapped: a record may have such a field beside others."""
    assert records.from_json('{"instances": 3, "hour": 8}', "here") == [{"instances": 3, "hour": 8}]


def test_files_are_read_and_missing_ones_named(tmp_path: Path) -> None:
    """A file gives its records; one that is not there is named in the error."""
    path = tmp_path / "records.json"
    path.write_text(json.dumps([RECORD]), encoding="utf-8")
    assert records.from_file(path) == [RECORD]
    with pytest.raises(CommandError, match=r"missing\.json"):
        records.from_file(tmp_path / "missing.json")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="cannot be read"):
        records.from_file(path)


def test_fields_take_the_contract_s_types() -> None:
    """Text stays text even where it looks like a number; the rest is read as JSON."""
    datatypes = {"postcode": "BYTES", "hour": "INT64", "raining": "BOOL", "pixels": "FP64", "words": "BYTES"}
    given = ["postcode=10115", "hour=8", "raining=false", "pixels=[0.5, 1]", 'words=["a", "b"]', "note=a=b"]
    assert records.from_fields(given, datatypes) == {
        "postcode": "10115",
        "hour": 8,
        "raining": False,
        "pixels": [0.5, 1],
        "words": ["a", "b"],
        "note": "a=b",
    }


@pytest.mark.parametrize("assignment", ["hour", "=8", ""])
def test_a_field_without_name_or_value_is_refused(assignment: str) -> None:
    """`--field hour` is a slip, not an empty value."""
    with pytest.raises(CommandError, match="name=value"):
        records.from_fields([assignment], {})


INPUTS = [
    {"name": "hour", "datatype": "INT64", "shape": [-1]},
    {"name": "image", "datatype": "FP64", "shape": [-1, 2, 3]},
    {"name": "place", "datatype": "BYTES", "shape": [-1]},
]
IMAGES = st.lists(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=2, max_size=2
)
INSTANCES = st.lists(
    st.fixed_dictionaries({"hour": st.integers(0, 23), "image": IMAGES, "place": st.text(max_size=5)}),
    min_size=1,
    max_size=4,
)


@given(INSTANCES)
def test_records_survive_the_way_through_tensors(instances: list[dict[str, Any]]) -> None:
    """What is taken apart into tensors is put together again unchanged, nested lists included."""
    body = records.tensors(instances, INPUTS)
    assert [tensor["shape"] for tensor in body["inputs"]] == [
        [len(instances)],
        [len(instances), 2, 3],
        [len(instances)],
    ]
    assert records.from_tensors(body["inputs"]) == instances


def test_unknown_fields_are_named() -> None:
    """Faults are found before anything is sent, each with its record and field."""
    with pytest.raises(CommandError) as caught:
        records.tensors([{"hour": 1, "hour2": 2}, {"hour": 3}], INPUTS)
    assert [place.pointer for place in caught.value.errors] == ["/instances/0/hour2"]


def test_what_only_some_records_have_is_null_in_the_others() -> None:
    """Missing numbers, texts and lists, and the ends of short lists, are null in a tensor."""
    inputs = [{"name": name, "datatype": "FP64", "shape": [-1]} for name in ("a", "b")]
    body = records.tensors([{"a": 1.5, "b": [1, 2]}, {"a": None}, {"b": [3]}], inputs)
    assert [(tensor["shape"], tensor["data"]) for tensor in body["inputs"]] == [
        ([3], [1.5, None, None]),
        ([3, 2], [1, 2, None, None, 3, None]),
    ]


def test_a_field_that_no_record_has_is_left_to_the_model() -> None:
    """Optional fields may be left out in tensors too, or be null, where all records do."""
    body = records.tensors([{"hour": 1}, {"hour": 2, "place": None}], INPUTS)
    assert [tensor["name"] for tensor in body["inputs"]] == ["hour"]


@pytest.mark.parametrize(
    "outputs",
    [
        [{"name": "y"}],
        [{"name": "y", "data": [1, 2], "shape": [2]}, {"name": "z", "data": [1], "shape": [1]}],
        [{"name": "y", "data": [1], "shape": [0, 2]}, {"name": "z", "data": [1], "shape": [1]}],
        [3],
    ],
)
def test_an_answer_that_is_no_tensor_is_refused(outputs: list[Any]) -> None:
    """An address that speaks another protocol gives an error, not a traceback."""
    with pytest.raises(CommandError, match="Open Inference Protocol"):
        records.from_tensors(outputs)


def test_standard_input_is_read_by_its_dash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--file -` reads what is piped in."""
    source = tmp_path / "piped"
    source.write_text(json.dumps(RECORD), encoding="utf-8")
    with source.open(encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert records.from_file(Path("-")) == [RECORD]
