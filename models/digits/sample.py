"""Real handwritten digits that come with scikit-learn, enlarged to the size of MNIST's."""

import numpy as np

from maas.artifact import digest_of
from maas.manifest import DataSource
from maas.preprocessing import as_handwritten_digit, resized
from models.table import Table

_SIDE, _DEEPEST = 8, 16
_LARGE = 32


def sample(seed: int) -> Table:
    """1797 digits of 8 x 8, as MNIST has them; in an order of the seed's.

    Source: E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning
    Repository, 1998 (its test part).
    """
    from sklearn.datasets import load_digits

    levels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    # Zeros around it: some digits touch the edge, which is taken for the ground.
    small = np.pad(levels[order].reshape(-1, _SIDE, _SIDE), ((0, 0), (1, 1), (1, 1))) * (255 / _DEEPEST)
    images = [as_handwritten_digit(resized(one, _LARGE, _LARGE), "/instances") for one in small]
    pixels = np.round(np.stack(images)).astype(np.uint8).reshape(len(order), -1)
    data = DataSource(
        name="scikit-learn's digits, enlarged",
        source="sklearn.datasets.load_digits",
        digest=digest_of(pixels.tobytes() + labels[order].astype(np.uint8).tobytes()),
        rows=len(order),
        simulated=False,
    )
    columns = {"pixels": pixels, "image": np.full(len(order), None, object)}
    return Table(columns=columns, target=labels[order].astype(np.int64), data=data)
