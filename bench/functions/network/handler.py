"""The network's function: a hundred numbers, one number."""

from typing import Annotated

import numpy as np
from pydantic import Field

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint

WIDTH = 100
Number = Annotated[float, Field(ge=-1000, le=1000)]


class Row(Record):
    """A hundred numbers."""

    inputs: list[Number] = Field(min_length=WIDTH, max_length=WIDTH)


class Answer(Prediction):
    """One number."""

    value: float


def features(records: Columns) -> Matrix:
    """The numbers as they are."""
    return records["inputs"].astype(np.float32)


handler = Endpoint("network", Row, Answer, features, feature_names=[f"x{n}" for n in range(WIDTH)])
