"""Simulated signs: plain drawings with the right outlines and short texts for symbols, photographed badly."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from functions.traffic_signs.handler import NAMES, SIDE
from maas.artifact import digest_of
from maas.manifest import DataSource
from models.augmentation import Warp
from models.table import Table

if TYPE_CHECKING:
    from PIL import ImageDraw

_EACH = 9  # pictures of a class
_LARGE = 96  # drawn this wide, then made small
_BLACK, _RED, _BLUE, _WHITE = 20, 90, 70, 235
# Texts of the classes in their order, by outline.
_RING, _TRIANGLE, _DISC, _END = "ring", "triangle", "disc", "end"
_LOOKS = (
    *((_RING, text) for text in ("20", "30", "50", "60", "70", "80")),
    (_END, "80"),
    *((_RING, text) for text in ("100", "120", "oo", "Lo")),
    (_TRIANGLE, "+"),
    ("diamond", ""),
    ("yield", ""),
    ("octagon", "STOP"),
    (_RING, ""),
    (_RING, "L"),
    (_DISC, "-"),
    *((_TRIANGLE, text) for text in "!()Sm~YW:PK8*D"),
    (_END, ""),
    *((_DISC, text) for text in ("R", "L", "I", "IR", "LI", "/", "\\", "O")),
    (_END, "oo"),
    (_END, "Lo"),
)


def simulate(seed: int) -> Table:
    """Drawn pictures of every class, the same for the same seed; nothing in them was photographed."""
    generator = np.random.default_rng(seed)
    drawn = np.stack([_drawn(code) for code in range(len(NAMES))])
    labels = generator.permutation(np.repeat(np.arange(len(NAMES)), _EACH))
    warp = Warp(SIDE, SIDE, shift=1, turn=4, stretch=0.08)
    images = warp(drawn[labels].astype(np.float32), generator)
    light = generator.uniform(0.5, 1.0, (len(labels), 1))
    seen = images * light + generator.normal(0, 3, images.shape)
    pixels = np.clip(np.round(seen), 0, 255).astype(np.uint8)
    data = DataSource(
        name=f"simulated signs, seed {seed}",
        source="simulated: models/traffic_signs/simulation.py",
        digest=digest_of(pixels.tobytes() + labels.astype(np.uint8).tobytes()),
        rows=len(labels),
        simulated=True,
    )
    columns = {"pixels": pixels, "image": np.full(len(labels), None, object)}
    return Table(columns=columns, target=labels.astype(np.int64), data=data)


def _drawn(code: int) -> NDArray[np.float64]:
    """One sign on an even ground, shape (32 * 32,)."""
    from PIL import Image, ImageDraw, ImageFont

    outline, text = _LOOKS[code]
    picture = Image.new("L", (_LARGE, _LARGE), 120)
    draw = ImageDraw.Draw(picture)
    _outline(draw, outline)
    size = 40 if len(text) < 3 else 28  # noqa: PLR2004 - longer texts must fit too
    ink = _WHITE if outline in {"disc", "octagon"} else _BLACK
    low = _LARGE / 2 + (8 if outline == "triangle" else 0)
    draw.text((_LARGE / 2, low), text, ink, font=ImageFont.load_default(size), anchor="mm")
    small = picture.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float64).reshape(-1)


def _outline(draw: "ImageDraw.ImageDraw", outline: str) -> None:
    low, high, middle = 10, _LARGE - 10, _LARGE // 2
    match outline:
        case "ring":
            draw.ellipse((low, low, high, high), _WHITE, _RED, 9)
        case "disc":
            draw.ellipse((low, low, high, high), _BLUE)
        case "end":
            draw.ellipse((low, low, high, high), _WHITE, _BLACK, 2)
            draw.line((low + 12, high - 12, high - 12, low + 12), _BLACK, 6)
        case "triangle":
            draw.polygon(((middle, low), (low, high - 6), (high, high - 6)), _WHITE, _RED, 7)
        case "yield":
            draw.polygon(((middle, high), (low, low + 6), (high, low + 6)), _WHITE, _RED, 9)
        case "diamond":
            draw.polygon(((middle, low), (high, middle), (middle, high), (low, middle)), 200, _WHITE, 9)
        case "octagon":
            draw.regular_polygon((middle, middle, middle - low), 8, rotation=22, fill=_RED, outline=_WHITE)
