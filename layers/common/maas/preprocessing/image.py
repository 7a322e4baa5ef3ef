"""Images: decoded from PNG or JPEG, made small, made alike.

>>> import numpy as np
>>> resized(np.array([[0.0, 100.0], [0.0, 100.0]]), 1, 1)
array([[50.]])

Arrays of grey images hold 0 (black) to 255 (white). Pillow is imported when the first image is decoded: a
function that is sent pixels never loads it.
"""

import base64
import binascii
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maas.errors import FieldError, InvalidRecord, PayloadTooLarge
from maas.limits import PIXELS, PIXELS_TOGETHER

if TYPE_CHECKING:
    from PIL import Image

type Pixels = NDArray[np.float64]

FORMATS = ("PNG", "JPEG")
"""What functions read: their Pillow has no other decoders."""

_MOST_ERRORS = 20
_MODES_WITH_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}
_ENOUGH = 1024  # pixels along the longer side; what is recognised here is made far smaller still
_SIXTEEN_BITS = 257  # 65535 / 255
_WHITE = 255
_DIGIT, _CANVAS = 20, 28  # sides of the box a digit is fitted into and of the image around it
_INK = 0.2  # share of the full contrast from which a pixel belongs to the digit
_FAINTEST = 16.0  # grey levels between background and ink


def decode_base64(text: str, place: str) -> bytes:
    """The bytes of base64 text, with or without `data:...;base64,` before it.

    Args:
        text: As a record holds it; line breaks are allowed.
        place: JSON pointer to the field, for the error.

    Raises:
        InvalidRecord: It is no base64.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _refused(place, "not base64") from None


def decode_grey(data: bytes, place: str, *, formats: Sequence[str] = FORMATS) -> Pixels:
    """A PNG or JPEG as grey levels, shape (height, width), 0 to 255.

    The orientation in its EXIF is applied, what is transparent becomes white, 16 bits become 8. A picture
    with a side over 2048 is averaged down first.

    Args:
        data: The file's bytes.
        place: JSON pointer to where they came from, for the error.
        formats: What Pillow may take them for.

    Raises:
        InvalidRecord: None of the formats, damaged, or more than 16 million pixels.
    """

    def grey(image: "Image.Image") -> Pixels:
        if image.mode.startswith("I"):
            return _from_sixteen_bits(image)
        return np.asarray(_not_huge(_on_white(image).convert("L")), np.float64)

    return _decoded(data, place, formats, grey)


def decode_colour(data: bytes, place: str, *, formats: Sequence[str] = FORMATS) -> Pixels:
    """A PNG or JPEG as red, green and blue, shape (height, width, 3), 0 to 255; see `decode_grey`."""

    def colour(image: "Image.Image") -> Pixels:
        if image.mode.startswith("I"):
            return np.repeat(_from_sixteen_bits(image)[:, :, None], 3, axis=2)
        return np.asarray(_not_huge(_on_white(image).convert("RGB")), np.float64)

    return _decoded(data, place, formats, colour)


def pixels_or_picture(
    pixels: Pixels, pictures: NDArray[np.object_], read: Callable[[bytes, str], Pixels]
) -> Pixels:
    """N images as rows of pixels, from records that give either the pixels or a picture.

    Args:
        pixels: Shape (n, k), rows of NaN where none are given.
        pictures: Base64 text of shape (n,), None where none is given.
        read: Turns a picture's file into k pixels, of any shape; it is also told the record's JSON pointer.

    Raises:
        InvalidRecord: A record gives both or neither, or `read` refuses its picture.
        PayloadTooLarge: All pictures together have more pixels than are decoded for one request.
    """
    given = ~np.isnan(pixels[:, 0])
    pictured = np.array([picture is not None for picture in pictures], bool)
    if (unclear := np.flatnonzero(given == pictured)).size:
        errors = [
            FieldError(f"/instances/{row}", "give either the pixels or a picture")
            for row in unclear[:_MOST_ERRORS]
        ]
        raise InvalidRecord(f"{errors[0].pointer}: {errors[0].detail}", errors=errors)
    if not pictured.any():
        return pixels
    made = pixels.astype(np.float64)
    together = 0
    for row in np.flatnonzero(pictured):
        place = f"/instances/{row}"
        data = decode_base64(pictures[row], place)
        together += _pixels_of(data)
        if together > PIXELS_TOGETHER:
            detail = f"more than {PIXELS_TOGETHER} pixels in the pictures up to this one"
            raise PayloadTooLarge(
                f"{place}: {detail}: send fewer at once.", errors=[FieldError(place, detail)]
            )
        made[row] = read(data, place).reshape(-1)
    return made


def resized(image: Pixels, height: int, width: int) -> Pixels:
    """A grey image at another size: averaged over area where it shrinks, interpolated where it grows.

    A triangle filter, as wide as two pixels of the coarser of both grids.
    """
    return _triangle(image.shape[0], height) @ image @ _triangle(image.shape[1], width).T


def centre_square(image: Pixels) -> Pixels:
    """The largest square in the middle."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]


