"""Candidates made of Keras networks: convolutional or dense, trained here, served as ONNX."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from maas.contract import Columns, Matrix
from maas.errors import DataError
from models.gradient import (
    Augment,
    Build,
    Examples,
    Floats,
    Loss,
    Machine,
    State,
    batches,
    built,
    machine,
    varied,
)
from models.keras_backend import load, missing
from models.keras_onnx import sequential_to_onnx
from models.lesson import Lesson, balanced, mean_loss, moments, watched
from models.table import Table
from models.team import ALONE, Team, current

type Enlarge = Callable[[Matrix, NDArray[Any]], tuple[Matrix, NDArray[Any]]]

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
    build: Build
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
    def _descent(self) -> dict[str, JsonValue]:
        """What another process has to know to take the same steps."""
        return {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "validation": self.validation,
        }

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
        return missing()

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedNetwork":
        """Train on the rows; the same rows and seed give the same network.

        Where this process leads a team, the others compute their parts of every batch.

        Raises:
            ConfigurationError: Keras is not installed.
            DataError: The target has a value that is no class.
        """
        load()
        learnt, seen = watched(table, self.validation, np.random.default_rng(seed))
        rows, truth = matrix[learnt], table.target[learnt]
        if self.enlarge is not None:
            rows, truth = self.enlarge(rows, truth)
        target = self._target(truth)
        weights = balanced(target) if self.balanced else np.ones(len(rows), np.float32)
        lesson = Lesson(rows, target, weights, *(moments(rows) if self.standardise else (None, None)))

        def loss(fitted: FittedNetwork) -> float:
            return mean_loss(self.loss, self._target(table.target[seen]), fitted.raw(matrix[seen]))

        team = current()
        team.tell({"network": self.name, "seed": seed, "settings": self._descent}, lesson)
        return self.descend(lesson, seed=seed, team=team, loss=loss if len(seen) else None)

    def descend(
        self,
        lesson: Lesson,
        *,
        seed: int,
        team: Team = ALONE,
        loss: Callable[["FittedNetwork"], float] | None = None,
    ) -> "FittedNetwork":
        """Train on a lesson; `loss` watches for the epoch to stop at. An assistant drops what it gets."""
        keras = load()
        rows = lesson.rows
        compiled = machine(self.build, rows.shape[1], self.loss)
        keras.utils.set_random_seed(seed)
        network = built(self.build, rows.shape[1])
        fitted = FittedNetwork(network, compiled, self.output, lesson.mean, lesson.scale)
        state, best = team.everywhere(compiled.begin(network)), _Best(self.patience)
        steps = batches(
            len(rows),
            self.batch_size,
            self.epochs,
            self.learning_rate,
            seed=seed,
            multiple=team.devices,
        )
        for epoch, dealt in groupby(steps, lambda batch: batch.epoch):
            losses = []
            for batch in dealt:
                mine = team.part(len(batch.rows))
                chosen = batch.rows[mine]
                seen = rows[chosen]
                if self.augment is not None:
                    seen = varied(rows, batch.rows, mine, self.augment, [seed, batch.number])
                examples = Examples(
                    *map(team.shared, (fitted.shaped(seen), lesson.target[chosen], lesson.weights[chosen]))
                )
                value, state = compiled.step(state, examples, batch.rate)
                losses.append(value)
            _log.info(
                "%s: epoch %d of %d, loss %.6f", self.name, epoch + 1, self.epochs, np.mean(np.array(losses))
            )
            if self.validation > 0:
                compiled.store(state, network)
                if team.agreed(stop=loss is not None and best.is_long_ago(state, loss(fitted))):
                    break
        compiled.store(best.state or state, network)
        return fitted

    def _target(self, target: NDArray[Any]) -> NDArray[Any]:
        if self.classes is None:
            return target.astype(np.float32)
        codes = {value: code for code, value in enumerate(self.classes)}
        if unknown := set(target.tolist()) - codes.keys():
            raise DataError(f"{min(unknown)!r} is none of the classes {list(self.classes)}")
        return np.array([codes[value] for value in target.tolist()], np.int32)


class _Best:
    """The state with the lowest loss so far, and how many epochs ago that was."""

    def __init__(self, patience: int) -> None:
        self.state: State | None = None
        self._patience = patience
        self._loss = np.inf
        self._since = 0

    def is_long_ago(self, state: State, loss: float) -> bool:
        if loss < self._loss:
            self._loss, self.state, self._since = loss, state, 0
        else:
            self._since += 1
        return self._since >= self._patience


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network, with the moments its features are standardised by."""

    network: Any
    compiled: Machine
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
        return self.compiled.answers(self.network, self.shaped(matrix))

    def predict(self, matrix: Matrix) -> Columns:
        """The output: shape (n,) of one number, (n, classes) of a softmax."""
        values = self.raw(matrix)
        return {self.output: values[:, 0] if values.shape[1] == 1 else values}

    def to_onnx(self) -> bytes:
        """The ONNX file."""
        return sequential_to_onnx(self.network, self.output, mean=self.mean, scale=self.scale)
