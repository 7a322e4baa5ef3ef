"""How predictions are spread: the few values of an answer that become metrics."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns, Contract
from maas.truth import OF_ANSWER, extra


class Spread:
    """The prediction itself, where it is a number, and how sure the model is of it."""

    def __init__(self, contract: Contract[Any, Any]) -> None:
        numbers = [field for field in contract.answers.values() if field.kind == "float" and not field.shape]
        sure = [field for field in numbers if extra(field, "probability_of") is not None]
        self._number = numbers[0].name if numbers else None
        self._probability = sure[0].name if sure else None
        self._is_of_answer = bool(sure) and extra(sure[0], "probability_of") == OF_ANSWER

    def of(self, answers: Columns) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """The metrics' names and values, shape (n,)."""
        if self._number is not None:
            yield "Prediction", answers[self._number]
        if self._probability is not None:
            probability = answers[self._probability]
            yield (
                "Confidence",
                probability if self._is_of_answer else np.maximum(probability, 1 - probability),
            )