def as_handwritten_digit(image: Pixels, place: str) -> Pixels:
    """A grey picture of one digit the way MNIST has them: 28 x 28, light on dark, 0 to 255.

    The ink is cut out, fitted into 20 x 20 and its centre of mass moved to the middle. Source: Y. LeCun and
    others, "Gradient-based learning applied to document recognition", Proceedings of the IEEE 86, 1998,
    section III A.

    Args:
        image: Dark on light or light on dark, any size.
        place: JSON pointer to where it came from, for the error.

    Raises:
        InvalidRecord: The image is even: there is nothing on it.
    """
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    background = float(np.median(edge))
    darker, lighter = background - image.min(), image.max() - background
    contrast = max(darker, lighter)
    if contrast < _FAINTEST:
        raise _refused(place, "nothing is drawn on this image")
    ink = np.clip((image - background) * (1 if lighter >= darker else -1) / contrast, 0, 1)
    rows, columns = np.flatnonzero((ink > _INK).any(axis=1)), np.flatnonzero((ink > _INK).any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _DIGIT / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    small = np.clip(resized(ink, height, width), 0, 1)
    total = small.sum()
    top, left = (
        _offset(float(small.sum(axis=1 - axis) @ np.arange(small.shape[axis]) / total), small.shape[axis])
        for axis in (0, 1)
    )
    canvas = np.zeros((_CANVAS, _CANVAS))
    canvas[top : top + height, left : left + width] = small * _WHITE
    return canvas


def _offset(mass: float, side: int) -> int:
    """Where a part begins so that its centre of mass is in the middle of the canvas, all of it inside."""
    return min(max(round((_CANVAS - 1) / 2 - mass), 0), _CANVAS - side)


def _decoded(
    data: bytes, place: str, formats: Sequence[str], convert: "Callable[[Image.Image], Pixels]"
) -> Pixels:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=tuple(formats)) as image:
            _check_size(*image.size, place)
            return convert(ImageOps.exif_transpose(image))
    except InvalidRecord:
        raise
    except UnidentifiedImageError:
        raise _refused(place, f"no image in {' or '.join(formats)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refused(place, f"too many pixels; at most {PIXELS} are read") from None
    except Exception:  # noqa: BLE001 - damaged files make decoders raise almost anything
        raise _refused(place, "the image is damaged") from None


def _pixels_of(data: bytes) -> int:
    """How many pixels a file announces; 0 where it is no picture, which decoding will find out."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return min(image.width * image.height, PIXELS)
    except Exception:  # noqa: BLE001 - damaged files make decoders raise almost anything
        return 0


def _from_sixteen_bits(image: "Image.Image") -> Pixels:
    # Made small as whole numbers of 32 bits: as fractions the largest picture would take a gigabyte.
    return np.clip(np.asarray(_not_huge(image.convert("I")), np.float64) / _SIXTEEN_BITS, 0, _WHITE)


def _check_size(width: int, height: int, place: str) -> None:
    # Known from the header: a small file can hold a picture that fills the memory.
    if width * height > PIXELS:
        raise _refused(place, f"{width} x {height} pixels; at most {PIXELS} are read")


def _on_white(image: "Image.Image") -> "Image.Image":
    if image.mode not in _MODES_WITH_ALPHA and "transparency" not in image.info:
        return image
    from PIL import Image

    picture = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _not_huge(image: "Image.Image") -> "Image.Image":
    factor = max(image.size) // _ENOUGH
    return image.reduce(factor) if factor > 1 else image


def _refused(place: str, detail: str) -> InvalidRecord:
    return InvalidRecord(f"{place}: {detail}", errors=[FieldError(place, detail)])


def _triangle(old: int, new: int) -> Pixels:
    """Weights, shape (new, old): rows sum to 1."""
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale - 0.5
    distances = np.abs(np.arange(old)[None, :] - centres[:, None])
    weights = np.maximum(0, 1 - distances / max(scale, 1))
    normalised: Pixels = weights / weights.sum(axis=1, keepdims=True)
    return normalised
