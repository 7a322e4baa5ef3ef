"""`maas prune` and `maas diff`: what people and programs read, and that looking changes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from mypy_boto3_s3.client import S3Client
from typer.testing import CliRunner, Result

from cli.main import app
from maas.artifact import BlobStore
from maas.manifest import Baseline, DataSource
from maas.registry import Registry
from maas.store import ObjectStore
from tests.faults import BUCKET, impatient, moto_bucket
from tests.manifests import MEDIA_TYPE, manifest_of
from tests.pruning import HOW, MODEL, A, B, C, current, pass_time, publish, there


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("MAAS_MODELS_BUCKET", BUCKET)
    with moto_bucket() as client, impatient():
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def store() -> ObjectStore:
    """A and B, old and never released, C in production, and bytes of a publication that broke off."""
    where = ObjectStore(BUCKET, boto3.client("s3"))
    publish(where, A, B, C)
    Registry(where).promote(MODEL, C.digest, **HOW)
    BlobStore(where).put(b"nobody's", MEDIA_TYPE)
    pass_time(40)
    return where


def maas(*arguments: str) -> Result:
    """Run a command that is expected to succeed."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result


def document(*arguments: str) -> Any:
    return json.loads(maas(*arguments, "--json").stdout)


@pytest.mark.usefixtures("store")
def test_without_yes_it_only_tells() -> None:
    """The table has each object with size, age and reason, and the sum; nothing is changed."""
    before = current()
    shown = maas("prune", "--keep", "1").stdout
    for text in ("blob", "8 B", "40 d", "no version mentions it", A.version, B.version, "mark", "--yes"):
        assert text in shown
    found = document("prune", "--keep", "1")
    assert (found["done"], found["bytes"]) == (False, 8)
    assert {row["action"] for row in found["objects"]} == {"mark", "remove"}
    assert current() == before


@pytest.mark.usefixtures("store")
def test_with_yes_it_does_it_and_a_version_can_be_spared() -> None:
    """Strays go at once; versions are marked, wait a day, and go unless somebody keeps them."""
    assert document("prune", "--keep", "1", "--yes")["bytes"] == 8
    assert there(A)
    assert {row["action"] for row in document("prune", "--keep", "1", "--yes")["objects"]} == {"wait"}
    refused = CliRunner().invoke(app, ["promote", MODEL, A.version])
    assert refused.exit_code == 1
    assert f"maas prune {MODEL} --spare {A.version}" in refused.stderr
    assert document("prune", MODEL, "--spare", A.version)["spared"] is True
    assert "was not marked for deletion" in maas("prune", MODEL, "--spare", A.version).stdout
    pass_time(2)
    assert "2 objects removed" in maas("prune", "--keep", "1", "--yes").stdout
    assert [there(manifest) for manifest in (A, B, C)] == [True, False, True]
    assert "Nothing to remove" in maas("prune", "--yes").stdout


@pytest.mark.parametrize("grace", ["47h", "1d", "0w", "30", "a month", "-3d"])
def test_a_grace_that_races_is_wrong_usage(grace: str) -> None:
    """Less than two days, or no duration at all, is refused before anything is looked at."""
    result = CliRunner().invoke(app, ["prune", "--grace", grace])
    assert result.exit_code == 2
    assert "2d" in result.output


def test_sparing_names_its_model() -> None:
    """A version alone could be anybody's."""
    assert CliRunner().invoke(app, ["prune", "--spare", A.version]).exit_code == 2


def test_what_is_locked_is_an_error_with_a_way_on(bucket: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Object Lock keeps an object: exit code 1, the object in the table, and the advice to come again."""
    bucket.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    bucket.put_object_lock_configuration(
        Bucket="locked",
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}},
        },
    )
    monkeypatch.setenv("MAAS_MODELS_BUCKET", "locked")
    BlobStore(ObjectStore("locked", bucket)).put(b"nobody's", MEDIA_TYPE)
    pass_time(40, "locked")
    result = CliRunner().invoke(app, ["prune", "--yes"])
    assert result.exit_code == 1
    assert "refused" in result.stdout
    assert "Object Lock" in result.stderr


def test_two_versions_are_laid_side_by_side(store: ObjectStore) -> None:
    """Scores with their change, features, settings, libraries, data, size and answers; only what differs."""
    one = manifest_of(
        b"a",
        minute=20,
        metrics={"mean_absolute_error": 12.5, "r2": 0.9},
        hyperparameters={"alpha": 1.0, "depth": 3},
        libraries={"scikit-learn": "1.9.1", "numpy": "2.5.0"},
    )
    other = manifest_of(
        b"bb",
        minute=21,
        metrics={"mean_absolute_error": 10.0, "r2": 0.9},
        hyperparameters={"alpha": 2.0, "leaves": 31},
        libraries={"scikit-learn": "1.9.2", "numpy": "2.5.0"},
        feature_names=["rain", "temperature"],
        baseline=Baseline(name="mean", metrics={"mean_absolute_error": 80.0}),
        data=DataSource(name="counts", source="a table", digest="1" * 64, rows=5, simulated=True),
    )
    Registry(store).publish(one, b"a")
    Registry(store).publish(other, b"bb")
    found = document("diff", MODEL, one.version, other.version)["differences"]
    assert found["Scores on held-out data"] == {"mean_absolute_error": {"old": 12.5, "new": 10.0}}
    assert found["Features"] == {"temperature": {"old": 1, "new": 2}, "rain": {"old": None, "new": 1}}
    assert found["Settings"] == {
        "alpha": {"old": 1.0, "new": 2.0},
        "depth": {"old": 3, "new": None},
        "leaves": {"old": None, "new": 31},
    }
    assert found["Libraries"] == {"scikit-learn": {"old": "1.9.1", "new": "1.9.2"}}
    assert found["Data"].keys() == {"digest", "rows"}
    assert found["Size and time"]["model bytes"] == {"old": 1, "new": 2}
    assert "Answers to golden samples" not in found
    shown = maas("diff", MODEL, one.version[:8], other.version).stdout
    for text in (one.version, other.version, "-20.0 %", "leaves", "+100.0 %"):
        assert text in shown
    everything = document("diff", MODEL, one.version, other.version, "--all")["differences"]
    assert everything["Scores on held-out data"]["r2"] == {"old": 0.9, "new": 0.9}
    (answer,) = everything["Answers to golden samples"].values()
    assert answer == {"old": {"vehicles_per_hour": 340.0}, "new": {"vehicles_per_hour": 340.0}}


@pytest.mark.usefixtures("store")
def test_equal_versions_say_so() -> None:
    """The same version twice, and two that differ in their time alone."""
    assert "one version under two names" in maas("diff", MODEL, A.version, A.digest).stdout
    twin = manifest_of(b"a", minute=77)
    Registry(ObjectStore(BUCKET, boto3.client("s3"))).publish(twin, b"a")
    assert "nothing but the time" in maas("diff", MODEL, A.version, twin.version).stdout
    assert document("diff", MODEL, A.version, twin.version)["differences"] == {}
