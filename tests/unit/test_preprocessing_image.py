"""Pictures as they come from cameras, drawing programs and attackers."""

import base64
import io
import tracemalloc
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from maas.errors import InvalidRecord, PayloadTooLarge
from maas.preprocessing import (
    as_handwritten_digit,
    centre_square,
    decode_base64,
    decode_colour,
    decode_grey,
    local_contrast,
    pixels_or_picture,
    resized,
    standardised,
)

PLACE = "/instances/3"


def encoded(picture: Image.Image, kind: str = "PNG", **settings: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **settings)
    return file.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(InvalidRecord) as caught:
        decode_grey(data, PLACE)
    assert caught.value.errors[0].pointer == PLACE
    return caught.value.errors[0].detail


def bar(height: int = 100, width: int = 60) -> np.ndarray[Any, Any]:
    """A vertical stroke, light on dark, far from the middle."""
    image = np.zeros((height, width))
    image[10:50, 8:14] = 200
    return image


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr"])
def test_modes_give_the_same_grey(mode: str) -> None:
    """However a file stores white beside black, it is white beside black."""
    picture = Image.new("L", (8, 4), 0)
    picture.paste(255, (0, 0, 4, 4))
    kind = "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG"
    grey = decode_grey(encoded(picture.convert("RGB").convert(mode), kind), PLACE)
    assert grey.shape == (4, 8)
    np.testing.assert_allclose(grey[:, 0], 255, atol=6)
    np.testing.assert_allclose(grey[:, 7], 0, atol=6)


def test_sixteen_bits_become_eight() -> None:
    """65535 is white, and the middle stays the middle."""
    levels = np.array([[0, 32768, 65535]], np.uint16)
    data = encoded(Image.fromarray(levels))
    np.testing.assert_allclose(decode_grey(data, PLACE), [[0, 127.5, 255]], atol=0.01)
    np.testing.assert_allclose(decode_colour(data, PLACE)[0, :, 2], [0, 127.5, 255], atol=0.01)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_is_white(mode: str) -> None:
    """What shows nothing shows the paper, with an alpha channel and with a transparent palette entry."""
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    picture.putpixel((0, 0), (0, 0, 0, 255))
    grey = decode_grey(encoded(picture.convert(mode)), PLACE)
    assert grey[0, 0] == 0
    assert grey[3, 3] == 255


def test_orientation_is_applied() -> None:
    """A phone held upright stores a lying picture and says so."""
    picture = Image.new("L", (16, 8), 255)
    picture.paste(0, (0, 0, 16, 2))
    exif = Image.Exif()
    exif[0x0112] = 6  # the top is at the right
    grey = decode_grey(encoded(picture, "JPEG", exif=exif, quality=95), PLACE)
    assert grey.shape == (16, 8)
    assert grey[:, -1].mean() < 60
    assert grey[:, 0].mean() > 200


def test_colours_keep_their_order() -> None:
    """Red comes first."""
    assert decode_colour(encoded(Image.new("RGB", (2, 2), "red")), PLACE)[0, 0].tolist() == [255, 0, 0]


def test_large_pictures_are_averaged_down() -> None:
    """A camera's picture comes back at a size that fits the memory."""
    assert max(decode_grey(encoded(Image.new("L", (3000, 2000), 90)), PLACE).shape) == 1500


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """The header's size decides: 20000 x 20000 pixels of one colour are a file of some kilobytes."""
    small = encoded(Image.new("L", (1, 1)))
    header = b"IHDR" + (20_000).to_bytes(4) * 2 + small[24:29]
    bomb = small[:12] + header + zlib.crc32(header).to_bytes(4) + small[33:]
    assert "at most 16000000" in refused(bomb)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_refused(kind: str) -> None:
    """Functions have decoders for PNG and JPEG only; elsewhere the answer is the same."""
    assert refused(encoded(Image.new("L", (4, 4)), kind)) == "no image in PNG or JPEG"
    assert decode_grey(encoded(Image.new("L", (4, 4)), kind), PLACE, formats=[kind]).shape == (4, 4)


@given(st.data())
def test_damaged_files_are_refused_in_a_sentence(data: st.DataObject) -> None:
    """A cut or changed file is an image or an InvalidRecord, nothing else."""
    kind = data.draw(st.sampled_from(["PNG", "JPEG"]))
    whole = bytearray(encoded(Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4), kind))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InvalidRecord):
        grey = decode_grey(bytes(whole[: data.draw(st.integers(0, len(whole)))]), PLACE)
        assert np.isfinite(grey).all()


def test_base64_with_and_without_its_prefix() -> None:
    """A browser's data URL and wrapped lines are read, anything else is refused at its place."""
    text = base64.b64encode(b"picture bytes").decode()
    for form in (text, f"data:image/png;base64,{text}", f"{text[:8]}\r\n{text[8:]}\n"):
        assert decode_base64(form, PLACE) == b"picture bytes"
    for wrong in ("p!cture", "abc", "\u00e4bcd"):
        with pytest.raises(InvalidRecord, match="/instances/3: not base64"):
            decode_base64(wrong, PLACE)


