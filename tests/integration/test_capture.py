"""Requests are captured once the caller has gone, masked as declared; what fails there stays there."""

import json
import threading
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import boto3
import numpy as np
import pytest
from pydantic import Field

from maas.afterwards import Afterwards
from maas.capture import buffer
from maas.capture.sampler import Sampler, impatient_client
from maas.contract import Prediction, Record
from maas.endpoint import Endpoint
from maas.errors import ConfigurationError
from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.lambda_events import Caller, Context
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import INFER, PREDICT, json_inputs
from tests.watched import DATA_BUCKET, SECRET, buckets, objects, records


@pytest.fixture
def data(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A stack that captures everything, with the tiny model in production."""
    registry.promote(NAME, registry.publish(*tiny_model.version()), actor="tests", reason="first")
    monkeypatch.setenv("MAAS_DATA_BUCKET", DATA_BUCKET)
    monkeypatch.setenv("MAAS_CAPTURE_RATE", "1")
    monkeypatch.setenv("MAAS_CAPTURE_KEY", SECRET)
    return buckets()


def drained(call: Caller) -> None:
    """Wait for what is done afterwards, and write what waits."""
    call.handler.afterwards.drain()
    if call.handler.sampler is not None:
        call.handler.sampler.flush()


def test_both_dialects_leave_the_same_records(data: ObjectStore) -> None:
    """A record has the prediction's id, who answered, what was asked and answered, and the signals."""
    call = Caller(tiny_model.endpoint())
    v1 = call(
        "POST",
        PREDICT,
        {"instances": INSTANCES},
        {"X-Request-Id": "mine", "Content-Type": "application/json"},
    )
    call(
        "POST",
        INFER,
        {"inputs": json_inputs()},
        {"X-Request-Id": "yours", "Content-Type": "application/json"},
    )
    drained(call)
    found = {one["id"]: one for one in records(data)}
    assert sorted(found) == [f"{name}/{row}" for name in ("mine", "yours") for row in range(3)]
    (key, *_) = objects(data, "captures/")
    assert key.startswith(f"captures/{NAME}/date=20")
    assert key.split("/")[3].startswith("hour=")
    one = found["mine/1"]
    assert (one["model"], one["track"], one["version"]) == (NAME, "stable", v1.headers["X-Model-Version"])
    assert one["prediction"] == v1.json["predictions"][1]
    assert one["instance"] == {
        "timestamp": "2026-03-01T08:00:00",
        "temperature": -3.0,
        "lanes": 3,
        "speeds": [61.0, 58.5],
        "weather": "雪",
        "rain": 2.5,
        "open": True,
        "note": "",
    }
    assert one["signals"] == [8.0, -3.0, 2.5, 1.0, 3.0, 1.0, 61.0, 58.5, one["prediction"]["volume"]]
    assert found["yours/1"]["signals"] == one["signals"]
    assert "subject" not in one


def test_nothing_is_captured_unless_asked_for(data: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default rate is 0: no thread is started, nothing of the package is even imported."""
    monkeypatch.delenv("MAAS_CAPTURE_RATE")
    call = Caller(tiny_model.endpoint())
    assert call("POST", PREDICT, {"instances": INSTANCES}).status == 200
    assert call.handler.sampler is None
    assert "afterwards" not in vars(call.handler)
    assert objects(data, "") == []


def test_share_of_requests(data: ObjectStore) -> None:
    """The rate is a share of the requests; the same id always falls alike, and a higher rate only adds."""
    ids = [f"request-{number}" for number in range(4000)]

    def drawn(rate: float) -> set[str]:
        sampler = Sampler(
            NAME, tiny_model.endpoint().contract, rate=rate, bucket=DATA_BUCKET, key=None, lost=lambda _: None
        )
        return {one for one in ids if sampler.draws(one)}

    tenth, half = drawn(0.1), drawn(0.5)
    assert tenth < half
    assert 300 < len(tenth) < 500
    assert 1850 < len(half) < 2150
    assert drawn(0.0) == set()
    assert drawn(1.0) == set(ids)
    assert objects(data, "captures/") == []


def test_rate_that_is_none_is_refused(data: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """A rate is a share: 2 and "much" stop the function rather than the privacy of its callers."""
    for text in ("2", "-0.1", "much", "nan"):
        monkeypatch.setenv("MAAS_CAPTURE_RATE", text)
        with pytest.raises(ConfigurationError, match="between 0 and 1"):
            _ = tiny_model.endpoint().sampler


def test_subject_is_kept_as_a_keyed_hash(data: ObjectStore) -> None:
    """The same subject gives the same hash, and the name itself is nowhere in the bucket."""
    call = Caller(tiny_model.endpoint())
    for number, subject in enumerate(("ada@example.com", "ada@example.com", "bob")):
        headers = {"X-Subject": subject, "X-Request-Id": f"r{number}", "Content-Type": "application/json"}
        assert call("POST", PREDICT, {"instances": INSTANCES[:1]}, headers).status == 200
    drained(call)
    found = {one["id"]: one["subject"] for one in records(data)}
    assert found["r0/0"] == found["r1/0"] != found["r2/0"]
    assert len(found["r0/0"]) == 32
    assert "ada" not in json.dumps(records(data))
    too_long = call("POST", PREDICT, {"instances": INSTANCES[:1]}, {"X-Subject": "x" * 257})
    assert (too_long.status, too_long.json["type"]) == (400, "urn:maas:error:invalid-header")


def test_a_subject_without_a_key_is_not_captured_at_all(
    data: ObjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be found again to be forgotten is not kept; the caller notices nothing."""
    monkeypatch.delenv("MAAS_CAPTURE_KEY")
    call = Caller(tiny_model.endpoint())
    assert call("POST", PREDICT, {"instances": INSTANCES}, {"X-Subject": "ada"}).status == 200
    drained(call)
    assert records(data) == []
    assert "CaptureFailed" not in capsys.readouterr().out
    assert call("POST", PREDICT, {"instances": INSTANCES}).status == 200
    drained(call)
    assert len(records(data)) == 3


class Person(Record):
    """A record with something of everything that must not be kept."""

    age: float = Field(ge=0, le=120, json_schema_extra={"sensitive": True})
    plate: str = Field(max_length=20, json_schema_extra={"sensitive": "hash"})
    speed: float = Field(ge=0, le=300)


class Risk(Prediction):
    """One number."""

    volume: float


def test_sensitive_fields_and_what_depends_on_them_are_not_kept(
    data: ObjectStore, registry: Registry
) -> None:
    """One field is dropped, one kept as a hash, and so are the features computed from them."""
    names = ("age", "speed", "both", "plate_length")

    def features(columns: Any) -> Any:
        length = np.array([len(plate) for plate in columns["plate"]])
        return np.column_stack(
            [columns["age"], columns["speed"], columns["age"] * columns["speed"], length]
        ).astype(np.float32)

    handler = Endpoint("person", Person, Risk, features, feature_names=names)
    artifact = tiny_model.graph(width=4)
    golden = {
        "instances": [{"age": 40.0, "plate": "AB 1", "speed": 50.0}],
        "predictions": [{"volume": 40 + 100 + 6000 + 16}],
        "tolerance": 1.0,
    }
    manifest, _ = tiny_model.version(
        model="person",
        artifact=tiny_model.Blob.of(artifact, tiny_model.MEDIA_TYPE),
        feature_names=names,
        inputs=[t._asdict() for t in handler.contract.inputs()],
        outputs=[t._asdict() for t in handler.contract.outputs()],
        golden=golden,
    )
    registry.promote("person", registry.publish(manifest, artifact), actor="tests", reason="first")
    call = Caller(handler)
    asked = [{"age": 77.0, "plate": plate, "speed": 61.0} for plate in ("HH XY 77", "HH XY 77", "B 1")]
    assert call("POST", "/v1/models/person:predict", {"instances": asked}).status == 200
    drained(call)
    kept = records(data)
    assert [set(one["instance"]) for one in kept] == [{"speed", "plate"}] * 3
    hashes = [one["instance"]["plate"] for one in kept]
    assert hashes[0] == hashes[1] != hashes[2]
    assert "HH XY" not in json.dumps(kept)
    assert [one["signals"][:4] for one in kept] == [[None, 61.0, None, None]] * 3


def test_many_rows_of_one_request_are_thinned_out(data: ObjectStore) -> None:
    """A file of thousands leaves a hundred rows, from its first to its last."""
    call = Caller(tiny_model.endpoint())
    assert (
        call(
            "POST",
            PREDICT,
            {"instances": INSTANCES[:1] * 2500},
            {"X-Request-Id": "f", "Content-Type": "application/json"},
        ).status
        == 200
    )
    drained(call)
    rows = [int(one["id"].rpartition("/")[2]) for one in records(data)]
    assert len(rows) == 100
    assert (rows[0], rows[-1]) == (0, 2499)


def test_rows_of_files_are_captured_too(data: ObjectStore) -> None:
    """Batch scoring calls the function itself, with rows of a file."""
    handler = tiny_model.endpoint()
    handler({"instances": INSTANCES}, Context())
    drained(Caller(handler))
    assert [one["id"] for one in records(data)] == [f"{Context().aws_request_id}/{row}" for row in range(3)]


def test_traffic_makes_few_objects(data: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request is written at once, the next ones together, 20 seconds later."""
    now = [1000.0]
    monkeypatch.setattr(buffer.time, "monotonic", lambda: now[0])
    call = Caller(tiny_model.endpoint())
    call.handler.sampler._buffer._clock = lambda: now[0]

    def ask(times: int) -> int:
        for _ in range(times):
            assert call("POST", PREDICT, {"instances": INSTANCES[:1]}).status == 200
        call.handler.afterwards.drain()
        return len(objects(data, "captures/"))

    assert [ask(1), ask(30)] == [1, 1]
    now[0] += 20.5
    assert ask(1) == 2
    assert len(records(data)) == 32


def broken(operation: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make one operation of S3 fail for whoever captures; the calls that failed."""
    calls: list[str] = []
    real = impatient_client

    def client() -> Any:
        made = real()

        def refuse(**_: Any) -> None:
            calls.append(operation)
            raise ConnectionError("S3 is away, says 61.0")

        monkeypatch.setattr(made, operation, refuse)
        return made

    monkeypatch.setattr("maas.capture.sampler.impatient_client", client)
    return calls


def test_s3_that_is_away_touches_no_answer(
    data: ObjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The caller gets the same answer; the failure is counted, quoting nothing, and S3 is left alone."""
    expected = Caller(tiny_model.endpoint())("POST", PREDICT, {"instances": INSTANCES}).json
    calls = broken("put_object", monkeypatch)
    call = Caller(tiny_model.endpoint())
    for _ in range(3):
        answer = call("POST", PREDICT, {"instances": INSTANCES})
        assert (answer.status, answer.json) == (200, expected)
    call.handler.afterwards.drain()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CaptureFailed" in line]
    assert lines
    assert "61.0" not in json.dumps(lines)
    assert len(calls) < 3
    assert len(call.handler.sampler._buffer._lines) == 9
    assert len(objects(data, "captures/")) <= 1


def test_records_wait_for_s3_and_the_oldest_go_first(data: ObjectStore) -> None:
    """What could not be written is written later; more than 5000 lines never wait."""
    lost: list[int] = []
    now = [0.0]
    down = [True]

    def store() -> ObjectStore:
        if down[0]:
            raise ConfigurationError("no bucket")
        return ObjectStore(DATA_BUCKET, boto3.client("s3"))

    waiting = buffer.Buffer("captures/tiny/", store, lost=lost.append, clock=lambda: now[0])
    moment = datetime(2026, 11, 22, 7, 59, tzinfo=UTC)
    with pytest.raises(ConfigurationError):
        waiting.add(moment, [b'{"id": "0"}'])
    waiting.add(moment, [b'{"id": "%d"}' % number for number in range(1, 5002)])
    assert lost == [2]
    down[0] = False
    waiting.add(moment, [b'{"id": "soon"}'])
    assert objects(data, "captures/") == []
    now[0] = 61.0
    waiting.add(datetime(2026, 11, 22, 8, 0, tzinfo=UTC), [b'{"id": "late"}'])
    assert [key.rpartition("/")[0] for key in objects(data, "captures/")] == [
        "captures/tiny/date=2026-11-22/hour=07",
        "captures/tiny/date=2026-11-22/hour=08",
    ]
    assert len(records(data)) == 5000 + 0
    assert lost == [2, 1, 1]


def test_full_queue_drops_captures_and_no_answers(
    data: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the worker is busy only so much may wait; the rest is counted and gone."""
    call = Caller(tiny_model.endpoint())
    gate = threading.Event()
    handler = call.handler
    handler.__dict__["afterwards"] = Afterwards(
        failed=lambda _: None, dropped=lambda: handler.telemetry.count("AfterwardsDropped"), limit=2
    )
    handler.afterwards.do(gate.wait)
    statuses = [call("POST", PREDICT, {"instances": INSTANCES[:1]}).status for _ in range(6)]
    gate.set()
    drained(call)
    assert statuses == [200] * 6
    assert capsys.readouterr().out.count('"AfterwardsDropped":1') >= 3
    assert 1 <= len(records(data)) <= 3


def test_answer_is_out_before_anything_is_captured(data: ObjectStore) -> None:
    """The request itself touches neither S3 nor the key: all of that is for afterwards."""
    call = Caller(tiny_model.endpoint())
    work: list[Callable[[], object]] = []

    class Held:
        def do(self, one: Callable[[], object]) -> None:
            work.append(one)

        def answered(self, _: str | None) -> None:
            return

    call.handler.__dict__["afterwards"] = Held()
    answer = call("POST", PREDICT, {"instances": INSTANCES}, {"X-Subject": "ada"})
    assert answer.status == 200
    assert (len(work), objects(data, "captures/")) == (1, [])
    assert call.handler.sampler._buffer._store is None
    work[0]()
    assert len(records(data)) == 3


def test_restored_snapshot_makes_its_own_client(data: ObjectStore) -> None:
    """Connections and the state of the buffer do not outlive a snapshot."""
    call = Caller(tiny_model.endpoint())
    call("POST", PREDICT, {"instances": INSTANCES[:1]})
    drained(call)
    before = call.handler.sampler._buffer._store
    call.handler.after_restore()
    assert before is not None
    assert call.handler.sampler._buffer._store is None
    call("POST", PREDICT, {"instances": INSTANCES[:1]})
    drained(call)
    assert len(records(data)) == 2


def test_parts_of_a_request_are_traced(data: ObjectStore) -> None:
    """Loading, preprocessing and predicting are segments of the trace, in this order."""
    assert data is not None
    names: list[str] = []

    class Provider:
        def in_subsegment(self, name: str) -> Any:
            names.append(name)
            return nullcontext()

    call = Caller(tiny_model.endpoint())
    assert call("POST", PREDICT, {"instances": INSTANCES}).status == 200
    call.handler.telemetry._tracer = type("Tracer", (), {"provider": Provider()})()
    assert call("POST", PREDICT, {"instances": INSTANCES}).status == 200
    assert [name for name in names if name in {"load", "preprocess", "predict"}] == [
        "load",
        "preprocess",
        "predict",
    ]
