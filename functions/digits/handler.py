"""Digits: which handwritten digit a picture shows.

A record gives either the 28 x 28 grey levels the way MNIST has them, or a PNG or JPEG picture of one digit,
which is made alike here. A picture may also be the whole body of a request:

    curl --data-binary @digit.png -H 'Content-Type: image/png' .../v1/models/digits:predict
"""

from typing import Annotated

import numpy as np
from pydantic import ConfigDict, Field

from maas.contract import Columns, Matrix, Prediction, Record, exactly_one
from maas.endpoint import Endpoint
from maas.explain.declared import Grid
from maas.preprocessing import as_handwritten_digit, decode_grey, pixels_or_picture
from maas.preprocessing.image import Pixels

SIDE = 28
CLASSES = tuple(range(10))
_WHITE = 255
_MOST_TEXT = 6_000_000  # characters; what Lambda takes in one request

# A seven of two strokes, the second leaning.
_SEVEN = [
    255.0 if (5 <= y < 8 and 8 <= x < 20) or (8 <= y < 23 and abs(x + 0.6 * y - 23.3) < 1.6) else 0.0  # noqa: PLR2004
    for y in range(SIDE)
    for x in range(SIDE)
]
# The same as a PNG, dark on light.
_SEVEN_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcAQAAAABaduI5AAAASUlEQVR42nXNsQ2EQBQD0beOCOmAK4WyKJFCKACyu4RPtEjoRGLJ"
    "Y2nciiPwF2181FqEgapp7+wjTsJMfasPP2InQmy3ZaW9XV4mthKKYZGRrAAAAABJRU5ErkJggg=="
)

Level = Annotated[float, Field(ge=0, le=_WHITE)]


class Picture(Record):
    """One handwritten digit; exactly one of the fields is given."""

    model_config = ConfigDict(json_schema_extra=exactly_one("pixels", "image"))

    pixels: list[Level] | None = Field(
        default=None,
        min_length=SIDE * SIDE,
        max_length=SIDE * SIDE,
        description="28 x 28 grey levels row by row: light ink on 0, the digit within the middle 20 x 20.",
        examples=[_SEVEN],
        json_schema_extra={"unit": "grey level, 0 to 255"},
    )
    image: str | None = Field(
        default=None,
        max_length=_MOST_TEXT,
        description="A PNG or JPEG picture in base64, of any size, ink darker or lighter than the ground.",
        examples=[None, _SEVEN_PNG],
        json_schema_extra={"contentEncoding": "base64", "contentMediaType": "image/png", "widget": "drawing"},
    )


class Digit(Prediction):
    """What the picture shows."""

    digit: int = Field(
        ge=0, le=9, description="The most probable digit.", examples=[7], json_schema_extra={"unit": "digit"}
    )
    probability: float = Field(
        description="Its probability.",
        examples=[0.998],
        json_schema_extra={"unit": "1", "decimals": 6, "probability_of": "answer"},
    )
    probabilities: list[float] = Field(
        min_length=len(CLASSES),
        max_length=len(CLASSES),
        description="The probabilities of 0 to 9.",
        examples=[[0.0, 0.001, 0.001, 0.0, 0.0, 0.0, 0.0, 0.998, 0.0, 0.0]],
        json_schema_extra={"unit": "1", "decimals": 6},
    )


FEATURES = tuple(f"ink_{y}_{x}" for y in range(SIDE) for x in range(SIDE))


def features(records: Columns) -> Matrix:
    """Ink from 0 to 1, row by row.

    Raises:
        InvalidRecord: A record has both fields or neither, or its picture cannot be read.
    """
    levels = pixels_or_picture(records["pixels"], records["image"], _read)
    matrix: Matrix = levels.astype(np.float32) / np.float32(_WHITE)
    return matrix


def _read(data: bytes, place: str) -> Pixels:
    return as_handwritten_digit(decode_grey(data, place), place)


def respond(outputs: Columns) -> Columns:
    """The most probable digit beside all probabilities."""
    probabilities = outputs["probabilities"]
    return {
        "digit": probabilities.argmax(axis=1),
        "probability": probabilities.max(axis=1),
        "probabilities": probabilities,
    }


handler = Endpoint(
    "digits",
    Picture,
    Digit,
    features,
    feature_names=FEATURES,
    respond=respond,
    raw={"image/png": "image", "image/jpeg": "image"},
    explained=Grid(SIDE, SIDE),
)
