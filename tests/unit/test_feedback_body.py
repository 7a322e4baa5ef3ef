"""The body of a :feedback request: what may stand in it, and where a fault is named."""

import json
from typing import Any

import pytest

from maas.capture.feedback import is_prediction_id, read
from maas.errors import InvalidRecord, MaasError
from maas.truth import Truth, outcomes_of
from tests import tiny_model

TRUTH = Truth(outcomes_of(tiny_model.endpoint().contract))


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        ({"id": "a/0", "outcome": "much"}, "/feedback/0/outcome/volume"),
        ({"id": "a/0", "outcome": True}, "/feedback/0/outcome/volume"),
        ({"id": "a/0", "outcome": None}, "/feedback/0/outcome/volume"),
        ({"id": "a/0", "outcome": {"volume": []}}, "/feedback/0/outcome/volume"),
        ({"id": "a/0", "outcome": {"speed": 1.0}}, "/feedback/0/outcome/speed"),
        ({"id": "a/0", "outcome": {}}, "/feedback/0/outcome"),
        ({"id": "a", "outcome": 1.0}, "/feedback/0/id"),
        ({"id": "a/-1", "outcome": 1.0}, "/feedback/0/id"),
        ({"id": "x" * 200 + "/0", "outcome": 1.0}, "/feedback/0/id"),
        ({"id": 7, "outcome": 1.0}, "/feedback/0/id"),
        ({"id": "a/0"}, "/feedback/0"),
        ({"id": "a/0", "outcome": 1.0, "more": 1}, "/feedback/0"),
        ("a/0", "/feedback/0"),
    ],
)
def test_what_cannot_be_an_outcome_is_named(item: Any, pointer: str) -> None:
    """Each bad item has its place, whatever stands beside it."""
    body = json.dumps({"feedback": [item, {"id": "a/1", "outcome": 1.0}]})
    with pytest.raises(InvalidRecord) as refused:
        read(body.encode(), TRUTH)
    assert refused.value.errors[0].pointer == pointer


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        ("{}", 400),
        ('{"feedback": []}', 400),
        ('{"feedback": {}}', 400),
        ('{"feedback": [{"id": "a/0", "outcome": 1}], "more": 1}', 400),
        ('{"feedback": [{"id": "a/0", "outcome": NaN}]}', 400),
        (json.dumps({"feedback": [{"id": "a/0", "outcome": 1.0}] * 10_001}), 413),
    ],
)
def test_what_is_no_list_of_feedback_is_refused(body: str, status: int) -> None:
    """Around the items a fault is a 400, too many of them a 413; each says where."""
    with pytest.raises(MaasError) as refused:
        read(body.encode(), TRUTH)
    assert refused.value.status == status
    assert refused.value.errors


def test_scalar_and_object_mean_the_same() -> None:
    """Where there is one outcome its name may be left out."""
    body = {"feedback": [{"id": "a/0", "outcome": 1}, {"id": "a/1", "outcome": {"volume": 1}}]}
    assert [item["outcome"] for item in read(json.dumps(body).encode(), TRUTH)] == [{"volume": 1}] * 2


def test_many_faults_are_cut_short() -> None:
    """Twenty places are enough to see what is wrong."""
    body = json.dumps({"feedback": [{"id": "a/0", "outcome": "x"}] * 500}).encode()
    with pytest.raises(InvalidRecord) as refused:
        read(body, TRUTH)
    assert len(refused.value.errors) == 20


@pytest.mark.parametrize("good", ["c6af9ac6-7b61/0", "a/b/12", "!~/9999999"])
def test_ids_are_those_that_answers_have(good: str) -> None:
    """Whatever may be a request id may stand before the row's number."""
    assert is_prediction_id(good)
