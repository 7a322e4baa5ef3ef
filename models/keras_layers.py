"""Parts of Keras that are slow on JAX with a CPU, written in another way with the same meaning."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np


def max_pooling(keras: Any, size: int = 2) -> Any:
    """`keras.layers.MaxPooling2D(size)` with the gradient of a maximum over tiles.

    XLA's gradient of a window that moves is ten times slower on CPUs, and cost more than the convolutions.
    Rows and columns that fill no tile are left out, as by the layer itself.
    """

    class TiledMaxPooling(keras.layers.MaxPooling2D):  # type: ignore[misc]  # keras ships no types
        def call(self, inputs: Any) -> Any:
            height, width, channels = inputs.shape[1] // size, inputs.shape[2] // size, inputs.shape[3]
            tiles = keras.ops.reshape(
                inputs[:, : height * size, : width * size], (-1, height, size, width, size, channels)
            )
            return keras.ops.max(tiles, axis=(2, 4))

    return TiledMaxPooling(size)


@contextmanager
def drawn_by_numpy(keras: Any) -> Iterator[None]:
    """Draws the first weights of layers made inside with NumPy: XLA compiles half a second per shape for it.

    Source: X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010; the default of Keras.
    """

    class GlorotUniform(keras.initializers.GlorotUniform):  # type: ignore[misc]
        def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
            window = math.prod(shape[:-2])
            limit = math.sqrt(6 / (window * (shape[-2] + shape[-1])))
            drawn = np.random.default_rng(self.seed).uniform(-limit, limit, shape)
            return keras.ops.convert_to_tensor(drawn.astype(np.float32), dtype=dtype)

    with keras.utils.custom_object_scope({"glorot_uniform": GlorotUniform}):
        yield
