"""Pictures: what hiding each spot takes from the answer, and a game of square cells."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maas.contract import Matrix
from maas.explain.budget import Budget
from maas.explain.declared import Grid
from maas.explain.game import Rows, Values
from maas.explain.parts import Mask

SECONDS = 0.1
"""Of processor time for the map of one picture."""
MOST_SPOTS = 256
_FINEST, _PATCH = 2, 3  # pixels of a spot's side; spots of the side of what is hidden around it
_CELLS = 7  # along a side, as players
_TRIAL = 8

type Answer = Callable[[Matrix], Values]


class Occluded(NamedTuple):
    """A map's shape, its values row by row, and how many pictures were computed for it."""

    shape: tuple[int, int]
    falls: Values
    evaluations: int


def occlusion(own: Matrix, picture: Grid, value: float, answer: Answer, budget: Budget) -> Occluded:
    """By how much the answer falls when a square around each spot is hidden.

    Spots are 2 x 2 pixels, coarser where the model is slow, and 256 at most; hidden are 3 x 3 spots. Source:
    M. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
    """
    side = _FINEST
    while _spots(picture, side)[0] * _spots(picture, side)[1] > MOST_SPOTS:
        side += 1
    cost, tried = 0.0, 0
    while True:
        rows, columns = _spots(picture, side)
        hidden = _hidden(own, picture, side)
        changing = np.flatnonzero((hidden != own).any(axis=1))
        falls = np.zeros(rows * columns)
        trial = changing[:_TRIAL]
        if not tried and len(trial):
            before, tried = budget.spent(), len(trial)
            answer(hidden[trial])
            cost = (budget.spent() - before) / tried
        if cost * len(changing) <= budget.left() or side >= max(picture.height, picture.width) // 4:
            break
        side *= 2
    if len(changing):
        falls[changing] = value - answer(hidden[changing])
    return Occluded((rows, columns), falls, tried + len(changing))


def _spots(picture: Grid, side: int) -> tuple[int, int]:
    return -(-picture.height // side), -(-picture.width // side)


def _hidden(own: Matrix, picture: Grid, side: int) -> Matrix:
    """The picture once per spot, with the square around that spot hidden."""
    rows, columns = _spots(picture, side)
    y, x = (np.arange(length) // side for length in (picture.height, picture.width))
    reach = _PATCH // 2
    near_y = np.abs(y[None, :] - np.arange(rows)[:, None]) <= reach
    near_x = np.abs(x[None, :] - np.arange(columns)[:, None]) <= reach
    near = near_y[:, None, :, None] & near_x[None, :, None, :]
    made: Matrix = np.where(near.reshape(rows * columns, -1), np.float32(picture.ground), own)
    return made


class PictureGame:
    """Square cells of a picture, hidden where they are left out; the one opponent is the empty picture."""

    def __init__(self, own: Matrix, picture: Grid, value: float, answer: Answer) -> None:
        side = max(1, -(-max(picture.height, picture.width) // _CELLS))
        rows, columns = _spots(picture, side)
        y, x = np.arange(picture.height) // side, np.arange(picture.width) // side
        self.shape = (rows, columns)
        self.players = rows * columns
        self.value = value
        self._own, self._answer = own, answer
        self._ground = np.full_like(own, picture.ground)
        self._cell: NDArray[np.intp] = (y[:, None] * columns + x).reshape(-1)
        self.bases = answer(self._ground)
        self.evaluations = 1

    @property
    def active(self) -> NDArray[np.intp]:
        """The cells in which something is drawn."""
        return np.unique(self._cell[(self._own != self._ground)[0]])

    def play(self, kept: Mask, rows: Rows) -> Values:
        """As in Game."""
        del rows  # there is one opponent
        distinct, inverse = np.unique(kept[:, self.active], axis=0, return_inverse=True)
        full = np.zeros((len(distinct), self.players), np.bool_)
        full[:, self.active] = distinct
        values = self._answer(np.where(full[:, self._cell], self._own, self._ground))
        self.evaluations += len(distinct)
        return values[inverse.reshape(-1)]
