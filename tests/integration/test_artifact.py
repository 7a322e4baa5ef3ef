"""BlobStore against moto: bytes named by their digest."""

from collections.abc import Iterator

import pytest
from mypy_boto3_s3.client import S3Client

from maas.artifact import Blob, BlobStore, digest_of
from maas.errors import BrokenArtifact, DigestMismatch
from maas.store import ObjectStore
from tests.faults import BUCKET, Fault, FaultInjector, impatient, moto_bucket, scripted

DATA = bytes(range(256)) * 4


@pytest.fixture
def client() -> Iterator[S3Client]:
    with moto_bucket() as client, impatient():
        yield client


@pytest.fixture
def blobs(client: S3Client) -> BlobStore:
    return BlobStore(ObjectStore(BUCKET, client))


@pytest.mark.parametrize("data", [b"", b"x", DATA])
def test_blob_is_read_back(blobs: BlobStore, client: S3Client, data: bytes) -> None:
    """The bytes come back; their name is their digest, their media type is kept."""
    blob = blobs.put(data, "application/onnx")
    assert blobs.get(blob) == data
    assert blob == Blob(digest=digest_of(data), size=len(data), media_type="application/onnx")
    assert client.head_object(Bucket=BUCKET, Key=blob.key)["ContentType"] == "application/onnx"


def test_storing_twice_writes_once(blobs: BlobStore, client: S3Client) -> None:
    """A blob that is there already is found, not written again."""
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    assert blobs.put(DATA, "application/onnx") == blobs.put(DATA, "application/onnx")
    assert len(client.list_object_versions(Bucket=BUCKET)["Versions"]) == 1


@pytest.mark.parametrize("damaged", [DATA[:-1], DATA + b"x", DATA[:-1] + b"x", b""])
def test_damaged_blob_is_refused(blobs: BlobStore, client: S3Client, damaged: bytes) -> None:
    """Cut, grown, changed or emptied: neither read nor taken for stored already."""
    blob = blobs.put(DATA, "application/onnx")
    client.put_object(Bucket=BUCKET, Key=blob.key, Body=damaged)
    with pytest.raises(DigestMismatch, match=blob.digest):
        blobs.get(blob)
    with pytest.raises(DigestMismatch, match="remove it"):
        blobs.put(DATA, "application/onnx")


def test_missing_blob_is_named(blobs: BlobStore) -> None:
    """A manifest that names bytes nobody has is broken."""
    with pytest.raises(BrokenArtifact, match=r"blobs/sha256/\w+ is missing"):
        blobs.get(Blob.of(b"absent", "text/plain"))


def test_bit_flipped_on_the_way_is_noticed(blobs: BlobStore, client: S3Client) -> None:
    """Where S3's checksum does not help, the digest does."""
    blob = blobs.put(DATA, "application/onnx")
    FaultInjector(client, scripted({1: Fault.FLIP}))
    with pytest.raises(DigestMismatch):
        blobs.get(blob)
    assert blobs.get(blob) == DATA


def test_lost_acknowledgement_of_a_blob_is_no_fault(blobs: BlobStore, client: S3Client) -> None:
    """The retry meets the blob that the first attempt stored."""
    FaultInjector(client, scripted({1: Fault.LOST}))
    assert blobs.get(blobs.put(DATA, "application/onnx")) == DATA
