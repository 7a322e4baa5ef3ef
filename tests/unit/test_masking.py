"""What may be kept of a record, which truth belongs to a prediction, and what is watched of a model."""

from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import Field, NaiveDatetime

from maas.contract import Columns, Contract, Matrix, Prediction, Record
from maas.masking import Mask, Pseudonyms, sensitive
from maas.monitoring import Outcome
from maas.signals import PARTS, WIDE, Signals
from maas.truth import Truth, fault_of, outcomes_of
from tests.contract.records import example
from tests.trained_models import endpoints

KEY = Pseudonyms(b"key")
SECRET = {"sensitive": True}


class Person(Record):
    """Sensitive fields of every kind, each feeding a feature of its own."""

    age: float = Field(ge=0, le=120, json_schema_extra=SECRET)
    children: int = Field(ge=0, le=20, json_schema_extra=SECRET)
    married: bool = Field(json_schema_extra=SECRET)
    job: Literal["cook", "clerk"] | None = Field(default=None, json_schema_extra=SECRET)
    name: str = Field(max_length=40, json_schema_extra={"sensitive": "hash"})
    born: NaiveDatetime = Field(json_schema_extra=SECRET)
    visits: list[Annotated[float, Field(ge=0, le=9)] | None] = Field(
        min_length=2, max_length=2, json_schema_extra=SECRET
    )
    speed: float = Field(ge=0, le=300)


class Verdict(Prediction):
    """A number."""

    risk: float


NAMES = ("age", "children", "married", "cook", "name", "born", "visits", "age_over_100_at_speed", "speed")


def features(records: Columns) -> Matrix:
    return np.column_stack(
        [
            records["age"],
            records["children"],
            records["married"],
            records["job"] == "cook",
            [len(name) for name in records["name"]],
            records["born"].astype("datetime64[Y]").astype(int),
            np.nan_to_num(records["visits"]).sum(axis=1),
            (records["age"] > 100) & (records["speed"] > 10),
            records["speed"],
        ]
    ).astype(np.float32)


CONTRACT = Contract(Person, Verdict, features, feature_names=NAMES)
ADA: dict[str, Any] = {
    "age": 36.0,
    "children": 3,
    "married": True,
    "job": "clerk",
    "name": "Ada",
    "born": "1815-12-10T00:00:00",
    "visits": [1.0, None],
    "speed": 50.0,
}


def test_only_what_no_sensitive_field_changes_is_kept() -> None:
    """Every kind of field is tried out, around every sample, as far as its declaration goes."""
    mask = Mask(CONTRACT, CONTRACT.parse([ADA]))
    assert [name for name, kept in zip(mask.signals.names, mask.kept, strict=True) if kept] == [
        "speed",
        "prediction.risk",
    ]


def test_record_without_its_sensitive_fields() -> None:
    """Dropped, or hashed where that was declared and there is a key."""
    mask = Mask(CONTRACT, CONTRACT.parse([ADA]))
    kept = mask.instance(ADA, KEY)
    assert set(kept) == {"name", "speed"}
    assert kept["name"] == KEY.of("Ada", kind="name") != "Ada"
    assert mask.instance(ADA, None) == {"speed": 50.0}


def test_hashes_need_the_key_and_tell_fields_apart() -> None:
    """The same value under another key or as another field has nothing in common."""
    assert KEY.of("Ada", kind="name") == Pseudonyms(b"key").of("Ada", kind="name")
    others = {
        KEY.of("Ada", kind="subject"),
        Pseudonyms(b"other").of("Ada", kind="name"),
        KEY.of("ada", kind="name"),
    }
    assert KEY.of("Ada", kind="name") not in others
    assert len(others) == 3


def test_features_that_cannot_be_tried_out_are_not_kept() -> None:
    """Where a model's code fails on other values, nothing is known, and so nothing is kept."""

    def picky(records: Columns) -> Matrix:
        if (records["age"] != 36).any():
            raise RuntimeError
        return features(records)

    contract = Contract(Person, Verdict, picky, feature_names=NAMES)
    mask = Mask(contract, contract.parse([ADA]))
    assert mask.kept.tolist() == [False] * len(NAMES) + [True]


def test_wide_matrices_are_watched_in_summary() -> None:
    """Mean, spread and the means of parts; nobody can turn these back, so they may be kept."""

    def wide(records: Columns) -> Matrix:
        return np.outer(records["age"], np.arange(WIDE + 1)).astype(np.float32)

    contract = Contract(Person, Verdict, wide, feature_names=[str(number) for number in range(WIDE + 1)])
    mask = Mask(contract, contract.parse([ADA]))
    assert len(mask.signals.inputs) == PARTS + 2
    assert mask.kept.all()
    matrix = contract.matrix(contract.parse([ADA]))
    signals = mask.signals.of(matrix, {"risk": np.array([0.5])})
    assert signals[0, 0] == pytest.approx(36 * WIDE / 2)
    assert signals.shape == (1, PARTS + 3)


