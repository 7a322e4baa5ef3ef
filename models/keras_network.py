"""Candidates made of Keras networks: convolutional or dense, trained here, served as ONNX.

Keras is an extra of the training side (requirements/deep.txt) and imported only when a network is fitted.
KERAS_BACKEND chooses the backend as always (TensorFlow by default); a GPU is used where there is one.
"""

import importlib.util
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from maas.contract import Columns, Matrix
from maas.errors import ConfigurationError, DataError
from models.keras_onnx import sequential_to_onnx
from models.table import Table

type Loss = Literal["binary_crossentropy", "mean_squared_error", "sparse_categorical_crossentropy"]
type Augment = Callable[[Matrix, np.random.Generator], Matrix]
type Enlarge = Callable[[Matrix, NDArray[Any]], tuple[Matrix, NDArray[Any]]]
type Floats = NDArray[np.float32]

_BATCH = 1024  # rows per step when nothing is learnt
_STDERR = 2
_EXTRA = "requirements/deep.txt"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Network:
    """A `keras.Sequential` with the settings of its training.

    Attributes:
        name: For people.
        output: The graph's output: the prediction's field, or what `respond` reads.
        build: Makes the network, not compiled, from the keras module and the number of features.
        loss: What is made small; the last layer must fit it (one sigmoid, linear, or a softmax).
        settings: What the manifest says about the layers.
        classes: The target's classes in the order of the softmax; None: the target is a number.
        epochs: Passes over the rows at most.
        batch_size: Rows per step.
        learning_rate: Adam's, falling to zero along half a cosine over all epochs.
        validation: Share of the rows to watch: the latest where there are times, whole groups where there
            are groups. 0: none, and no early stop.
        patience: Epochs without a lower loss on them before it stops and goes back to the best.
        balanced: Whether rare classes weigh as much as frequent ones.
        standardise: Whether features are brought to mean 0 and deviation 1 first, in the graph too.
        enlarge: Adds rows made of the rows to learn from, once: features and target to more of both.
        augment: Makes varied rows of rows, anew in each epoch.
    """

    name: str
    output: str
    build: Callable[[Any, int], Any]
    loss: Loss
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    classes: Sequence[Any] | None = None
    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 1e-3
    validation: float = 0.0
    patience: int = 5
    balanced: bool = False
    standardise: bool = False
    enlarge: Enlarge | None = None
    augment: Augment | None = None

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """The settings of the layers and of the training."""
        return {
            **self.settings,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "optimiser": "Adam, cosine decay",
            "loss": self.loss,
            "validation": self.validation,
            "class_weights": self.balanced,
            "augmented": self.augment is not None,
        }

    def missing(self) -> str | None:
        """What has to be installed before this can be fitted, or None."""
        found = importlib.util.find_spec("keras") is not None
        return None if found else f"Keras is not installed; `pip install -r {_EXTRA}` brings it"

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedNetwork":
        """Train on the rows; the same rows, seed and backend give the same network.

        Raises:
            ConfigurationError: Keras is not installed.
            DataError: The target has a value that is no class.
        """
        keras = _keras(seed)
        generator = np.random.default_rng(seed)
        learnt, watched = _watched(table, self.validation, generator)
        rows, truth = matrix[learnt], table.target[learnt]
        if self.enlarge is not None:
            rows, truth = self.enlarge(rows, truth)
        target = self._target(truth)
        mean, scale = _moments(rows) if self.standardise else (None, None)
        network = self.build(keras, matrix.shape[1])
        steps = -(-len(rows) // self.batch_size)
        decay = keras.optimizers.schedules.CosineDecay(self.learning_rate, self.epochs * steps)
        network.compile(optimizer=keras.optimizers.Adam(decay), loss=self.loss, jit_compile=False)
        fitted = FittedNetwork(network, self.output, mean, scale)
        weights = _balance(target) if self.balanced else None
        best = _Best(self.patience)
        for epoch in range(self.epochs):
            for batch in np.array_split(generator.permutation(len(rows)), steps):
                varied = rows[batch] if self.augment is None else self.augment(rows[batch], generator)
                loss = network.train_on_batch(
                    fitted.shaped(varied),
                    target[batch],
                    sample_weight=None if weights is None else weights[target[batch].astype(np.intp)],
                )
            # The loss is the mean since the metrics were last reset.
            network.reset_metrics()
            _log.info("%s: epoch %d of %d, loss %.4f", self.name, epoch + 1, self.epochs, loss)
            if len(watched):
                seen = _loss(self.loss, self._target(table.target[watched]), fitted.raw(matrix[watched]))
                if best.is_long_ago(network, seen):
                    break
        best.restore(network)
        return fitted

    def _target(self, target: NDArray[Any]) -> NDArray[Any]:
        if self.classes is None:
            return target.astype(np.float32)
        codes = {value: code for code, value in enumerate(self.classes)}
        if unknown := set(target.tolist()) - codes.keys():
            raise DataError(f"{min(unknown)!r} is none of the classes {list(self.classes)}")
        return np.array([codes[value] for value in target.tolist()], np.int32)


class _Best:
    """The weights with the lowest loss so far, and how many epochs ago that was."""

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._loss = np.inf
        self._weights: list[Floats] | None = None
        self._since = 0

    def is_long_ago(self, network: Any, loss: float) -> bool:
        if loss < self._loss:
            self._loss, self._weights, self._since = loss, network.get_weights(), 0
        else:
            self._since += 1
        return self._since >= self._patience

    def restore(self, network: Any) -> None:
        if self._weights is not None:
            network.set_weights(self._weights)


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network, with the moments its features are standardised by."""

    network: Any
    output: str
    mean: Floats | None
    scale: Floats | None

    def shaped(self, matrix: Matrix) -> Floats:
        """Rows as the network takes them: standardised, and images with their axes."""
        if self.mean is not None and self.scale is not None:
            matrix = (matrix - self.mean) / self.scale
        shaped: Floats = matrix.reshape(-1, *self.network.input_shape[1:])
        return shaped

    def raw(self, matrix: Matrix) -> Floats:
        """The last layer's values, shape (n, outputs)."""
        parts = [
            self.network.predict_on_batch(self.shaped(matrix[start : start + _BATCH]))
            for start in range(0, len(matrix), _BATCH)
        ]
        return np.concatenate(parts)

    def predict(self, matrix: Matrix) -> Columns:
        """The output: shape (n,) of one number, (n, classes) of a softmax."""
        values = self.raw(matrix)
        return {self.output: values[:, 0] if values.shape[1] == 1 else values}

    def to_onnx(self) -> bytes:
        """The ONNX file."""
        return sequential_to_onnx(self.network, self.output, mean=self.mean, scale=self.scale)


def _keras(seed: int) -> Any:
    """The keras module, seeded and deterministic."""
    # Read by TensorFlow when it is loaded: without it every run begins with a page about instruction sets.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with _silent(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its dependencies' deprecations are nothing a trainer can act on
            import keras
    except ImportError as error:
        raise ConfigurationError(
            f"Deep models need Keras and a backend: `pip install -r {_EXTRA}` ({error})"
        ) from error
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # It warns of each network's new graph, though a committee has several networks on purpose.
        tf.get_logger().setLevel("ERROR")
        tf.config.experimental.enable_op_determinism()
    return keras


@contextmanager
def _silent() -> Iterator[None]:
    """Without standard error: TensorFlow writes to it while being loaded, whatever the level."""
    kept = os.dup(_STDERR)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), _STDERR)
    try:
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)


