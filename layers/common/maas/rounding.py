"""Answers with fewer digits: the more a score tells, the fewer questions copy the model behind it.

Source: F. Tramèr and others, "Stealing Machine Learning Models via Prediction APIs", USENIX Security 2016,
section 7.
"""

import numpy as np
from numpy.typing import NDArray

from maas.contract import Column, Columns


def rounded(answers: Columns, digits: int) -> dict[str, Column]:
    """Every fraction with at most `digits` digits, and at most `digits` of them behind the point.

    >>> rounded({"flow": np.array([4821.37, 0.94127, -0.00049])}, 3)["flow"].tolist()
    [4820.0, 0.941, -0.0]
    """
    return {
        name: _rounded(column, digits) if column.dtype.kind == "f" else column
        for name, column in answers.items()
    }


def _rounded(column: NDArray[np.floating], digits: int) -> NDArray[np.floating]:
    with np.errstate(divide="ignore"):
        before_the_point = np.floor(np.log10(np.abs(column))) + 1
    behind = digits - np.maximum(before_the_point, 0)
    # Powers of ten below 1 are no numbers of the computer's: divide by the power above 1 instead.
    up, down = 10.0 ** np.maximum(behind, 0), 10.0 ** np.maximum(-behind, 0)
    return np.asarray(np.round(column * up / down) * down / up)
