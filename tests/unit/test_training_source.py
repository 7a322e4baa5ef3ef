"""Folders as training data, local and in S3."""

import gzip
from pathlib import Path

import boto3
import pytest

from maas.errors import DataError
from models.source import Source, read_source

FILES = {"b/2.txt": b"two", "1.txt.gz": gzip.compress(b"one"), "b/c/3.txt": b"three"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(data)
    return tmp_path / "data"


def test_a_folder_is_its_files(folder: Path) -> None:
    """All below it, by path, sorted; single ones come decompressed and with the folder in their address."""
    source = read_source(str(folder))
    assert (source.name, source.data) == ("data", b"")
    assert list(source.files.items()) == sorted(FILES.items())
    assert source.file("1.txt.gz").data == b"one"
    assert source.file("b/2.txt").uri == f"{folder}/b/2.txt"
    with pytest.raises(DataError, match=r"no file 2\.txt"):
        source.file("2.txt")


def test_the_digest_covers_names_and_contents(folder: Path) -> None:
    """Renaming or changing one file changes the folder's digest; reading again does not."""
    before = read_source(str(folder)).digest
    assert read_source(f"{folder}/").digest == before
    (folder / "b/2.txt").rename(folder / "b/4.txt")
    renamed = read_source(str(folder)).digest
    (folder / "b/4.txt").write_bytes(b"four")
    assert len({before, renamed, read_source(str(folder)).digest}) == 3


@pytest.mark.usefixtures("aws")
def test_a_prefix_is_a_folder(folder: Path) -> None:
    """What lies below an S3 address that ends with a slash reads as the same local folder does."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="data")
    for name, data in FILES.items():
        s3.put_object(Bucket="data", Key=f"in/set/{name}", Body=data)
    s3.put_object(Bucket="data", Key="in/set/b/", Body=b"")  # consoles make such for folders
    source = read_source("s3://data/in/set/")
    assert (source.name, source.digest, source.files) == (
        "set",
        read_source(str(folder)).digest,
        dict(sorted(FILES.items())),
    )
    with pytest.raises(DataError, match="no files"):
        read_source("s3://data/nothing/")


def test_the_file_beside(folder: Path) -> None:
    """Another name in the same folder; a missing one is a DataError with its path."""
    source = read_source(str(folder / "b/2.txt"))
    assert source.beside("c/3.txt").data == b"three"
    with pytest.raises(DataError, match=str(folder / "b/5.txt")):
        source.beside("5.txt")
    assert Source.of("2.txt", b"x").name == "2.txt"