def test_each_record_gives_pixels_or_a_picture() -> None:
    """Both and neither are refused, each at its record."""
    pixels = np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, 4.0], [np.nan, np.nan]])
    pictures = np.array([None, "YWJj", "YWI=", None], object)
    with pytest.raises(InvalidRecord) as caught:
        pixels_or_picture(pixels, pictures, lambda _, __: np.zeros(2))
    assert [error.pointer for error in caught.value.errors] == ["/instances/2", "/instances/3"]
    made = pixels_or_picture(
        pixels[:2], pictures[:2], lambda data, place: np.array([[len(data)], [len(place)]])
    )
    assert made.tolist() == [[1, 2], [3, len("/instances/1")]]


def test_pictures_of_one_request_share_a_limit() -> None:
    """Ten of the largest are decoded, the eleventh is refused at its record before it is decoded."""
    largest = base64.b64encode(encoded(Image.new("L", (4000, 4000)), "PNG")).decode()
    pictures, read = np.array([largest] * 11, object), []

    def note(data: bytes, place: str) -> np.ndarray[Any, Any]:
        assert data
        read.append(place)
        return np.zeros(1)

    pixels_or_picture(np.full((10, 1), np.nan), pictures[:10], note)
    with pytest.raises(PayloadTooLarge) as caught:
        pixels_or_picture(np.full((11, 1), np.nan), pictures, note)
    assert [error.pointer for error in caught.value.errors] == ["/instances/10"]
    assert len(read) == 20


def test_sixteen_bits_do_not_fill_the_memory() -> None:
    """The largest picture of 16 bits a pixel is made small before it becomes fractions."""
    picture = encoded(Image.new("I;16", (4000, 4000), 40_000), "PNG")
    tracemalloc.start()
    try:
        grey = decode_grey(picture, PLACE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert grey.shape == (1334, 1334)
    np.testing.assert_allclose(grey, 40_000 / 257)
    assert peak < 64 * 2**20


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.floats(0, 255)),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_resizing_stays_within_the_image(image: np.ndarray[Any, Any], height: int, width: int) -> None:
    """No level beyond those there are, at any two sizes; the same size changes nothing."""
    small = resized(image, height, width)
    assert small.shape == (height, width)
    assert image.min() - 1e-9 <= small.min() <= small.max() <= image.max() + 1e-9
    np.testing.assert_allclose(resized(image, *image.shape), image, atol=1e-9)


def test_resizing_averages() -> None:
    """A fine chequerboard becomes grey instead of black or white."""
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255.0
    np.testing.assert_allclose(resized(board, 7, 7), 127.5, atol=4)


def test_centre_square() -> None:
    """The middle of a wide and of a high picture."""
    image = np.arange(12.0).reshape(2, 6)
    assert centre_square(image).tolist() == [[2, 3], [8, 9]]
    assert centre_square(image.T).shape == (2, 2)


@pytest.mark.parametrize("size", [(60, 100), (28, 28), (500, 300), (20, 400)])
@pytest.mark.parametrize("dark_ink", [False, True])
def test_digits_come_out_as_mnist_has_them(size: tuple[int, int], *, dark_ink: bool) -> None:
    """Whatever size, place and colours: light ink on 0, 20 pixels long, its mass in the middle."""
    image = resized(bar(), *size)
    digit = as_handwritten_digit(200 - 0.7 * image if dark_ink else image, PLACE)
    assert digit.shape == (28, 28)
    assert digit.max() > 150
    assert digit[0].max() == digit[-1].max() == digit[:, 0].max() == digit[:, -1].max() == 0
    rows, columns = (np.flatnonzero((digit > 40).any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for axis in (0, 1):
        mass = digit.sum(axis=1 - axis) @ np.arange(28) / digit.sum()
        assert abs(mass - 13.5) <= 0.75


def test_an_empty_picture_is_no_digit() -> None:
    """An even ground, even a slightly noisy one, is refused instead of being read as something."""
    noise = np.random.default_rng(0).uniform(100, 105, (50, 50))
    with pytest.raises(InvalidRecord, match="nothing is drawn"):
        as_handwritten_digit(noise, PLACE)


@given(st.floats(0.1, 1), st.floats(0, 100))
def test_normalising_takes_light_away(gain: float, offset: float) -> None:
    """Brighter or dimmer pictures come out nearly the same; an even one comes out as zeros."""
    image = np.random.default_rng(0).uniform(0, 150, (1, 16, 16))
    dim = image * gain + offset
    local = local_contrast(image, radius=3, floor=0.0)
    np.testing.assert_allclose(local_contrast(dim, radius=3, floor=0.0), local, atol=1e-6)
    flat = image.reshape(1, -1)
    np.testing.assert_allclose(
        standardised(dim.reshape(1, -1), floor=0.0), standardised(flat, floor=0.0), atol=1e-9
    )
    assert not local_contrast(np.full((1, 16, 16), offset), radius=3, floor=1.0).round(6).any()
    assert not standardised(np.full((1, 9), 7.0), floor=0.0).any()


def test_local_contrast_is_about_the_neighbourhood() -> None:
    """Each value is its pixel less the window's mean, in units of the window's deviation."""
    image = np.random.default_rng(1).uniform(0, 255, (1, 9, 9))
    window = image[0, 2:7, 2:7]
    expected = (image[0, 4, 4] - window.mean()) / (window.std() + 5)
    assert local_contrast(image, radius=2, floor=5.0)[0, 4, 4] == pytest.approx(expected)
