"""Versions that may not serve, and a registry that is silent: the last good version is kept."""

from functools import cache
from typing import Any

import boto3
import numpy as np
import pytest

from maas.artifact import Blob
from maas.errors import (
    BrokenArtifact,
    DigestMismatch,
    GoldenMismatch,
    InvalidRecord,
    MaasError,
    RegistryUnavailable,
)
from maas.manifest import Golden, Manifest
from maas.registry import Registry
from tests import tiny_model
from tests.conftest import MODELS_BUCKET
from tests.lambda_events import Context
from tests.shelves import publish, watch
from tests.tiny_model import INSTANCES, MEDIA_TYPE, NAME
from tests.tiny_requests import EXPECTED


def golden(**changes: Any) -> Golden:
    made = tiny_model.golden(tiny_model.graph())
    return Golden(**{**dict(made), **changes})


@cache
def broken_versions() -> dict[str, tuple[Manifest, bytes, type[MaasError]]]:
    """Versions that were published whole, and may not serve."""
    manifest, _ = tiny_model.version()
    no_model, narrow = b"no model at all", tiny_model.graph(width=3)
    renamed = tiny_model.graph().replace(b"volume", b"values")
    predictions = [{"volume": 1.0}] * 3
    moved = [spec.model_copy(update={"name": spec.name.replace("rain", "snow")}) for spec in manifest.inputs]
    longer = [
        spec.model_copy(update={"shape": (*spec.shape[:1], *[3 for _ in spec.shape[1:]])})
        for spec in manifest.inputs
    ]
    refused = golden(instances=[{**INSTANCES[0], "lanes": 13}], predictions=predictions[:1])
    return {
        "no model": (
            *tiny_model.version(artifact=Blob.of(no_model, MEDIA_TYPE))[:1],
            no_model,
            BrokenArtifact,
        ),
        "width": (*tiny_model.version(artifact=Blob.of(narrow, MEDIA_TYPE))[:1], narrow, BrokenArtifact),
        "outputs": (*tiny_model.version(artifact=Blob.of(renamed, MEDIA_TYPE))[:1], renamed, BrokenArtifact),
        "features": (*tiny_model.version(feature_names=tiny_model.FEATURES[::-1]), BrokenArtifact),
        "contract": (*tiny_model.version(inputs=moved), BrokenArtifact),
        "shape": (*tiny_model.version(inputs=longer), BrokenArtifact),
        "golden": (*tiny_model.version(golden=golden(predictions=predictions)), GoldenMismatch),
        "golden record": (*tiny_model.version(golden=refused), GoldenMismatch),
        "golden name": (*tiny_model.version(golden=golden(predictions=[{"speed": 1.0}] * 3)), GoldenMismatch),
    }


BROKEN = [
    "no model",
    "width",
    "outputs",
    "features",
    "contract",
    "shape",
    "golden",
    "golden record",
    "golden name",
]


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_version_is_refused_at_first(registry: Registry, fault: str) -> None:
    """With nothing to fall back on the fault itself is raised, and the bytes are not read again and again."""
    manifest, artifact, error = broken_versions()[fault]
    registry.promote(NAME, registry.publish(manifest, artifact), actor="tests", reason=fault)
    watched = watch()
    for _ in range(3):
        with pytest.raises(error):
            watched.shelf.production()
    assert watched.store.artifacts_read == 1


@pytest.mark.parametrize("fault", BROKEN)
def test_last_good_version_is_kept(registry: Registry, fault: str) -> None:
    """A broken version does not displace a good one; it is loaded once and reported each time."""
    publish(registry)
    watched = watch()
    assert watched.volume() == pytest.approx(EXPECTED[0])
    manifest, artifact, error = broken_versions()[fault]
    registry.promote(NAME, registry.publish(manifest, artifact), actor="tests", reason=fault)
    for look in range(1, 4):
        watched.now[0] += 30
        if look == 3:
            watched.now[0] -= 15  # not yet
        assert watched.volume() == pytest.approx(EXPECTED[0])
    assert [type(report) for report in watched.reports] == [error, error]
    assert watched.store.artifacts_read == 2
    publish(registry, 2)
    watched.now[0] += 30
    assert watched.volume() == pytest.approx(2 * EXPECTED[0])


