"""The Idempotency-Key header: one answer for a request and its repetitions, through the real handler."""

import base64
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from maas.endpoint import Endpoint
from maas.errors import InvalidHeader, RegistryUnavailable
from maas.idempotency.key import fingerprint, read_key
from maas.protocol.request import Request
from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.lambda_events import Answer, Caller, Context, rest_event
from tests.tiny_model import INSTANCES, NAME, instance
from tests.tiny_requests import INFER, PREDICT, binary_body

BUCKET = "data-for-tests"
BODY = {"instances": INSTANCES}
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


@dataclass
class Keyed:
    """A handler with a version in production, and the bucket where it remembers answers."""

    handler: Endpoint[Any, Any]
    registry: Registry
    s3: Any

    def __call__(self, path: str = PREDICT, body: Any = BODY, **headers: str) -> Answer:
        return Caller(self.handler)("POST", path, body, {**KEY, **headers})

    def promote_another(self) -> None:
        version = self.registry.publish(*tiny_model.version([2.0] * 8))
        self.registry.promote(NAME, version, actor="tests", reason="another")

    def records(self) -> list[str]:
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def record(self) -> dict[str, Any]:
        (key,) = self.records()
        document: dict[str, Any] = json.loads(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        return document

    def rewrite(self, **changes: Any) -> None:
        """The one record, changed as time or another process would."""
        (key,) = self.records()
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps({**self.record(), **changes}))


@pytest.fixture(scope="module")
def world() -> Iterator[Keyed]:
    """The tiny model in buckets of this module's own."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("MAAS_MODELS_BUCKET", "models-for-keys")
        environment.setenv("MAAS_DATA_BUCKET", BUCKET)
        environment.setenv("MAAS_REFRESH_SECONDS", "0")
        client = boto3.client("s3")
        client.create_bucket(Bucket="models-for-keys")
        client.create_bucket(Bucket=BUCKET)
        registry = Registry(ObjectStore("models-for-keys", client))
        yield Keyed(tiny_model.endpoint(), registry, client)


@pytest.fixture
def keyed(world: Keyed) -> Iterator[Keyed]:
    """The first version in production and nothing remembered."""
    for name in world.records():
        world.s3.delete_object(Bucket=BUCKET, Key=name)
    version = world.registry.publish(*tiny_model.version())
    world.registry.promote(NAME, version, actor="tests", reason="first")
    yield world
    vars(world.handler.contract).pop("matrix", None)


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_repetition_gets_the_same_answer(keyed: Keyed, path: str) -> None:
    """Even when another version has gone into production meanwhile; the answer says that it is repeated."""
    body, headers = (BODY, {}) if path == PREDICT else binary_body(parameters={"binary_data_output": True})
    first = keyed(path, body, **headers)
    keyed.promote_another()
    again = keyed(path, body, **headers)
    assert first.status == again.status == 200, first.body
    assert again.body == first.body
    assert "Idempotent-Replayed" not in first.headers
    for answer in (first, again):
        answer.headers.pop("Server-Timing", None)
    assert again.headers == {**first.headers, "Idempotent-Replayed": "true"}
    other = keyed(path, body, **headers, **{"Idempotency-Key": "another"})
    assert other.body != first.body


def test_repetition_has_the_id_that_feedback_goes_by(keyed: Keyed) -> None:
    """Its predictions are known by the id of the request that they were made for."""
    first = keyed(**{"X-Request-Id": "one"})
    again = keyed(**{"X-Request-Id": "two"})
    assert first.headers["X-Request-Id"] == again.headers["X-Request-Id"] == "one"


def test_key_with_another_request_is_refused(keyed: Keyed) -> None:
    """A 422 that names the header, whatever differs: body, path, version, type or subject."""
    assert keyed().status == 200
    pinned = f"/v1/models/{NAME}/versions/{keyed.registry.production(NAME).version}:predict"  # type: ignore[union-attr]
    tries = [
        keyed(body={"instances": [instance()]}),
        keyed(path=pinned),
        keyed(body=json.dumps(BODY), **{"Content-Type": "text/json"}),
        keyed(**{"X-Subject": "somebody else"}),
    ]
    for answer in tries:
        assert (answer.status, answer.json["type"]) == (422, "urn:maas:error:idempotency-key-reused")
        assert answer.json["errors"][0]["header"] == "Idempotency-Key"
    answer = keyed(INFER, {"inputs": []})
    assert answer.status == 422
    assert "Idempotency-Key" in answer.json["error"]


def test_request_under_way_is_a_conflict(keyed: Keyed) -> None:
    """While the first one computes, its repetition gets a 409 that says when to ask again."""
    inside, go_on = threading.Event(), threading.Event()
    contract, compute = keyed.handler.contract, keyed.handler.contract.matrix

    def slow(columns: Any) -> Any:
        inside.set()
        assert go_on.wait(20)
        return compute(columns)

    answers: list[Answer] = []
    keyed("/v1/models/tiny:predict", **{"Idempotency-Key": "warm"})
    second = replace(keyed, handler=tiny_model.endpoint())
    contract.matrix = slow  # type: ignore[method-assign]
    first = threading.Thread(target=lambda: answers.append(keyed()))
    first.start()
    assert inside.wait(20)
    refused = second()
    go_on.set()
    first.join()
    assert (refused.status, refused.json["type"]) == (409, "urn:maas:error:request-in-progress")
    assert refused.json["errors"][0]["header"] == "Idempotency-Key"
    assert int(refused.headers["Retry-After"]) > 0
    assert second().body == answers[0].body


def test_claim_of_a_crashed_request_runs_out(keyed: Keyed) -> None:
    """A process that died leaves a claim, which a repetition takes over when its time is up."""
    first = keyed()
    keyed.rewrite(status="INPROGRESS", answer="", claimed_until=2**52)
    assert keyed().status == 409
    keyed.rewrite(status="INPROGRESS", answer="", claimed_until=1)
    again = keyed()
    assert (again.status, again.body) == (200, first.body)
    assert "Idempotent-Replayed" not in again.headers
    assert keyed().headers["Idempotent-Replayed"] == "true"


def test_remembered_answer_expires(keyed: Keyed) -> None:
    """After the time that a parameter sets, the key is as good as new, for any request."""
    keyed()
    keyed.rewrite(expires=1)
    answer = keyed(body={"instances": [instance(lanes=7)]})
    assert answer.status == 200
    assert "Idempotent-Replayed" not in answer.headers


def test_time_to_remember_is_a_setting(keyed: Keyed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record holds the end that the setting gives it."""
    monkeypatch.setattr(keyed.handler, "settings", replace(keyed.handler.settings, idempotency_seconds=100))
    keyed()
    assert 90 < keyed.record()["expires"] - time.time() <= 100


