"""Forgetting a subject: nothing of it is left in any version of any object, and everything else is."""

import gzip
import json
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli import deployment
from cli.main import app
from maas.capture.forgetting import Forgetting
from maas.capture.record import subject_hash
from maas.errors import RegistryUnavailable
from maas.masking import Pseudonyms
from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.lambda_events import Caller
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import PREDICT
from tests.watched import DATA_BUCKET, SECRET, buckets, objects, records

KEY = Pseudonyms(b"a key of hashes")
ADA, BOB = (subject_hash(KEY, name) for name in ("ada", "bob"))
HOUR = "date=2026-11-21/hour=07"


def packed(*lines: dict[str, Any]) -> bytes:
    return gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def row(identifier: str, subject: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "time": "2026-11-21T07:00:00+00:00",
        **({"subject": subject} if subject else {}),
        **more,
    }


@pytest.fixture
def data(aws: None) -> ObjectStore:  # noqa: ARG001 -- it starts moto
    """Records and outcomes of two models about two people and nobody."""
    return filled(buckets())


def filled(store: ObjectStore) -> ObjectStore:
    store.put(f"captures/one/{HOUR}/a.jsonl.gz", packed(row("x/0", ADA), row("y/0", BOB), row("z/0")))
    store.put(f"captures/one/{HOUR}/b.jsonl.gz", packed(row("x/1", ADA)))
    store.put(f"captures/two/{HOUR}/c.jsonl.gz", packed(row("x/2", ADA), row("y/2", BOB)))
    store.put(f"captures/two/{HOUR}/d.jsonl.gz", packed(row("y/3", BOB)))
    store.put(
        "outcomes/one/date=2026-11-21/e.jsonl.gz",
        packed({"id": "x/0", "outcome": {}}, {"id": "y/0", "outcome": {}}),
    )
    store.put("outcomes/two/date=2026-11-21/f.jsonl.gz", packed({"id": "w/0", "outcome": {}, "subject": ADA}))
    store.put("outcomes/two/table.csv", b"\xef\xbb\xbfid,outcome\nx/2,1.0\ny/2,2.0\nx/1,3.0\n")
    store.put("reports/one/latest.json", b"{}")
    return store


