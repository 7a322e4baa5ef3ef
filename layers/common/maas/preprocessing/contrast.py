"""Brightness and contrast of images taken out: of whole images, and of the surroundings of each pixel.

>>> import numpy as np
>>> standardised(np.array([[1.0, 3.0]]), floor=0.0)
array([[-1.,  1.]])
"""

import numpy as np
from numpy.typing import NDArray

type Pixels = NDArray[np.float64]


def standardised(images: Pixels, *, floor: float) -> Pixels:
    """Each row of pixels, shape (n, k), brought to mean 0 and deviation 1.

    Args:
        images: N images as rows.
        floor: Added to the deviation, in grey levels, so that noise in an even image stays small.
    """
    deviations = images - images.mean(axis=1, keepdims=True)
    spread = np.sqrt((deviations**2).mean(axis=1, keepdims=True))
    return deviations / np.where(spread + floor > 0, spread + floor, 1)


def local_contrast(images: Pixels, *, radius: int, floor: float) -> Pixels:
    """Each pixel relative to the mean and deviation of the square around it.

    Source: K. Jarrett and others, "What is the best multi-stage architecture for object recognition?",
    ICCV 2009, section 3 (local contrast normalisation), here with a square window.

    Args:
        images: Shape (n, height, width).
        radius: The window is 2 radius + 1 wide; beyond the edge it sees the edge's pixels.
        floor: Added to the deviation, in grey levels.
    """
    mean = _window_mean(images, radius)
    variance = np.maximum(_window_mean(images**2, radius) - mean**2, 0)
    normalised: Pixels = (images - mean) / (np.sqrt(variance) + floor)
    return normalised


def _window_mean(images: Pixels, radius: int) -> Pixels:
    side = 2 * radius + 1
    padded = np.pad(images, ((0, 0), (radius + 1, radius), (radius + 1, radius)), mode="edge")
    sums = padded.cumsum(axis=1).cumsum(axis=2)
    window: Pixels = (
        sums[:, side:, side:] - sums[:, :-side, side:] - sums[:, side:, :-side] + sums[:, :-side, :-side]
    )
    return window / side**2
