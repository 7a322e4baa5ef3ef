"""The forest's function: eight numbers, one number."""

import numpy as np
from pydantic import Field

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint

FEATURES = ("a", "b", "c", "d", "e", "f", "g", "h")


class Row(Record):
    """Eight numbers."""

    a: float = Field(ge=-100, le=100)
    b: float = Field(ge=-100, le=100)
    c: float = Field(ge=-100, le=100)
    d: float = Field(ge=-100, le=100)
    e: float = Field(ge=-100, le=100)
    f: float = Field(ge=-100, le=100)
    g: float = Field(ge=-100, le=100)
    h: float = Field(ge=-100, le=100)


class Answer(Prediction):
    """One number."""

    value: float


def features(records: Columns) -> Matrix:
    """The numbers as they are."""
    return np.array([records[name] for name in FEATURES], np.float32).T


handler = Endpoint("forest", Row, Answer, features, feature_names=FEATURES)