def test_errors_are_not_remembered(keyed: Keyed) -> None:
    """A refused request frees its key: the corrected one may use it."""
    assert keyed(body={"instances": [instance(lanes=0)]}).status == 422
    answer = keyed()
    assert answer.status == 200
    assert "Idempotent-Replayed" not in answer.headers


def test_claim_taken_over_is_not_answered_twice(keyed: Keyed) -> None:
    """A request whose claim ran out while it computed does not overwrite the answer of its repetition."""
    contract, compute = keyed.handler.contract, keyed.handler.contract.matrix

    def overtaken(columns: Any) -> Any:
        keyed.rewrite(status="COMPLETED", answer=json.dumps({"made": "by another"}))
        return compute(columns)

    keyed(**{"Idempotency-Key": "warm"})
    for key in keyed.records():
        keyed.s3.delete_object(Bucket=BUCKET, Key=key)
    contract.matrix = overtaken  # type: ignore[method-assign]
    assert keyed().status == 409
    assert json.loads(keyed.record()["answer"]) == {"made": "by another"}


@pytest.mark.parametrize(
    ("identity", "other"),
    [
        ({"identity": {"user": "AROAEXAMPLE:one"}}, {"identity": {"user": "AROAOTHER:one"}}),
        ({"authorizer": {"claims": {"sub": "ann"}}}, {"authorizer": {"claims": {"sub": "bob"}}}),
        ({"authorizer": {"principalId": "ann"}}, {"authorizer": {"principalId": "bob"}}),
        ({"identity": {"apiKeyId": "one"}}, {"identity": {"apiKeyId": "two"}}),
        (
            {"identity": {"user": "AROAEXAMPLE:one", "apiKeyId": "one"}},
            {"identity": {"user": "AROAEXAMPLE:one", "apiKeyId": "two"}},
        ),
        (
            {"authorizer": {"principalId": "ann"}, "identity": {"apiKeyId": "one"}},
            {"authorizer": {"principalId": "bob"}, "identity": {"apiKeyId": "one"}},
        ),
        ({"identity": {"user": "ann"}}, {"identity": {"apiKeyId": "ann"}}),
    ],
)
def test_keys_belong_to_callers(keyed: Keyed, identity: dict[str, Any], other: dict[str, Any]) -> None:
    """Nobody can use up, block or read what another caller's key stands for."""

    def ask(who: dict[str, Any], body: Any) -> int:
        event = rest_event("POST", PREDICT, json.dumps(body), KEY)
        event["requestContext"].update(who)
        status: int = keyed.handler(event, Context())["statusCode"]
        return status

    assert ask(identity, BODY) == 200
    assert ask(other, {"instances": [instance()]}) == 200
    assert ask(identity, {"instances": [instance()]}) == 422
    assert len(keyed.records()) == 2


