"""GTSRB's pictures as labelled rows: from arrays, from class folders, or from folders with tables of labels.

Source of the format: J. Stallkamp and others, "Man vs. computer: benchmarking machine learning algorithms for
traffic sign recognition", Neural Networks 32, 2012.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.traffic_signs.handler import CLASSES, SIDE
from maas.errors import DataError, InvalidRecord
from maas.preprocessing import centre_square, decode_grey, resized
from models.source import Source

type Labelled = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.str_]]

_ZIP = b"PK\x03\x04"
_PICTURES = {".ppm", ".png", ".jpg", ".jpeg"}
_FORMATS = ("PPM", "PNG", "JPEG")
_MAX_BYTES = 4 << 30
_TRACK = re.compile(r"(\d{5})_\d{5}")  # one sign, seen again and again as the car comes nearer
_GREY, _COLOUR = 3, 4
_LUMA = (0.299, 0.587, 0.114)


def read_signs(source: Source) -> Labelled:
    """Grey pictures, shape (n, 32 * 32), the classes, shape (n,), and the sign each shows, shape (n,).

    The source is an .npz file with `images` (n, height, width) or (n, height, width, 3), `labels` (n,) and,
    if known, `names` (n,); or a folder (a .zip file counts as one) with a folder of pictures per class, named
    by its number, or with the official tables (`Filename;...;ClassId`) beside the pictures.

    Raises:
        DataError: None of these, or a picture or label cannot be used.
    """
    files = source.files
    if not files:
        if not source.data.startswith(_ZIP):
            raise DataError(f"{source.name}: neither a folder of pictures nor .npz nor .zip")
        files = _unzipped(source)
        if "images.npy" in files:
            return _from_arrays(source.name, _arrays(source))
    return _from_files(source.name, files)


def _unzipped(source: Source) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            # Sizes are the archive's own word, and no more than them is unpacked.
            if sum(member.file_size for member in members) > _MAX_BYTES:
                raise DataError(f"{source.name}: more than {_MAX_BYTES} bytes when unpacked")
            return {member.filename: archive.read(member) for member in members}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(f"{source.name}: the archive is damaged or encrypted") from error


def _arrays(source: Source) -> dict[str, NDArray[Any]]:
    try:
        with np.load(io.BytesIO(source.data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays}
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{source.name}: {error}") from error


def _from_arrays(name: str, arrays: Mapping[str, NDArray[Any]]) -> Labelled:
    images, labels = arrays["images"], arrays.get("labels")
    if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) != len(images):
        raise DataError(f"{name}: `labels` must be one integer per image")
    if images.dtype != np.uint8 or images.ndim not in {_GREY, _COLOUR} or not images.size:
        raise DataError(f"{name}: `images` must be bytes of shape (n, height, width[, 3])")
    if images.ndim == _COLOUR:
        if images.shape[-1] != len(_LUMA):
            raise DataError(f"{name}: {images.shape[-1]} colours, expected {len(_LUMA)}")
        images = np.round(images @ np.array(_LUMA)).astype(np.uint8)
    if images.shape[1:] != (SIDE, SIDE):
        images = np.stack([_small(image.astype(np.float64)) for image in images])
    _check_classes(name, labels)
    names = arrays.get("names")
    if names is None or len(names) != len(labels):
        names = np.arange(len(labels)).astype(str)
    signs = [_sign(int(label), str(one)) for label, one in zip(labels, names, strict=True)]
    return images.reshape(len(images), -1), labels.astype(np.int64), np.array(signs)


def _from_files(name: str, files: Mapping[str, bytes]) -> Labelled:
    tables = _tables(name, files)
    images, labels, signs = [], [], []
    for path, data in sorted(files.items()):
        place = PurePosixPath(path)
        if place.suffix.lower() not in _PICTURES:
            continue
        label = tables.get(path, int(place.parent.name) if place.parent.name.isdecimal() else None)
        if label is None:
            raise DataError(f"{name}: {path}: no class in a table beside it, nor as its folder's name")
        try:
            images.append(_small(decode_grey(data, path, formats=_FORMATS)))
        except InvalidRecord as error:
            raise DataError(f"{name}: {error.detail}") from error
        labels.append(label)
        signs.append(_sign(label, place.name))
    if not images:
        raise DataError(f"{name}: no pictures (.ppm, .png, .jpg) in it")
    _check_classes(name, np.array(labels))
    return np.stack(images).reshape(len(images), -1), np.array(labels, np.int64), np.array(signs)


def _tables(name: str, files: Mapping[str, bytes]) -> dict[str, int]:
    """Classes by the picture's path, from the official tables."""
    found = {}
    for path, data in files.items():
        if path.endswith(".csv"):
            for file, label in _labels(f"{name}: {path}", data):
                found[str(PurePosixPath(path).parent / file)] = label
    return found


def _labels(place: str, data: bytes) -> Iterator[tuple[str, int]]:
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""), delimiter=";")
    if not {"Filename", "ClassId"} <= set(rows.fieldnames or ()):
        return  # the official test set also has a table without classes
    for row in rows:
        if not (row["ClassId"] or "").isdecimal():
            raise DataError(f"{place}: line {rows.line_num}: {row['ClassId']!r} is no class")
        yield row["Filename"], int(row["ClassId"])


def _small(image: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.round(resized(centre_square(image), SIDE, SIDE)).astype(np.uint8)


def _sign(label: int, file: str) -> str:
    """The sign a picture shows, as far as its name tells: pictures of one sign must not be divided."""
    track = _TRACK.match(file)
    return f"{label}/{track[1] if track else file}"


def _check_classes(name: str, labels: NDArray[Any]) -> None:
    wrong = labels[(labels < 0) | (labels >= len(CLASSES))]
    if wrong.size:
        raise DataError(f"{name}: class {wrong[0]}, expected 0 to {CLASSES[-1]}")
