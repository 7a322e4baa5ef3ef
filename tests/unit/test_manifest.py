"""Manifest: canonical JSON, digests, and what a manifest may not contain."""

import json
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maas.artifact import Blob, digest_of
from maas.errors import BrokenArtifact, IntegrityError, ModelNotFound
from maas.manifest import (
    Distribution,
    Golden,
    Manifest,
    TensorSpec,
    canonical_json,
    manifest_key,
    model_folder,
)
from maas.pointer import Canary, Pointer
from tests.manifests import manifest_of

finite = st.floats(allow_nan=False, allow_infinity=False)
documents = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | finite | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)
names = st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True)


@given(
    model=names,
    metrics=st.dictionaries(st.text(), finite, max_size=4),
    record=documents,
    created=st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=9, minutes=30)))),
    summary=st.text(),
)
def test_json_gives_the_same_manifest_back(
    model: str, metrics: dict[str, float], record: dict[str, Any], created: datetime, summary: str
) -> None:
    """Any manifest survives its JSON: equal fields, equal digest, equal bytes."""
    try:
        moment = created.astimezone(UTC)
    except OverflowError:
        return
    golden = Golden(instances=[record], predictions=[record], tolerance=0)
    manifest = manifest_of(
        b"x",
        model=model,
        metrics=metrics,
        golden=golden,
        hyperparameters=record,
        created=created,
        summary=summary,
    )
    data = manifest.to_json()
    again = Manifest.from_json(data)
    assert again == manifest
    assert again.created == moment
    assert again.to_json() == data
    assert again.digest == digest_of(data)
    assert again.version == digest_of(data)[:12]


def test_json_is_canonical() -> None:
    """Sorted keys, no white space, UTF-8, as RFC 8259 text."""
    assert canonical_json({"b": 1, "a": [1.5, None, "ü"]}) == '{"a":[1.5,null,"ü"],"b":1}'.encode()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data.replace(b":", b": ", 1), id="white space"),
        pytest.param(lambda data: data.replace(b"{", b'{"summary":"x",', 1), id="duplicate key"),
        pytest.param(lambda data: data.replace(b'"summary":', b'"sumary":'), id="unknown key"),
        pytest.param(lambda data: data.replace(b"12.5", b"1e999"), id="overflow"),
        pytest.param(lambda data: data.replace(b"12.5", b"NaN"), id="not a number"),
        pytest.param(lambda data: data.replace(b"12.5", b"12.50"), id="other spelling"),
        pytest.param(lambda data: data[:-1], id="torn"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: b"\xff", id="not UTF-8"),
        pytest.param(lambda _: b"[" * 100_000, id="deep"),
        pytest.param(lambda _: b"null", id="null"),
    ],
)
def test_anything_but_canonical_json_is_refused(change: Any) -> None:
    """White space, duplicate or unknown keys, infinities and torn files are BrokenArtifact, nothing else."""
    data = manifest_of(b"x").to_json()
    changed = change(data)
    assert changed != data
    with pytest.raises(BrokenArtifact):
        Manifest.from_json(changed)


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_flipped_bit_never_passes_as_the_same_manifest(position: int, bit: int) -> None:
    """A damaged manifest is refused or has another digest."""
    manifest = manifest_of(b"x")
    data = bytearray(manifest.to_json())
    data[position % len(data)] ^= 1 << bit
    with suppress(BrokenArtifact):
        assert Manifest.from_json(bytes(data)).digest != manifest.digest


def test_field_with_a_default_leaves_old_digests_alone() -> None:
    """A field that a later release adds changes no older manifest's digest, so long as it is not used."""

    class Later(Manifest):
        signature: str | None = None

    data = manifest_of(b"x").to_json()
    assert Later.from_json(data).digest == digest_of(data)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "Traffic"},
        {"model": "a/../b"},
        {"model": "a\n"},
        {"created": datetime(2026, 1, 1)},  # noqa: DTZ001 -- the missing zone is the point
        {"metrics": {"r2": float("nan")}},
        {"training_seconds": float("inf")},
        {"training_seconds": -1},
        {"hyperparameters": {"deep": [{"alpha": float("inf")}]}},
        {"hyperparameters": {"text": "\ud800"}},
        {"summary": "\ud800"},
        {"artifact": {"digest": "0" * 63, "size": 1, "media_type": "x"}},
        {"surprise": 1},
    ],
)
def test_impossible_manifests_are_refused(changes: dict[str, Any]) -> None:
    """Bad names, times without zone, numbers that are not finite, unknown fields."""
    with pytest.raises(ValidationError):
        manifest_of(b"x", **changes)


@pytest.mark.parametrize(
    ("edges", "fractions"),
    [([0.0], [1.0]), ([1.0, 1.0], [0.2, 0.3, 0.5]), ([0.0], [0.5, 0.6]), ([0.0], [-0.5, 1.5])],
    ids=["too few", "equal edges", "sum", "negative"],
)
def test_distribution_must_be_a_histogram(edges: list[float], fractions: list[float]) -> None:
    """One more fraction than edges, ascending edges, shares that sum to one."""
    with pytest.raises(ValidationError):
        Distribution(edges=edges, fractions=fractions)


