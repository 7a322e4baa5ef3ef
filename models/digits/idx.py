"""IDX files, the format of MNIST: a header with sizes, then bytes.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

import re

import numpy as np
from numpy.typing import NDArray

from maas.artifact import digest_of
from maas.errors import DataError
from models.source import Source

_IMAGES, _LABELS = 0x803, 0x801  # unsigned bytes in three dimensions, in one
_WORD = 4
_IMAGES_NAME = re.compile(r"(.*)images([-.]?)idx3(.*)")


def read_labelled_images(source: Source) -> tuple[NDArray[np.uint8], NDArray[np.uint8], str]:
    """Images, shape (n, height, width), their labels, shape (n,), and the digest of both files.

    The source is the images' file, with the labels' file found beside it by its name (images and idx3 become
    labels and idx1, plain or gzip), or a folder with such a pair; of several pairs, the training set's.

    Raises:
        DataError: No such files, no IDX, cut off, or the two do not belong together.
    """
    images, labels = _from_folder(source) if source.files else (source, _labels_beside(source))
    levels, classes = _array(images, _IMAGES, 3), _array(labels, _LABELS, 1)
    if len(levels) != len(classes):
        raise DataError(f"{labels.name}: {len(classes)} labels for {len(levels)} images in {images.name}")
    digest = digest_of(f"{images.digest} {labels.digest}".encode())
    return levels, classes, source.digest if source.files else digest


def _from_folder(source: Source) -> tuple[Source, Source]:
    pairs = [
        (images, labels)
        for images in source.files
        for labels in _labels_names(images)
        if labels in source.files
    ]
    if not pairs:
        raise DataError(f"{source.uri}: no pair of files named ...images-idx3... and ...labels-idx1...")
    images, labels = next((pair for pair in pairs if "train" in pair[0]), pairs[0])
    return source.file(images), source.file(labels)


def _labels_beside(images: Source) -> Source:
    names = _labels_names(images.name)
    if not names:
        raise DataError(f"{images.name}: the images' file has images and idx3 in its name, as MNIST has")
    for name in names[:-1]:
        try:
            return images.beside(name)
        except DataError:
            continue
    return images.beside(names[-1])


def _labels_names(images: str) -> list[str]:
    """Names that the labels' file may have, the likeliest first."""
    found = _IMAGES_NAME.fullmatch(images)
    if found is None:
        return []
    name = f"{found[1]}labels{found[2]}idx1{found[3]}"
    return [name, name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"]


def _array(source: Source, magic: int, dimensions: int) -> NDArray[np.uint8]:
    header = _WORD * (1 + dimensions)
    words = np.frombuffer(source.data[:header].ljust(header, b"\0"), ">u4").tolist()
    if words[0] != magic or len(source.data) < header:
        raise DataError(f"{source.name}: no IDX file of {dimensions} dimensions of bytes")
    shape = tuple(words[1:])
    values = np.frombuffer(source.data, np.uint8, offset=header)
    if not values.size or values.size != np.prod(shape, dtype=object):
        raise DataError(f"{source.name}: the header says {shape}, there are {values.size} bytes")
    return values.reshape(shape)
