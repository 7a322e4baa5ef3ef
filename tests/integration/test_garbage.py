"""What `maas prune` removes; nothing needed ever goes, whoever publishes, releases or crashes beside it."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from mypy_boto3_s3.client import S3Client

from maas import generation
from maas.artifact import BlobStore
from maas.condemned import mark_key
from maas.errors import ConfigurationError, Conflict, IntegrityError
from maas.garbage import Garbage, Survey
from maas.registry import Registry
from maas.signature import signature_key
from maas.signer import Signer
from maas.store import ObjectStore
from tests.faults import (
    BUCKET,
    Crash,
    Fault,
    FaultInjector,
    impatient,
    moto_bucket,
    new_client,
    objects,
    scripted,
)
from tests.manifests import MEDIA_TYPE, manifest_of
from tests.pruning import (
    AGAIN,
    GRACE,
    HOW,
    MODEL,
    OTHER,
    A,
    B,
    C,
    D,
    E,
    F,
    check,
    open_store,
    pass_time,
    promote,
    prune,
    publish,
    there,
)
from tests.signing_keys import LocalKey


@pytest.fixture(autouse=True)
def bucket() -> Iterator[S3Client]:
    with moto_bucket() as client, impatient():
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def quiet() -> ObjectStore:
    return open_store()


def test_blobs_of_a_publication_that_broke_off_go_after_the_grace(quiet: ObjectStore) -> None:
    """Bytes without a manifest are kept for the grace, then removed; those of versions stay."""
    publish(quiet, A)
    blob = BlobStore(quiet).put(b"nobody's", MEDIA_TYPE)
    pass_time(29)
    assert prune(quiet) == Survey()
    pass_time(2)
    (find,) = prune(quiet).removed
    assert (find.kind, find.key, find.size, find.reason) == ("blob", blob.key, 8, "no version mentions it")
    assert list(objects()) == [A.artifact.key, A.key]


def test_looking_changes_nothing(quiet: ObjectStore) -> None:
    """A survey sends reads only."""
    publish(quiet, A, B, C)
    BlobStore(quiet).put(b"nobody's", MEDIA_TYPE)
    pass_time(40)
    injector = FaultInjector(client := new_client(), scripted({}))
    survey = Garbage(ObjectStore(BUCKET, client), grace=GRACE).survey(keep=1)
    assert (len(survey.condemned), len(survey.removed)) == (2, 1)
    assert {method for method, _, _ in injector.log} == {"GET"}


def test_every_blob_that_a_manifest_mentions_stays(quiet: ObjectStore) -> None:
    """Also one that this version of the code has no field for: any digest in the text counts."""
    extra = BlobStore(quiet).put(b"background", MEDIA_TYPE)
    publish(quiet, mentioning := manifest_of(b"a", hyperparameters={"background": f"sha256:{extra.digest}"}))
    pass_time(90)
    assert prune(quiet) == Survey()
    assert {extra.key, mentioning.key} <= objects().keys()


def test_old_versions_are_condemned_and_a_day_later_removed(quiet: ObjectStore) -> None:
    """With `keep` stay the newest, the young and what was ever released; a blob goes with its last user."""
    signer = Signer(LocalKey(), name="ci")
    publish(quiet, A, B, C, D, E, AGAIN)
    Registry(quiet).promote(MODEL, C.digest, **HOW)
    Registry(quiet).promote(MODEL, D.digest, **HOW)
    Registry(quiet).rollback(MODEL, **HOW)
    signer.sign(quiet, A)
    quiet.put(f"models/{MODEL}/reports/{A.digest}.md", b"what the gate found")
    pass_time(40)
    publish(quiet, F)
    # By creation: AGAIN, F, E, D, C, B, A; C and D are in the history, F is young.
    first = prune(quiet, keep=1)
    assert {find.digest for find in first.condemned} == {A.digest, B.digest, E.digest}
    assert not first.removed
    assert prune(quiet, keep=1).waiting
    assert all(map(there, (A, B, C, D, E, F, AGAIN)))
    pass_time(1.5)
    last = prune(quiet, keep=1)
    assert [find.kind for find in last.removed] == [
        *("manifest", "manifest", "manifest", "signature", "report"),
        *("blob", "blob"),
    ]
    assert [there(manifest) for manifest in (A, B, C, D, E, F, AGAIN)] == [
        *(False, False, True, True, False, True, True)
    ]
    assert A.artifact.key in objects(), "AGAIN has the same artifact"
    assert not [key for key in objects() if A.digest in key and "condemned" not in key]
    check()
    assert prune(quiet, keep=1) == Survey()
    pass_time(31)
    assert [find.kind for find in prune(quiet, keep=7).removed] == ["mark"] * 3


def test_canary_and_shadow_are_needed(quiet: ObjectStore) -> None:
    """What is on trial is as safe as what is stable, and stays so after its trial."""
    publish(quiet, A, B, C, D)
    promote(quiet, A)
    Registry(quiet).canary(MODEL, B.digest, 10, **HOW)
    Registry(quiet).shadow(MODEL, C.digest, **HOW)
    for _ in range(3):
        pass_time(40)
        prune(quiet, keep=0)
    assert [there(manifest) for manifest in (A, B, C, D)] == [True, True, True, False]
    Registry(quiet).withdraw(MODEL, **HOW)
    for _ in range(3):
        pass_time(40)
        prune(quiet, keep=0)
    assert [there(manifest) for manifest in (A, B, C, D)] == [True, True, True, False]
    check()


def test_one_model_s_pruning_leaves_the_others_alone(quiet: ObjectStore) -> None:
    """With a model's name only its versions go, and blobs that only they mentioned."""
    theirs = [manifest_of(artifact, model=OTHER, minute=place) for place, artifact in enumerate((b"a", b"c"))]
    publish(quiet, A, B, *theirs)
    stray = BlobStore(quiet).put(b"nobody's", MEDIA_TYPE)
    for _ in range(2):
        pass_time(40)
        prune(quiet, model=MODEL, keep=0)
    assert [there(manifest) for manifest in (A, B, *theirs)] == [False, False, True, True]
    assert objects().keys() >= {A.artifact.key, stray.key}, "the other model has A's artifact too"
    assert B.artifact.key not in objects()
    check()


