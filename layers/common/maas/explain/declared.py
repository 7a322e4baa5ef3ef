"""What a model's function may declare of how its records are looked at; most need to declare nothing."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns


@dataclass(frozen=True)
class Grid:
    """The features are a picture, row by row.

    Attributes:
        height: In pixels.
        width: In pixels.
        ground: A pixel of the empty picture.
    """

    height: int
    width: int
    ground: float = 0.0


@dataclass(frozen=True, eq=False)
class Reading:
    """How one text was read: its tokens, and the tokens that each weight belongs to.

    Attributes:
        tokens: In the order of the text.
        weights: Columns of the graph's output `contributions`, shape (m,); one column may be here more often.
        firsts: The first token of each, shape (m,).
        lasts: The last token of each, shape (m,).
    """

    tokens: list[str]
    weights: NDArray[np.intp]
    firsts: NDArray[np.intp]
    lasts: NDArray[np.intp]


@dataclass(frozen=True)
class Words:
    """The model weighs pieces of a text, and its graph gives their `contributions` to the log-odds.

    Attributes:
        read: Tells for one record, as columns of one row, which tokens each contribution belongs to.
    """

    read: Callable[[Columns], Reading]


type Declared = Grid | Words