def everything() -> bytes:
    """Every version of every object there is."""
    client = boto3.client("s3")
    versions = client.list_object_versions(Bucket=DATA_BUCKET).get("Versions", [])
    bodies = [
        client.get_object(Bucket=DATA_BUCKET, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
        for one in versions
    ]
    return b"\n".join(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for body in bodies)


def test_nothing_of_the_subject_is_left_anywhere(data: ObjectStore) -> None:
    """Records, outcomes by id and by hash, lines of tables, and the earlier versions of all of them."""
    data.put(f"captures/one/{HOUR}/a.jsonl.gz", data.read(f"captures/one/{HOUR}/a.jsonl.gz").body)
    found = Forgetting(data).forget(ADA)
    assert (found.records, found.outcomes, found.objects, found.models) == (3, 4, 6, {"one", "two"})
    left = everything()
    assert ADA.encode() not in left
    for identifier in (b"x/0", b"x/1", b"x/2", b"w/0"):
        assert identifier not in left
    assert [one["id"] for one in records(data)] == ["y/0", "z/0", "y/2", "y/3"]
    assert [one["id"] for one in records(data, "outcomes/one/")] == ["y/0"]
    assert data.read("outcomes/two/table.csv").body == b"\xef\xbb\xbfid,outcome\ny/2,2.0\n"
    assert f"captures/one/{HOUR}/b.jsonl.gz" not in objects(data, "")
    markers = boto3.client("s3").list_object_versions(Bucket=DATA_BUCKET).get("DeleteMarkers", [])
    assert markers == []
    assert "reports/one/latest.json" in objects(data, "")


def test_others_are_not_touched(data: ObjectStore) -> None:
    """An object without the subject keeps its bytes; a stranger's name changes nothing at all."""
    before = {key: data.read(key) for key in objects(data, "")}
    found = Forgetting(data).forget(subject_hash(KEY, "nobody"))
    assert (found.records, found.outcomes, found.objects, found.versions) == (0, 0, 0, 0)
    assert {key: data.read(key) for key in objects(data, "")} == before
    Forgetting(data).forget(ADA)
    assert data.read(f"captures/two/{HOUR}/d.jsonl.gz") == before[f"captures/two/{HOUR}/d.jsonl.gz"]


def test_counting_changes_nothing(data: ObjectStore) -> None:
    """What would go is told without a single write."""
    before = everything()
    found = Forgetting(data).forget(ADA, really=False)
    assert (found.records, found.outcomes, found.objects, found.versions) == (3, 4, 6, 0)
    assert everything() == before


def test_one_model_only(data: ObjectStore) -> None:
    """Another model's records stay."""
    found = Forgetting(data, model="two").forget(ADA)
    assert (found.records, found.models) == (1, {"two"})
    assert ADA.encode() in everything()


def test_interrupted_anywhere_a_second_run_finishes(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """However many writes get through before it dies, the next run leaves the same as an undisturbed one."""
    store = buckets()
    client = store.client
    budget = [0]
    for name in ("put_object", "delete_object"):
        real = getattr(client, name)

        def counted(real: Any = real, **request: Any) -> Any:
            if budget[0] == 0:
                raise RegistryUnavailable("the power went")
            budget[0] -= 1
            return real(**request)

        monkeypatch.setattr(client, name, counted)
    for writes in range(14):
        budget[0] = 1000
        filled(store)
        budget[0] = writes
        with pytest.raises(RegistryUnavailable):
            Forgetting(store).forget(ADA)
        budget[0] = 1000
        Forgetting(store).forget(ADA)
        left = everything()
        assert ADA.encode() not in left, writes
        assert not any(one in left for one in (b"x/0", b"x/1", b"x/2", b"w/0")), writes
        assert [one["id"] for one in records(store)] == ["y/0", "z/0", "y/2", "y/3"]


def test_object_that_changes_meanwhile_is_read_again(
    data: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people forgetting at once lose no record of others."""
    key = f"captures/one/{HOUR}/a.jsonl.gz"
    real, raced = data.put, [False]

    def put(name: str, body: bytes, **how: Any) -> str:
        if name == key and not raced[0]:
            raced[0] = True
            real(key, packed(row("x/0", ADA), row("y/0", BOB), row("n/0")))
        return real(name, body, **how)

    monkeypatch.setattr(data, "put", put)
    Forgetting(data).forget(ADA)
    assert [one["id"] for one in records(data, "captures/one/")] == ["y/0", "n/0"]


def remembered(subject: str | None, **changes: Any) -> bytes:
    """An answer that is kept for repetitions, as `maas.idempotency.records` writes it."""
    record = {"status": "COMPLETED", "expires": 2**40, "claimed_until": 1, "request": "f", "answer": "kept"}
    return json.dumps(record | ({"subject": subject} if subject else {}) | changes).encode()


def test_remembered_answers_are_forgotten(aws: None) -> None:  # noqa: ARG001 -- it starts moto
    """Answers about the subject go with their past, and so do claims of requests that died; others stay."""
    store = buckets()
    for name, body in {
        "one/a": remembered(ADA),
        "one/b": remembered(BOB),
        "one/c": remembered(None),
        "two/dead": remembered(ADA, status="INPROGRESS"),
        "two/alive": remembered(ADA, status="INPROGRESS", claimed_until=2**52),
    }.items():
        store.put(f"idempotency/{name}", body)
    store.put("idempotency/one/taken", remembered(ADA, answer="expired"))
    store.put("idempotency/one/taken", remembered(BOB))
    counted = Forgetting(store).forget(ADA, really=False)
    assert (counted.answers, counted.objects, counted.models) == (2, 2, {"one", "two"})
    found = Forgetting(store).forget(ADA)
    assert (found.answers, found.objects, found.models) == (2, 2, {"one", "two"})
    assert objects(store, "") == [
        f"idempotency/{name}" for name in ("one/b", "one/c", "one/taken", "two/alive")
    ]
    assert everything().count(ADA.encode()) == 1  # the claim of a request that is being answered
    store.put("idempotency/two/alive", remembered(ADA))
    assert Forgetting(store).forget(ADA).answers == 1
    assert ADA.encode() not in everything()


def test_an_answer_is_remembered_with_the_hash_of_whom_it_is_about(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name itself is not kept; once it is forgotten, a repetition is answered anew."""
    registry.promote(NAME, registry.publish(*tiny_model.version()), actor="tests", reason="first")
    monkeypatch.setenv("MAAS_DATA_BUCKET", DATA_BUCKET)
    monkeypatch.setenv("MAAS_CAPTURE_KEY", SECRET)
    store, call = buckets(), Caller(tiny_model.endpoint())

    def ask() -> bool:
        answer = call(
            "POST", PREDICT, {"instances": INSTANCES}, {"Idempotency-Key": "one", "X-Subject": " ada "}
        )
        assert answer.status == 200
        return "Idempotent-Replayed" in answer.headers

    assert [ask(), ask()] == [False, True]
    assert b"ada" not in everything()
    assert Forgetting(store).forget(BOB).answers == 0
    assert Forgetting(store).forget(ADA).answers == 1
    assert ADA.encode() not in everything()
    assert [ask(), ask()] == [False, True]


def test_what_was_removed_does_not_come_back_between_two_pages(
    data: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A marker may stand on another page of the listing than what it hides."""
    paginator = data.client.get_paginator

    def of_one(name: str) -> Any:
        found = paginator(name)  # type: ignore[call-overload]
        pages = found.paginate

        def paginate(**request: Any) -> Any:
            return pages(**request, PaginationConfig={"PageSize": 1})

        monkeypatch.setattr(found, "paginate", paginate)
        return found

    monkeypatch.setattr(data.client, "get_paginator", of_one)
    Forgetting(data).forget(ADA)
    assert ADA.encode() not in everything()
    assert f"captures/one/{HOUR}/b.jsonl.gz" not in objects(data, "")


def test_command(data: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """`maas forget` finds the hash by the stack's key, counts with --list, and says what it did."""
    outputs = {"DataBucket": DATA_BUCKET, "CaptureKey": SECRET}
    monkeypatch.setattr(deployment, "find", lambda _: deployment.Deployment(outputs, boto3.client))
    counted = CliRunner().invoke(app, ["forget", "ada", "--list", "--json"])
    assert json.loads(counted.stdout)["records"] == 3
    assert ADA.encode() in everything()
    done = CliRunner().invoke(app, ["forget", "ada"])
    assert done.exit_code == 0
    assert "3 captured records, 4 outcomes and 0 remembered answers are gone" in done.stdout
    assert "in 6 objects of one, two" in done.stdout
    assert ADA.encode() not in everything()
    monkeypatch.setattr(deployment, "find", lambda _: deployment.Deployment({}, boto3.client))
    refused = CliRunner().invoke(app, ["forget", "ada"])
    assert refused.exit_code == 1
    assert len(objects(data, "captures/")) == 3
