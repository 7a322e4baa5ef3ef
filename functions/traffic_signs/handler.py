"""Traffic signs: which of 43 German signs a picture shows.

A record gives either 32 x 32 grey levels or a PNG or JPEG picture cut out around one sign. A picture may also
be the whole body of a request:

    curl --data-binary @sign.jpg -H 'Content-Type: image/jpeg' .../v1/models/traffic_signs:predict
"""

from typing import Annotated

import numpy as np
from pydantic import ConfigDict, Field

from maas.contract import Columns, Matrix, Prediction, Record, exactly_one
from maas.endpoint import Endpoint
from maas.explain.declared import Grid
from maas.preprocessing import (
    centre_square,
    decode_grey,
    local_contrast,
    pixels_or_picture,
    resized,
)
from maas.preprocessing.image import Pixels

SIDE = 32
NAMES = (
    "Speed limit 20 km/h",
    "Speed limit 30 km/h",
    "Speed limit 50 km/h",
    "Speed limit 60 km/h",
    "Speed limit 70 km/h",
    "Speed limit 80 km/h",
    "End of speed limit 80 km/h",
    "Speed limit 100 km/h",
    "Speed limit 120 km/h",
    "No overtaking",
    "No overtaking by lorries",
    "Priority at the next crossing",
    "Priority road",
    "Give way",
    "Stop",
    "Closed to all vehicles",
    "Closed to lorries",
    "No entry",
    "Danger",
    "Bend to the left",
    "Bend to the right",
    "Double bend",
    "Uneven road",
    "Slippery road",
    "Road narrows on the right",
    "Road works",
    "Traffic lights ahead",
    "Pedestrians",
    "Children",
    "Cyclists crossing",
    "Snow or ice",
    "Wild animals",
    "End of all restrictions",
    "Turn right ahead",
    "Turn left ahead",
    "Straight ahead only",
    "Straight ahead or right",
    "Straight ahead or left",
    "Pass on the right",
    "Pass on the left",
    "Roundabout",
    "End of no overtaking",
    "End of no overtaking by lorries",
)
CLASSES = tuple(range(len(NAMES)))
_WHITE = 255
_MOST_TEXT = 6_000_000  # characters; what Lambda takes in one request
_TOP = 3
# Signs are lit from full sun to deep shade: what is drawn on them stands out from its surroundings alone.
_RADIUS, _FLOOR = 5, 5.0

# No entry: a light bar on a darker disc.
_BAR = [
    220.0 if abs(y - 15.5) < 2 and abs(x - 15.5) < 9 else 70.0 if np.hypot(y - 15.5, x - 15.5) < 12 else 130.0  # noqa: PLR2004
    for y in range(SIDE)
    for x in range(SIDE)
]
# The same as a PNG.
_BAR_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgAgMAAAAOFJJnAAAACVBMVEXc3NyCgoJGRkbeBIRKAAAAaUlEQVR42o3PsQ3CMABE0eeT"
    "6dOwBCzhEShAYkbSMIJHSk+EKdJGEVf96n9dedgWh3C+b3Bq5UaYqIRGIQo0UWESE9RdYYOi+j5xuR7Uq7xgjg5jV7jAKlZYxIAu"
    "dAZhYSV8+nhT/vj+A7fjFFj++AZiAAAAAElFTkSuQmCC"
)

Level = Annotated[float, Field(ge=0, le=_WHITE)]


class Picture(Record):
    """One traffic sign with a little around it; exactly one of the fields is given."""

    model_config = ConfigDict(json_schema_extra=exactly_one("pixels", "image"))

    pixels: list[Level] | None = Field(
        default=None,
        min_length=SIDE * SIDE,
        max_length=SIDE * SIDE,
        description="32 x 32 grey levels row by row, the sign in the middle and about 80 % as wide.",
        examples=[_BAR],
        json_schema_extra={"unit": "grey level, 0 to 255"},
    )
    image: str | None = Field(
        default=None,
        max_length=_MOST_TEXT,
        description="A PNG or JPEG picture in base64, of any size; the largest square in its middle is used.",
        examples=[None, _BAR_PNG],
        # A street scene may show people and number plates; the levels around the sign do not.
        json_schema_extra={
            "contentEncoding": "base64",
            "contentMediaType": "image/png",
            "widget": "picture",
            "sensitive": True,
        },
    )


class Sign(Prediction):
    """What the picture shows."""

    sign: int = Field(
        ge=0,
        lt=len(NAMES),
        description="The most probable sign, by its number in the GTSRB collection.",
        examples=[17],
        json_schema_extra={"unit": "sign number"},
    )
    name: str = Field(description="Its name.", examples=["No entry"])
    probability: float = Field(
        description="Its probability.",
        examples=[0.98],
        json_schema_extra={"unit": "1", "decimals": 6, "probability_of": "answer"},
    )
    likeliest: list[int] = Field(
        min_length=_TOP,
        max_length=_TOP,
        description="The three most probable signs, the most probable first.",
        examples=[[17, 9, 15]],
        json_schema_extra={"unit": "sign number"},
    )
    probabilities: list[float] = Field(
        min_length=_TOP,
        max_length=_TOP,
        description="The probabilities of these three.",
        examples=[[0.98, 0.01, 0.004]],
        json_schema_extra={"unit": "1", "decimals": 6},
    )


FEATURES = tuple(f"contrast_{y}_{x}" for y in range(SIDE) for x in range(SIDE))


def features(records: Columns) -> Matrix:
    """Local contrast, row by row.

    Raises:
        InvalidRecord: A record has both fields or neither, or its picture cannot be read.
    """
    levels = pixels_or_picture(records["pixels"], records["image"], _read)
    images = levels.reshape(-1, SIDE, SIDE).astype(np.float64)
    contrast = local_contrast(images, radius=_RADIUS, floor=_FLOOR)
    return contrast.reshape(len(levels), -1).astype(np.float32)


def _read(data: bytes, place: str) -> Pixels:
    return resized(centre_square(decode_grey(data, place)), SIDE, SIDE)


def respond(outputs: Columns) -> Columns:
    """The most probable sign by number and name, and the three most probable ones."""
    probabilities = outputs["probabilities"]
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :_TOP]
    top = np.take_along_axis(probabilities, likeliest, axis=1)
    return {
        "sign": likeliest[:, 0],
        "name": np.array(NAMES, object)[likeliest[:, 0]],
        "probability": top[:, 0],
        "likeliest": likeliest,
        "probabilities": top,
    }


handler = Endpoint(
    "traffic_signs",
    Picture,
    Sign,
    features,
    feature_names=FEATURES,
    respond=respond,
    raw={"image/png": "image", "image/jpeg": "image"},
    explained=Grid(SIDE, SIDE),
)