def _watched(
    table: Table, share: float, generator: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row numbers to learn from and to watch."""
    everything = np.arange(len(table))
    if share <= 0:
        return everything, everything[:0]
    if table.times is not None:
        chosen = table.times >= np.quantile(table.times.astype(np.int64), 1 - share).astype("datetime64[s]")
    else:
        groups = everything if table.groups is None else np.unique(table.groups, return_inverse=True)[1]
        dealt = generator.permutation(int(groups.max()) + 1)
        chosen = np.isin(groups, dealt[: max(1, round(len(dealt) * share))])
    return everything[~chosen], everything[chosen]


def _moments(matrix: Matrix) -> tuple[Floats, Floats]:
    mean = matrix.mean(axis=0, dtype=np.float64)
    deviation = matrix.std(axis=0, dtype=np.float64)
    # A feature that never changes says nothing: it stays 0 instead of dividing by 0.
    return mean.astype(np.float32), np.where(deviation > 0, deviation, 1).astype(np.float32)


def _balance(target: NDArray[Any]) -> Floats:
    """Weight of each class, by its code: the mean weight of a row is 1."""
    counts = np.bincount(target.astype(np.intp))
    present = counts > 0
    weights = np.zeros(len(counts), np.float32)
    weights[present] = len(target) / (present.sum() * counts[present])
    return weights


def _loss(kind: Loss, target: NDArray[Any], values: Floats) -> float:
    tiny = 1e-7
    match kind:
        case "mean_squared_error":
            return float(np.mean((values[:, 0] - target) ** 2))
        case "binary_crossentropy":
            likelihood = np.where(target > 0, values[:, 0], 1 - values[:, 0])
        case "sparse_categorical_crossentropy":
            likelihood = values[np.arange(len(values)), target]
    return float(-np.log(np.clip(likelihood, tiny, 1)).mean())