def test_golden_samples_come_in_pairs() -> None:
    """An instance without its prediction proves nothing, neither does none at all."""
    for instances, predictions in (([{}], []), ([], [])):
        with pytest.raises(ValidationError):
            Golden(instances=instances, predictions=predictions, tolerance=0)


def test_tensor_has_a_datatype_of_the_protocol() -> None:
    """NumPy's names are not the Open Inference Protocol's."""
    with pytest.raises(ValidationError):
        TensorSpec(name="x", datatype="float32", shape=[-1])


def test_manifest_cannot_be_changed() -> None:
    """A manifest's digest stays true because its fields stay."""
    with pytest.raises(ValidationError):
        manifest_of(b"x").summary = "better"


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a/b", "../a", "a\n", "a" * 64, "ä"])
def test_bad_names_never_become_keys(name: str) -> None:
    """Only a snake_case name of at most 63 letters gets into a key."""
    with pytest.raises(ModelNotFound):
        model_folder(name)
    assert model_folder("a" * 63) == f"models/{'a' * 63}/"


def test_keys_are_as_designed() -> None:
    """The layout of the bucket is a contract with everything that reads it."""
    manifest = manifest_of(b"x")
    assert manifest.key == f"models/traffic_flow/manifests/{manifest.digest}.json"
    assert manifest.key == manifest_key("traffic_flow", manifest.digest)
    assert Blob.of(b"x", "text/plain").key == f"blobs/sha256/{digest_of(b'x')}"


POINTER = Pointer(
    model="traffic_flow",
    seq=2,
    action="promote",
    stable="a" * 64,
    canary=Canary(manifest="c" * 64, weight=10),
    shadow="d" * 64,
    previous="b" * 64,
    previous_seq=1,
    time=datetime(2026, 1, 1, tzinfo=UTC),
    actor="ci",
    reason="better",
    nonce="0" * 32,
)


def test_pointer_survives_its_json() -> None:
    """A pointer is read back as it was written, with a sum over the rest."""
    data = POINTER.to_json()
    assert Pointer.from_json(data) == POINTER
    assert set(json.loads(data)) == set(Pointer.model_fields) | {"sum"}


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_damaged_pointer_is_refused(position: int, bit: int) -> None:
    """No flipped bit gets past the sum."""
    data = bytearray(POINTER.to_json())
    data[position % len(data)] ^= 1 << bit
    with pytest.raises(IntegrityError):
        Pointer.from_json(bytes(data))


@given(length=st.integers(0, len(POINTER.to_json()) - 1))
def test_torn_pointer_is_refused(length: int) -> None:
    """No beginning of a pointer passes for a pointer."""
    with pytest.raises(IntegrityError):
        Pointer.from_json(POINTER.to_json()[:length])


def test_edited_pointer_is_refused() -> None:
    """A pointer edited by hand does not fit its sum, nor does one whose sum was taken out."""
    fields = json.loads(POINTER.to_json())
    for change in ({"stable": "e" * 64}, {"sum": "0" * 64}, {"sum": 1}, {"canary": None}):
        with pytest.raises(IntegrityError):
            Pointer.from_json(canonical_json(fields | change))
    del fields["sum"]
    with pytest.raises(IntegrityError):
        Pointer.from_json(canonical_json(fields))


def test_pointer_stored_before_there_were_canaries_is_read() -> None:
    """What a pointer gained later is left out of its JSON where it is not used, so old sums still fit."""
    old = (
        b'{"action":"promote","actor":"ci","model":"traffic_flow","nonce":"00000000000000000000000000000000",'
        b'"reason":"better","seq":1,"stable":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",'
        b'"sum":"d2f35bb39aff3859c03e4a8ee6c03327fb8ab8a13ede5bfaaa5388a06ae7345e",'
        b'"time":"2026-01-01T00:00:00Z"}'
    )
    pointer = Pointer.from_json(old)
    assert (pointer.canary, pointer.shadow, pointer.trials) == (None, None, ())
    assert pointer.to_json() == old


@pytest.mark.parametrize(
    "changes",
    [
        {"previous": None},
        {"previous_seq": 2},
        {"seq": 0},
        {"actor": ""},
        {"shadow": "a" * 64},
        {"shadow": "c" * 64},
        {"canary": {"manifest": "a" * 64, "weight": 10}},
        {"canary": {"manifest": "c" * 64, "weight": 0}},
        {"canary": {"manifest": "c" * 64, "weight": 100}},
    ],
)
def test_impossible_pointers_are_refused(changes: dict[str, Any]) -> None:
    """Half a previous version, one from the future, no count, nobody, two parts for one version, no share."""
    with pytest.raises(ValidationError):
        Pointer(**(POINTER.model_dump() | changes))


def test_registry_is_imported_without_boto3() -> None:
    """A function that only describes itself does not pay for an S3 client at its cold start."""
    code = "import sys, maas.registry; sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    path = {"PYTHONPATH": "layers/common"}
    assert subprocess.run([sys.executable, "-c", code], env=path, check=False).returncode == 0