def test_changed_bytes_are_refused_until_they_are_whole(registry: Registry) -> None:
    """Bytes changed in S3 never serve; a damaged transfer is tried again after a minute."""
    publish(registry)
    watched = watch()
    watched.volume()
    publish(registry, 2)
    key = tiny_model.version([2.0 * (i + 1) for i in range(8)])[0].artifact.key
    client = boto3.client("s3")
    whole = client.get_object(Bucket=MODELS_BUCKET, Key=key)["Body"].read()
    client.put_object(Bucket=MODELS_BUCKET, Key=key, Body=whole[:-1] + bytes([whole[-1] ^ 1]))
    watched.now[0] = 30
    assert watched.volume() == pytest.approx(EXPECTED[0])
    assert [type(report) for report in watched.reports] == [DigestMismatch]
    client.put_object(Bucket=MODELS_BUCKET, Key=key, Body=whole)
    watched.now[0] = 60
    assert watched.volume() == pytest.approx(EXPECTED[0])
    watched.now[0] = 91
    assert watched.volume() == pytest.approx(2 * EXPECTED[0])


def test_silent_registry(registry: Registry) -> None:
    """Without S3 the version held goes on serving, and S3 is asked once per interval."""
    publish(registry)
    watched = watch()
    watched.store.silent = True
    with pytest.raises(RegistryUnavailable):
        watched.shelf.production()
    watched.store.silent = False
    assert watched.volume() == pytest.approx(EXPECTED[0])
    watched.store.silent = True
    watched.now[0] = 30
    before = len(watched.store.read_keys)
    assert [watched.volume() for _ in range(3)] == [pytest.approx(EXPECTED[0])] * 3
    assert len(watched.store.read_keys) == before + 1
    assert [type(report) for report in watched.reports] == [RegistryUnavailable]


def test_error_that_is_raised_again_stays_small(registry: Registry) -> None:
    """The remembered refusal does not collect a trace per request."""
    manifest, artifact, _ = broken_versions()["golden"]
    registry.promote(NAME, registry.publish(manifest, artifact), actor="tests", reason="broken")
    watched, depths = watch(), set()
    for _ in range(5):
        with pytest.raises(GoldenMismatch) as raised:
            watched.shelf.production()
        depths.add(len(raised.traceback))
    assert len(depths) <= 2


def test_broken_version_by_name(registry: Registry) -> None:
    """A named version that fails its check is an error of ours, and production serves on."""
    publish(registry)
    manifest, artifact, error = broken_versions()["golden"]
    version = registry.publish(manifest, artifact)
    watched = watch()
    with pytest.raises(error):
        watched.shelf.version(version)
    assert watched.volume() == pytest.approx(EXPECTED[0])


def test_answer_that_is_not_finite_is_refused(registry: Registry) -> None:
    """A model that overflows on a record gives no number, so the record is named instead."""
    publish(registry, 1.2e35, golden=golden(instances=INSTANCES[:1], predictions=[{}]))
    served = watch().shelf.production()
    with pytest.raises(InvalidRecord) as raised, np.errstate(over="ignore"):
        served.predict(served.contract.parse([INSTANCES[0], tiny_model.instance(speeds=[200, 200])]))
    assert raised.value.errors[-1].pointer == "/instances/1"


def test_kept_version_is_told_to_the_log(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Direct calls go on during the trouble, and the operator reads why a promotion had no effect."""
    first = publish(registry)
    handler = tiny_model.endpoint()
    assert handler({"instances": INSTANCES}, Context())["model_version"] == first
    manifest, artifact, _ = broken_versions()["golden"]
    registry.promote(NAME, registry.publish(manifest, artifact), actor="tests", reason="broken")
    assert handler({"instances": INSTANCES}, Context())["model_version"] == first
    assert '"KeptLastGood":1' in capsys.readouterr().out
