"""Varied images of images: shifted, turned, stretched and slanted at random, in NumPy.

The same generator gives the same images whatever framework trains on them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maas.contract import Matrix


@dataclass(frozen=True)
class Warp:
    """A random affine map per image, with bilinear interpolation.

    Attributes:
        height: Of an image, in pixels.
        width: Of an image, in pixels.
        shift: Largest shift along each axis, in pixels.
        turn: Largest turn either way, in degrees.
        stretch: Largest relative change of each axis's scale; both change together by one draw and apart by
            a second, half as strong.
        slant: Largest shear, as a ratio.
        beyond: The value outside the image; None: that of the nearest edge.
    """

    height: int
    width: int
    shift: float = 0.0
    turn: float = 0.0
    stretch: float = 0.0
    slant: float = 0.0
    beyond: float | None = None

    def __call__(self, rows: Matrix, generator: np.random.Generator) -> Matrix:
        """N images as rows of pixels, each warped by a draw of its own; shape (n, height * width)."""
        n = len(rows)
        maps = self._maps(n, generator)
        shifts = generator.uniform(-self.shift, self.shift, (n, 2)).astype(np.float32)
        centre = np.array([(self.height - 1) / 2, (self.width - 1) / 2], np.float32)
        grid = np.indices((self.height, self.width)).reshape(2, -1).T - centre
        places = np.einsum("pj,nij->nip", grid.astype(np.float32), maps) + (centre + shifts)[:, :, None]
        return self._sampled(rows.reshape(n, self.height, self.width), places[:, 0], places[:, 1])

    def _maps(self, n: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Inverse maps, shape (n, 2, 2): from a place in the new image to one in the old."""
        angles = np.deg2rad(generator.uniform(-self.turn, self.turn, n))
        together = 1 + generator.uniform(-self.stretch, self.stretch, n)
        apart = 1 + generator.uniform(-self.stretch, self.stretch, n) / 2
        slants = generator.uniform(-self.slant, self.slant, n)
        cosine, sine = np.cos(angles), np.sin(angles)
        turned = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], 1)
        slanted = np.zeros((n, 2, 2))
        slanted[:, 0, 0], slanted[:, 1, 1], slanted[:, 1, 0] = together * apart, together / apart, slants
        maps: NDArray[np.float32] = (turned @ slanted).astype(np.float32)
        return maps

    def _sampled(self, images: NDArray[np.float32], y: NDArray[np.float32], x: NDArray[np.float32]) -> Matrix:
        """Values of images (n, height, width) at places (n, p), by bilinear interpolation."""
        margin = 1
        if self.beyond is None:
            padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)), mode="edge")
        else:
            padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)), constant_values=self.beyond)
        wide = self.width + 2 * margin
        # Clipped to the frame around the image, whose values are those beyond it.
        y = np.clip(y + margin, 0, self.height + margin - 1e-3)
        x = np.clip(x + margin, 0, self.width + margin - 1e-3)
        top, left = np.floor(y), np.floor(x)
        down, right = y - top, x - left
        flat = padded.reshape(-1)
        first = np.arange(len(images), dtype=np.int32)[:, None] * (padded.shape[1] * wide)
        corner = first + top.astype(np.int32) * wide + left.astype(np.int32)
        upper = flat[corner] * (1 - right) + flat[corner + 1] * right
        lower = flat[corner + wide] * (1 - right) + flat[corner + wide + 1] * right
        sampled: Matrix = upper * (1 - down) + lower * down
        return sampled
