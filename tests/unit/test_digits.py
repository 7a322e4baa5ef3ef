"""What digits reads, and how pictures become digits."""

import base64
import gzip
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from functions.digits.handler import _SEVEN, _SEVEN_PNG, handler
from maas.errors import DataError, InvalidRecord
from maas.preprocessing import as_handwritten_digit
from models.digits.idx import read_labelled_images
from models.digits.train import RECIPE, load
from models.source import read_source

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9], np.uint8)


def idx(array: np.ndarray[Any, Any]) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def written(
    folder: Path, *, images: bytes = idx(IMAGES), labels: bytes = idx(LABELS), end: str = "-ubyte"
) -> Path:
    folder.mkdir(exist_ok=True)
    pack = gzip.compress if end.endswith(".gz") else bytes
    (folder / f"train-labels-idx1{end}").write_bytes(pack(labels))
    path = folder / f"train-images-idx3{end}"
    path.write_bytes(pack(images))
    return path


@pytest.mark.parametrize("end", ["-ubyte", "-ubyte.gz", ""])
def test_reads_a_file_or_its_folder(tmp_path: Path, end: str) -> None:
    """The labels are found beside the images, plain and compressed; the folder is the same table."""
    path = written(tmp_path, end=end)
    for source in (path, tmp_path):
        table = load(read_source(str(source)))
        np.testing.assert_array_equal(table.columns["pixels"], IMAGES.reshape(6, -1))
        assert table.target.tolist() == LABELS.tolist()
        matrix = handler.contract.matrix(table.columns)
        np.testing.assert_allclose(matrix, IMAGES.reshape(6, -1) / 255, rtol=1e-6)


def test_labels_may_be_packed_otherwise(tmp_path: Path) -> None:
    """Compressed images beside plain labels, and of two pairs in a folder the training set's."""
    path = written(tmp_path)
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert len(load(read_source(str(packed)))) == 6
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES[:2]))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS[:2]))
    assert len(read_labelled_images(read_source(str(tmp_path)))[0]) == 6
    assert len(load(read_source(str(tmp_path / "t10k-images-idx3-ubyte")))) == 2


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"images": idx(LABELS)}, "no IDX file of 3 dimensions"),
        ({"images": idx(IMAGES)[:-1]}, "the header says"),
        ({"images": b"\0\0\x08\x03"}, "no IDX file of 3 dimensions"),
        ({"labels": idx(LABELS[:5])}, "5 labels for 6 images"),
        ({"labels": idx(LABELS + 5)}, "a label is 14"),
        ({"images": idx(IMAGES[:, :27])}, "images of"),
    ],
)
def test_refuses_what_is_no_mnist(tmp_path: Path, fault: dict[str, bytes], message: str) -> None:
    """Each is a DataError that says what is wrong in which file."""
    with pytest.raises(DataError, match=message):
        load(read_source(str(written(tmp_path, **fault))))


def test_refuses_images_without_labels(tmp_path: Path) -> None:
    """A missing or unfindable file of labels is named."""
    path = written(tmp_path)
    with pytest.raises(DataError, match="images and idx3 in its name"):
        load(read_source(str(path.rename(tmp_path / "digits.bin"))))
    (tmp_path / "train-labels-idx1-ubyte").rename(tmp_path / "else")
    with pytest.raises(DataError, match="no pair of files"):
        load(read_source(str(tmp_path)))


def test_a_picture_and_its_pixels_are_the_same_digit() -> None:
    """The example drawn dark on white and sent as PNG has the example's ink."""
    contract = handler.contract
    (sent,) = contract.matrix(contract.parse([{"image": _SEVEN_PNG}]))
    expected = as_handwritten_digit(np.reshape(_SEVEN, (28, 28)), "/instances/0") / 255
    np.testing.assert_allclose(sent, expected.reshape(-1), atol=1e-6)


def test_mnist_saved_as_png_stays_what_it_is() -> None:
    """A 28 x 28 picture of a digit in MNIST's form comes out nearly as it went in."""
    table = RECIPE.sample(0).take(np.arange(40))
    sent = []
    for pixels in table.columns["pixels"]:
        file = io.BytesIO()
        Image.fromarray(pixels.reshape(28, 28)).save(file, "PNG")
        sent.append({"image": base64.b64encode(file.getvalue()).decode()})
    contract = handler.contract
    again, before = contract.matrix(contract.parse(sent)), contract.matrix(table.columns)
    assert min(np.corrcoef(a, b)[0, 1] for a, b in zip(again, before, strict=True)) > 0.85
    assert np.abs(again - before).mean() < 0.02


def test_both_or_neither_is_refused() -> None:
    """A record is one picture; the record is named."""
    contract = handler.contract
    for wrong in ({}, {"pixels": _SEVEN, "image": _SEVEN_PNG}):
        with pytest.raises(InvalidRecord) as caught:
            contract.matrix(contract.parse([{"pixels": _SEVEN}, wrong]))
        assert caught.value.errors[0].pointer == "/instances/1"
