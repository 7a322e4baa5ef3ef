"""A registry under Object Lock: releases go on, what they are made of cannot be removed or replaced."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3.client import S3Client

from maas import generation
from maas.artifact import BlobStore
from maas.garbage import Garbage
from maas.registry import Registry
from maas.s3_client import s3_client
from maas.store import ObjectStore
from tests.faults import BUCKET, moto_bucket, new_client
from tests.iam import Roles
from tests.manifests import MEDIA_TYPE, manifest_of
from tests.pruning import GRACE, pass_time

MODEL = "traffic_flow"
A, B = manifest_of(b"a"), manifest_of(b"b", minute=1)
HOW: Any = {"actor": "ci", "reason": ""}


@pytest.fixture(params=["GOVERNANCE", "COMPLIANCE"])
def locked(request: pytest.FixtureRequest) -> Iterator[S3Client]:
    """A bucket as the template makes it with ObjectLock."""
    with moto_bucket() as client:
        client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        configuration = Roles({}, ObjectLock=request.param, ObjectLockDays="7").properties("ModelsBucket")
        lock = configuration["ObjectLockConfiguration"]
        retention = lock["Rule"]["DefaultRetention"]
        lock["Rule"]["DefaultRetention"] = {"Mode": retention["Mode"], "Days": int(retention["Days"])}
        client.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration=lock)
        yield client


def test_releases_go_on_and_nothing_is_lost(locked: S3Client) -> None:
    """Each move is a new state of the pointer; every state of every object is held."""
    registry = Registry(ObjectStore("locked", locked))
    registry.publish(A, b"a")
    registry.publish(B, b"b")
    registry.promote(MODEL, A.digest, **HOW)
    registry.canary(MODEL, B.digest, 10, **HOW)
    registry.promote(MODEL, B.digest, **HOW)
    assert registry.rollback(MODEL, **HOW).stable == A.digest
    assert registry.publish(A, b"a") == A.version
    states = locked.list_object_versions(Bucket="locked")["Versions"]
    assert sum(state["Key"].endswith("production.json") for state in states) == 4
    for state in states:
        with pytest.raises(ClientError, match="AccessDenied"):
            locked.delete_object(Bucket="locked", Key=state["Key"], VersionId=state["VersionId"])


def test_an_object_replaced_by_somebody_is_still_there(locked: S3Client) -> None:
    """Whoever overwrites an artifact makes another state of it: the held one can be restored."""
    registry = Registry(ObjectStore("locked", locked))
    registry.publish(A, b"a")
    locked.put_object(Bucket="locked", Key=A.artifact.key, Body=b"evil")
    states = locked.list_object_versions(Bucket="locked", Prefix=A.artifact.key)["Versions"]
    bodies = {
        locked.get_object(Bucket="locked", Key=A.artifact.key, VersionId=state["VersionId"])["Body"].read()
        for state in states
    }
    assert bodies == {b"a", b"evil"}


def test_off_means_no_lock_at_all() -> None:
    """By default the bucket has neither the switch nor a rule."""
    properties = Roles({}).properties("ModelsBucket")
    assert not {"ObjectLockEnabled", "ObjectLockConfiguration"} & properties.keys()
    assert Roles({}, ObjectLock="COMPLIANCE").properties("ModelsBucket")["ObjectLockEnabled"] is True


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("setting", ["when_supported", "when_required"])
def test_every_object_is_sent_with_a_checksum(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 takes nothing without one into a locked bucket; the environment must not turn it off."""
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", setting)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    client = s3_client()
    sent: list[Any] = []
    client.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(request.headers))
    registry = Registry(ObjectStore(BUCKET, client))
    registry.publish(A, b"a")
    registry.promote(MODEL, A.digest, **HOW)
    assert len(sent) == 4
    for headers in sent:
        names = {str(name).lower() for name in headers}
        trailer = headers.get("x-amz-trailer", b"")
        assert "x-amz-checksum-crc32" in names or b"crc32" in bytes(trailer)


def test_pruning_leaves_what_is_held_and_reports_it() -> None:
    """What is still held is named with the reason; the rest goes."""
    with moto_bucket() as bucket:
        _prune_locked(bucket)


def _prune_locked(bucket: S3Client) -> None:
    bucket.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    where = ObjectStore("locked", new_client())
    held, free = (BlobStore(where).put(data, MEDIA_TYPE) for data in (b"nobody's", b"no one's"))
    until = datetime.now(UTC) + timedelta(days=1)
    bucket.put_object_retention(
        Bucket="locked", Key=held.key, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until}
    )
    pass_time(40, "locked")
    unneeded = Garbage(where, grace=GRACE)
    ((find, why),) = unneeded.sweep(unneeded.survey())
    assert find.key == held.key
    assert "denied" in why
    assert list(where.list("")) == [held.key]
    assert free.key not in generation.generations(where, "blobs/")