@pytest.mark.parametrize("model", sorted(endpoints()))
def test_catalogue_declares_outcomes_and_sensitive_fields(model: str) -> None:
    """Every model says what may be reported; where people are concerned, what may not be kept."""
    contract = endpoints()[model].contract
    outcomes = outcomes_of(contract)
    assert outcomes
    for outcome in outcomes:
        assert outcome.field in contract.answers
        assert outcome.probability is None or outcome.probability in contract.answers
    declared = {
        "credit_risk": {"sex", "age", "foreign_worker", "job"},
        "diagnosis": set(endpoints()["diagnosis"].contract.fields),
        "sentiment": {"text"},
        "traffic_signs": {"image"},
    }
    assert set(sensitive(contract)) >= declared.get(model, set())


@pytest.mark.parametrize("model", ["credit_risk", "diagnosis", "sentiment"])
def test_masks_of_the_catalogue(model: str) -> None:
    """Of a patient only the prediction is kept, of an applicant the account, of a text its summary."""
    contract = endpoints()[model].contract
    samples = contract.parse([example(contract)])
    mask = Mask(contract, samples)
    kept = {name for name, one in zip(mask.signals.names, mask.kept, strict=True) if one}
    if model == "diagnosis":
        assert kept == {"prediction.probability", "prediction.positive"}
    if model == "credit_risk":
        assert {"log_amount", "status_1", "duration"} <= kept
        assert not {name for name in kept if name.startswith(("job", "housing", "employment", "dependants"))}
    if model == "sentiment":
        assert {"features.mean", "prediction.label=positive"} <= kept
    assert not set(mask.instance(dict.fromkeys(samples, 1), KEY)) & set(sensitive(contract))


def test_signals_are_numbers_answers_and_classes() -> None:
    """Numbers and yes or no as they are, one column for each class; free text and lists are not watched."""

    class Answer(Prediction):
        label: Literal["a", "b"]
        sure: bool
        value: float
        note: str = Field(max_length=9)
        parts: list[float] = Field(min_length=2, max_length=2)

    contract = Contract(Person, Answer, features, feature_names=NAMES)
    signals = Signals(contract)
    assert signals.outputs == (
        "prediction.label=a",
        "prediction.label=b",
        "prediction.sure",
        "prediction.value",
    )
    answers = {
        "label": np.array(["b", "a"], object),
        "sure": np.array([True, False]),
        "value": np.array([1.5, 2.5]),
        "note": np.array(["x", "y"], object),
        "parts": np.zeros((2, 2)),
    }
    found = signals.of(contract.matrix(contract.parse([ADA, ADA])), answers)
    assert found[:, len(NAMES) :].tolist() == [[0, 1, 1, 1.5], [1, 0, 0, 2.5]]


@pytest.mark.parametrize(
    ("outcome", "good", "bad"),
    [
        (
            Outcome(field="x", kind="number", low=0, high=9),
            [0, 4.5, 9],
            [-1, 9.1, True, "3", None, float("nan"), [1]],
        ),
        (Outcome(field="x", kind="yes_no"), [True, False], [0, 1, "true", None]),
        (Outcome(field="x", kind="class", low=0, high=9), [0, 9], [10, -1, 1.0, "1", True]),
        (Outcome(field="x", kind="class", values=("a", "b")), ["a"], ["c", "", 1, None]),
    ],
)
def test_outcomes_are_of_their_kind(outcome: Outcome, good: list[Any], bad: list[Any]) -> None:
    """What could not have been predicted could not have come true."""
    assert [fault_of(outcome, value) for value in good] == [None] * len(good)
    assert all(fault_of(outcome, value) for value in bad)


def test_several_outcomes_may_be_reported_one_after_the_other() -> None:
    """Some fields are known before others; a bare value is unclear there."""
    truth = Truth(tuple(Outcome(field=name, kind="number") for name in ("six", "day")))
    assert truth.read({"six": 1.0}, "/o") == ({"six": 1.0}, [])
    assert truth.read({"six": 1.0, "day": 2.0}, "/o")[1] == []
    assert [fault.pointer for fault in truth.read(3.0, "/o")[1]] == ["/o"]
    assert [fault.pointer for fault in truth.read({"week": 1.0}, "/o")[1]] == ["/o/week"]
