"""Callers report what turned out to be true: checked against the model's own outcome, stored once."""

import json
from typing import Any

import pytest

from maas.errors import ConfigurationError
from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.lambda_events import Answer, Caller
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import PREDICT
from tests.watched import DATA_BUCKET, SECRET, buckets, objects, records

FEEDBACK = f"/v1/models/{NAME}:feedback"


@pytest.fixture
def data(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A stack with the tiny model in production."""
    registry.promote(NAME, registry.publish(*tiny_model.version()), actor="tests", reason="first")
    monkeypatch.setenv("MAAS_DATA_BUCKET", DATA_BUCKET)
    return buckets()


def report(*items: Any, **more: Any) -> Answer:
    return Caller(tiny_model.endpoint())("POST", FEEDBACK, {"feedback": list(items)}, **more)


def test_id_of_an_answer_is_what_feedback_takes(data: ObjectStore) -> None:
    """The answer's X-Request-Id, a slash and the row's number name a prediction."""
    call = Caller(tiny_model.endpoint())
    name = call("POST", PREDICT, {"instances": INSTANCES}).headers["X-Request-Id"]
    answer = call("POST", FEEDBACK, {"feedback": [{"id": f"{name}/2", "outcome": 947.5}]})
    assert (answer.status, answer.json) == (200, {"accepted": 1})
    (kept,) = records(data, "outcomes/")
    assert (kept["id"], kept["outcome"]) == (f"{name}/2", {"volume": 947.5})
    assert set(kept) == {"id", "outcome", "received"}


def test_same_feedback_again_changes_nothing(data: ObjectStore) -> None:
    """A retry after a lost answer leaves one object."""
    first = [{"id": "a/0", "outcome": 1.0}, {"id": "a/1", "outcome": {"volume": 2}}]
    assert [report(*first).status, report(*first).status] == [200, 200]
    (key,) = objects(data, "outcomes/")
    assert key.startswith(f"outcomes/{NAME}/date=20")
    assert report({"id": "a/0", "outcome": 3.0}).status == 200
    assert len(objects(data, "outcomes/")) == 2


def test_one_bad_item_refuses_the_whole_request(data: ObjectStore) -> None:
    """The answer names the place, and nothing is stored."""
    answer = report({"id": "a/0", "outcome": 1.0}, {"id": "a/1", "outcome": "much"})
    assert answer.status == answer.json["status"] == 422
    assert answer.json["errors"][0]["pointer"] == "/feedback/1/outcome/volume"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert objects(data, "outcomes/") == []


def test_other_forms_and_methods_are_refused(data: ObjectStore) -> None:
    """A CSV body is no feedback, and reading it back is no method."""
    call = Caller(tiny_model.endpoint())
    assert call("POST", FEEDBACK, "id,outcome\na/0,1", {"Content-Type": "text/csv"}).status == 415
    answer = call("GET", FEEDBACK)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert objects(data, "outcomes/") == []


def test_nothing_is_lost_silently(data: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the outcomes cannot be stored the caller is told, without the bucket's name."""
    call = Caller(tiny_model.endpoint())

    def refuse(*_: Any, **__: Any) -> str:
        raise ConfigurationError(f"s3:PutObject on {DATA_BUCKET} was denied")

    monkeypatch.setattr(call.handler.data_store, "put", refuse)
    answer = call("POST", FEEDBACK, {"feedback": [{"id": "a/0", "outcome": 1.0}]})
    assert answer.status == 500
    assert DATA_BUCKET not in answer.body.decode()
    assert objects(data, "outcomes/") == []


def test_subject_goes_with_the_outcome_as_a_hash(data: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that forgetting finds what was reported about predictions that were not captured."""
    monkeypatch.setenv("MAAS_CAPTURE_RATE", "0.5")
    monkeypatch.setenv("MAAS_CAPTURE_KEY", SECRET)
    headers = {"X-Subject": "ada", "Content-Type": "application/json"}
    body = json.dumps({"feedback": [{"id": "a/0", "outcome": 1.0}]})
    assert Caller(tiny_model.endpoint())("POST", FEEDBACK, body, headers).status == 200
    (kept,) = records(data, "outcomes/")
    assert len(kept["subject"]) == 32
    assert "ada" not in json.dumps(kept)