def test_sessions_of_one_role_are_one_caller() -> None:
    """Another process of the same client has another session name."""
    callers = {
        Request("POST", "/", {}, b"", {"identity": {"user": f"AROAEXAMPLE:{session}"}}).caller
        for session in ("one", "two")
    }
    assert len(callers) == 1


@pytest.mark.parametrize(
    ("text", "key"),
    [('"a b"', "a b"), ("plain-Key_7", "plain-Key_7"), (r'"a\"b\\c"', r'a"b\c'), ("x" * 255, "x" * 255)],
)
def test_keys_that_are_read(text: str, key: str) -> None:
    """Quoted as the draft has it, or bare as most clients send it."""
    assert read_key(Request("POST", "/", {"idempotency-key": text}, b"")) == key


@pytest.mark.parametrize("text", ["", '""', " ", "a b", '"a', 'a"b c', "é", "x" * 256, '"' + "x" * 256 + '"'])
def test_keys_that_are_refused(text: str) -> None:
    """Empty, too long, half quoted or no ASCII."""
    with pytest.raises(InvalidHeader):
        read_key(Request("POST", "/", {"idempotency-key": text}, b""))


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_refused_key_is_named(keyed: Keyed, path: str) -> None:
    """A 400 that names the header, in both dialects, and nothing is remembered."""
    answer = keyed(path, **{"Idempotency-Key": "a b"})
    assert answer.status == 400
    assert b"Idempotency-Key" in answer.body
    assert keyed.records() == []


def test_feedback_is_taken_once(keyed: Keyed) -> None:
    """What was reported meanwhile is not undone by the repetition of an earlier report."""
    path = f"/v1/models/{NAME}:feedback"
    body = {"feedback": [{"id": "a/0", "outcome": 1.0}]}
    first = keyed(path, body)
    (outcome,) = (key for key in keyed.records() if key.startswith("outcomes/"))
    keyed.s3.delete_object(Bucket=BUCKET, Key=outcome)
    again = keyed(path, body)
    assert (first.status, again.status, again.json) == (200, 200, {"accepted": 1})
    assert again.headers["Idempotent-Replayed"] == "true"
    assert outcome not in keyed.records()
    other = keyed(path, {"feedback": [{"id": "a/0", "outcome": 2.0}]})
    assert other.json["type"] == "urn:maas:error:idempotency-key-reused"


def test_fingerprint_keeps_parts_apart() -> None:
    """Moving a byte from the path into the body makes another request."""
    prints = {
        fingerprint(Request("POST", path, {}, body))
        for path, body in [("/ab", b"c"), ("/a", b"bc"), ("/abc", b"")]
    }
    assert len(prints) == 3


def test_records_hold_neither_key_nor_body(keyed: Keyed) -> None:
    """What is kept is the answer and digests; the key could be anything, even a name."""
    keyed(body={"instances": [instance(note="swordfish")]}, **{"Idempotency-Key": "jane.doe"})
    (name,) = keyed.records()
    assert name.startswith(f"idempotency/{NAME}/")
    held = name + json.dumps(keyed.record())
    assert "swordfish" not in held
    assert "jane" not in held


def test_unreachable_memory_is_503(keyed: Keyed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without S3 nothing can be promised: the caller is told to come again, and why is in the log."""

    def silent(*_: Any, **__: Any) -> str:
        raise RegistryUnavailable("S3 does not answer")

    keyed(**{"Idempotency-Key": "warm"})
    monkeypatch.setattr(keyed.handler.data_store, "put", silent)
    answer = keyed()
    assert (answer.status, answer.json["type"]) == (503, "urn:maas:error:registry-unavailable")


def test_large_answers_are_remembered(keyed: Keyed) -> None:
    """There is no limit below Lambda's own: ten thousand predictions come back byte for byte."""
    body = {"instances": INSTANCES[:1] * 10_000}
    first, again = keyed(body=body), keyed(body=body)
    assert first.status == 200
    assert len(first.body) > 150_000
    assert again.body == first.body


def test_requests_without_a_key_load_nothing(keyed: Keyed) -> None:
    """Powertools' utility and its table client are not imported, and no record is written."""
    assert Caller(keyed.handler)("POST", PREDICT, BODY).status == 200
    assert keyed.records() == []
    program = (
        "import sys; from tests.tiny_model import endpoint; one = endpoint(); one.handle; one.web;"
        "print([m for m in sys.modules if 'idempotency' in m and m.startswith('aws') or m == 'boto3'])"
    )
    environment = {"PYTHONPATH": ":".join(sys.path), "MAAS_MODELS_BUCKET": "x"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_body_is_not_decoded_for_the_digest() -> None:
    """A compressed body counts as it was sent: its repetition is the same bytes."""
    event = rest_event("POST", "/", b"\x1f\x8b damaged", {"Content-Encoding": "gzip"})
    assert base64.b64decode(event["body"]) == Request.from_event(event).raw_body
    assert fingerprint(Request.from_event(event))
