"""What traffic_signs reads: arrays, class folders, official tables, archives of them."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from functions.traffic_signs.handler import _BAR, _BAR_PNG, handler
from maas.errors import DataError
from models.source import read_source
from models.traffic_signs.train import load, mirrored

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (5, 32, 32), np.uint8)
LABELS = np.array([0, 0, 7, 7, 42])
NAMES = ["00000_00001.ppm", "00000_00002.ppm", "00001_00000.ppm", "00002_00000.ppm", "00000_00000.ppm"]


def npz(folder: Path, **arrays: Any) -> str:
    whole = {"images": IMAGES, "labels": LABELS.astype(np.int16), "names": np.array(NAMES)} | arrays
    path = folder / "signs.npz"
    np.savez_compressed(path, **{name: array for name, array in whole.items() if array is not None})
    return str(path)


def folders(root: Path, kind: str = "ppm") -> Path:
    """The training layout: a folder per class with pictures and the official table of regions."""
    for image, label, name in zip(IMAGES, LABELS, NAMES, strict=True):
        folder = root / f"{label:05d}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).convert("RGB").save(folder / name.replace("ppm", kind))
        (folder / f"GT-{label:05d}.csv").write_text("Filename;Width;Height;ClassId\r\n")
    return root


def test_arrays_and_folders_are_the_same_table(tmp_path: Path) -> None:
    """Pixels, classes and groups do not depend on how the set is packed."""
    arrays = load(read_source(npz(tmp_path)))
    root = folders(tmp_path / "Images")
    packed = tmp_path / "signs.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in root.rglob("*"):
            archive.write(file, file.relative_to(tmp_path))
    for source in (root, folders(tmp_path / "png", "png"), packed):
        table = load(read_source(str(source)))
        np.testing.assert_array_equal(table.columns["pixels"], arrays.columns["pixels"])
        assert table.target.tolist() == arrays.target.tolist() == LABELS.tolist()
        assert table.groups is not None
        assert arrays.groups is not None
        assert table.groups.tolist() == arrays.groups.tolist()
    assert arrays.groups.tolist() == ["0/00000", "0/00000", "7/00001", "7/00002", "42/00000"]


def test_the_official_test_set_has_its_classes_in_a_table(tmp_path: Path) -> None:
    """Pictures in one folder get their classes from the table beside them; those not in it are refused."""
    for row, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / f"{row:05d}.png")
    lines = [f"{row:05d}.png;32;32;1;1;30;30;{label}" for row, label in enumerate(LABELS)]
    table = tmp_path / "GT-final_test.csv"
    header = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
    table.write_text("\n".join([header, *lines]))
    read = load(read_source(str(tmp_path)))
    assert read.target.tolist() == LABELS.tolist()
    assert read.groups is not None
    assert len(set(read.groups)) == 5
    table.write_text("\n".join([header, *lines[1:]]))
    with pytest.raises(DataError, match=r"00000\.png: no class"):
        load(read_source(str(tmp_path)))
    table.write_text("\n".join([header, lines[0] + "x"]))
    with pytest.raises(DataError, match="line 2: '0x' is no class"):
        load(read_source(str(tmp_path)))


def test_colour_and_size_are_made_alike(tmp_path: Path) -> None:
    """Larger pictures in colour become grey and small; without names each is its own group."""
    large = np.repeat(np.repeat(IMAGES, 2, axis=1), 2, axis=2)[..., None].repeat(3, axis=3)
    table = load(read_source(npz(tmp_path, images=large, names=None)))
    assert table.columns["pixels"].shape == (5, 1024)
    assert np.corrcoef(table.columns["pixels"].ravel(), IMAGES.ravel())[0, 1] > 0.9
    assert table.groups is not None
    assert len(set(table.groups)) == 5


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": None}, "one integer per image"),
        ({"labels": LABELS[:3]}, "one integer per image"),
        ({"labels": LABELS + 1}, "class 43, expected 0 to 42"),
        ({"labels": LABELS - 1}, "class -1"),
        ({"images": IMAGES / 255}, "must be bytes"),
        ({"images": IMAGES.reshape(5, -1)}, "must be bytes"),
        ({"images": IMAGES[..., None].repeat(4, axis=3)}, "4 colours"),
        ({"names": np.array([{}], object)}, "Object arrays"),
    ],
)
def test_refuses_other_arrays(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    """Each is a DataError with the file's name; nothing in a file is unpickled."""
    with pytest.raises(DataError, match=rf"signs\.npz: .*{message}"):
        load(read_source(npz(tmp_path, **arrays)))


def test_refuses_what_holds_no_signs(tmp_path: Path) -> None:
    """Other files, damaged archives, damaged pictures and folders without pictures are named."""
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(DataError, match=r"a\.csv: neither a folder"):
        load(read_source(str(tmp_path / "a.csv")))
    with pytest.raises(DataError, match="no pictures"):
        load(read_source(str(tmp_path)))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("00001/a.png", b"no picture")
    (tmp_path / "a.zip").write_bytes(file.getvalue())
    with pytest.raises(DataError, match=r"00001/a\.png: no image"):
        load(read_source(str(tmp_path / "a.zip")))
    (tmp_path / "a.zip").write_bytes(file.getvalue()[:-30])
    with pytest.raises(DataError, match="damaged or encrypted"):
        load(read_source(str(tmp_path / "a.zip")))


def test_mirrored_rows_show_the_sign_they_are_given() -> None:
    """A right turn mirrored is a left turn; what means nothing mirrored is not added."""
    rows = GENERATOR.normal(size=(4, 1024)).astype(np.float32)
    found, truth = mirrored(rows, np.array([33, 1, 17, 32]))
    assert truth.tolist() == [33, 1, 17, 32, 34, 17, 17, 32]
    images = found.reshape(-1, 32, 32)
    np.testing.assert_array_equal(images[4], images[0, :, ::-1])
    np.testing.assert_array_equal(images[6], images[2, ::-1])
    np.testing.assert_array_equal(images[7], images[3, ::-1, ::-1])


def test_a_picture_and_its_pixels_are_the_same_sign() -> None:
    """The example's PNG has the example's features, and light does not change them much."""
    contract = handler.contract
    dim = [level * 0.6 for level in _BAR]
    drawn, sent, darker = contract.matrix(
        contract.parse([{"pixels": _BAR}, {"image": _BAR_PNG}, {"pixels": dim}])
    )
    np.testing.assert_allclose(sent, drawn, atol=1e-4)
    assert np.corrcoef(drawn, darker)[0, 1] > 0.98
