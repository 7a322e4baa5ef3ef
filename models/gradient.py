"""Gradient descent on Keras networks: a step compiled once for all networks of one architecture.

A training fits the same architecture several times: per fold, per member of a committee, once more on all
rows. Compiling costs seconds, so the compiled step takes the weights as arguments and belongs to none.
Source: D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
"""

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maas.contract import Matrix
from models.keras_backend import load
from models.keras_layers import drawn_by_numpy

type Build = Callable[[Any, int], Any]
type Loss = Literal["binary_crossentropy", "mean_squared_error", "sparse_categorical_crossentropy"]
type Augment = Callable[[Matrix, np.random.Generator], Matrix]
type Floats = NDArray[np.float32]

_BLOCK = 256  # rows of one call when nothing is learnt; always as many, so that one compiled form does
_PART = 8  # rows varied by draws of their own: whoever computes them, they come out the same


class State(NamedTuple):
    """A network's values during the descent, as lists of arrays."""

    weights: list[Any]
    others: list[Any]  # moving means and variances, seeds of dropout
    optimiser: list[Any]


class Examples(NamedTuple):
    """Rows as the network takes them, their targets, and the rows' weights."""

    rows: Any
    target: Any
    weights: Any


class Machine:
    """Steps and answers of one architecture."""

    def __init__(self, build: Build, width: int, loss: Loss) -> None:
        """`build` makes the network from the keras module and its `width`, the number of features."""
        import jax

        keras = load()
        self._network = built(build, width)
        self._optimiser = keras.optimizers.Adam()
        self._optimiser.build(self._network.trainable_variables)
        self._start = [variable.value for variable in self._optimiser.variables]
        self._rate = [variable.path for variable in self._optimiser.variables].index(
            self._optimiser.learning_rate.path
        )
        self._loss = keras.losses.get(loss)
        self._sparse = loss.startswith("sparse")
        self._with_gradient = jax.value_and_grad(self._mean_loss, has_aux=True)
        self._step = jax.jit(self._stepped)
        self._answer = jax.jit(self._answered)

    def begin(self, network: Any) -> State:
        """The state of a network of this architecture that has not learnt yet."""
        return State(
            [variable.value for variable in network.trainable_variables],
            [variable.value for variable in network.non_trainable_variables],
            self._start,
        )

    def step(self, state: State, examples: Examples, rate: float) -> tuple[Any, State]:
        """One step of Adam: the mean loss of the examples before it, and the state after it."""
        loss, after = self._step(state, examples, np.float32(rate))
        return loss, after

    def store(self, state: State, network: Any) -> None:
        """Put a state's values into a network."""
        variables = [*network.trainable_variables, *network.non_trainable_variables]
        for variable, value in zip(variables, [*state.weights, *state.others], strict=True):
            # As NumPy's they belong to this process, even where the descent is spread over several.
            variable.assign(np.asarray(value))

    def answers(self, network: Any, rows: Floats) -> Floats:
        """The last layer's values for n rows, shape (n, outputs)."""
        weights = [variable.value for variable in network.trainable_variables]
        others = [variable.value for variable in network.non_trainable_variables]
        found = []
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            block = np.zeros((_BLOCK, *rows.shape[1:]), np.float32)
            block[: len(part)] = part
            found.append(np.asarray(self._answer(weights, others, block))[: len(part)])
        return np.concatenate(found)

    def _mean_loss(self, weights: Any, others: Any, examples: Examples) -> tuple[Any, Any]:
        answers, others = self._network.stateless_call(weights, others, examples.rows, training=True)
        target = examples.target
        if target.ndim < answers.ndim and not self._sparse:
            target = target[:, None]
        return (self._loss(target, answers) * examples.weights).mean(), others

    def _stepped(self, state: State, examples: Examples, rate: Any) -> tuple[Any, State]:
        (loss, others), gradient = self._with_gradient(state.weights, state.others, examples)
        optimiser = list(state.optimiser)
        optimiser[self._rate] = rate
        weights, optimiser = self._optimiser.stateless_apply(optimiser, gradient, state.weights)
        return loss, State(weights, others, optimiser)

    def _answered(self, weights: Any, others: Any, rows: Any) -> Any:
        return self._network.stateless_call(weights, others, rows, training=False)[0]


@cache
def machine(build: Build, width: int, loss: Loss) -> Machine:
    """The one machine of an architecture in this process."""
    return Machine(build, width, loss)


def built(build: Build, width: int) -> Any:
    """A new network, its first weights drawn by Keras's seed."""
    keras = load()
    with drawn_by_numpy(keras):
        return build(keras, width)


class Batch(NamedTuple):
    """One step's rows, by their numbers, and how fast to learn from them."""

    epoch: int
    number: int
    rows: NDArray[np.intp]
    rate: float


def batches(
    count: int, size: int, epochs: int, rate: float, *, seed: int, multiple: int = 1
) -> Iterator[Batch]:
    """Every epoch all rows in a new order; the rate falls along half a cosine, from `rate` to zero.

    All batches have the same size, since another one would have to be compiled: an epoch's last batch is
    filled up with rows of its beginning. The size is rounded up to a `multiple`.
    """
    size = -(-min(size, count) // multiple) * multiple
    steps = -(-count // size)
    generator = np.random.default_rng(seed)
    for epoch in range(epochs):
        dealt = np.resize(generator.permutation(count), (steps, size))
        for number, rows in enumerate(dealt, epoch * steps):
            yield Batch(epoch, number, rows, rate / 2 * (1 + math.cos(math.pi * number / (epochs * steps))))


def varied(rows: Matrix, chosen: NDArray[np.intp], mine: slice, augment: Augment, key: list[int]) -> Matrix:
    """Some rows of a batch, augmented by draws that do not depend on who computes which of them.

    Args:
        rows: All rows.
        chosen: The batch's.
        mine: Those of the batch to return.
        augment: Makes varied rows of rows.
        key: What seeds this batch's draws.
    """
    first, last = mine.start // _PART, -(-mine.stop // _PART)
    parts = [
        augment(rows[chosen[part * _PART : (part + 1) * _PART]], np.random.default_rng([*key, part]))
        for part in range(first, last)
    ]
    return np.concatenate(parts)[mine.start - first * _PART : mine.stop - first * _PART]