def test_condemned_versions_are_not_released_until_they_are_spared(quiet: ObjectStore) -> None:
    """The error says how to keep it; sparing makes it young, so the next pruning leaves it."""
    publish(quiet, A, B)
    pass_time(40)
    prune(quiet, keep=1)
    with pytest.raises(Conflict, match=f"prune {MODEL} --spare {A.version}"):
        promote(quiet, A)
    unneeded = Garbage(quiet, grace=GRACE)
    assert unneeded.spare(A)
    assert not unneeded.spare(A)
    pass_time(10)
    assert prune(quiet, keep=1) == Survey()
    promote(quiet, A)
    check()


def test_publishing_a_condemned_version_again_lifts_its_mark(quiet: ObjectStore) -> None:
    """The same manifest published anew is a new version to the pruning, and can be released after it."""
    publish(quiet, A, B)
    pass_time(40)
    prune(quiet, keep=1)
    pass_time(0.01)
    publish(quiet, A)
    assert [find.kind for find in prune(quiet, keep=1).lifted] == ["mark"]
    promote(quiet, A)
    pass_time(2)
    prune(quiet, keep=1)
    check()


def test_what_a_broken_off_removal_leaves_behind_goes_later(quiet: ObjectStore) -> None:
    """A crash between manifest and signature leaves a signature and a mark without a version."""
    publish(quiet, A, B)
    Signer(LocalKey(), name="ci").sign(quiet, A)
    pass_time(40)
    prune(quiet, keep=1)
    pass_time(2)
    FaultInjector(client := new_client(), lambda _: Fault.NONE)
    survey = Garbage(quiet, grace=GRACE).survey(keep=1)
    dying = FaultInjector(client, scripted({1: Fault.CRASH_AFTER}))
    with pytest.raises(Crash):
        list(Garbage(ObjectStore(BUCKET, client), grace=GRACE).sweep(survey))
    assert len(dying.log) == 1
    assert not there(A)
    assert {mark_key(MODEL, A.digest), signature_key(MODEL, A.digest)} <= objects().keys()
    check()
    pass_time(31)
    assert {find.kind for find in prune(quiet).removed} == {"signature", "mark", "blob"}
    assert list(objects()) == [B.artifact.key, B.key]


def test_damage_stops_everything(quiet: ObjectStore) -> None:
    """Where a manifest, a pointer or an entry of the history cannot be read nobody knows what is needed."""
    publish(quiet, A, B)
    promote(quiet, A)
    promote(quiet, B)
    BlobStore(quiet).put(b"nobody's", MEDIA_TYPE)
    pass_time(40)
    for key in (A.key, f"models/{MODEL}/production.json", f"models/{MODEL}/history/00000001.json"):
        whole = quiet.read(key).body
        quiet.put(key, whole[:-1])
        with pytest.raises(IntegrityError, match=re.escape(key)):
            prune(quiet, keep=0)
        quiet.put(key, whole)
    assert len(prune(quiet, keep=0).removed) == 1


def test_a_bucket_without_versions_is_refused(bucket: S3Client, quiet: ObjectStore) -> None:
    """Without versions the state that was seen cannot be told from one that was written since."""
    bucket.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    with pytest.raises(ConfigurationError, match="not versioned"):
        prune(quiet)


def test_a_short_grace_is_refused(quiet: ObjectStore) -> None:
    """Less than two days would leave publishers no time."""
    with pytest.raises(ValueError, match="2 days"):
        Garbage(quiet, grace=timedelta(hours=47))


def test_an_old_state_does_not_come_back(quiet: ObjectStore) -> None:
    """An object written twice goes with all its states: else the older one would be current again."""
    BlobStore(quiet).put(b"nobody's", MEDIA_TYPE)
    pass_time(2)
    blob = BlobStore(quiet).put(b"nobody's", MEDIA_TYPE)
    assert len(generation.generations(quiet, blob.key)[blob.key]) == 2
    pass_time(40)
    prune(quiet)
    assert not list(quiet.list(""))
